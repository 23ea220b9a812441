"""A connection whose secrets are known: its protected records become plaintext, handshake messages and alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.model.seams import End
from analyzer.tls._records import Record
from analyzer.tls.hello import encrypted_extensions
from analyzer.tls.messages import HEADER, body_of
from analyzer.tls.numbers import (
    ALERT,
    APPLICATION_DATA,
    CERTIFICATE,
    CERTIFICATE_VERIFY,
    ENCRYPTED_EXTENSIONS,
    END_OF_EARLY_DATA,
    FINISHED,
    HANDSHAKE,
    KEY_UPDATE,
)
from analyzer.tls.opening import Opening, early_openings, openings
from analyzer.tls.plaintext import Plaintext

if TYPE_CHECKING:
    from analyzer.tls.session import Session
    from analyzer.tls.side import Side

MOST_HELD: Final = 64
"""Records of the client that are kept: of early data a server takes 16 KB by default, and requests are short."""
SMALLEST_RECORD: Final = 22
"""Bytes of a record with a byte of content and a tag."""
WRONG_KEYS: Final = "the secrets do not open its records"


class Decrypting:
    """The decrypted part of a session; where no key fits, the session goes on without."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._plain: Plaintext | None = None
        self._early: list[tuple[Record, bytes]] = []
        """Early data that was read, until it is known whether the server takes it."""
        self._held: list[tuple[Record, bytes]] = []
        """What the client said, until a record of the server was opened too: else all of it is inferred."""
        self._proven = False
        """Whether one was."""

    def await_early(self) -> None:
        """Get ready for early data, whose secret is known before anything is chosen."""
        session = self._session
        hello = session.hands.hello
        if hello is None or not hello.offer.early_data or session.client.opening is not None:
            return
        stages = early_openings(session.office.keys.secrets(hello.random))
        if stages:
            session.client.opening = Opening(stages)
            self._plain = Plaintext(session.link, session.office.inner)

    def begin(self) -> None:
        """Take the keys of the connection, now that its cipher suite is known."""
        session = self._session
        hello, chosen = session.hands.hello, session.hands.chosen
        if hello is None or chosen is None:
            return
        found, why, what = openings(session.office.keys.secrets(hello.random), hello, chosen)
        if found is None:
            session.opaque(hello.random, why, what)
            self._plain = session.client.opening = None
            early, self._early = self._early, []
            for record, _ in early:
                session.inferring.asked(record)
            return
        self._plain = self._plain or Plaintext(session.link, session.office.inner)
        if session.client.opening is None:
            session.client.opening = Opening(found[0], inflates=chosen.compresses)
        else:
            session.client.opening.insert(found[0])
        session.server.opening = Opening(found[1], inflates=chosen.compresses)
        session.client.finishes = chosen.is_13 and not hello.offer.early_data

    def take(self, side: Side, record: Record) -> None:
        """Open a record and take what is in it."""
        session, opening, plain = self._session, side.opening, self._plain
        if opening is None or plain is None:
            return
        hands = session.hands
        finishes, side.finishes = side.finishes, False
        if record.body is None:
            opening.skip()
            if side.ready and record.kind == APPLICATION_DATA:
                self._prove()
                plain.gap(max(0, record.size - session.inferring.overhead), client=side.client)
            return
        if finishes and not side.ready and hands.decrypted and not opening.lost and record.size == hands.finished_size:
            session.turn(side, record)
            self._finished(side, record)
            return
        self.taken(side, record, opening.open(record))

    def taken(self, side: Side, record: Record, opened: tuple[int, bytes] | None) -> None:
        """Take what is in a record that was opened; None where no key did."""
        session, plain = self._session, self._plain
        if opened is None or plain is None:
            self._not_opened(side, record)
            return
        kind, content = opened
        session.hands.decrypted = True
        if not self._proven and not side.client and side.ready:
            self._prove()
        if kind == APPLICATION_DATA:
            if session.hands.early and self._is_inferred(side, record):
                return
            if side.client and not side.ready:
                session.hands.early = True
                if len(self._early) < MOST_HELD:
                    self._early.append((record, content))
            elif side.client and not self._proven:
                self._held.append((record, content))
                if len(self._held) >= MOST_HELD:
                    self._prove()
            else:
                plain.deliver(content, record, client=side.client)
                if self._proven and side.ready and not session.hands.early and not session.inferring.waiting:
                    side.plain = plain.settled(client=side.client)
        elif kind == HANDSHAKE:
            session.turn(side, record)
            if side.hidden.is_whole(content):
                self._message(side, content[0], len(content) - HEADER, body_of(content), record)
                # With a pre-shared key nothing is proven by certificates (RFC 8446 section 2.2).
                resumes = session.hands.chosen is not None and session.hands.chosen.resumes
                side.finishes = session.hands.is_13 and (
                    content[0] == CERTIFICATE_VERIFY or (content[0] == ENCRYPTED_EXTENSIONS and resumes)
                )
            else:
                for message in side.hidden.feed(content):
                    self._message(side, message.type, message.size, message.body, record)
        elif kind == ALERT and len(content) == 2:
            session.alert(side, content[1])

    def lost(self, side: Side, size: int) -> None:
        """Learn that `size` bytes of records were lost."""
        if side.opening is not None and self._plain is not None:
            side.opening.lost = max(1, size // SMALLEST_RECORD)
            if side.ready:
                self._prove()
                self._plain.gap(size, client=side.client)

    def end(self, side: Side, how: End) -> None:
        """Learn that a direction has ended."""
        if self._plain is not None:
            self._prove()
            self._plain.end(how, client=side.client)

    def _finished(self, side: Side, record: Record) -> None:
        """Take a Finished of TLS 1.3: nothing but its place is asked for."""
        session, opening = self._session, side.opening
        if opening is not None:
            opening.advance()
        if side.client:
            session.client_finished(record)
        else:
            session.hands.server_done = record.done
            side.ready = True

    def _is_inferred(self, side: Side, record: Record) -> bool:
        """Take the answer to early data that could not be read, and close that exchange with the next request."""
        inferring = self._session.inferring
        if not inferring.waiting:
            return False
        if side.client:
            inferring.ended(None, None, End.FIN)
            return False
        inferring.answered(record)
        return True

    def _message(self, side: Side, kind: int, size: int, body: bytes, record: Record) -> None:
        session, opening = self._session, side.opening
        hands = session.hands
        if opening is None:
            return
        if kind == FINISHED:
            if not hands.is_13:
                session.finished(side, record)
                return
            self._finished(side, record)
        elif not hands.is_13:
            return
        elif kind == KEY_UPDATE:
            opening.update()
        elif kind == END_OF_EARLY_DATA:
            opening.advance()
        elif kind == ENCRYPTED_EXTENSIONS:
            hands.protocol, accepted = encrypted_extensions(body)
            self._settle_early(accepted=accepted)
        elif kind == CERTIFICATE and not side.client:
            hands.certificate_bytes = size

    def _settle_early(self, *, accepted: bool) -> None:
        """Deliver the early data that was read, now that the server takes it; what it refused comes again."""
        early, self._early = self._early, []
        if not accepted:
            return
        self._held = early + self._held
        if self._proven:
            self._prove()

    def _prove(self) -> None:
        """Deliver what the client said: the keys are right."""
        self._proven = True
        held, self._held = self._held, []
        if self._plain is not None:
            for record, content in held:
                self._plain.deliver(content, record, client=True)

    def _not_opened(self, side: Side, record: Record) -> None:
        """Take a record that no key opens: a part of the handshake whose secret is missing, or the end of decryption."""
        session = self._session
        if record.kind != APPLICATION_DATA:
            if record.kind == HANDSHAKE:
                session.finished(side, record)
            return
        if not side.ready:
            session.hidden_handshake(side, record)
            return
        self._give_up()
        if side.client:
            session.inferring.asked(record)
        else:
            session.inferring.answered(record)

    def _give_up(self) -> None:
        """Read no further with keys; what is left is inferred."""
        session = self._session
        plain, self._plain = self._plain, None
        session.client.opening = session.server.opening = None
        session.client.plain = session.server.plain = None
        if plain is not None:
            plain.end(End.OPEN, client=False)
            plain.end(End.OPEN, client=True)
        held, self._held = self._held, []
        if self._proven:
            session.inferring.tickets_from = None
        for record, _ in held:
            session.inferring.asked(record)
        hello = session.hands.hello
        session.opaque(hello.random if hello is not None else b"", WRONG_KEYS, "")
