"""A pass without end: the stages of a file's, whose finished rows are taken out while it goes on, and whose connections are forgotten."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from analyzer import aws, latency, tcp, tls
from analyzer.assembly import NO_COPIES, Traffic, connection_rows, exchange_row
from analyzer.model.draft import Placed
from analyzer.model.http import HttpExchange, Talk
from analyzer.model.rows import Anomaly, Connection, Exchange, Handshake, Lookup
from analyzer.pipeline import Pipeline
from analyzer.units import MILLISECOND, SECOND, ConnectionId, DurationNs, TimeNs

SETTLED_NS: DurationNs = 250 * MILLISECOND
"""An answer that the client acknowledged, with silence after it for so long, is over: a delayed ACK takes 40 to 200 ms."""
SILENT_NS: DurationNs = 2 * SECOND
"""An answer that nobody can read is over when nothing followed for so long; in a file the next request tells."""
DISMISSED_NS: DurationNs = 3 * SECOND
"""After a FIN or RST of either side and silence for so long nobody waits for an answer any more."""
UNHEARD_NS: DurationNs = 25 * SECOND
"""An answer that the client never acknowledged is given up after this: the longest pause of an SDK."""
LINGER_NS: DurationNs = 120 * SECOND
"""How long a connection that ended is remembered for late packets, which would begin another one: twice Linux's TIME_WAIT."""
IDLE_NS: DurationNs = 3600 * SECOND
"""How long a silent connection is remembered; its next packet begins another one, without an opening."""
MOST_CONNECTIONS = 20_000
"""Connections remembered; beyond them those that were silent for longest go first."""
MOST_NAMES = 10_000
TWINS_NS: DurationNs = 3 * SECOND
"""How long after its SYN a connection may turn out to be a translated copy of another."""


class Sight(NamedTuple):
    """What is known at one moment, beyond what was known before."""

    now: TimeNs
    finished: list[Exchange]
    """Exchanges that are final since the last look."""
    lookups: list[Lookup]
    """The same of lookups."""
    under_way: list[Exchange]
    """Rows of exchanges that are not over, as they would be by now."""
    unsettled: list[Lookup]
    """The same of lookups."""


class Pass(Pipeline):
    """One pass over packets that do not end. `opened` is told of each connection whose SYN is seen."""

    def __init__(
        self, services: Sequence[aws.ServiceRule] = (), keys: tls.KeyLog | None = None, opened: Callable[[tcp.Flow], None] | None = None
    ) -> None:
        self.talks: dict[ConnectionId, list[Talk]] = {}
        self.copies: dict[ConnectionId, ConnectionId] = {}
        self.one_way: dict[ConnectionId, ConnectionId] = {}
        self.exchanges_on: dict[ConnectionId, int] = {}
        """How many exchanges each remembered connection carried."""
        self._tell = opened
        self._fresh: list[tcp.Flow] = []
        self._heard: dict[ConnectionId, tuple[int, DurationNs]] = {}
        """The last packet of each connection, and when it was noticed."""
        self._randoms: dict[ConnectionId, bytes] = {}
        """Client randoms of TLS connections, by which a key log names them."""
        self._server_names: dict[tuple[str, int], str] = {}
        self._about: dict[ConnectionId, Traffic] = {}
        """What the requests under way say of connections without finished exchanges."""
        super().__init__(services, keys, began=self._began)

    # Taking out.

    def look(self, now: TimeNs) -> Sight:
        """Take out what is final, and show what is not."""
        self._names.advance(now)
        finished, lookups = list(self._exchanges), list(self._lookups)
        self._exchanges.clear()
        self._lookups.clear()
        finished.sort(key=lambda row: row.exchange_id)
        for row in finished:
            self.exchanges_on[row.connection_id] = self.exchanges_on.get(row.connection_id, 0) + 1
        self._about.clear()
        under_way = [self._provisional(raw) for talks in self.talks.values() for talk in talks for raw in talk.under_way()]
        under_way.sort(key=lambda row: row.exchange_id)
        self._find_twins(now)
        return Sight(now, finished, lookups, under_way, self._names.unsettled())

    def anomalies(self) -> list[Anomaly]:
        """Take out the anomalies since the last time."""
        rows = list(self._anomalies)
        self._anomalies.clear()
        return rows

    def handshakes(self, connections: Iterable[ConnectionId]) -> list[Handshake]:
        """Return the handshakes of connections."""
        return [self._handshakes[number] for number in connections if number in self._handshakes]

    def connections(self, flows: Iterable[tcp.Flow]) -> list[Connection]:
        """Return the rows of connections as they would be by now."""
        if len(self._server_names) > MOST_NAMES:
            self._server_names.clear()
        about = ChainMap(self._traffic, self._about)
        counts = ChainMap(self.exchanges_on, dict.fromkeys(self._about, 1))
        copies, shaken = self.copies or NO_COPIES, self._handshakes
        return connection_rows(
            map(tcp.row, flows), about, counts, self._name_of, self._service_of, copies, shaken, self._server_names
        )  # fmt: skip

    def dressed(self, exchanges: list[Exchange], connections: list[Connection]) -> list[Exchange]:
        """Return exchanges with what only their connections tell of them."""
        return self._dressed(exchanges, connections, self.copies, self.one_way)

    def placed(
        self, exchanges: list[Exchange], connections: list[Connection], lookups: list[Lookup], handshakes: list[Handshake]
    ) -> list[Placed]:
        """Return the calls that exchanges make."""
        return self._placed(exchanges, connections, lookups, handshakes)

    # Letting go.

    def settle(self, elapsed: DurationNs) -> list[tcp.Flow]:
        """Hand over what seems to be over, as time has passed; return the connections that may be forgotten."""
        over: list[tcp.Flow] = []
        quiet_of: list[tuple[DurationNs, tcp.Flow]] = []
        heard = self._heard
        for flow in self.engine.flows:
            number = flow.connection_id
            first = flow.first_half
            last = max(first.last_id, first.other.last_id)
            known = heard.get(number)
            if known is None or known[0] != last:
                heard[number] = (last, elapsed)
                continue
            quiet = elapsed - known[1]
            if quiet < SETTLED_NS:
                continue
            if flow.closed_ns is None:
                for talk in self.talks.get(number, ()):
                    self._settle(talk, quiet)
            elif quiet >= DISMISSED_NS and self.talks.get(number):
                flow.finish()
                del self.talks[number]
            if quiet >= IDLE_NS or (flow.closed_ns is not None and quiet >= LINGER_NS):
                over.append(flow)
            elif len(self.engine.flows) > MOST_CONNECTIONS:
                quiet_of.append((quiet, flow))
        many = len(self.engine.flows) - len(over) - MOST_CONNECTIONS
        if many > 0:
            quiet_of.sort(key=lambda item: -item[0])
            over += [flow for _, flow in quiet_of[:many]]
        return over

    def forget(self, flows: Sequence[tcp.Flow]) -> None:
        """Forget connections; their exchanges must have been taken out with the next look."""
        self.engine.forget(flows)
        for flow in flows:
            number = flow.connection_id
            for known in (
                self.talks,
                self._heard,
                self._traffic,
                self._endpoints,
                self._handshakes,
                self._randoms,
                self.copies,
                self.one_way,
            ):
                known.pop(number, None)
            self.exchanges_on.pop(number, None)

    def secrets(self, connections: Iterable[ConnectionId]) -> bytes:
        """Return the key log lines of connections, as far as they are known. For those who asked for them only."""
        lines = []
        for number in connections:
            random = self._randoms.get(number)
            if random is not None:
                known = self.tls.keys.secrets(random)
                lines += [f"{label} {random.hex()} {secret.hex()}\n" for label, secret in known.items()]
        return "".join(lines).encode()

    def forget_exchanges(self, numbers: Iterable[int]) -> None:
        """Forget exchanges that are in no table any more."""
        self._unfinished.difference_update(numbers)

    def end(self) -> None:
        """Settle everything: no more packets come."""
        self.engine.finish()
        self._names.finish()
        self.talks.clear()

    # Its own.

    def _handshake(self, row: Handshake) -> None:
        super()._handshake(row)
        for talk in self.talks.get(row.connection_id, ()):
            random = getattr(talk, "client_random", None)
            if random is not None:
                self._randoms[row.connection_id] = random

    def _began(self, talk: Talk) -> None:
        self.talks.setdefault(talk.link.connection_id, []).append(talk)

    def _opened(self, flow: tcp.Flow) -> None:
        super()._opened(flow)
        if flow.syn_ns is not None:
            self._fresh.append(flow)
            if self._tell is not None:
                self._tell(flow)

    def _settle(self, talk: Talk, quiet: DurationNs) -> None:
        one = talk.over
        if one is None:
            return
        if one.evidence == "inferred":
            if quiet >= SILENT_NS:
                talk.settle()
        elif quiet >= UNHEARD_NS or (
            one.response_end is not None and talk.link.response_received(one.response_end_offset, one.response_end[0])
        ):
            talk.settle()

    def _provisional(self, raw: HttpExchange) -> Exchange:
        """Return the row of an exchange as it would be by now."""
        number = raw.link.connection_id
        endpoint = self._endpoints.get(number)
        shaken = self._handshakes.get(number)
        if endpoint is None:  # not kept: a handshake may tell the name yet
            endpoint = self._gathered.endpoint(raw)
        if raw.response_complete and raw.response_end is not None:
            raw.received = raw.link.response_received(raw.response_end_offset, raw.response_end[0])
        about = self._recognizer.describe(raw.request, raw.response, endpoint)
        row = exchange_row(raw, about, latency.split(raw))
        if number not in self._traffic and number not in self._about:
            self._about[number] = Traffic(row.request_start_ns, about.host, about.service, about.region)
        if shaken is not None and row.evidence == "measured":
            row = row._replace(evidence="decrypted")
        return row

    def _find_twins(self, now: TimeNs) -> None:
        """Find translated copies among the connections that were opened lately."""
        if not self._fresh:
            return
        if len(self._fresh) > 1:
            self.copies.update(tcp.twins(self._fresh))
        one_way = tcp.one_way(flow for flow in self.engine.flows if abs(now - flow.first_ns) < TWINS_NS)
        self.one_way.update(one_way)
        self._fresh = [flow for flow in self._fresh if abs(now - flow.first_ns) < TWINS_NS]
