"""What the plots over time and rank show, computed once for the report page and for plots."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import add
from typing import Any, NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.pool import Pool, PoolChange
from analyzer.report.ledger import PHASES, Ledger, Spent
from analyzer.units import DurationNs, TimeNs

SLICES = 50
"""Steps of a profile: 2 % of the rows each."""
MOST_STEPS = 1_500
"""Points of a curve over time; of more, the highest in each of that many equal parts of the time is kept."""
MOST_POOLS = 12
"""Pools that get a curve of their own."""


class Slice(NamedTuple):
    """Some rows that took about the same time."""

    first: int
    """Rank of the first of them, from 0 for the fastest row."""
    rows: int
    total_ns: float
    """Mean."""
    spent: tuple[float, ...]
    """Mean time in each of PHASES; together they are `total_ns`."""


def profile(ledger: Ledger[Any], rows: Sequence[Any], slices: int = SLICES) -> list[Slice]:
    """Return rows from fastest to slowest in equal slices, each with the mean of its phases: what slow ones have that fast ones have not.

    The last slice is halved again and again down to a single row: the tail is where the question is.
    """
    ordered = sorted(rows, key=lambda row: (ledger.total(row), ledger.number(row)))
    edges = sorted({len(ordered) * number // slices for number in range(slices + 1)})
    if len(edges) < 2:
        return []
    start, end = edges[-2], edges[-1]
    while end - start > 1:
        start += -(-(end - start) // 2)
        edges.insert(-1, start)
    return [_slice(ledger, ordered, first, last) for first, last in pairwise(edges)]


def _slice(ledger: Ledger[Any], ordered: Sequence[Any], first: int, last: int) -> Slice:
    size = last - first
    sums: Spent = (0,) * len(PHASES)
    total = 0
    for row in ordered[first:last]:
        sums = tuple(map(add, sums, ledger.spent(row)))
        total += ledger.total(row)
    return Slice(first, size, total / size, tuple(spent / size for spent in sums))


class PoolCurve(NamedTuple):
    """The connections between one client and one server over time."""

    pool: Pool
    name: str
    """Not made safe yet."""
    times_ns: list[TimeNs]
    open: list[int]
    """Connections open from each time on."""
    busy: list[int]
    """Those of them with a request outstanding."""
    binned_ns: DurationNs
    """Zero where each change is kept; else the length of the parts of which the highest values are kept."""


def pool_curves(analysis: Analysis) -> list[PoolCurve]:
    """Return open and busy connections over time for the most used pools; none for an answer that was made without pools."""
    if analysis.pooled is None:
        return []
    table = analysis.pool()
    several = len({pool.client_address for pool in table}) > 1
    steps: dict[tuple[str, str, int], list[PoolChange]] = {}
    for change in table.changes:
        steps.setdefault((change.client_address, change.server, change.server_port), []).append(change)
    end = analysis.capture.last_ns or 0
    made = []
    for pool in table[:MOST_POOLS]:
        changes = steps.get((pool.client_address, pool.server, pool.server_port), [])
        if changes:
            server = f"{pool.server}:{pool.server_port}"
            made.append(_curve(pool, f"{pool.client_address} -> {server}" if several else server, changes, end))
    return made


def _curve(pool: Pool, name: str, changes: list[PoolChange], end: TimeNs) -> PoolCurve:
    times, opens, busies = [row.time_ns for row in changes], [row.open for row in changes], [row.busy for row in changes]
    if len(times) <= MOST_STEPS:
        return PoolCurve(pool, name, times, opens, busies, 0)
    return PoolCurve(pool, name, *_highest(times, opens, busies, end))


def _highest(
    times: Sequence[TimeNs], opens: Sequence[int], busies: Sequence[int], end: TimeNs
) -> tuple[list[TimeNs], list[int], list[int], DurationNs]:
    """Keep the highest values in each of MOST_STEPS equal parts of the time; what was so before a part holds at its beginning."""
    start = times[0]
    length = max(1, -(-(max(end, times[-1]) - start + 1) // MOST_STEPS))
    kept: list[TimeNs] = []
    kept_open: list[int] = []
    kept_busy: list[int] = []
    at, last_open, last_busy = 0, 0, 0
    for number in range(MOST_STEPS):
        limit = start + (number + 1) * length
        high_open, high_busy = last_open, last_busy
        while at < len(times) and times[at] < limit:
            last_open, last_busy = opens[at], busies[at]
            high_open, high_busy = max(high_open, last_open), max(high_busy, last_busy)
            at += 1
        kept.append(start + number * length)
        kept_open.append(high_open)
        kept_busy.append(high_busy)
    kept.append(start + MOST_STEPS * length)
    kept_open.append(last_open)
    kept_busy.append(last_busy)
    return kept, kept_open, kept_busy, length
