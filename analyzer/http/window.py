"""Windows of a body: its first and last bytes, decoded, and nothing between."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

LARGEST_STEP: Final = 65_536
"""Bytes that are inflated at a time: a small body cannot become a large one at once."""
MOST_INFLATED: Final = 16 << 20
"""Inflated bytes of one body that are looked at: more than a page of Query or Scan (1 MB of data) makes in JSON."""
GZIP: Final = 15 + 32
"""The largest window; gzip or zlib, whichever it is."""


class Window:
    """Keeps the first `head` and the last `tail` bytes of what it is fed."""

    __slots__ = ("_first", "_head", "_inflate", "_inflated", "_last", "_seen", "_tail", "broken")

    def __init__(self, head: int, tail: int, *, gzip: bool = False) -> None:
        self._head, self._tail = head, tail
        self._first = b""
        self._last = b""
        self._seen = 0
        self._inflate = zlib.decompressobj(GZIP) if gzip else None
        self._inflated = 0
        self.broken = False
        """Whether decoding had to stop."""

    @property
    def hungry(self) -> bool:
        """Whether the very next byte is wanted: the first window is not full yet, or the body is compressed."""
        return not self.broken and (self._inflate is not None or len(self._first) < self._head)

    @property
    def tail(self) -> int:
        """How many of the last bytes are wanted."""
        return 0 if self.broken else self._tail

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
        if size <= 0:
            return
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
        if not ended or self.broken or (self._inflate is not None and not self._inflate.eof):
            return self._first, b"", False
        return self._first, self._last, self._seen == len(self._first)


class FirstByte(Window):
    """A window of `head` bytes that tells when the body begins, also where none of it is wanted."""

    __slots__ = ("_begun", "_wanted")

    def __init__(self, head: int, begun: Callable[[], None]) -> None:
        super().__init__(max(head, 1), 0)
        self._wanted = head
        self._begun: Callable[[], None] | None = begun

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; see `Window.feed`."""
        begun, self._begun = self._begun, None
        if begun is not None and data:
            begun()
        super().feed(data)

    def skip(self, size: int) -> None:
        """Learn that bytes were lost: the first is no longer to be seen."""
        self._begun = None
        super().skip(size)

    def result(self, ended: bool) -> tuple[bytes, bytes, bool]:
        """Return what was wanted; see `Window.result`."""
        first, _, _ = super().result(ended)
        return first[: self._wanted], b"", False
