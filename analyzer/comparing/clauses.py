"""Parts of sentences: what is gone from which share of the calls, what takes how long instead, and that nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low
from typing import NamedTuple

from analyzer.comparing.matching import Pair
from analyzer.comparing.measuring import LEAST_NS, Measured
from analyzer.comparing.statistics import LEAST
from analyzer.model.comparison import MEAN, Difference
from analyzer.report.ledger import PHASES
from analyzer.report.sentences import plural
from analyzer.units import DurationNs, duration, percent

UNLIKE = 3
"""Calls of which one spent this many times what the usual one did have no usual."""
LOOSE = 0.3
"""An interval that reaches further, as a part of what was before, does not show that nothing changed."""
FEW = 20
"""Below this number of calls a share is said as a count."""
WORDS = {
    "credentials": "waiting for credentials",
    "client": "the program's own time",
    "network": "network",
    "stall": "repairing losses",
    "wait": "waiting",
    "failed": "failed attempts",
    "backoff": "pauses before another attempt",
    "receive": "receiving",
    "send": "sending",
    "unexplained": "unexplained time",
}
"""Phases in words, where their name does not read in a sentence."""


TAKING = {"server": "the server", "network": "the network"}
"""Those that take time by themselves."""
PLURAL = frozenset({"failed", "backoff"})


class Moved(NamedTuple):
    """Phases that got shorter, or longer, together."""

    phases: tuple[str, ...]
    fell: bool
    cause: str | None


class Paid(NamedTuple):
    """How many calls spent time in some phases, and how much the usual one of them."""

    calls: int
    of: int
    usual_ns: DurationNs
    total_ns: DurationNs
    most_ns: DurationNs

    @property
    def amount(self) -> str:
        """Write how much a call spent: the usual one, or all together where few calls differ much."""
        if self.calls > 1 and self.most_ns > UNLIKE * self.usual_ns and self.calls < LEAST:
            return f"{duration(self.total_ns)} in all"
        return duration(self.usual_ns)

    @property
    def share(self) -> float:
        """Return the share of the calls."""
        return self.calls / self.of if self.of else 0.0


def paid(pairs: Sequence[Pair], side: str, phases: Sequence[str]) -> Paid:
    """Count the calls that spent time in some phases."""
    indexes = [PHASES.index(phase) for phase in phases]
    spent = [sum(row.spent[index] for index in indexes) for pair in pairs for row in getattr(pair, side).rows]
    some = [value for value in spent if value > LEAST_NS]
    return Paid(len(some), len(spent), median_low(some) if some else 0, sum(some), max(some, default=0))


def clause(moved: Moved, pairs: Sequence[Pair], noun: str) -> str:
    """Say what moved: why, how much, in which share of the calls."""
    was, now = paid(pairs, "before", moved.phases), paid(pairs, "after", moved.phases)
    more, less = (was, now) if moved.fell else (now, was)
    what = listing([WORDS.get(phase, phase) for phase in moved.phases])
    if more.share - less.share >= more.share / 2:
        where = _share(more, less, noun)
        if moved.cause is None:
            return f"{more.amount} of {what} {'are gone from' if moved.fell else 'came to'} {where}"
        return f"{moved.cause}, which {'removed' if moved.fell else 'adds'} {more.amount} of {what} {_onto(moved.fell)} {where}"
    what = listing([TAKING.get(phase) or WORDS.get(phase, phase) for phase in moved.phases])
    verb = "takes" if len(moved.phases) == 1 and moved.phases[0] not in PLURAL else "take"
    long = _instead(moved, pairs, was, now)
    where = "" if min(was.share, now.share) > 0.9 or long.endswith("average") else f" in {_of(now, noun)}"
    text = f"{what} {verb} {long}{where}"
    return f"{moved.cause}, {text}" if moved.cause is not None else text


def _onto(fell: bool) -> str:
    return "from" if fell else "to"


def _instead(moved: Moved, pairs: Sequence[Pair], was: Paid, now: Paid) -> str:
    """Say how long phases take and took: the usual call, or the mean where the usual one does not show it."""
    if (now.usual_ns < was.usual_ns) == moved.fell and abs(now.usual_ns - was.usual_ns) > LEAST_NS:
        return f"{duration(now.usual_ns)} instead of {duration(was.usual_ns)}"
    means = []
    for side in ("before", "after"):
        rows = [row for pair in pairs for row in getattr(pair, side).rows]
        means.append(sum(row.spent[PHASES.index(phase)] for row in rows for phase in moved.phases) // max(1, len(rows)))
    return f"{duration(means[1])} instead of {duration(means[0])} on average"


def _share(more: Paid, less: Paid, noun: str) -> str:
    if more.of < FEW:
        return f"{max(1, round((more.share - less.share) * more.of))} of {plural(more.of, noun)}"
    return f"{percent(more.share - less.share)} of the {noun}s"


def _of(now: Paid, noun: str) -> str:
    return f"{now.calls} of {plural(now.of, noun)}" if now.of < FEW else f"{percent(now.share)} of the {noun}s"


def listing(words: Sequence[str]) -> str:
    """Write words as a list: `dns, connect and tls`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def names(words: Sequence[str], most: int) -> str:
    """Write names as a list, of many the first."""
    if len(words) <= most:
        return listing(words)
    return f"{', '.join(words[:most])} and {len(words) - most} more"


def without_change(rest: Sequence[Measured], noun: str, *, alone: bool) -> str:
    """Say of operations that they did not change, or that there are too few calls to tell; `alone` where there are no others."""
    enough = [one for one in rest if min(len(one.pair.before.rows), len(one.pair.after.rows)) >= LEAST]
    if not enough:
        listed = [f"{one.pair.name} {_values(one.rows[0])}" for one in rest[:3]]
        numbers = [len(side.rows) for one in rest for side in (one.pair.before, one.pair.after)]
        if max(abs(one.rows[0].change_ns) for one in rest) == 0:
            return f"No difference: p50 {'; '.join(listed)}."
        what = f"fewer than {LEAST} {noun}s of an operation" if max(numbers) < LEAST else f"fewer than {LEAST} {noun}s on one side"
        if not alone:
            return f"Too few calls to tell of the rest: p50 {'; '.join(listed)}."
        return f"No difference can be told from {what}: p50 {'; '.join(listed)}."
    listed = [_within(one.rows[0], one.pair.name if len(rest) > 1 or not alone else "") for one in enough[:3]]
    more = f"; and {plural(len(rest) - len(listed), 'other operation')}" if len(rest) > len(listed) else ""
    means = [row for one in enough for row in one.rows if row.measure == MEAN and _off(row)]
    told = " can be told for sure" if means or all(map(_loose, (one.rows[0] for one in enough))) else ""
    text = f"{'No difference' if alone else 'Otherwise no difference'}{told}: p50 {'; '.join(listed)}{more}"
    if not means:
        return f"{text}."
    row = max(means, key=lambda row: abs(row.change_ns))
    ends = sorted((abs(row.low_ns or 0), abs(row.high_ns or 0)))
    how = f"{duration(ends[0])} to {duration(ends[1])} {'more' if row.change_ns > 0 else 'less'}"
    if (row.low_ns or 0) * (row.high_ns or 0) <= 0:
        how = "of few calls, which may be chance"
    return f"{text}; but the mean is {duration(row.after_ns)} instead of {duration(row.before_ns)} ({how})."


def _off(row: Difference) -> bool:
    """Tell whether a mean, by itself, is so far from what it was that it must be named, sure or not."""
    return row.low_ns is not None and abs(row.change_ns) > LOOSE * min(row.before_ns, row.after_ns)


def _loose(row: Difference) -> bool:
    """Tell whether the interval is so wide that a change that matters could lie in it."""
    return row.low_ns is not None and row.high_ns is not None and max(-row.low_ns, row.high_ns) > LOOSE * row.before_ns


def _values(row: Difference) -> str:
    return f"{duration(row.before_ns)} and {duration(row.after_ns)}"


def _within(row: Difference, name: str) -> str:
    text = f"{name} {_values(row)}".strip()
    if row.low_ns is None or row.high_ns is None:
        return text
    return f"{text}, within ±{duration(max(abs(row.low_ns), abs(row.high_ns)))}"
