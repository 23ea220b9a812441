"""What the verdict says besides: that the two did not do the same, what failed, and findings that may have come by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from analyzer.comparing.causes import CAUSES
from analyzer.comparing.clauses import listing
from analyzer.comparing.matching import Pairs
from analyzer.comparing.measuring import Measured
from analyzer.model.comparison import FindingChange, Unmatched
from analyzer.report.sentences import plural
from analyzer.units import count, duration, percent

MOST_NAMES = 3
NOUNS = {"call": "service call", "dialogue": "dialogue with a credential endpoint", "request": "request"}
WEIGHTY = 0.1
"""A finding with less of all call time explains no operation by itself."""
FAILED = 0.01
"""Chance below which the share of failed calls is said to have changed."""


def work(pairs: Pairs, unmatched: Sequence[Unmatched]) -> str | None:
    """Say that the two did not do the same, where they did not, and what all of it took."""
    if not unmatched:
        return None
    sides = []
    for side in ("before", "after"):
        alone = [row for row in unmatched if row.side == side]
        if alone:
            told = [f"{row.operation} ({plural(row.calls, pairs.noun)}, {duration(row.total_ns)})" for row in alone[:MOST_NAMES]]
            sides.append(f"only {side}: {listing(told)}" + (f" and {len(alone) - MOST_NAMES} more" if len(alone) > MOST_NAMES else ""))
    own = pairs.own()
    number, total = (
        [sum(getattr(getattr(pair, side), what) for pair in own) for side in ("before", "after")] for what in ("calls", "total_ns")
    )
    if not all(number):
        there = [row for row in unmatched if row.side == ("before" if number[0] else "after")]
        names = listing([f"{row.operation} ({plural(row.calls, pairs.noun)}, {duration(row.total_ns)})" for row in there[:MOST_NAMES]])
        return f"There is no {NOUNS[pairs.noun]} {'now; before there were' if number[0] else 'before; now there are'}: {names}."
    all_of = f"all {plural(number[0], pairs.noun)} took {duration(total[0])} before, all {count(number[1])} take {duration(total[1])} now"
    return f"The two did not do the same ({'; '.join(sides)}): {all_of}."


def failures(pairs: Pairs, measured: Sequence[Measured]) -> Iterator[str]:
    """Yield how many calls failed, where that changed."""
    for one in measured:
        was, now = one.pair.before, one.pair.after
        if one.failed < FAILED or (was.failed == was.calls) != (now.failed == now.calls):
            yield f"Failed {one.pair.name} {pairs.noun}s: {was.failed} of {was.calls} before, {now.failed} of {now.calls} now."


def perhaps(changes: Sequence[FindingChange], named: AbstractSet[str]) -> Iterator[str]:
    """Yield findings of weight that came, went or changed, unless their phases or words are in `named`: those are explained already."""
    for row in changes:
        if row.what not in ("gone", "new", "changed") or row.severity == "info" or not max(row.before_ns, row.after_ns):
            continue
        cause = CAUSES.get(row.code)
        share = max((one for one in (row.before_share, row.after_share) if one is not None), default=1.0)
        if share < WEIGHTY or (cause is not None and named & {*cause.phases, cause.gone, cause.new}):
            continue
        shares = [f" ({percent(share)} of all call time)" if share else "" for share in (row.before_share, row.after_share)]
        costs = [f"{duration(cost)}{share}" for cost, share in zip((row.before_ns, row.after_ns), shares, strict=True)]
        told = f"{costs[0]} before, {costs[1]} now" if row.what == "changed" else f"only {'before' if row.what == 'gone' else 'now'}, "
        told += "" if row.what == "changed" else costs[0 if row.what == "gone" else 1]
        yield f"{row.title}: {told}{'' if cause is not None and cause.certain else '; that may be chance'}."
