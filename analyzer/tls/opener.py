"""Which connections speak TLS: on any port, by their first record, also where the capture began later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from analyzer.model.http import HttpExchange
from analyzer.model.rows import Handshake
from analyzer.model.seams import ByteStream, Claim, Emit, Link, Opener, Sink
from analyzer.model.sharing import Moment
from analyzer.tls._records import begins_record
from analyzer.tls.inferring import Desk
from analyzer.tls.keylog import KeyLog
from analyzer.tls.numbers import APPLICATION_DATA, CLIENT_HELLO, HANDSHAKE, RECORD_HEADER, SERVER_HELLO
from analyzer.tls.session import Office, Session
from analyzer.tls.tickets import TicketBook
from analyzer.tls.yardstick import Yardstick

MOST_OPAQUE: Final = 100_000
"""Connections that are remembered for which secrets may still come."""


def _nothing(row: object) -> None:
    """Take a row that nobody asked for."""


def _tell_nobody(link: Link, random: bytes, why: str, what: str) -> None:
    """Leave unsaid what is the rule here."""


class TlsOpener:
    """Reads TLS. Implements `model.seams.Opener`.

    `inner` read plaintext where `keys` has secrets; other connections' exchanges are inferred, numbered by `number` and handed to `done`.
    With `compares` those that can be read are inferred too, for `yardstick`. `began` is told of each connection that is read.
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
        compares: bool = False,
        began: Callable[[Session], None] | None = None,
        yardstick: Yardstick | None = None,
        tickets: TicketBook | None = None,
        moment: Callable[[], Moment] | None = None,
    ) -> None:
        self._moment = moment
        self.found: dict[int, Moment] = {}
        """Of connections in `opaque`: when that was found out, where `moment` tells."""
        self._began = began
        self.opaque: dict[str, list[tuple[int, str]]] = {}
        """Why connections could not be decrypted: which, and what exactly was the matter."""
        self.missing: set[bytes] = set()
        """Client randoms for which there were no secrets."""
        self.tickets = tickets if tickets is not None else TicketBook()
        desk = Desk(number or count().__next__, done, self.tickets)
        self.keys = keys if keys is not None else KeyLog()
        self._office = Office(desk, self.keys, tuple(inner), handshake, anomaly, self._opaque)
        self.yardstick = yardstick if yardstick is not None else Yardstick()
        self._compares = compares
        self._twins = Office(self.yardstick.desk, KeyLog(), (), _nothing, _nothing, _tell_nobody)

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
            message = data[start + RECORD_HEADER]
            if message == CLIENT_HELLO:
                return Claim.REQUEST
            if message == SERVER_HELLO:
                return Claim.RESPONSE
        if kind == APPLICATION_DATA and not link.whole_start and begins_record(data, start, end):
            return Claim.EITHER
        return Claim.NO

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        """Read both directions of a connection."""
        twin = None
        if self._compares and link.whole_start and len(self.keys) and self.yardstick.wants_more:
            self.yardstick.begin(link.connection_id)
            office = self._twins._replace(desk=self.yardstick.desk_of(link.connection_id))
            twin = Session(link, office, whole=True)
        return self._begin(Session(link, self._office, whole=link.whole_start, twin=twin), client, server)

    def tunnel(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        """Read what is said through a tunnel, if it is TLS: from the first record that begins with a segment."""
        return self._begin(Session(link, self._office, whole=False), client, server)

    def _begin(self, session: Session, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        if self._began is not None:
            self._began(session)
        return session.readers(client, server)

    def _opaque(self, link: Link, random: bytes, why: str, what: str) -> None:
        self.yardstick.drop(link.connection_id)
        if len(self.missing) < MOST_OPAQUE:
            self.missing.add(random)
        if len(self.keys):
            known = self.opaque.setdefault(why, [])
            if len(known) < MOST_OPAQUE:
                known.append((link.connection_id, what))
                if self._moment is not None:
                    self.found.setdefault(link.connection_id, self._moment())
