"""Handshake messages out of records: fragmented over several, or several in one (RFC 8446 section 5.1)."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.tls.numbers import CLIENT_HELLO, ENCRYPTED_EXTENSIONS, SERVER_HELLO

HEADER = 4
LARGEST_HELLO = 65_536
"""Bytes of a hello that are kept; of other messages only the size is."""
KEPT = frozenset({CLIENT_HELLO, SERVER_HELLO, ENCRYPTED_EXTENSIONS})


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
        self._body = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Take the content of a record; return the messages that it completes."""
        end = len(data)
        if self._left < 0 and not self._head and end >= HEADER and int.from_bytes(data[1:HEADER], "big") == end - HEADER:
            # As most records: one message, and all of it.
            kind = data[0]
            return [Message(kind, end - HEADER, data[HEADER : HEADER + LARGEST_HELLO] if kind in KEPT else b"")]
        done = []
        at = 0
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
                self._body = bytearray()
            part = data[at : at + self._left]
            at += len(part)
            self._left -= len(part)
            if self._type in KEPT and len(self._body) < LARGEST_HELLO:
                self._body += part
            if not self._left:
                done.append(Message(self._type, self._size, bytes(self._body)))
                self._left = -1
                self._body = bytearray()
        return done

    def partial(self) -> Message | None:
        """Return the hello under way as far as it has come, where the rest will not."""
        if self._left > 0 and self._type in KEPT:
            return Message(self._type, self._size, bytes(self._body))
        return None
