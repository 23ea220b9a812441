"""Which connections speak TLS: on any port, by their first record, also where the capture began later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from analyzer.model.http import HttpExchange
from analyzer.model.rows import Handshake
from analyzer.model.seams import ByteStream, Claim, Emit, Link, Opener, Sink
from analyzer.tls._records import begins_record
from analyzer.tls.inferring import Desk
from analyzer.tls.keylog import KeyLog
from analyzer.tls.numbers import APPLICATION_DATA, CLIENT_HELLO, HANDSHAKE, RECORD_HEADER, SERVER_HELLO
from analyzer.tls.session import Office, Session
from analyzer.tls.tickets import TicketBook

MOST_OPAQUE = 100_000
"""Connections that are remembered for which secrets may still come."""


def _nothing(row: object) -> None:
    """Take a row that nobody asked for."""


class TlsOpener:
    """Reads TLS. Implements `model.seams.Opener`.

    `inner` read plaintext where `keys` has secrets; other connections' exchanges are inferred, numbered by `number` and handed to `done`.
    """

    name = "tls"

    def __init__(
        self,
        keys: KeyLog | None = None,
        inner: Sequence[Opener] = (),
        *,
        done: Callable[[HttpExchange], None] = _nothing,
        handshake: Callable[[Handshake], None] = _nothing,
        anomaly: Emit = _nothing,
        number: Callable[[], int] | None = None,
    ) -> None:
        self.opaque: dict[str, list[tuple[int, str]]] = {}
        """Why connections could not be decrypted: which, and what exactly was the matter."""
        self.missing: set[bytes] = set()
        """Client randoms for which there were no secrets."""
        desk = Desk(number or count().__next__, done, TicketBook())
        self.keys = keys if keys is not None else KeyLog()
        self._office = Office(desk, self.keys, tuple(inner), handshake, anomaly, self._opaque)

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction.

        A handshake record (version 3.0 to 3.4) that begins with a hello; where the connection's start is not in the capture, any record
        with what follows it.
        """
        kind = data[start]
        if kind != HANDSHAKE and kind != APPLICATION_DATA:
            return Claim.NO
        if end - start < RECORD_HEADER + 1:
            return Claim.MORE
        if data[start + 1] != 3 or data[start + 2] > 4:
            return Claim.NO
        if kind == HANDSHAKE:
            claim = {CLIENT_HELLO: Claim.REQUEST, SERVER_HELLO: Claim.RESPONSE}.get(data[start + 5])
            if claim is not None:
                return claim
        if kind == APPLICATION_DATA and not link.whole_start and begins_record(data, start, end):
            return Claim.EITHER
        return Claim.NO

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        """Read both directions of a connection."""
        return Session(link, client, server, self._office, whole=link.whole_start).readers

    def tunnel(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        """Read what is said through a tunnel, if it is TLS: from the first record that begins with a segment."""
        return Session(link, client, server, self._office, whole=False).readers

    def _opaque(self, link: Link, random: bytes, why: str, what: str) -> None:
        if len(self.missing) < MOST_OPAQUE:
            self.missing.add(random)
        if len(self.keys):
            known = self.opaque.setdefault(why, [])
            if len(known) < MOST_OPAQUE:
                known.append((link.connection_id, what))
