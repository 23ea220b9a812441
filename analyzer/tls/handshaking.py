"""One handshake as it goes by: what was offered and chosen, in how many round trips, and who took how long (RFC 8446 section 2, RFC 5246
section 7.3).
"""

from __future__ import annotations

from typing import Final

from analyzer.model.http import Mark
from analyzer.model.rows import Handshake
from analyzer.model.seams import Link
from analyzer.tls._records import Record
from analyzer.tls.ciphers import Suite, suite, suite_name
from analyzer.tls.hello import ClientHello, ServerHello, client_hello, server_hello, shown
from analyzer.tls.ja4 import ja4
from analyzer.tls.messages import HEADER
from analyzer.tls.numbers import (
    CERTIFICATE,
    CLIENT_HELLO,
    CLIENT_KEY_EXCHANGE,
    SERVER_HELLO,
    SERVER_HELLO_DONE,
    SERVER_KEY_EXCHANGE,
    VERSIONS,
)

TAG_AND_TYPE: Final = 17
"""What TLS 1.3 adds to a plaintext with all suites but CCM_8: content type and tag."""
USUAL_HASH: Final = 32
NOBODY: Final = 0
CLIENT: Final = 1
SERVER: Final = 2
PROVING: Final = frozenset({CERTIFICATE, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE})
"""Messages of a server that does not resume."""


class Handshaking:
    """What is known of a connection's handshake."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.hello: ClientHello | None = None
        self._hello_cut = False
        """Whether its end, with the extensions that stand last, was not captured."""
        self.chosen: ServerHello | None = None
        """The server's final hello."""
        self.suite: Suite | None = None
        """Its suite; None also where that is not known."""
        self.is_13 = False
        """Whether TLS 1.3 was chosen; where that is not in the capture, whether it was offered."""
        self.retried = False
        self.protocol: bytes | None = None
        """ALPN name."""
        self.certificate_bytes: int | None = None
        self.is_full: bool | None = None
        """Whether the server proved who it is: not resumed."""
        self.early = False
        """Whether the client sent early data."""
        self.alert: str | None = None
        self.decrypted = False
        self.client_done: Mark | None = None
        """The client's Finished sent."""
        self.server_done: Mark | None = None
        """The server's Finished."""
        self.data_began: Mark | None = None
        """The client's first application data, told once the connection is over."""
        self._start: Mark | None = None
        self._last: Mark | None = None
        self._turn = NOBODY
        """Who spoke last."""
        self._client_ns = 0
        self._server_ns = 0

    @property
    def may_take_tickets(self) -> bool:
        """Whether a TLS 1.3 server may send session tickets: the client said so, or what it said was not captured to the end."""
        return self.hello is None or self._hello_cut or self.hello.offer.takes_tickets

    @property
    def finished_size(self) -> int:
        """Bytes of a TLS 1.3 record with a Finished message: 53 or 69, by the suite's hash (RFC 8446 section 4.4.4)."""
        found = self.suite
        length = 48 if found is not None and found.hash == "sha384" else USUAL_HASH
        tag = found.bulk.tag_length if found is not None and found.bulk is not None else TAG_AND_TYPE - 1
        return HEADER + length + 1 + tag

    @property
    def overhead(self) -> int:
        """Bytes of a record beside its plaintext, an average where padding is unknown."""
        found = self.suite
        if found is None or found.bulk is None:
            return TAG_AND_TYPE
        bulk = found.bulk
        if self.is_13:
            return bulk.tag_length + 1
        if bulk.mac is None:
            return bulk.explicit_length + bulk.tag_length
        padding = (bulk.iv_length + 1) // 2
        explicit = bulk.explicit_length if self.chosen is not None and self.chosen.version > 0x0301 else 0
        return explicit + bulk.mac_length + padding

    def turn(self, record: Record, *, client: bool) -> None:
        """Account for a record: whoever speaks after the other has let it wait, the server's packets a round trip longer."""
        if self._start is None:
            self._start = record.began
        speaker = CLIENT if client else SERVER
        if self._turn != speaker and self._last is not None:
            waited = max(0, record.began[0] - self._last[0])
            if client:
                self._client_ns += waited
            else:
                self._server_ns += max(0, waited - (self._link.server_rtt_ns() or 0))
        self._turn, self._last = speaker, record.done

    def message(self, kind: int, size: int, body: bytes, *, client: bool) -> None:
        """Take a handshake message in the clear; see `messages.Message`."""
        if client:
            if kind == CLIENT_HELLO:
                hello = client_hello(body)
                if hello is not None and (self.hello is None or self.retried):
                    self.hello = hello
                    self._hello_cut = len(body) < size
                    if self.chosen is None:
                        self.is_13 = hello.offer.offers_13
            elif kind == CLIENT_KEY_EXCHANGE:
                self.is_full = True
        elif kind == SERVER_HELLO:
            chosen = server_hello(body)
            if chosen is not None and chosen.is_retry:
                self.retried = True
            elif chosen is not None and self.chosen is None:
                self.chosen = chosen
                self.suite = suite(chosen.cipher)
                self.is_13 = chosen.is_13
                self.protocol = self.protocol or chosen.protocol
                if self.is_13:
                    self.is_full = not chosen.resumes
        elif kind in PROVING:
            self.is_full = True
            if kind == CERTIFICATE:
                self.certificate_bytes = size

    def server_changed(self) -> None:
        """Take the server's ChangeCipherSpec: before TLS 1.3 it ends a resumed handshake if nothing else was said."""
        if not self.is_13 and self.chosen is not None and self.is_full is None:
            self.is_full = False

    @property
    def complete(self) -> bool:
        """Whether both sides have finished, as far as the client waits for it."""
        return self.client_done is not None and (self.is_13 or self.server_done is not None)

    def end(self) -> Mark | None:
        """Return when the client was done: its Finished sent; where the server's comes last (TLS 1.2), that.

        Until then a client that does not send its request early (RFC 7918) waits. Where one of them was not captured that is the client's
        first application data.
        """
        if self.client_done is None or self.is_13 or self.server_done is None:
            return self.data_began if self.data_began is not None and not self.is_13 else self.client_done
        return max(self.client_done, self.server_done)

    def row(self) -> Handshake | None:
        """Return the handshake's row; None where no hello was read, unless the whole start was captured and only cut."""
        hello, chosen = self.hello, self.chosen
        end = self.end()
        if self._start is None or (hello is None and chosen is None and (end is None or not self._link.whole_start)):
            return None
        start = self._start[0]
        finished = None if end is None else max(start, end[0])
        trips = None
        if end is not None and chosen is not None:
            in_clear = None if self.is_full is None else 1 + self.is_full
            trips = (not self.early or self.retried) + self.retried if self.is_13 else in_clear
        return Handshake(
            self._link.connection_id,
            start,
            finished,
            None if finished is None else finished - start,
            None if chosen is None else VERSIONS.get(chosen.version) or f"0x{chosen.version:04X}",
            None if chosen is None else self.suite.name if self.suite is not None else suite_name(chosen.cipher),
            None if hello is None else hello.offer.server_name,
            shown(self.protocol),
            None if self.is_full is None else not self.is_full,
            trips,
            None if hello is None else ja4(hello.offer),
            self.decrypted,
            None if end is None else self._client_ns,
            None if chosen is None or hello is None else self._server_ns,
            self.certificate_bytes,
            self.early,
            self.retried,
            self.alert,
            self._start[1],
            end[1] if end is not None else self._last[1] if self._last is not None else self._start[1],
        )
