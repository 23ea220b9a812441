"""Chunked transfer coding (RFC 9112 section 7.1)."""

from __future__ import annotations

from typing import Final

LONGEST_LINE: Final = 4096
"""A chunk-size line with its extensions, or a trailer field, may be this long."""
HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class Chunks:
    """Follows the chunks of one body: which bytes are data, and where the body ends."""

    __slots__ = ("_line", "_trailers", "bad", "data_left", "done", "separator")

    def __init__(self) -> None:
        self._line = b""
        self._trailers = False
        self.data_left = 0
        """Bytes of data until the end of the chunk under way."""
        self.separator = False
        """Whether the line break behind a chunk's data is due."""
        self.done = False
        self.bad = False
        """Whether the framing was violated."""

    def line(self, data: bytes, start: int, end: int) -> int:
        """Read (a part of) a chunk-size line, line break or trailer; return where reading goes on."""
        stop = data.find(b"\n", start, min(end, start + LONGEST_LINE))
        if stop < 0:
            self._line += data[start:end]
            self.bad = len(self._line) >= LONGEST_LINE
            return end
        line = (self._line + data[start:stop]).rstrip(b"\r")
        self._line = b""
        if len(line) > LONGEST_LINE:
            self.bad = True
        elif self._trailers:
            self.done = not line
        elif self.separator:
            self.separator = False
            self.bad = bool(line)
        else:
            size = line.partition(b";")[0].strip()
            if not size or len(size.lstrip(b"0")) > 15 or not HEX.issuperset(size):
                self.bad = True
                return stop + 1
            self.data_left = int(size, 16)
            self._trailers = self.data_left == 0
            self.separator = self.data_left > 0
        return stop + 1
