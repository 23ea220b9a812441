"""The tail: what the slowest percent of an operation's calls has that those around the median have not.

Means of two groups of calls, phase by phase: their differences add up to the difference in duration, because the phases of each call
add up to its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import add
from typing import Any, NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.report.claims import INCOMPLETE
from analyzer.report.grids import Cells, spent_cell
from analyzer.report.layout import aligned, fits, fold
from analyzer.report.ledger import PHASES, Ledger, Spent
from analyzer.report.sentences import ids, plural
from analyzer.report.text import markdown
from analyzer.report.traces import ledger_of
from analyzer.units import MILLISECOND, DurationNs, count, duration, percent

SLOWEST_PERCENT = 1
LEAST_TAIL = 3
"""Calls of which a tail consists at least: one slow call is a case, not a tail (`analyzer explain slowest` tells it)."""
LEAST_ROWS = 12
"""Calls from which on there are a tail and a middle to compare."""
MIDDLE = (40, 60)
"""Percentiles between which the calls around the median lie."""
NAMED = 0.05
"""A phase is named where it makes this share of the difference."""
LEAST_NS = MILLISECOND // 20
MOST_OPERATIONS = 8
MOST_FINDINGS = 4


class Group(NamedTuple):
    """Some calls of an operation, and their means."""

    numbers: tuple[int, ...]
    total_ns: DurationNs
    """Mean."""
    spent: Spent
    """Mean time in each of PHASES."""
    opened: int
    """Calls that waited for a connection to be opened."""
    retried: int
    """Calls of more than one attempt."""
    failed: int


class Tail(NamedTuple):
    """The slowest calls of an operation beside those around its median."""

    operation: str
    rows: int
    from_ns: DurationNs
    """The fastest call of the tail."""
    slow: Group
    middle: Group
    findings: tuple[tuple[str, int, int], ...]
    """Findings that name calls of the tail: title, and how many of the tail and of the middle they name."""

    @property
    def more_ns(self) -> DurationNs:
        """Return how much longer a call of the tail takes."""
        return self.slow.total_ns - self.middle.total_ns

    def differences(self) -> list[tuple[str, DurationNs]]:
        """Return the difference of each phase, the largest first."""
        pairs = zip(PHASES, self.slow.spent, self.middle.spent, strict=True)
        return sorted(((phase, slow - usual) for phase, slow, usual in pairs if slow != usual), key=lambda item: -item[1])


def tails(analysis: Analysis) -> list[Tail]:
    """Return the tails of all operations that have calls enough, the one that took most time first. Truncated calls are left out."""
    ledger = ledger_of(analysis)
    groups: dict[str, list[Any]] = {}
    for row in ledger.rows:
        if ledger.whole(row):
            groups.setdefault(ledger.name(row), []).append(row)
    blamed = _blamed(analysis, ledger.noun)
    made = [_tail(ledger, name, rows, blamed) for name, rows in groups.items() if len(rows) >= LEAST_ROWS]
    return sorted(made, key=lambda tail: (-tail.more_ns * len(tail.slow.numbers), tail.operation))


def too_few(analysis: Analysis) -> int:
    """Count the operations that have too few calls for a tail."""
    ledger = ledger_of(analysis)
    sizes: dict[str, int] = {}
    for row in ledger.rows:
        sizes[ledger.name(row)] = sizes.get(ledger.name(row), 0) + ledger.whole(row)
    return sum(size < LEAST_ROWS for size in sizes.values())


def _blamed(analysis: Analysis, noun: str) -> list[tuple[str, frozenset[int]]]:
    """Return the findings with the rows that each names."""
    named = [
        (found.title, found.exchanges if noun == "request" else found.calls) for found in analysis.findings if found.code != INCOMPLETE
    ]
    return [(title, frozenset(numbers)) for title, numbers in named if numbers]


def _tail(ledger: Ledger[Any], name: str, rows: list[Any], blamed: Sequence[tuple[str, frozenset[int]]]) -> Tail:
    rows.sort(key=lambda row: (ledger.total(row), ledger.number(row)))
    size = max(LEAST_TAIL, -(-len(rows) * SLOWEST_PERCENT // 100))
    first, last = (len(rows) * edge // 100 for edge in MIDDLE)
    last = max(last, first + LEAST_TAIL)
    slow, middle = _group(ledger, rows[-size:]), _group(ledger, rows[first:last])
    found = []
    for title, numbers in blamed:
        of_slow, of_middle = (sum(number in numbers for number in group.numbers) for group in (slow, middle))
        if of_slow:
            found.append((title, of_slow, of_middle))
    # What names the tail and not the middle says most.
    found.sort(key=lambda item: item[2] / len(middle.numbers) - item[1] / len(slow.numbers))
    return Tail(name, len(rows), ledger.total(rows[-size]), slow, middle, tuple(found))


def _group(ledger: Ledger[Any], rows: Sequence[Any]) -> Group:
    sums: Spent = (0,) * len(PHASES)
    for row in rows:
        sums = tuple(map(add, sums, ledger.spent(row)))
    entries = [ledger.entry(row) for row in rows]
    return Group(
        numbers=tuple(entry.number for entry in entries),
        total_ns=sum(map(ledger.total, rows)) // len(rows),
        spent=tuple(spent // len(rows) for spent in sums),
        opened=sum(map(ledger.opened, rows)),
        retried=sum(entry.attempts > 1 for entry in entries),
        failed=sum(not ledger.well(row) for row in rows),
    )


def sentences(tail: Tail, noun: str) -> list[str]:
    """Say what the tail of an operation has that its middle has not. The first sentence is the answer."""
    size, more = len(tail.slow.numbers), tail.more_ns
    text = f"the slowest {percent(size / tail.rows)} ({count(size)} of {plural(tail.rows, noun)}, from {duration(tail.from_ns)}) take "
    text += f"{duration(tail.slow.total_ns)}"
    text += f", those around the median {duration(tail.middle.total_ns)}"
    if more < LEAST_NS:
        return [f"{text}: no longer tail."]
    named = [(phase, took) for phase, took in tail.differences() if took >= max(LEAST_NS, NAMED * more)]
    parts = ", ".join(f"{phase} {duration(took)}" for phase, took in named)
    said = [
        f"{text}: {duration(more)} more" + (f", of which {parts} ({percent(sum(took for _, took in named) / more)})." if parts else ".")
    ]
    said += list(_facts(tail))
    return said


def _facts(tail: Tail) -> Iterator[str]:
    """Yield what else tells the two groups apart: connections, attempts, failures, findings, which calls."""
    sizes = len(tail.slow.numbers), len(tail.middle.numbers)
    for what, slow, usual in (
        ("opened a connection", tail.slow.opened, tail.middle.opened),
        ("needed more than one attempt", tail.slow.retried, tail.middle.retried),
        ("failed", tail.slow.failed, tail.middle.failed),
    ):
        if slow or usual:
            yield f"{count(slow)} of {count(sizes[0])} {what}, around the median {count(usual)} of {count(sizes[1])}."
    if tail.findings:
        told = [f"{title} {count(slow)} of {count(sizes[0])} (median {count(usual)} of {count(sizes[1])})" for title, slow, usual in
                tail.findings[:MOST_FINDINGS]]  # fmt: skip
        yield f"Findings that name them: {'; '.join(told)}."


def tail_grid(tail: Tail) -> Cells:
    """Return the two groups and their difference phase by phase, in ms."""
    shown = [number for number, pair in enumerate(zip(tail.slow.spent, tail.middle.spent, strict=True)) if max(pair) >= LEAST_NS]

    def line(name: str, total: DurationNs, spent: Sequence[DurationNs], opened: str) -> list[str]:
        return [name, spent_cell(total), *(spent_cell(spent[n]) if abs(spent[n]) >= LEAST_NS else "" for n in shown), opened]

    slow, middle = tail.slow, tail.middle
    apart = tuple(a - b for a, b in zip(slow.spent, middle.spent, strict=True))
    return Cells(
        ["operation", "total", *(PHASES[n] for n in shown), "new"],
        [
            line("slowest", slow.total_ns, slow.spent, percent(slow.opened / len(slow.numbers))),
            line("around the median", middle.total_ns, middle.spent, percent(middle.opened / len(middle.numbers))),
            line("more", tail.more_ns, apart, ""),
        ],
    )


def tail_lines(analysis: Analysis) -> Iterator[str]:
    """Yield the tails for a terminal, none of the lines wider than it."""
    noun, made = ledger_of(analysis).noun, tails(analysis)
    yield from fold(_heading(noun, made))
    for tail in made[:MOST_OPERATIONS]:
        yield ""
        yield from fold(f"{tail.operation}: {' '.join(sentences(tail, noun))}")
        grid = tail_grid(tail)
        lines = aligned([["", *grid.head[1:]], *grid.body], [0])
        if fits(lines):
            yield from lines
        yield from fold(f"{noun}s  {ids(tail.slow.numbers)}", hang=len(noun) + 3)
    yield from fold(_rest(len(made), too_few(analysis), noun)) if made else ()


def tail_markdown(analysis: Analysis) -> Iterator[str]:
    """Yield the tails as Markdown. Nothing that came from packets is markup in it."""
    from analyzer.report.markdown import table

    noun, made = ledger_of(analysis).noun, tails(analysis)
    yield from ("", "## The tail", "", _heading(noun, made))
    for tail in made[:MOST_OPERATIONS]:
        yield from ("", f"### {markdown(tail.operation)}", "", markdown(" ".join(sentences(tail, noun))), "")
        yield from table(tail_grid(tail))
        yield from ("", markdown(f"{noun}s {ids(tail.slow.numbers)}"))
    if made:
        yield from ("", _rest(len(made), too_few(analysis), noun))


def _heading(noun: str, made: Sequence[Tail]) -> str:
    if made:
        taken = f"the slowest {SLOWEST_PERCENT} % of each operation's {noun}s, at least {LEAST_TAIL} of them,"
        return f"The tail: what {taken} have that those around the median have not. Times in ms, means."
    return f"No tail: no operation has {LEAST_ROWS} {noun}s that were captured whole."


def _rest(made: int, few: int, noun: str) -> str:
    """Say what was left out, and what was compared."""
    text = f"Around the median: the {noun}s between the {MIDDLE[0]}th and the {MIDDLE[1]}th percentile."
    if made > MOST_OPERATIONS:
        text += f" {plural(made - MOST_OPERATIONS, 'more operation')} not shown."
    if few:
        text += f" {plural(few, 'operation')} with fewer than {LEAST_ROWS} {noun}s: no tail."
    return text
