"""A comparison in words and tables: terminal and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from analyzer.model.comparison import LEAST_CALLS, MEAN, QUANTILES, Comparison, Difference, FindingChange, Matched, Side
from analyzer.report.grids import Cells, spent_cell
from analyzer.report.layout import aligned, fits, fold, shorten
from analyzer.report.markdown import bullets, table
from analyzer.report.sentences import plural
from analyzer.report.text import inline, markdown
from analyzer.report.trust import PLACES
from analyzer.units import MICROSECOND, DurationNs, count, duration, percent

SHOWN = 50 * MICROSECOND
"""A phase that took less on both sides shows as nothing."""
MOST_TABLES = 3
MOST_UNCHANGED = 2
"""Operations whose measures are shown, of those that changed, and where none did."""
MOST_OPERATIONS = 12
NAME_CELLS = (50, 36, 24, 12)
"""Widths that a name may have: the first at which the table fits is taken."""
LEFT = frozenset({"operation", "verdict", "finding", "what", "sure", "besides"})


def about(comparison: Comparison) -> Iterator[str]:
    """Yield what was compared: a line a side."""
    for word, side in (("before", comparison.before), ("after", comparison.after)):
        yield f"{word:6} {_side(side, comparison.noun)}"


def _side(side: Side, noun: str) -> str:
    beside = plural(side.dialogues, "dialogue") + " with credential endpoints beside" if side.dialogues else ""
    parts = [f"{side.name}: {plural(side.calls, noun)}", f"{duration(side.total_ns)} in all", beside, PLACES.get(side.vantage or "", "")]
    return ", ".join(filter(None, parts))


def operations_cells(rows: Sequence[Matched], comparison: Comparison, width: int | None = None) -> Cells:
    """Return a line an operation: how many calls, p50, p95 and mean, before and after."""
    failed = any(row.failed_before or row.failed_after for row in rows)
    head = ["operation", f"{comparison.noun}s", *(["failed"] if failed else []), "p50", "p95", "mean", "verdict"]
    body = []
    for row in rows:
        by = {one.measure: one for one in comparison.of(row.operation)}
        cells = [_name(row, width), f"{count(row.calls_before)} -> {count(row.calls_after)}"]
        if failed:
            cells.append(f"{count(row.failed_before)} -> {count(row.failed_after)}")
        known = [by.get(name) for name in ("p50", "p95", MEAN)]
        cells += [f"{spent_cell(one.before_ns)} -> {spent_cell(one.after_ns)}" if one is not None else "" for one in known]
        body.append([*cells, VERDICTS.get(row.verdict, row.verdict)])
    return Cells(head, body)


VERDICTS = {"few": "too few calls to tell", "same": "no difference", "changed": "its parts changed"}


def _name(row: Matched, width: int | None) -> str:
    text = f"{row.operation} (no service call)" if row.beside else row.operation
    return text if width is None else shorten(text, width)


def measures_cells(rows: Sequence[Difference], width: int | None = None) -> Cells:
    """Return a line a measure of one operation: before, after, change, interval, and whether it is more than chance."""
    name = rows[0].operation
    head = [name if width is None else shorten(name, width), "before", "after", "change", "95 % interval", "sure"]
    body = []
    for row in rows:
        if row.measure not in (*QUANTILES, MEAN) and max(row.before_ns, row.after_ns) < SHOWN:
            continue
        cells = [row.measure, spent_cell(row.before_ns), spent_cell(row.after_ns), _signed(row.change_ns), _interval(row)]
        body.append([*cells, ("faster" if row.change_ns < 0 else "slower") if row.changed else ""])
    return Cells(head, body)


def _signed(value: DurationNs) -> str:
    text = spent_cell(value)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def _interval(row: Difference) -> str:
    if row.low_ns is None or row.high_ns is None:
        few = min(row.calls_before, row.calls_after) < LEAST_CALLS["p50"]
        return "" if few else f"needs {LEAST_CALLS.get(row.measure, LEAST_CALLS['p50'])} calls"
    return f"{_signed(row.low_ns)} to {_signed(row.high_ns)}"


def findings_cells(rows: Sequence[FindingChange], width: int | None = None) -> Cells:
    """Return a line a finding that came, went or changed."""
    body = []
    for row in rows:
        title = row.title if width is None else shorten(row.title, width)
        body.append([WHAT[row.what], title, _cost(row.before_ns, row.before_share), _cost(row.after_ns, row.after_share)])
    return Cells(["what", "finding", "before", "after"], body)


WHAT = {
    "gone": "gone",
    "new": "new",
    "changed": "changed",
    "same": "same",
    "masked": "hidden now",
    "unmasked": "visible now",
}
MASKED = "hidden, visible: its time is as it was; it is only a smaller, or larger, part of the whole."


def _cost(cost: DurationNs, share: float | None) -> str:
    if not cost:
        return ""
    return f"{duration(cost)} ({percent(share)})" if share else duration(cost)


def shown_findings(comparison: Comparison, *, verbose: bool) -> list[FindingChange]:
    """Return the findings to show: without those that are the same on both sides, unless all are asked for."""
    return [row for row in comparison.findings if verbose or row.what != "same"]


def shown_operations(comparison: Comparison, *, verbose: bool) -> list[str]:
    """Return the operations whose measures are shown one by one: those that changed, else the first."""
    measured = list(dict.fromkeys(row.operation for row in comparison.differences))
    if verbose:
        return measured
    changed = {row.operation for row in comparison.differences if row.changed}
    largest = sorted(
        (row for row in comparison.differences if row.measure == MEAN and (row.operation in changed or not changed)),
        key=lambda row: -abs(row.change_ns) * min(row.calls_before, row.calls_after) if changed else 0,
    )
    return [row.operation for row in largest[: MOST_TABLES if changed else MOST_UNCHANGED]]


def explained(comparison: Comparison) -> Iterator[str]:
    """Yield what a reader of the tables must know."""
    yield (
        "Times in ms, phases as means of all calls; they add up to the mean. "
        f"sure: more than chance explains, of {plural(comparison.tests, 'number')} tested (not the mean: one slow call moves it)."
    )
    cut = sum(row.cut_before + row.cut_after for row in comparison.operations if not row.pooled)
    if cut:
        yield f"{plural(cut, comparison.noun)} that the captures cut: in no time."


def text(comparison: Comparison, *, verbose: bool = False) -> Iterator[str]:
    """Yield the comparison for a terminal, the answer first."""
    for sentence in comparison.verdict:
        yield from fold(sentence)
    for warning in comparison.warnings:
        yield from fold(f"warning: {warning}", hang=9)
    yield ""
    for line in about(comparison):
        yield from fold(line, hang=7)
    rows = list(comparison.operations)
    if len(rows) > 1:
        shown = rows if verbose else rows[:MOST_OPERATIONS]
        yield ""
        yield from _lines(lambda width: operations_cells(shown, comparison, width))
        if len(rows) > len(shown):
            yield f"and {plural(len(rows) - len(shown), 'more operation')} (-v shows all)"
    if not comparison.same or verbose:
        for name in shown_operations(comparison, verbose=verbose):
            yield ""
            measures = list(comparison.of(name))
            yield from _lines(partial(measures_cells, measures))
    findings = shown_findings(comparison, verbose=verbose)
    if findings:
        yield ""
        yield from _lines(partial(findings_cells, findings))
        if any(row.what in ("masked", "unmasked") for row in findings):
            yield MASKED
        for row in findings:
            if row.remedy and row.severity != "info":
                yield from fold(f"fix    {row.title}: {row.remedy}", hang=7)
    if len(comparison.facts):
        yield ""
        yield from fold("besides " + "; ".join(f"{row.name} {row.before} -> {row.after}" for row in comparison.facts), hang=8)
    if len(comparison.differences) and not comparison.same:
        yield ""
        for line in explained(comparison):
            yield from fold(line)


def _lines(make: Callable[[int], Cells]) -> list[str]:
    for width in NAME_CELLS:
        cells = make(width)
        lines = aligned([cells.head, *cells.body], [index for index, name in enumerate(cells.head) if not index or name in LEFT])
        if fits(lines):
            break
    return lines


def markdown_lines(comparison: Comparison, *, verbose: bool = False) -> Iterator[str]:
    """Yield the comparison as Markdown, to paste into a pull request. Nothing that came from packets is markup in it."""
    first, *rest = comparison.verdict or ["Nothing to compare."]
    yield f"**{markdown(first)}**"
    for sentence in rest:
        yield from ("", markdown(sentence))
    for warning in comparison.warnings:
        yield from ("", f"> {inline('warning: ' + warning)}")
    yield ""
    yield from bullets(about(comparison))
    rows = list(comparison.operations)
    if len(rows) > 1:
        yield from ("", "## Operations", "")
        yield from _table(operations_cells(rows, comparison))
    if not comparison.same or verbose:
        for name in shown_operations(comparison, verbose=verbose):
            cells = measures_cells(list(comparison.of(name)))
            yield from ("", f"## {markdown(name)}", "")
            yield from _table(cells._replace(head=["measure", *cells.head[1:]]))
    findings = shown_findings(comparison, verbose=verbose)
    if findings:
        yield from ("", "## Findings", "")
        yield from _table(findings_cells(findings))
        if any(row.what in ("masked", "unmasked") for row in findings):
            yield from ("", MASKED)
    if len(comparison.facts):
        yield from ("", "## Besides", "")
        yield from bullets(f"{row.name}: {row.before} -> {row.after}" for row in comparison.facts)
    if len(comparison.differences) and not comparison.same:
        yield from ("", *explained(comparison))


def _table(cells: Cells) -> Iterator[str]:
    """Yield a table of Markdown; its heading may name what came from packets."""
    head, rule, *body = table(cells)
    yield f"| {' | '.join(map(inline, cells.head))} |" if head else ""
    left = {0, *(index for index, name in enumerate(cells.head) if name in LEFT)}
    yield f"|{'|'.join(':---' if index in left else '---:' for index in range(len(cells.head)))}|" if rule else ""
    yield from body
