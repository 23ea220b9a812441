"""Numbers and vectors of a handshake message (RFC 8446 section 3), read as far as the message goes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

ABSENT: Final = -1
"""Where the content of an extension ends of which only the type is there."""
LONGEST_LIST: Final = 512
"""Bytes of a list of numbers that is remembered."""


class Cut(Exception):
    """The message ends before what its lengths promise."""


class Vector:
    """Reads numbers and vectors off a message."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data, self._at, self._end = data, start, len(data) if end is None else end

    def __bool__(self) -> bool:
        return self._at < self._end

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if self._at + size > self._end:
            raise Cut
        at, self._at = self._at, self._at + size
        return self._data[at : at + size]

    def number(self, size: int) -> int:
        """Return the next big-endian number of one or two bytes."""
        data, at = self._data, self._at
        if at + size > self._end:
            raise Cut
        self._at = at + size
        return data[at] if size == 1 else data[at] << 8 | data[at + 1]

    def vector(self, width: int) -> Vector:
        """Return the vector whose length stands in the next `width` bytes; one that runs over the end is cut off there."""
        size = self.number(width)
        start = self._at
        self._at = min(self._end, start + size)
        return Vector(self._data, start, self._at)

    def rest(self) -> bytes:
        """Return what is left."""
        return self._data[self._at : self._end]

    def numbers(self) -> tuple[int, ...]:
        """Return what is left as numbers of two bytes."""
        data = self.rest()
        return _remembered(data) if len(data) <= LONGEST_LIST else _numbers(data)

    def extensions(self) -> Iterator[tuple[int, int, int]]:
        """Walk what is left as extensions: type, start and end of the content (ABSENT where only the type is there).

        Content that runs over the end is cut off there.
        """
        data, end = self._data, self._end
        at = self._at
        while at + 4 <= end:
            start = at + 4
            kind, at = data[at] << 8 | data[at + 1], min(end, start + (data[at + 2] << 8 | data[at + 3]))
            yield kind, start, at
        if at + 2 <= end:
            yield data[at] << 8 | data[at + 1], end, ABSENT


def _numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"!{len(data) // 2}H", data)


_remembered = lru_cache(maxsize=256)(_numbers)
"""A client says the same in each of its hellos."""


def protocols(names: Vector) -> tuple[bytes, ...]:
    """Read ALPN names (RFC 7301 section 3.1)."""
    found = []
    while names:
        found.append(names.vector(1).rest())
    return tuple(found)
