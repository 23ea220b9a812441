"""Lanes for what overlaps: slices of one track must nest, so that what runs beside another gets a lane of its own."""

from __future__ import annotations

from heapq import heappop, heappush

from analyzer.units import TimeNs


class Lanes:
    """Gives each interval, in order of their starts, the first lane that is free; a lane is free again when its interval has ended."""

    def __init__(self) -> None:
        self.count = 0
        self._busy: list[tuple[TimeNs, int]] = []
        self._free: list[int] = []

    def take(self, start: TimeNs, end: TimeNs) -> int:
        """Return the lane of an interval. Starts must not go backwards."""
        while self._busy and self._busy[0][0] <= start:
            heappush(self._free, heappop(self._busy)[1])
        if self._free:
            lane = heappop(self._free)
        else:
            lane, self.count = self.count, self.count + 1
        # What has no length still takes its moment: two of them on one lane would be drawn on each other.
        heappush(self._busy, (max(end, start + 1), lane))
        return lane
