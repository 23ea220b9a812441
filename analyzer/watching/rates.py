"""How often and how fast, by operation: counts, errors and percentiles over all that was seen, in little memory.

Durations go into buckets that are 1/32 of their power of two wide, so that a percentile is right within 3.2 %, however many there were.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.model.rows import Call
from analyzer.units import SECOND, DurationNs

STEPS = 5
"""Bits of a duration below its highest that tell its bucket: 32 buckets for each power of two."""
RATE_OVER_NS: DurationNs = 10 * SECOND
"""The rate is that of the last seconds."""
MOST_OPERATIONS = 500
"""Operations told apart; more (a hostile X-Amz-Target) are counted as one."""
OTHER = ("other", None)


class Histogram:
    """Counts of durations."""

    __slots__ = ("buckets", "count", "largest", "total_ns")

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()
        self.count = 0
        self.total_ns: DurationNs = 0
        self.largest: DurationNs = 0

    def add(self, value: DurationNs) -> None:
        """Count a duration; below zero counts as zero."""
        value = max(0, value)
        self.buckets[_bucket(value)] += 1
        self.count += 1
        self.total_ns += value
        self.largest = max(self.largest, value)

    def percentile(self, share: float) -> DurationNs | None:
        """Return the duration below which `share` (0 to 1) of those counted lie, within 3.2 %; None where there are none."""
        if not self.count:
            return None
        wanted = max(1, -int(-share * self.count // 1))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return min(_middle(bucket), self.largest)
        return self.largest


class Rate(NamedTuple):
    """One operation as the view shows it."""

    service: str | None
    operation: str | None
    calls: int
    failed: int
    """Calls that ended with an error."""
    per_second: float
    """Over the last 10 s."""
    p50_ns: DurationNs | None
    p95_ns: DurationNs | None
    p99_ns: DurationNs | None
    largest_ns: DurationNs
    """Percentiles leave out calls whose start or end was not seen."""
    retried: int
    """Attempts beyond the first."""
    reused: int
    """Calls that paid for no connection."""


class _Operation:
    __slots__ = ("calls", "failed", "histogram", "recent", "retried", "reused")

    def __init__(self) -> None:
        self.calls = self.failed = self.retried = self.reused = 0
        self.histogram = Histogram()
        self.recent: deque[list[int]] = deque()
        """Pairs of second and calls in it."""


class Rates:
    """Counts every call that is final."""

    def __init__(self) -> None:
        self._operations: dict[tuple[str | None, str | None], _Operation] = {}

    def add(self, call: Call, elapsed: DurationNs) -> None:
        """Count a call."""
        key = (call.service, call.operation)
        known = self._operations.get(key)
        if known is None:
            if len(self._operations) >= MOST_OPERATIONS:
                key = OTHER
            known = self._operations.setdefault(key, _Operation())
        known.calls += 1
        known.failed += call.ok is False
        known.retried += max(0, call.attempts - 1)
        known.reused += call.reused
        if call.truncated is None:
            known.histogram.add(call.duration_ns)
        second = elapsed // SECOND
        if known.recent and known.recent[-1][0] == second:
            known.recent[-1][1] += 1
        else:
            known.recent.append([second, 1])

    def rows(self, elapsed: DurationNs) -> Iterator[Rate]:
        """Yield the operations, the most frequent first."""
        oldest = (elapsed - RATE_OVER_NS) // SECOND
        passed = max(1.0, min(elapsed, RATE_OVER_NS) / SECOND)
        for (service, operation), one in sorted(self._operations.items(), key=lambda item: -item[1].calls):
            while one.recent and one.recent[0][0] < oldest:
                one.recent.popleft()
            histogram = one.histogram
            p50, p95, p99 = (histogram.percentile(share) for share in (0.5, 0.95, 0.99))
            rate = sum(number for _, number in one.recent) / passed
            yield Rate(service, operation, one.calls, one.failed, rate, p50, p95, p99, histogram.largest, one.retried, one.reused)


def _bucket(value: DurationNs) -> int:
    high = value.bit_length() - STEPS - 1
    return value if high <= 0 else (high << STEPS) + (value >> high)


def _middle(bucket: int) -> DurationNs:
    high = (bucket >> STEPS) - 1
    if high <= 0:
        return bucket
    low = ((bucket & ((1 << STEPS) - 1)) | (1 << STEPS)) << high
    return low + (1 << high >> 1)
