"""TLS stays as it is, but for names that it says in the clear: that of the server (RFC 6066 section 3) and, up to TLS 1.2, certificates.

Where the server's name is disguised its certificate would tell it: it becomes zeros, as do those of clients and of whoever has no name.
"""

from __future__ import annotations

from typing import Any

from analyzer.model.seams import End
from analyzer.redacting.hosts import Hosts
from analyzer.redacting.plans import MASK, Direction

ALERT, HANDSHAKE, CHANGE_CIPHER, APPLICATION = 21, 22, 20, 23
CLIENT_HELLO, CERTIFICATE, CERTIFICATE_REQUEST = 1, 11, 13
SERVER_NAME = 0
MOST_BYTES = 256 * 1024
"""Bytes of a direction in which a handshake in the clear is looked for."""
FAR = 1 << 40


class Names:
    """What the two directions of a handshake know of each other."""

    def __init__(self) -> None:
        self.public = False
        """Whether the server's name is one of AWS's, so that its certificate is no secret."""


class Handshake:
    """Reads one direction until its records are encrypted. Implements `model.seams.Sink`."""

    def __init__(self, names: Names, stream: Any, direction: Direction, hosts: Hosts, hide: Any) -> None:
        self._names = names
        self._stream = stream
        self._direction = direction
        self._hosts = hosts
        self._hide = hide
        self._data = bytearray()
        self._first = -1
        self._at = 0
        self._messages = bytearray()
        self._places: list[tuple[int, int]] = []
        """Where the bytes of the messages are: (position in the messages, stream offset) of each record."""
        self._taken = 0
        self._ciphered = False
        self._over = False

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`."""
        if self._direction.base is None:
            self._direction.base = (self._stream.seq - self._stream.offset) & MASK
        if self._over:
            return FAR
        if self._first < 0:
            self._first = offset
        self._data += data[start:end]
        if not self._records() or len(self._data) > MOST_BYTES:
            self._over = True
            self._data = self._messages = bytearray()
        return FAR if self._over else offset + end - start

    def gap(self, offset: int, length: int) -> int:
        """What follows lost bytes is no longer understood."""
        self._over = True
        return FAR

    def end(self, offset: int, how: End) -> None:
        """Nothing is left to be planned."""

    def _records(self) -> bool:
        """Read whole records; false where nothing in the clear follows."""
        data = self._data
        while len(data) - self._at >= 5:
            kind, size = data[self._at], data[self._at + 3] << 8 | data[self._at + 4]
            if kind == APPLICATION or kind not in (CHANGE_CIPHER, ALERT, HANDSHAKE) or data[self._at + 1] != 3:
                return False
            start = self._at + 5
            if len(data) < start + size:
                return True
            if kind == CHANGE_CIPHER:
                self._ciphered = True
            elif kind == HANDSHAKE:
                self._places.append((len(self._messages), self._first + start))
                self._messages += data[start : start + size]
                self._read()
            self._at = start + size
        return True

    def _read(self) -> None:
        """Read whole handshake messages."""
        messages = self._messages
        while len(messages) - self._taken >= 4:
            kind = messages[self._taken]
            size = int.from_bytes(messages[self._taken + 1 : self._taken + 4], "big")
            start = self._taken + 4
            if len(messages) < start + size:
                return
            if kind == CLIENT_HELLO:
                self._server_name(start, start + size)
            elif kind in (CERTIFICATE, CERTIFICATE_REQUEST) and not self._ciphered and not self._names.public and size > 3:
                head = 3 if kind == CERTIFICATE else 0
                self._put(start + head, bytes(size - head))
            self._taken = start + size

    def _server_name(self, at: int, end: int) -> None:
        """Find the server's name in a ClientHello (RFC 8446 section 4.1.2)."""
        messages = self._messages
        at += 34
        for width in (1, 2, 1):
            if at + width > end:
                return
            at += width + int.from_bytes(messages[at : at + width], "big")
        at += 2
        while at + 4 <= end:
            kind, size = int.from_bytes(messages[at : at + 2], "big"), int.from_bytes(messages[at + 2 : at + 4], "big")
            at += 4
            if kind == SERVER_NAME and size >= 5 and at + size <= end and not messages[at + 2]:
                length = int.from_bytes(messages[at + 3 : at + 5], "big")
                if 5 + length <= size:
                    name = bytes(messages[at + 5 : at + 5 + length])
                    new = self._hosts.name(name)
                    self._names.public = new == name
                    if new != name:
                        self._hide(name)
                        self._put(at + 5, new)
            at += size

    def _put(self, position: int, piece: bytes) -> None:
        """Plan bytes of messages, which may lie in several records."""
        while piece:
            index = len(self._places) - 1
            while self._places[index][0] > position:
                index -= 1
            start, offset = self._places[index]
            until = self._places[index + 1][0] if index + 1 < len(self._places) else len(self._messages)
            size = min(len(piece), until - position)
            self._direction.put(offset + position - start, piece[:size])
            position, piece = position + size, piece[size:]
