"""Exchanges as rows: each is described and timed when it is over, and kept. This runs a million times."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.assembly import Traffic, Wait, exchange_row
from analyzer.aws.bodies import Bodies
from analyzer.aws.recognizer import Recognizer
from analyzer.latency.waits import UNKNOWN, split
from analyzer.model.http import Endpoint, HttpExchange
from analyzer.model.rows import Exchange, Handshake
from analyzer.model.wants import Wants
from analyzer.units import ConnectionId


class Exchanges:
    """The rows of all exchanges of a pass, and what their first ones tell of connections.

    `name_of` gives the name of an address, as far as anybody asked for it; `bodies` marks requests for joining attempts to calls.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        bodies: Bodies,
        handshakes: dict[ConnectionId, Handshake],
        name_of: Callable[[bytes], str | None],
        wants: Wants,
    ) -> None:
        self._recognizer = recognizer
        self._bodies = bodies
        self._handshakes = handshakes
        self._name_of = name_of
        self._waits = wants.waits
        self._joins = wants.calls
        self.rows: list[Exchange] = []
        """In the order in which they were over, unless `keep` was told to put them elsewhere."""
        self.keep: Callable[[Exchange], None] = self.rows.append
        self.compared: Callable[[HttpExchange], None] | None = None
        """Is told of what was decrypted; None where nobody compares that with what would have been inferred."""
        self.traffic: dict[ConnectionId, Traffic] = {}
        self.endpoints: dict[ConnectionId, Endpoint] = {}
        self.unfinished: set[int] = set()
        """Ids of answers without a request that began and did not end."""
        self.unnamed = False
        """Whether an exchange that was inferred has no service yet."""

    def take_decrypted(self, raw: HttpExchange) -> None:
        """Take a finished exchange that was said under TLS."""
        raw.evidence = "decrypted"
        if self.compared is not None:
            self.compared(raw)
        self.take(raw)

    def take(self, raw: HttpExchange) -> None:
        """Describe a finished exchange and keep its row."""
        link = raw.link
        number = link.connection_id
        endpoint = self.endpoints.get(number)
        if endpoint is None:
            endpoint = self.endpoints[number] = self.endpoint(raw)
        request = raw.request
        if request is None and not raw.response_complete:
            self.unfinished.add(raw.exchange_id)
        about = self._recognizer.describe(request, raw.response, endpoint)
        if self._joins and request is not None and request.body and about.invocation_id is None:
            self._bodies.note(raw.exchange_id, request, self._recognizer.request_window)
        wait: Wait = split(raw) if self._waits else UNKNOWN
        self.keep(exchange_row(raw, about, wait))
        if number not in self.traffic:
            start = raw.request_start[0] if raw.request_start is not None else None
            self.traffic[number] = Traffic(start, about.host, about.service, about.region)
        if raw.evidence == "inferred" and about.service is None:
            self.unnamed = True
        if link.troubled():
            link.forget(raw.request_end_offset, raw.response_end_offset)

    def endpoint(self, raw: HttpExchange) -> Endpoint:
        """Return the server of an exchange's connection, by the name that is known of it now."""
        address, port = raw.link.server()
        shaken = self._handshakes.get(raw.link.connection_id)
        name = shaken.server_name if shaken is not None else None
        return Endpoint(address, port, name or self._name_of(address))
