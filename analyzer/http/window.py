"""Windows of a body: its first and last bytes, decoded, and nothing between."""

from __future__ import annotations

import zlib

LARGEST_STEP = 65_536
"""Bytes that are inflated at a time: a small body cannot become a large one at once."""
MOST_INFLATED = 64 << 20
"""Inflated bytes of one body that are looked at; the rest of an answer that large is not."""


class Window:
    """Keeps the first `head` and the last `tail` bytes of what it is fed."""

    __slots__ = ("_first", "_head", "_inflate", "_inflated", "_last", "_seen", "_tail", "broken")

    def __init__(self, head: int, tail: int, *, gzip: bool = False) -> None:
        self._head, self._tail = head, tail
        self._first = b""
        self._last = b""
        self._seen = 0
        self._inflate = zlib.decompressobj(47) if gzip else None
        self._inflated = 0
        self.broken = False
        """Whether decoding had to stop."""

    @property
    def streams(self) -> bool:
        """Whether every byte must be fed (a compressed body)."""
        return self._inflate is not None and not self.broken

    @property
    def wants_head(self) -> bool:
        """Whether the first window is not full yet."""
        return len(self._first) < self._head

    @property
    def tail(self) -> int:
        """How many of the last bytes are wanted."""
        return self._tail

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body, as they were on the wire."""
        if self._inflate is None:
            self._take(data)
            return
        if self.broken:
            return
        try:
            while data and not self._inflate.eof:
                self._take(out := self._inflate.decompress(data, LARGEST_STEP))
                self._inflated += len(out)
                data = self._inflate.unconsumed_tail
                if self._inflated > MOST_INFLATED:
                    self.broken = True
                    return
        except zlib.error:
            self.broken = True

    def skip(self, size: int) -> None:
        """Learn that `size` bytes follow that nobody looked at, or that the capture lacks."""
        self._seen += size
        self._last = b""
        self._head = len(self._first)
        if self._inflate is not None:
            self.broken = True

    def _take(self, data: bytes) -> None:
        self._seen += len(data)
        if len(self._first) < self._head:
            self._first += data[: self._head - len(self._first)]
        if self._tail:
            self._last = (self._last + data)[-self._tail :] if len(data) < self._tail else data[-self._tail :]

    def result(self, ended: bool) -> tuple[bytes, bytes, bool]:
        """Return the first bytes, the last bytes (none unless the body `ended`), and whether the first are the whole body."""
        whole = ended and not self.broken and self._seen == len(self._first)
        return self._first, self._last if ended and not self.broken else b"", whole
