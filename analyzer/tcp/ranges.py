"""Sets of byte ranges: which parts of a byte stream are known, or missing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

MOST_RANGES: Final = 16_384
"""Ranges of one set: with more, putting one in the middle would cost too much (a hostile capture has as many as packets)."""


class RangeSet:
    """Half-open ranges of integers, kept sorted and disjoint; touching ranges are joined.

    A set of `MOST_RANGES` ranges counts further ones and does not remember where they are.
    """

    __slots__ = ("_ends", "_starts", "total")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.total = 0
        """How many integers are in the set."""

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __iter__(self) -> zip[tuple[int, int]]:
        return zip(self._starts, self._ends, strict=True)

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: int, end: int) -> None:
        """Add `start` to `end` (exclusive)."""
        if end <= start:
            return
        low = bisect_left(self._ends, start)
        high = bisect_right(self._starts, end)
        gone = 0
        if low == high and len(self._starts) >= MOST_RANGES:
            self.total += end - start
            return
        if low < high:
            gone = sum(e - s for s, e in zip(self._starts[low:high], self._ends[low:high], strict=True))
            start = min(start, self._starts[low])
            end = max(end, self._ends[high - 1])
        self._starts[low:high] = [start]
        self._ends[low:high] = [end]
        self.total += end - start - gone

    def remove(self, start: int, end: int) -> None:
        """Take `start` to `end` (exclusive) out."""
        if end <= start:
            return
        low = bisect_right(self._ends, start)
        high = bisect_left(self._starts, end)
        if low >= high:
            return
        pairs = list(zip(self._starts[low:high], self._ends[low:high], strict=True))
        gone = sum(min(e, end) - max(s, start) for s, e in pairs)
        rest = [(s, e) for s, e in ((pairs[0][0], start), (end, pairs[-1][1])) if s < e]
        if len(rest) > high - low and len(self._starts) >= MOST_RANGES:
            rest = [max(rest, key=lambda part: part[1] - part[0])]
        self._starts[low:high] = [s for s, _ in rest]
        self._ends[low:high] = [e for _, e in rest]
        self.total -= gone

    def missing(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the parts of `start` to `end` (exclusive) that are not in the set, in order."""
        out = []
        low = bisect_right(self._ends, start)
        high = bisect_left(self._starts, end)
        at = start
        for begin, stop in zip(self._starts[low:high], self._ends[low:high], strict=True):
            if at < begin:
                out.append((at, begin))
            at = stop
        if at < end:
            out.append((at, end))
        return out
