"""The numbers of a comparison: every measure of every operation, before and after, and which of them really differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from analyzer.comparing.matching import Pair, Sample
from analyzer.comparing.statistics import (
    ALPHA,
    ALPHA_TOGETHER,
    LEAST,
    Interval,
    alike,
    as_table,
    exceeding,
    fisher,
    holm,
    mean_intervals,
    quantile_interval,
    rank_test,
    seed,
)
from analyzer.model.comparison import MEAN, QUANTILES, Difference, Matched
from analyzer.report.ledger import PHASES, percentile
from analyzer.units import MICROSECOND, DurationNs

MATTERS = 0.02
"""A difference below this share of the operation's mean is no difference that anybody acts on, however sure it is."""
LEAST_NS = 50 * MICROSECOND
"""Nor is one that shows as nothing."""
USUAL = 0.8
"""A phase that more of the calls have is one that calls have."""
LEAST_PAYING = 4
"""Calls with a phase on each side from which on their lengths are tested."""


if TYPE_CHECKING:
    from analyzer.comparing.statistics import Numbers


class Measured(NamedTuple):
    """The measures of one operation, and how probable each is by chance."""

    pair: Pair
    rows: list[Difference]
    chances: list[float | None]
    """Of the test that decides, for each row; None where nothing can be tested."""
    failed: float
    """Chance of shares of failed calls as different as these."""


def measure(pairs: Sequence[Pair]) -> tuple[list[Measured], int]:
    """Measure all pairs that both sides hold; return them with what really differs marked, and how many tests that took."""
    found = [_measured(pair) for pair in pairs if pair.matched and pair.before.rows and pair.after.rows]
    tests = 0
    for family, alpha in (
        ([one for one in found if one.pair.pooled], ALPHA_TOGETHER),
        ([one for one in found if not one.pair.pooled], ALPHA),
    ):
        tested = [(one, at, chance) for one in family for at, chance in enumerate(one.chances) if chance is not None]
        tests += len(tested)
        for (one, at, _), really in zip(tested, holm([chance for _, _, chance in tested], alpha), strict=True):
            if really and abs(one.rows[at].change_ns) >= _least(one) and not _undecided(one.rows[at]):
                one.rows[at] = one.rows[at]._replace(changed=True)
    return found, tests


def _undecided(row: Difference) -> bool:
    """Tell whether a mean may as well not have changed.

    Ranks alone would call it sure where all calls differ by next to nothing, and one by much: that a call failed and has no such phase.
    """
    return row.measure in PHASES and row.low_ns is not None and row.high_ns is not None and row.low_ns <= 0 <= row.high_ns


def _least(measured: Measured) -> DurationNs:
    mean = next(row for row in measured.rows if row.measure == MEAN)
    return max(LEAST_NS, round(MATTERS * min(mean.before_ns, mean.after_ns)))


def _measured(pair: Pair) -> Measured:
    before, after = pair.before, pair.after
    tables = (as_table([(row.total_ns, *row.spent) for row in before.rows]), as_table([(row.total_ns, *row.spent) for row in after.rows]))
    totals = (tables[0][:, 0], tables[1][:, 0])
    worth = (alike(totals[0]), alike(totals[1]))
    rows: list[Difference] = []
    chances: list[float | None] = []

    def add(name: str, was: float, now: float, interval: Interval | None, chance: float | None, alone: float | None = None) -> None:
        low, high, other = (round(interval.low), round(interval.high), interval.chance) if interval is not None else (None, None, alone)
        values = (round(was), round(now), round(now) - round(was))
        rows.append(Difference(pair.name, name, len(before.rows), len(after.rows), *values, low, high, other, False))
        chances.append(chance)

    ordered = [sorted(row.total_ns for row in side.rows) for side in (before, after)]
    for name in QUANTILES:
        percent = int(name[1:])
        beyond = None
        interval = quantile_interval(ordered[0], ordered[1], percent, worth, seed(pair.name, name))
        if name == "p50":
            chance: float | None = rank_test(totals[0], totals[1], worth)
        else:
            chance = interval.chance if interval is not None else None
            if interval is None and min(map(len, ordered)) >= LEAST:
                beyond = exceeding([row.total_ns for row in before.rows], [row.total_ns for row in after.rows], percent)
        add(name, percentile(ordered[0], percent), percentile(ordered[1], percent), interval, chance, beyond)
    # The whole, and the phases that any call has.
    used = [0, *(column for column in range(1, len(PHASES) + 1) if any(table[:, column].any() for table in tables))]
    tables = (tables[0][:, used], tables[1][:, used])
    intervals = mean_intervals(tables[0], tables[1], worth, seed(pair.name, MEAN))
    for column, interval in enumerate(intervals):
        was, now = (table[:, column] for table in tables)
        chance = None
        if column and was.sum() + now.sum() > max(MATTERS * (tables[0][:, 0].sum() + tables[1][:, 0].sum()), LEAST_NS):
            # Large enough to matter, both sides taken together, which does not depend on which call is on which side: what is not
            # tested costs the rest nothing.
            chance = _differ(was, now)
        add(PHASES[used[column] - 1] if column else MEAN, float(was.mean()), float(now.mean()), interval, chance)
    return Measured(pair, rows, chances, fisher(before.failed, before.calls, after.failed, after.calls))


def _differ(before: Numbers, after: Numbers) -> float:
    """Return how probable it is by chance that a phase differs so.

    A phase that few calls have (a pause before another attempt) is tested twice: in all calls, and how long it is where it is.
    """
    whole = rank_test(before, after, (alike(before), alike(after)))
    some = (before[before > 0], after[after > 0])
    if max(len(some[0]) / len(before), len(some[1]) / len(after)) > USUAL or min(map(len, some)) < LEAST_PAYING:
        return whole
    return min(1.0, 2 * min(whole, rank_test(some[0], some[1], (alike(some[0]), alike(some[1])))))


def matched_row(measured: Measured | None, pair: Pair) -> Matched:
    """Return the row of an operation that both sides hold."""
    before, after = pair.before, pair.after
    return Matched(
        operation=pair.name,
        calls_before=before.calls,
        calls_after=after.calls,
        cut_before=before.cut,
        cut_after=after.cut,
        failed_before=before.failed,
        failed_after=after.failed,
        opened_before=before.opened,
        opened_after=after.opened,
        total_before_ns=before.total_ns,
        total_after_ns=after.total_ns,
        verdict=judged(measured) if measured is not None else "few",
        beside=pair.beside,
        pooled=pair.pooled,
    )


def judged(measured: Measured) -> str:
    """Say in a word what became of an operation: faster, slower, changed, same, few."""
    by = {row.measure: row for row in measured.rows}
    for name in (*QUANTILES, MEAN):
        if by[name].changed:
            return "faster" if by[name].change_ns < 0 else "slower"
    if any(row.changed for row in measured.rows):
        return "changed"
    return "few" if min(len(measured.pair.before.rows), len(measured.pair.after.rows)) < LEAST else "same"


def identical(pairs: Sequence[Pair]) -> bool:
    """Tell whether both sides hold the very same calls: the same starts, lengths and phases."""

    def rows(sample: Sample) -> list[tuple[int, int, tuple[int, ...]]]:
        return [(row.start_ns, row.total_ns, row.spent) for row in sample.rows]

    return bool(pairs) and all(pair.before.calls == pair.after.calls and rows(pair.before) == rows(pair.after) for pair in pairs)
