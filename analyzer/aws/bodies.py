"""Marks of request bodies: two requests with the same mark carried the same, as far as their bodies were looked at.

They serve to find the retry of a request that bears no invocation id, and nothing else: a mark is a checksum and a size, kept in memory
while a capture is read, and never a column, a text or an output. Only the window of a body that is read anyway is summed up (the first
1 KB, of Go's 4 KB), so that nothing is touched for its sake; the size of the whole body is part of the mark.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Mapping

from analyzer.model.http import Request, RequestWindow

UNKNOWN = 0
"""No body, or one of which the capture lacks a part that would have counted."""
LONGEST_LENGTH = 15
"""Digits of a Content-Length."""
_SIZES = 1 << 32


MOST_MARKS = 1 << 23
"""Exchanges whose marks are kept, 64 MB of them; of a longer pass the latest."""


class Bodies:
    """The marks of requests by the id of their exchange, eight bytes each."""

    def __init__(self, most: int = MOST_MARKS) -> None:
        self._marks = array("Q")
        self._first = 0
        """The exchange of the first mark."""
        self._most = most

    @classmethod
    def made_of(cls, marks: Mapping[int, int]) -> Bodies:
        """Return the marks of exchanges, put together from several passes."""
        made = cls()
        size = min(max(marks, default=-1) + 1, made._most)
        made._marks.frombytes(bytes(size * made._marks.itemsize))
        for exchange_id, found in marks.items():
            if exchange_id < size:
                made._marks[exchange_id] = found
        return made

    def by_exchange(self) -> dict[int, int]:
        """Return the marks that are kept, by exchange."""
        return {at + self._first: found for at, found in enumerate(self._marks) if found != UNKNOWN}

    def note(self, exchange_id: int, request: Request, window: RequestWindow) -> None:
        """Keep the mark of a request; `window` tells how many bytes of its body were asked for."""
        found = mark(request, window)
        if found == UNKNOWN:
            return
        marks = self._marks
        at = exchange_id - self._first
        if at >= self._most:
            drop = max(at - self._most // 2, 0)
            del marks[:drop]
            self._first += drop
            at -= drop
        if at < 0:
            return
        missing = at + 1 - len(marks)
        if missing > 0:
            marks.frombytes(bytes(missing * marks.itemsize))
        marks[at] = found

    def of(self, exchange_id: int) -> int:
        """Return the mark of the request of an exchange, `UNKNOWN` where there is none."""
        at = exchange_id - self._first
        return self._marks[at] if 0 <= at < len(self._marks) else UNKNOWN


def mark(request: Request, window: RequestWindow) -> int:
    """Return the mark of a request's body, never 0 but for `UNKNOWN`."""
    length = request.fields.get(b"content-length", b"")
    if not length.isdigit() or len(length) > LONGEST_LENGTH:
        return UNKNOWN
    size = int(length)
    seen = len(request.body)
    if not size or (seen < size and (not seen or seen < window(request.method, request.target, request.fields))):
        return UNKNOWN
    return (size % _SIZES) * _SIZES + zlib.crc32(request.body) or UNKNOWN
