"""What a fuzz target is, and the cursor by which the structured ones read their input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.fuzz.source import Source

LONGEST = 4096
"""Bytes of an input unless a target says otherwise: enough for every structure, short enough to be fast."""


def _nothing(source: Source) -> Iterable[bytes]:
    return ()


class Target(NamedTuple):
    """A parser as the fuzzers see it: bytes in, nothing out. What it raises beside `raises` is a bug, a failed assert too."""

    name: str
    run: Callable[[bytes], None]
    modules: tuple[str, ...]
    """The modules that it is to cover, as dotted names; one that ends with a dot stands for all below it."""
    seeds: Callable[[], Iterable[bytes]]
    """Made-up inputs to begin with."""
    raises: tuple[type[Exception], ...] = ()
    harvest: Callable[[Source], Iterable[bytes]] = _nothing
    """Takes inputs out of a real capture."""
    longest: int = LONGEST

    def __call__(self, data: bytes) -> None:
        """Run the parser on an input. Raises AssertionError, or whatever the parser should not have raised."""
        try:
            self.run(data)
        except self.raises:
            pass


class Cursor:
    """Reads numbers and pieces off an input; behind its end there are zeros, so that every input means something."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        """Return the next byte."""
        at, self._at = self._at, self._at + 1
        return self._data[at] if at < len(self._data) else 0

    def short(self) -> int:
        """Return the next two bytes as a number."""
        return self.byte() << 8 | self.byte()

    def signed(self) -> int:
        """Return the next byte as a number from -128 to 127."""
        return (self.byte() ^ 0x80) - 0x80

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end."""
        at, self._at = self._at, min(self._at + size, len(self._data))
        return self._data[at : self._at]

    def rest(self) -> bytes:
        """Return what is left."""
        return self.take(len(self._data))


def said(*parts: tuple[int, bytes]) -> bytes:
    """Write what `pieces` reads: a tag and a piece each."""
    return b"".join(bytes((tag,)) + len(piece).to_bytes(2, "big") + piece for tag, piece in parts)


def pieces(cursor: Cursor, most: int = 200) -> list[tuple[int, bytes]]:
    """Read tagged pieces until the input ends: a tag, a length of two bytes, the piece."""
    found: list[tuple[int, bytes]] = []
    while cursor and len(found) < most:
        tag = cursor.byte()
        found.append((tag, cursor.take(cursor.short())))
    return found
