"""TLS record by record: what is encrypted stays; of a handshake in the clear stays what the hellos say of how to speak, without names.

Every byte is zero unless it was understood: headers of records and of handshake messages, alerts, and parts of the hellos (`hellos`).
Certificates, requests for them, tickets and whatever is no TLS become zeros.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

from analyzer.model.seams import End
from analyzer.redacting.hellos import CLIENT_HELLO, KEY_EXCHANGE, SERVER_HELLO, Hellos
from analyzer.redacting.plans import Direction
from analyzer.tls._records import Record, RecordReader, Taker
from analyzer.tls.numbers import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, RECORD_HEADER

MESSAGES = frozenset({0, 1, 2, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24})
"""Types of handshake messages (the IANA registry TLS HandshakeType)."""
READ = frozenset({CLIENT_HELLO, SERVER_HELLO, KEY_EXCHANGE})
"""Those of whose content anything stays."""
HEAD = 4
ALERT_BYTES = 2
LARGEST = 64 * 1024
"""Bytes of a message of which anything stays."""


class Names:
    """What the two directions of a handshake know of each other."""

    def __init__(self) -> None:
        self.is_13 = False
        """Whether the server chose TLS 1.3, in which no handshake record is encrypted: those are application data by their type."""


class Handshake(Taker):
    """Reads one direction. Implements `model.seams.Sink`, and `Taker` of its records."""

    def __init__(self, names: Names, stream: Any, direction: Direction, hellos: Hellos, *, whole_start: bool) -> None:
        self._names = names
        self._stream = stream
        self._direction = direction
        self._hellos = hellos
        self._reader = RecordReader(self, stream, whole_start=whole_start)
        self._ciphered = False
        self._beginning = b""
        """What there is of the content of a record of which a part is missing."""
        self._pending: deque[tuple[int, bytes]] = deque()
        """Pieces, with their stream offsets, of the message under way."""
        self._size = 0
        """Bytes of them."""
        self._left = 0
        """Bytes of a message that is left out which have still to come."""
        self._aligned = True
        """Whether it is known where messages begin."""

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`."""
        self._direction.begin(self._stream)
        return self._reader.feed(data, start, end, offset)

    def gap(self, offset: int, length: int) -> int:
        """Learn of lost bytes; see `model.seams.Sink`."""
        return self._reader.gap(offset, length)

    def end(self, offset: int, how: End) -> None:
        """Plan what there is of a message."""
        self._reader.end(offset, how)
        self._break()

    # The records, as the reader tells them.

    def wants(self, kind: int) -> bool:
        """Tell whether the content of such records is looked at."""
        return kind != APPLICATION_DATA

    def holed(self, kind: int, beginning: bytes) -> None:
        """Remember what there is of a record of which a part is missing."""
        self._beginning = beginning

    def lost(self, offset: int) -> None:
        """What follows is no record, or cannot be told to be one: it becomes zeros."""
        self._break()

    def found(self, offset: int) -> None:
        """Records begin again."""

    def ended(self, cut: Record | None, how: End) -> None:
        """Plan the record whose end is missing."""
        if cut is not None:
            self.take(cut)

    def take(self, record: Record) -> None:
        """Plan a record."""
        kind, start = record.kind, record.start
        body, beginning = record.body, self._beginning
        self._beginning = b""
        content = start + RECORD_HEADER
        if kind == APPLICATION_DATA:
            self._break()
            self._direction.keep(start, record.end)
            return
        self._direction.put(start, record.header)
        whole = body is not None
        known = body if body is not None else beginning
        if kind == HANDSHAKE and not (self._hidden(known) and self._is_new()):
            self._clear(known, content)
            if not whole:
                self._break()
            return
        self._break()
        if kind == CHANGE_CIPHER_SPEC:
            self._ciphered = True
            if known == b"\x01":
                self._direction.put(content, known)
        elif self._ciphered and not self._names.is_13:
            self._direction.keep(content, record.end)
        elif kind == ALERT and len(known) == ALERT_BYTES:
            self._direction.put(content, known)

    # Handshake messages.

    def _hidden(self, body: bytes) -> bool:
        """Tell whether the content of a handshake record is encrypted.

        A hello in the clear may follow a ChangeCipherSpec (RFC 8446 appendix D.4).
        """
        is_hello = len(body) >= HEAD + 2 and body[0] in (CLIENT_HELLO, SERVER_HELLO) and not body[1] and body[4] == 3 and body[5] <= 4
        return self._ciphered and not self._names.is_13 and not is_hello

    def _is_new(self) -> bool:
        """Tell whether no message in the clear is under way."""
        return not self._pending and not self._left

    def _clear(self, body: bytes, offset: int) -> None:
        """Take handshake bytes in the clear."""
        if not body:
            return
        if not self._aligned:
            if not _tiled(body):
                return
            self._aligned = True
        self._pending.append((offset, body))
        self._size += len(body)
        while self._size:
            if self._left:
                gone = min(self._left, self._size)
                self._left -= gone
                self._taken(gone)
                continue
            if self._size < HEAD:
                return
            head = b"".join(piece for _, piece in islice(self._pending, HEAD))[:HEAD]
            kind, length = head[0], int.from_bytes(head[1:], "big")
            if kind not in MESSAGES:
                self._pending.clear()
                self._size, self._aligned = 0, False
                return
            if kind not in READ or length > LARGEST:
                self._put(self._taken(HEAD), head)
                self._left = length
            elif self._size >= HEAD + length:
                self._message(self._taken(HEAD + length))
            else:
                return

    def _break(self) -> None:
        """Plan what there is of the message under way: nobody knows where the next one begins."""
        if self._pending:
            if self._size >= HEAD:
                self._message(self._taken(self._size))
            self._pending.clear()
            self._size = 0
            self._aligned = False
        if self._left:
            self._left = 0
            self._aligned = False

    def _message(self, pieces: list[tuple[int, bytes]]) -> None:
        """Plan a message, or the beginning of one."""
        data = b"".join(piece for _, piece in pieces)
        made = self._hellos.message(data)
        if data[0] == SERVER_HELLO:
            self._names.is_13 = self._names.is_13 or self._hellos.chose_13(data)
        self._put(pieces, made)

    def _taken(self, size: int) -> list[tuple[int, bytes]]:
        """Take bytes off what is pending."""
        out: list[tuple[int, bytes]] = []
        while size:
            offset, piece = self._pending.popleft()
            out.append((offset, piece[:size]))
            if len(piece) > size:
                self._pending.appendleft((offset + size, piece[size:]))
            gone = min(size, len(piece))
            size -= gone
            self._size -= gone
        return out

    def _put(self, pieces: list[tuple[int, bytes]], made: bytes) -> None:
        at = 0
        for offset, piece in pieces:
            self._direction.put(offset, made[at : at + len(piece)])
            at += len(piece)


def _tiled(body: bytes) -> bool:
    """Tell whether bytes are whole handshake messages and nothing else."""
    at = 0
    while at + HEAD <= len(body) and body[at] in MESSAGES:
        at += HEAD + int.from_bytes(body[at + 1 : at + HEAD], "big")
    return bool(body) and at == len(body)
