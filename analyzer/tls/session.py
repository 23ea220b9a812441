"""One TLS connection: its handshake, and after that its exchanges, read with keys or inferred without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from analyzer.model.http import HttpExchange
from analyzer.model.rows import Anomaly, Handshake
from analyzer.model.seams import ByteStream, Emit, Link, Opener
from analyzer.tls._records import Record, RecordReader, Taker
from analyzer.tls.both import Both
from analyzer.tls.decrypting import Decrypting
from analyzer.tls.handshaking import Handshaking
from analyzer.tls.inferring import Desk, Inferring
from analyzer.tls.keylog import KeyLog
from analyzer.tls.numbers import ALERTS, CLOSE_NOTIFY
from analyzer.tls.side import Side

END_OF_EARLY_DATA_SIZE: Final = 21
"""Bytes of a TLS 1.3 record with EndOfEarlyData: message header, content type and tag."""
HTTP_2: Final = b"h2"
FINISHED_SIZES: Final = (53, 69)
"""Of a TLS 1.3 record with a Finished, by the suite's hash (RFC 8446 section 4.4.4): SHA-256, SHA-384."""
MOST_CERTIFICATES: Final = 3
"""Records with a client's certificate that may come before its Finished."""


class Office(NamedTuple):
    """What all TLS connections of a capture share."""

    desk: Desk
    keys: KeyLog
    inner: tuple[Opener, ...]
    """Readers of plaintext."""
    handshake: Callable[[Handshake], None]
    anomaly: Emit
    opaque: Callable[[Link, bytes, str, str], None]
    """Told of a connection that cannot be decrypted, its client random, why, and what exactly (or nothing)."""


class Session:
    """Both directions of a connection."""

    __deletable__ = ("client", "decrypting", "server")
    """What compiled code may delete."""

    def __init__(self, link: Link, office: Office, *, whole: bool, twin: Session | None = None) -> None:
        self.link = link
        self.office = office
        self.hands = Handshaking(link)
        self._told = False
        """Whether the handshake was handed over."""
        self._flight: list[Record] = []
        """The client's records after the ServerHello, while its Finished is looked for."""
        self._lost = False
        self.inferring = Inferring(link, office.desk)
        self.decrypting = Decrypting(self)
        self.client, self.server = Side(self, client=True), Side(self, client=False)
        self.client.ready = self.server.ready = not whole
        self.twin = twin
        """Infers the same records without keys, to be compared; None where that is not asked for, or nothing can be read."""
        self._whole = whole

    def readers(self, client: ByteStream, server: ByteStream) -> tuple[RecordReader, RecordReader]:
        """Make the readers of both directions."""
        takers: tuple[Taker, Taker] = (self.client, self.server)
        if self.twin is not None:
            takers = Both(self, client=True), Both(self, client=False)
        return (
            RecordReader(takers[0], client, whole_start=self._whole),
            RecordReader(takers[1], server, whole_start=self._whole),
        )

    # The handshake in the clear.

    def turn(self, side: Side, record: Record) -> None:
        """Account for a record of the handshake."""
        if not self._told:
            self.hands.turn(record, client=side.client)

    def message(self, side: Side, kind: int, size: int, body: bytes) -> None:
        """Take a handshake message in the clear; see `messages.Message`."""
        hands = self.hands
        hello, chosen = hands.hello, hands.chosen
        hands.message(kind, size, body, client=side.client)
        if hands.hello is not hello:
            if hello is None:
                self.client.ready = self.server.ready = False
            self.decrypting.await_early()
        if hands.chosen is not chosen:
            self._chosen()

    def changes(self, side: Side, record: Record) -> None:
        """Take a ChangeCipherSpec; in TLS 1.3 it means nothing (RFC 8446 section 5)."""
        if self.hands.is_13:
            return
        side.changed = True
        self.turn(side, record)
        if not side.client and not self._lost:
            self.hands.server_changed()

    def finished(self, side: Side, record: Record) -> None:
        """Take the first protected handshake record of TLS 1.2 and before: it is the Finished. Later ones negotiate anew."""
        hands = self.hands
        if side.client and hands.client_done is None:
            self.turn(side, record)
            hands.client_done = record.done
        elif not side.client and hands.server_done is None:
            self.turn(side, record)
            hands.server_done = record.done
        if hands.complete:
            self._tell()

    def alert(self, side: Side, description: int) -> None:
        """Take an alert that can be read."""
        if description != CLOSE_NOTIFY and self.hands.alert is None:
            sender = "client" if side.client else "server"
            self.hands.alert = f"{sender} {ALERTS.get(description, description)}"

    def _chosen(self) -> None:
        """Go by what the server chose: what is encrypted from now on, and whether it can be opened."""
        hands, inferring = self.hands, self.inferring
        inferring.is_13 = hands.is_13
        inferring.overhead = hands.overhead
        inferring.is_multiplexed = hands.protocol == HTTP_2
        if not hands.is_13:
            self.client.ready = self.server.ready = True
        self.decrypting.begin()

    # The handshake that TLS 1.3 hides.

    def hidden_handshake(self, side: Side, record: Record) -> None:
        """Take application data before the handshake is known to be over, unread: what it is follows from order and size."""
        hands = self.hands
        if side.client:
            self._hidden_from_client(record)
            return
        self.turn(side, record)
        if self._flight:
            self._end_flight()
            self.inferring.answered(record)
        elif hands.early and record.size == hands.finished_size:
            hands.server_done = record.done
            side.ready = True

    def _hidden_from_client(self, record: Record) -> None:
        hands = self.hands
        hello = hands.hello
        if hands.chosen is None:
            if hello is not None and hello.offer.early_data:
                hands.early = True
                self.inferring.asked(record)
                return
            # Application data right after ChangeCipherSpec is TLS 1.3's, also where the snapshot length cut both hellos: in other versions
            # a handshake record follows.
            if not hands.is_13 and not (self.client.changed and record.size in FINISHED_SIZES):
                self.client.ready = True
                self.inferring.asked(record)
                return
        elif hands.early and record.size == END_OF_EARLY_DATA_SIZE:
            return
        self.turn(self.client, record)
        self._flight.append(record)
        if record.size == hands.finished_size or (hands.chosen is None and record.size in FINISHED_SIZES):
            self.client_finished(record)
        elif len(self._flight) > MOST_CERTIFICATES:
            self._end_flight()

    def _end_flight(self) -> None:
        """Take the first record of the client's flight for all of its handshake; the others are its request."""
        flight, self._flight = self._flight, []
        self.client_finished(flight[0])
        for record in flight[1:]:
            self.inferring.asked(record)

    def client_finished(self, record: Record) -> None:
        """Note that the client's part of a TLS 1.3 handshake is over."""
        hands = self.hands
        self._flight = []
        if hands.client_done is None:
            hands.client_done = record.done
        self.client.ready = self.server.ready = True
        hello = hands.hello
        if hands.may_take_tickets:
            address, port = self.link.server()
            self.inferring.tickets_from = address, port, hello.offer.server_name if hello is not None else None
        self._tell()

    # Losses and ends.

    def lost(self, side: Side) -> None:
        """Learn that records could not be told from each other."""
        if not self._lost:
            self._lost = True
            who = "client" if side.client else "server"
            said = f"the {who}'s TLS records cannot be followed over missing bytes"
            self.office.anomaly(Anomaly("tls-records-lost", None, self.link.connection_id, said))
        if side.opening is None:
            self.inferring.lost(client=side.client)

    def found(self, side: Side, size: int) -> None:
        """Learn that a boundary of records was found again, `size` bytes after the last one that was known."""
        self.decrypting.lost(side, size)
        side.ready = side.ready or self.hands.chosen is None or self.hands.client_done is not None

    def ended(self, side: Side) -> None:
        """Close what is under way once both directions have ended."""
        client, server = self.client, self.server
        if side.ended_how is not None:
            self.decrypting.end(side, side.ended_how)
        if client.ended_how is None or server.ended_how is None:
            return
        if self._flight:
            self._end_flight()
        self.hands.data_began = self.inferring.began
        self._tell()
        self.inferring.ended(client.cut, server.cut, server.ended_how)
        # They know the session too, and nobody looks for cycles during a pass: a capture may hold millions of connections.
        del self.client, self.server, self.decrypting

    def opaque(self, random: bytes, why: str, what: str) -> None:
        """Learn that the connection cannot be decrypted, or no further: its client random, why, and what exactly (or nothing)."""
        self.twin = None
        self.office.opaque(self.link, random, why, what)

    # What a running pass asks (model.http.Talk).

    def under_way(self) -> list[HttpExchange]:
        """Return the inferred exchange that was not handed over yet; what is decrypted its own readers know."""
        return self.inferring.under_way()

    @property
    def over(self) -> HttpExchange | None:
        """The inferred exchange that seems to be over."""
        return self.inferring.over

    def settle(self) -> None:
        """Hand over the inferred exchange that seems to be over."""
        self.inferring.settle()

    @property
    def client_random(self) -> bytes | None:
        """The client's random, by which a key log names the connection; None where the ClientHello was not captured."""
        return self.hands.hello.random if self.hands.hello is not None else None

    def _tell(self) -> None:
        """Hand the handshake over, once."""
        if self._told:
            return
        row = self.hands.row()
        if row is not None:
            self._told = True
            self.office.handshake(row)
