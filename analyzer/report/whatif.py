"""The answer to a what-if: a table of the changes with ranges, and what each rests on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from analyzer.model.analysis import SCHEMA
from analyzer.model.whatif import UNSEEN, Replay, WhatIf
from analyzer.report.document import analyzer_version
from analyzer.report.grids import Cells
from analyzer.report.layout import aligned, fits, fold
from analyzer.report.markdown import bullets
from analyzer.report.markdown import table as markdown_table
from analyzer.report.sentences import plural
from analyzer.units import SECOND, DurationNs, count, duration, milliseconds, percent, seconds

CHANGE = "change"
TOGETHER = "together"
KEEP, KEEPERS = "keep-alive", ("warm-pool", "pool ")
"""The change that keeps connections, and those that do so besides."""
_COLUMNS = ("p50", "p95", "p99", "total")


def grid(replay: Replay, columns: Sequence[str] = _COLUMNS) -> Cells:
    """Return the table: a line for what is, then a line a change that applies, with its range."""
    rows = [row for row in replay.changes if row.applies]
    first = replay.changes[0]
    writes = {column: _in_seconds if column in long_columns(replay) else milliseconds for column in columns}
    body = [["now", count(first.calls), *(_now(first, column, writes[column]) for column in columns), ""]]
    body += [
        [named(row, replay), count(row.changed), *(_ranged(row, column, writes[column]) for column in columns), percent(row.share)]
        for row in rows
    ]
    headings = [f"{column} s" if writes[column] is _in_seconds else column for column in columns]
    return Cells([CHANGE, f"{replay.noun}s", *headings, "gain"], body)


def long_columns(replay: Replay) -> frozenset[str]:
    """Return the columns with a time of 10 s or more, all of whose times are written in seconds: a column has one unit."""
    rows = [row for row in replay.changes if row.applies] + list(replay.changes[:1])
    return frozenset(
        column
        for column in _COLUMNS
        if any((getattr(row, f"{column}{what}_ns") or 0) >= 10 * SECOND for row in rows for what in ("_before", "", "_low", "_high"))
    )


def _in_seconds(value: DurationNs) -> str:
    """Write a duration as a bare number of seconds with as many digits as a millisecond needs below 10 s, else one decimal or none."""
    text = seconds(value)
    return text if abs(value) < 10 * SECOND else milliseconds(value // 1000)


def _now(row: WhatIf, column: str, write: Callable[[DurationNs], str]) -> str:
    value: DurationNs | None = getattr(row, f"{column}_before_ns")
    return write(value) if value is not None else ""


def _ranged(row: WhatIf, column: str, write: Callable[[DurationNs], str]) -> str:
    """Write a time with its range: `41.2 (39.8-44.0)`."""
    likely, low, high = (getattr(row, f"{column}{what}_ns") for what in ("", "_low", "_high"))
    if likely is None:
        return ""
    return write(likely) + (f" ({write(low)}-{write(high)})" if low != high else "")


def named(row: WhatIf, replay: Replay) -> str:
    """Name a change; several at once are `together`, unless nothing else is told."""
    return TOGETHER if " + " in row.change and len(replay.changes) > 1 else row.change


def sentence(row: WhatIf, replay: Replay) -> str:
    """Say what a change is and what its numbers rest on, or why it changes nothing."""
    name = named(row, replay)
    if not row.applies:
        return f"{name}{'' if UNSEEN in row.note else ' changes nothing'}: {row.note}."
    if name == TOGETHER:
        return f"{TOGETHER}: {row.change}, in this order, each on what the one before left{_left_out(row, replay)}."
    fewer = f"; {plural(row.calls - row.calls_after, 'call')} fewer" if row.calls_after < row.calls else ""
    return f"{name}: {row.title}{fewer}{f'; {row.note}' if row.note else ''}."


def _left_out(row: WhatIf, replay: Replay) -> str:
    """Say why keeping connections is no part of several changes: another of them keeps them anyway."""
    made = row.change.split(" + ")
    if KEEP in made or all(one.change != KEEP for one in replay.changes):
        return ""
    by = next((name for name in made if name.startswith(KEEPERS)), None)
    return f"; {KEEP} is left out, since {by} keeps connections too" if by is not None else ""


def footer(replay: Replay) -> Iterator[str]:
    """Yield what a reader of the table must know."""
    yield (
        f"Times in ms{', in s where the heading says so' if long_columns(replay) else ''}; in brackets what the spread of these calls "
        "leaves open (four captures of five). Totals are sums of the "
        f"{replay.noun}s' durations, not wall clock: a program that makes one after the other ends as much earlier."
    )
    if any(row.queue_ns for row in replay.calls):
        yield "They include waiting for a free connection, which lies before a call's first packet and is an estimate."


def nothing(replay: Replay) -> str | None:
    """Say so where there is nothing to show."""
    if not len(replay.calls) and all(not row.calls for row in replay.changes):
        return "There are no calls to replay."
    return None if len(replay.changes) else f"None of the changes would make these {replay.noun}s shorter."


def head(replay: Replay) -> str:
    """Say what was replayed."""
    row = replay.changes[0]
    best = next((one for one in replay.changes if one.applies), None)
    text = f"{plural(row.calls, replay.noun)}, {duration(row.total_before_ns)} in all."
    if best is not None and best.gain_ns > 0:
        low, high = (duration(value) for value in (best.total_low_ns, best.total_high_ns))
        text += f" With {best.title}: {duration(best.total_ns)}" + (f" ({low} to {high})." if low != high else ".")
    return text


def text(replay: Replay) -> Iterator[str]:
    """Yield the answer for a terminal, no line wider than 100 cells."""
    empty = nothing(replay)
    if empty is not None:
        yield empty
        return
    yield from fold(head(replay))
    if any(row.applies for row in replay.changes):
        yield ""
        lines: list[str] = []
        for columns in (_COLUMNS, ("p50", "p95", "total"), ("p50", "total")):
            cells = grid(replay, columns)
            lines = aligned([cells.head, *cells.body], (0,))
            if fits(lines):
                break
        yield from lines
    yield ""
    for row in replay.changes:
        yield from fold(sentence(row, replay), hang=2)
    if any(row.applies for row in replay.changes):
        for line in footer(replay):
            yield from fold(line)


def markdown(replay: Replay) -> Iterator[str]:
    """Yield the answer as Markdown."""
    empty = nothing(replay)
    if empty is not None:
        yield empty
        return
    yield from (head(replay), "")
    if any(row.applies for row in replay.changes):
        yield from markdown_table(grid(replay))
        yield ""
    yield from bullets(sentence(row, replay) for row in replay.changes)
    if any(row.applies for row in replay.changes):
        yield from ("", *footer(replay))


def html(replay: Replay) -> str:
    """Return the answer for a notebook."""
    from analyzer.report.html import BOX, QUIET, paragraph, table

    empty = nothing(replay)
    if empty is not None:
        return f'<div style="{BOX}">{paragraph(empty)}</div>'
    parts = [paragraph(head(replay), "font-weight:bold;margin:0.3em 0")]
    if any(row.applies for row in replay.changes):
        parts.append(table(grid(replay)))
    parts += [paragraph(line, QUIET) for line in (*(sentence(row, replay) for row in replay.changes), *footer(replay))]
    return f'<div style="{BOX}">{"".join(parts)}</div>'


def document(replay: Replay) -> Iterable[str]:
    """Return the answer as one JSON document: the tables `whatif` and `replayed`, durations in nanoseconds."""
    made = {
        "schema": SCHEMA,
        "analyzer_version": analyzer_version(),
        "noun": replay.noun,
        replay.changes.name: replay.changes.to_dicts(),
        replay.calls.name: replay.calls.to_dicts(),
    }
    return (json.dumps(made, indent=1), "\n")
