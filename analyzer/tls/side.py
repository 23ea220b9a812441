"""One direction of a TLS connection: what its records are, by their type and by what was said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.model.seams import End
from analyzer.tls._records import Record, Taker
from analyzer.tls.messages import HEADER, Messages, body_of
from analyzer.tls.numbers import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE
from analyzer.tls.opening import UNOPENED, Opening
from analyzer.tls.plaintext import PlainStream

if TYPE_CHECKING:
    from analyzer.tls.session import Session

ALERT_SIZE: Final = 2
"""Bytes of an alert in the clear."""


class Side(Taker):
    """One direction. Implements `_records.Taker`."""

    __slots__ = (
        "_lost_from", "changed", "client", "cut", "ended_how", "finishes", "hidden", "messages", "opening", "plain", "ready", "session",
    )  # fmt: skip

    def __init__(self, session: Session, *, client: bool) -> None:
        self.session = session
        self.client = client
        self.messages = Messages()
        self.hidden = Messages()
        """Messages in protected records."""
        self.opening: Opening | None = None
        """What opens protected records; None without keys."""
        self.plain: PlainStream | None = None
        """Who takes all plaintext from now on; None while that is not settled."""
        self.changed = False
        """Whether records of TLS 1.2 and before are protected."""
        self.ready = False
        """Whether application data is what it says: before that TLS 1.3 hides its handshake in it."""
        self.finishes = False
        """Whether a record as long as a Finished of TLS 1.3 can be nothing else, next: it need not be opened, nor its key be derived.

        So it is behind a CertificateVerify, and behind the EncryptedExtensions of a server that resumes (RFC 8446 section 4.4). What else a
        client may begin with is shorter (EndOfEarlyData, an empty Certificate, alerts) or longer (a certificate).
        """
        self.ended_how: End | None = None
        self.cut: Record | None = None
        self._lost_from = 0

    def wants(self, kind: int) -> bool:
        """See `_records.Taker`."""
        return kind != APPLICATION_DATA or self.opening is not None

    def take(self, record: Record) -> None:
        """See `_records.Taker`."""
        session = self.session
        if record.kind == APPLICATION_DATA:
            opening, body = self.opening, record.body
            if opening is not None:
                # Past the handshake nearly all records are such: nothing is left to decide.
                if self.plain is not None and body is not None and not opening.lost:
                    kind, data, size = opening.data(record.header, body)
                    if kind == APPLICATION_DATA:
                        self.plain.deliver(data, size, record)
                    else:
                        session.decrypting.taken(self, record, None if kind == UNOPENED else (kind, data[:size]))
                    return
                session.decrypting.take(self, record)
            elif not self.ready:
                session.hidden_handshake(self, record)
            elif self.client:
                session.inferring.asked(record)
            else:
                session.inferring.answered(record)
        elif record.kind == CHANGE_CIPHER_SPEC:
            session.changes(self, record)
        elif self.changed and record.kind in (HANDSHAKE, ALERT):
            if self.opening is not None:
                session.decrypting.take(self, record)
            elif record.kind == HANDSHAKE:
                session.finished(self, record)
        elif record.kind == HANDSHAKE:
            session.turn(self, record)
            content = record.body or b""
            if self.messages.is_whole(content):
                session.message(self, content[0], len(content) - HEADER, body_of(content))
            else:
                self._messages(content)
        elif record.kind == ALERT and record.body is not None and len(record.body) == ALERT_SIZE:
            session.alert(self, record.body[1])

    def holed(self, kind: int, beginning: bytes) -> None:
        """See `_records.Taker`."""
        if kind == HANDSHAKE and not self.changed:
            self._messages(beginning)
            self.give_up_message()

    def _messages(self, content: bytes) -> None:
        for message in self.messages.feed(content):
            self.session.message(self, message.type, message.size, message.body)

    def give_up_message(self) -> None:
        """Take a hello under way for what it is so far: the rest does not come."""
        partial, self.messages = self.messages.partial(), Messages()
        if partial is not None:
            self.session.message(self, partial.type, partial.size, partial.body)

    def lost(self, offset: int) -> None:
        """See `_records.Taker`."""
        self._lost_from = offset
        self.give_up_message()
        self.session.lost(self)

    def found(self, offset: int) -> None:
        """See `_records.Taker`."""
        self.session.found(self, offset - self._lost_from)

    def ended(self, cut: Record | None, how: End) -> None:
        """See `_records.Taker`."""
        self.ended_how = how
        self.give_up_message()
        if cut is not None and cut.kind == HANDSHAKE:
            self.session.turn(self, cut)
        if cut is not None and cut.kind == APPLICATION_DATA and self.ready and self.opening is None:
            self.cut = cut
        self.session.ended(self)
