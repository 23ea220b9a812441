"""The answer in sentences: what got faster or slower, by which phases, in which share of the calls, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from analyzer.comparing.causes import CAUSES, CLASSES, CREDENTIALS, RETRY, SET_UP, cause_of
from analyzer.comparing.clauses import Moved, clause, names, without_change
from analyzer.comparing.conditions import Conditions
from analyzer.comparing.matching import Pair, Pairs
from analyzer.comparing.measuring import LEAST_NS, MATTERS, Measured, judged
from analyzer.comparing.remarks import MOST_NAMES, WEIGHTY, failures, perhaps, work
from analyzer.comparing.statistics import LEAST
from analyzer.model.comparison import MEAN, QUANTILES, Difference, FindingChange, Unmatched
from analyzer.report.ledger import PHASES
from analyzer.units import DurationNs, count, duration, percent

NAMED = {"dns": 0.03, "connect": 0.03, "tls": 0.03, "client": 0.15}
NAMED_ELSE = 0.1
"""A phase with less of all that moved is not named; parts of opening a connection go together, the program's own time is a by-product."""
MOST_SENTENCES = 3
ANY_OPERATION = frozenset({"credentials", *SET_UP, *RETRY})
"""Phases whose length is not the operation's: all calls together show them."""


class Explained(NamedTuple):
    """One operation that changed, with the phases that did and why."""

    measured: Measured
    moved: tuple[Moved, ...]
    """By class of phases, the largest first."""
    few: bool
    """Whether only a finding tells: there are too few calls for statistics, or too few of them are concerned."""

    @property
    def gain(self) -> DurationNs:
        """Return by how much the mean changed, over all calls."""
        row = measure_of(self.measured, MEAN)
        return row.change_ns * min(row.calls_before, row.calls_after)


def measure_of(measured: Measured, name: str) -> Difference:
    """Return one measure of an operation; of a phase that took no time one of zeros."""
    found = next((row for row in measured.rows if row.measure == name), None)
    return found if found is not None else measured.rows[0]._replace(measure=name, before_ns=0, after_ns=0, change_ns=0, changed=False)


def verdict(
    pairs: Pairs,
    measured: Sequence[Measured],
    changes: Sequence[FindingChange],
    concerned: dict[str, tuple[set[int], set[int]]],
    unmatched: Sequence[Unmatched],
    sides: tuple[Conditions, Conditions],
) -> tuple[list[str], bool]:
    """Return the answer in sentences, the most important first, and whether anything changed.

    `concerned` are the calls that findings name, before and after.
    """
    own = [one for one in measured if not one.pair.beside and not one.pair.pooled] or list(measured)
    explained = [found for one in own if (found := _explain(one, changes, concerned, sides)) is not None]
    explained.sort(key=lambda one: -abs(one.gain))
    explained = [*_together(measured, explained, changes, sides), *explained]
    said = list(_told(explained, pairs.noun))
    rest = [one for one in own if one.pair.name not in {found.measured.pair.name for found in explained}]
    if any(one.measured.pair.pooled for one in explained):
        rest = []
    different = work(pairs, unmatched)
    if different and not all(sum(getattr(pair, side).calls for pair in pairs.own()) for side in ("before", "after")):
        said.insert(0, different)
        different = None
    elif not explained and different and rest:
        said.append(different)
        different = None
    if rest:
        pooled = [one for one in measured if one.pair.pooled] if not explained else []
        said.append(without_change(pooled or rest, pairs.noun, alone=not explained))
    if different:
        said.append(different)
    if not own and not unmatched:
        said.append("Neither capture holds a call that could be compared.")
    said += failures(pairs, own)
    said += perhaps(changes, {word for one in explained for moved in one.moved for word in (*moved.phases, moved.cause or "")})
    return said, bool(explained)


def _together(
    measured: Sequence[Measured], explained: Sequence[Explained], changes: Sequence[FindingChange], sides: tuple[Conditions, Conditions]
) -> Iterator[Explained]:
    """Yield what all calls together show and no operation by itself: of each there may be too few calls."""
    known = {phase for one in explained for moved in one.moved for phase in moved.phases}
    for one in measured:
        phases = {row.measure for row in one.rows if row.changed and row.measure in ANY_OPERATION} - known
        if one.pair.pooled and phases:
            yield Explained(one, tuple(_moved(one, phases, changes, sides)), few=False)


def _explain(
    one: Measured, changes: Sequence[FindingChange], concerned: dict[str, tuple[set[int], set[int]]], sides: tuple[Conditions, Conditions]
) -> Explained | None:
    sure = {row.measure for row in one.rows if row.changed}
    phases = {name for name in sure if name in PHASES}
    told = _by_findings(one, changes, concerned)
    if not sure and not told:
        return None
    if sure and not phases:  # the whole differs and no part by itself does: name the largest
        phases = {max((row for row in one.rows if row.measure in PHASES), key=lambda row: abs(row.change_ns)).measure}
    moved = _moved(one, phases | told, changes, sides)
    return Explained(one, tuple(moved), few=not sure) if moved or sure else None


def _by_findings(one: Measured, changes: Sequence[FindingChange], concerned: dict[str, tuple[set[int], set[int]]]) -> set[str]:
    """Return the phases that moved because of a finding of weight that is gone or new and is no chance."""
    phases: set[str] = set()
    mean = measure_of(one, MEAN)
    least = max(LEAST_NS, MATTERS * min(mean.before_ns, mean.after_ns))
    for row in changes:
        if row.what not in ("gone", "new") or row.severity == "info" or row.code not in CAUSES or not CAUSES[row.code].certain:
            continue
        if not one.pair.beside and max(row.before_share or 0.0, row.after_share or 0.0) < WEIGHTY:
            continue
        before, after = concerned.get(row.code, (set(), set()))
        named = before & one.pair.before.numbers if row.what == "gone" else after & one.pair.after.numbers
        sign = -1 if row.what == "gone" else 1
        if named:
            # In a dialogue what a call sees as waiting for credentials has phases of its own.
            meant = PHASES if one.pair.beside and CAUSES[row.code].phases == CREDENTIALS else CAUSES[row.code].phases
            phases |= {phase for phase in meant if sign * measure_of(one, phase).change_ns > least}
    return phases


def _moved(one: Measured, phases: set[str], changes: Sequence[FindingChange], sides: tuple[Conditions, Conditions]) -> Iterator[Moved]:
    """Yield what moved, class by class and direction by direction, what has one cause together; the largest first."""
    sizes = {phase: measure_of(one, phase).change_ns for phase in PHASES if phase in phases}
    most = sum(map(abs, sizes.values()))
    sizes = {phase: size for phase, size in sizes.items() if size and abs(size) >= NAMED.get(phase, NAMED_ELSE) * most}
    groups: dict[tuple[bool, str | tuple[str, ...]], list[str]] = {}
    # A dialogue is about credentials as a whole: one cause for all its phases.
    for members in (PHASES,) if one.pair.beside else CLASSES:
        for fell in (True, False):
            group = [phase for phase in PHASES if phase in members and phase in sizes and (sizes[phase] < 0) == fell]
            while group:
                cause, covers = cause_of(CREDENTIALS if one.pair.beside else group, fell, changes, *sides)
                covers = tuple(group) if one.pair.beside else covers
                groups.setdefault((fell, cause or covers), []).extend(covers)
                group = [phase for phase in group if phase not in covers]
    found = [Moved(tuple(group), fell, key if isinstance(key, str) else None) for (fell, key), group in groups.items()]
    yield from sorted(found, key=lambda moved: -abs(sum(sizes[phase] for phase in moved.phases)))


def _told(explained: Sequence[Explained], noun: str) -> Iterator[str]:
    """Yield a sentence for operations that changed for the same reason, the largest change first."""
    groups: dict[tuple[object, ...], list[Explained]] = {}
    for one in explained:
        reasons = tuple((moved.cause, moved.fell) if moved.cause else (moved.phases, moved.fell) for moved in one.moved[:1])
        groups.setdefault((reasons, one.few, _direction(one)), []).append(one)
    for number, group in enumerate(groups.values()):
        if number < MOST_SENTENCES:
            yield _sentence(group, noun)
    if len(groups) > MOST_SENTENCES:
        left = [one.measured.pair.name for group in list(groups.values())[MOST_SENTENCES:] for one in group]
        yield f"Changed too, for other reasons: {names(left, MOST_NAMES)}."


def _direction(one: Explained) -> str:
    word = judged(one.measured)
    return word if word in ("faster", "slower") else ("faster" if one.gain < 0 else "slower")


def _sentence(group: Sequence[Explained], noun: str) -> str:
    first = group[0]
    pairs = [one.measured.pair for one in group]
    head = _head(first) if len(group) == 1 else _heads(group)
    less = _direction(first) == "faster"
    whole = not head.endswith("parts do")
    against = [whole and moved.fell != less for moved in first.moved]
    told = zip(first.moved, [False, *against[1:]], strict=True) if first.moved else ()
    clauses = [("but " if off else "") + clause(moved, pairs, noun) for moved, off in told]
    text = f"{head}{', although' if against and against[0] else ':'} {'; '.join(clauses)}" if clauses else head
    text += _rest(first)
    server = measure_of(first.measured, "server")
    named = {phase for moved in first.moved for phase in moved.phases}
    if "server" not in named and len(group) == 1 and server.low_ns is not None and (server.before_ns or server.after_ns):
        text += f"; server time {_steady(server)} ({_both(server)})"
    if first.few and min(min(len(pair.before.rows), len(pair.after.rows)) for pair in pairs) < LEAST:
        text += "; too few calls for an interval"
    return f"{text}."


def _rest(one: Explained) -> str:
    """Say that most of a difference of means is of phases that chance alone may have moved."""
    mean = measure_of(one.measured, MEAN)
    if any(measure_of(one.measured, key).changed for key in QUANTILES) or one.few or not one.moved:
        return ""
    told = {phase for moved in one.moved for phase in moved.phases}
    if 2 * sum(measure_of(one.measured, phase).change_ns for phase in told) / (mean.change_ns or 1) >= 1 or _covers_zero(mean):
        return ""
    others = [row for row in one.measured.rows if row.measure in PHASES and row.measure not in told]
    most = max(others, key=lambda row: row.change_ns if mean.change_ns > 0 else -row.change_ns, default=None)
    return f"; the rest, mostly {most.measure}, may be chance" if most is not None else ""


def _covers_zero(row: Difference) -> bool:
    return row.low_ns is not None and row.high_ns is not None and row.low_ns <= 0 <= row.high_ns


def _steady(server: Difference) -> str:
    if server.changed:
        return "changed little"
    sure = server.low_ns is not None and server.high_ns is not None and (server.low_ns > 0 or server.high_ns < 0)
    return "about the same" if sure else "unchanged"


def _head(one: Explained) -> str:
    """Say by how much an operation changed, by the measure that shows it best."""
    measured = one.measured
    name, are, take = _subject(measured.pair)
    by = {key: measure_of(measured, key) for key in (*QUANTILES, MEAN)}
    for key in QUANTILES:
        row = by[key]
        if row.changed:
            how = "faster" if row.change_ns < 0 else "slower"
            ratio = f", {percent(abs(row.change_ns) / row.before_ns)}" if row.before_ns and key == "p50" and row.change_ns < 0 else ""
            where = "" if key == "p50" else f" at {key}"
            return f"{name} {are} {duration(abs(row.change_ns))} {how}{where} ({key} {_arrow(row)}{ratio})"
    row = by[MEAN]
    if _covers_zero(row) and not one.few:
        whose, do = ("their", "show") if take == "take" else ("its", "shows")
        return f"{name} as a whole {do} no sure difference (p50 {_both(by['p50'])}), {whose} parts do"
    how = "less" if row.change_ns < 0 else "more"
    slowest = [max(sample.rows, key=lambda timed: timed.total_ns).total_ns for sample in (measured.pair.before, measured.pair.after)]
    if row.calls_before == row.calls_after == 1:
        return f"{name} {take} {duration(row.after_ns)} instead of {duration(row.before_ns)}"
    largest = f", slowest {duration(slowest[0])} -> {duration(slowest[1])}"
    return f"{name} {take} {duration(abs(row.change_ns))} {how} on average (mean {_arrow(row)}{largest})"


def _subject(pair: Pair) -> tuple[str, str, str]:
    """Return the name of an operation with its verbs."""
    if pair.pooled:
        return "The calls together", "are", "take"
    if pair.name.endswith(" call"):
        return f"{pair.name}s", "are", "take"
    return pair.name, "is", "takes"


def _heads(group: Sequence[Explained]) -> str:
    """Say by how much several operations changed for one reason."""
    key = next((key for key in QUANTILES if all(measure_of(one.measured, key).changed for one in group)), MEAN)
    rows = [(one.measured.pair.name, measure_of(one.measured, key)) for one in group]
    listed = [f"{name} {_arrow(row)}" for name, row in rows[:MOST_NAMES]]
    more = f", and {count(len(rows) - MOST_NAMES)} more" if len(rows) > MOST_NAMES else ""
    subject = names([name for name, _ in rows], MOST_NAMES)
    return f"{subject} are {_direction(group[0])} ({key}: {', '.join(listed)}{more})"


def _both(row: Difference) -> str:
    return f"{duration(row.before_ns)} and {duration(row.after_ns)}"


def _arrow(row: Difference) -> str:
    return f"{duration(row.before_ns)} -> {duration(row.after_ns)}"
