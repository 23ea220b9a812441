"""A moving window over a byte source: whole records are used where they lie, and only one that straddles two reads is copied."""

from __future__ import annotations

from collections.abc import Callable

_CARRY = 64 * 1024
"""A longer rest is joined with what follows instead of carried."""
_LARGE = 1024 * 1024
"""From here on the window doubles when it must grow, so that no file can make it copy the same bytes again and again."""


class Window:
    """The bytes at hand. The cursor stands at the first byte of `carry`, or at `data[pos]` when nothing is carried."""

    __slots__ = ("_chunk", "_read", "carry", "data", "ended", "pos")

    def __init__(self, read: Callable[[int], bytes], chunk: int, head: bytes = b"") -> None:
        self._read = read
        self._chunk = chunk
        self.data = head
        self.pos = 0
        self.carry = b""
        self.ended = False

    @property
    def left(self) -> int:
        """Bytes at hand from the cursor on."""
        return len(self.carry) + len(self.data) - self.pos

    def record(self, size: int) -> tuple[bytes, int] | None:
        """Return a buffer and the offset in it where the next `size` bytes lie, without moving; None where the input ends before."""
        while self.left < size:
            if not self._grow(size):
                return None
        split = len(self.carry)
        if not split:
            return self.data, self.pos
        if size <= split:
            return self.carry, 0
        return self.carry + self.data[self.pos : self.pos + size - split], 0

    def advance(self, size: int) -> None:
        """Move the cursor over `size` bytes that are at hand."""
        split = len(self.carry)
        if size < split:
            self.carry = self.carry[size:]
        else:
            self.pos += size - split
            self.carry = b""

    def join(self) -> None:
        """Make everything at hand lie in `data`."""
        if self.carry:
            self.data = self.carry + self.data[self.pos :]
            self.pos = 0
            self.carry = b""

    def more(self) -> bool:
        """Read on and make everything at hand lie in `data`; false at the end of the input."""
        grown = self._grow(self.left + 1)
        self.join()
        return grown

    def _grow(self, size: int) -> bool:
        if self.ended:
            return False
        rest = self.data[self.pos :]
        if not self.carry and len(rest) <= _CARRY:
            chunk = self._read(self._chunk)
            if not chunk:
                self.ended = True
                return False
            self.carry, self.data, self.pos = rest, chunk, 0
            return True
        parts = [self.carry, rest]
        have = self.left
        want = max(size, 2 * have) if have > _LARGE else size
        before = have
        while have < want:
            chunk = self._read(self._chunk)
            if not chunk:
                self.ended = True
                break
            parts.append(chunk)
            have += len(chunk)
        self.data, self.pos, self.carry = b"".join(parts), 0, b""
        return have > before
