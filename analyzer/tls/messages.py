"""Handshake messages out of records: fragmented over several, or several in one (RFC 8446 section 5.1)."""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.tls.numbers import CLIENT_HELLO, ENCRYPTED_EXTENSIONS, SERVER_HELLO

HEADER: Final = 4
LARGEST_HELLO: Final = 65_536
"""Bytes of a hello that are kept; of other messages only the size is."""
KEPT: Final = frozenset({CLIENT_HELLO, SERVER_HELLO, ENCRYPTED_EXTENSIONS})
_NOTHING: Final = bytearray()


class Message(NamedTuple):
    """A handshake message."""

    type: int
    size: int
    """Bytes of its body."""
    body: bytes
    """Of hellos and EncryptedExtensions; others are only counted."""


class Messages:
    """Puts the handshake messages of one direction together."""

    __slots__ = ("_body", "_head", "_left", "_size", "_type")

    def __init__(self) -> None:
        self._head = b""
        self._type = 0
        self._size = 0
        self._left = -1
        """Bytes of the message under way that are still to come; -1 between messages."""
        self._body = _NOTHING

    def is_whole(self, data: bytes) -> bool:
        """Tell whether the content of a record is one message and all of it, as it usually is: `body_of` has its body then."""
        size = len(data) - HEADER
        return self._left < 0 and not self._head and size >= 0 and data[1] << 16 | data[2] << 8 | data[3] == size

    def feed(self, data: bytes) -> list[Message]:
        """Take the content of a record; return the messages that it completes."""
        if self.is_whole(data):
            return [Message(data[0], len(data) - HEADER, body_of(data))]
        done = []
        at, end = 0, len(data)
        while at < end or not self._left:
            if self._left < 0:
                part = data[at : at + HEADER - len(self._head)]
                at += len(part)
                self._head += part
                if len(self._head) < HEADER:
                    break
                self._type = self._head[0]
                self._size = self._left = int.from_bytes(self._head[1:], "big")
                self._head = b""
                self._body = bytearray() if self._type in KEPT else _NOTHING
            part = data[at : at + self._left]
            at += len(part)
            self._left -= len(part)
            if self._type in KEPT and len(self._body) < LARGEST_HELLO:
                self._body += part
            if not self._left:
                done.append(Message(self._type, self._size, bytes(self._body)))
                self._left = -1
                self._body = _NOTHING
        return done

    def partial(self) -> Message | None:
        """Return the hello under way as far as it has come, where the rest will not."""
        if self._left > 0 and self._type in KEPT:
            return Message(self._type, self._size, bytes(self._body))
        return None


def body_of(message: bytes) -> bytes:
    """Return the body of a whole message, if it is one that is read."""
    return message[HEADER : HEADER + LARGEST_HELLO] if message[0] in KEPT else b""
