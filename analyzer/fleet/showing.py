"""The answer over a batch for people and programs: lines, Markdown, one JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.fleet.manifest import SCHEMA
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.model.table import Table
from analyzer.report.layout import fold
from analyzer.report.sentences import plural
from analyzer.report.tables import render
from analyzer.units import duration, moment

if TYPE_CHECKING:
    from analyzer.fleet.answer import Fleet

OPERATIONS = ("host", "service", "operation", "calls", "failed", "retried", "p50_ns", "p95_ns", "p99_ns", "max_ns")
HOURS = ("hour_ns", "calls", "failed", "retried", "p50_ns", "p95_ns", "p99_ns", "max_ns")
MOST_ROWS = 40
"""Rows of a table for people, unless all are asked for."""
MOST_NOTES = 10
MOST_HOSTS = 4


def lines(fleet: Fleet, form: str = "table", *, verbose: bool = False, slowest: int = 0, tail: bool = False) -> Iterator[str]:
    """Yield the answer, line by line; `form` is table or markdown, `verbose` leaves nothing out.

    `slowest` calls are listed with their phases, `tail` adds what the slowest of each operation have that the median has not; their
    numbers are those of the batch, which `analyzer explain` takes.
    """
    mark = "## " if form == "markdown" else ""
    yield from _head(fleet)
    notes = fleet.capture.notes
    for note in notes if verbose else notes[:MOST_NOTES]:
        yield from fold(f"- {note}", hang=2)
    if len(notes) > MOST_NOTES and not verbose:
        yield f"- {len(notes) - MOST_NOTES} more (-v)"
    found = fleet.diagnoses()
    yield ""
    yield f"{mark}Findings over all captures"
    if not len(found):
        yield "none"
    for one in found:
        hosts = ", ".join(one.hosts[:MOST_HOSTS]) + (f" and {len(one.hosts) - MOST_HOSTS} more" if len(one.hosts) > MOST_HOSTS else "")
        cost = f"{duration(one.cost_ns)} ({one.share:.1%} of all call time)" if one.cost_ns else "no time"
        where = f"{plural(one.sets, 'capture')} of {hosts}; {plural(one.calls, 'call')}; dearest in {one.example}"
        yield from fold(f"- {one.severity} {one.code}: {cost}; {where}. {one.summary}", hang=2)
    operations = fleet.latency("host", "service", "operation")
    yield ""
    yield f"{mark}Latency per host and operation, ms"
    yield from _shown(operations, OPERATIONS, form, verbose)
    hours = fleet.latency("hour")
    if len(hours) > 1 or verbose:
        yield ""
        yield f"{mark}Latency per hour (UTC), ms"
        yield from _shown(hours, HOURS, form, verbose)
    if slowest:
        yield from _slowest(fleet, slowest, form)
    if tail:
        from analyzer.report.tail import tail_lines, tail_markdown

        yield from (tail_markdown(fleet) if form == "markdown" else ("", *tail_lines(fleet)))


def _slowest(fleet: Fleet, most: int, form: str) -> Iterator[str]:
    """Yield the slowest calls with their phases."""
    from analyzer.report.grids import entries_grid
    from analyzer.report.markdown import table
    from analyzer.report.traces import ledger_of

    ledger = ledger_of(fleet)
    found = ledger.slowest(most)
    yield ""
    yield f"{'## ' if form == 'markdown' else ''}Slowest {ledger.noun}s over all captures, ms"
    if not found:
        yield "none"
        return
    grid = entries_grid(found, fleet.capture.first_ns or 0, ledger.noun)
    yield from (table(grid.cells()) if form == "markdown" else grid.lines())


def document(fleet: Fleet) -> Iterator[str]:
    """Yield the answer as one JSON document: sets, latency per host, operation and hour, and findings; times are nanoseconds."""
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "analyzer_version": fleet.saved,
        "sets": fleet.sets.to_dicts(),
        "latency": fleet.latency("host", "service", "operation", "hour").to_dicts(),
        "operations": fleet.latency("service", "operation").to_dicts(),
        "hosts": fleet.latency("host").to_dicts(),
        "findings": fleet.diagnoses().to_dicts(),
        "notes": fleet.capture.notes,
    }
    yield json.dumps(value, indent=1) + "\n"


def _head(fleet: Fleet) -> Iterator[str]:
    info, sets = fleet.capture, fleet.sets
    hosts = {row.host for row in sets}
    done = sum(row.state == "done" for row in sets)
    span = f", {moment(info.first_ns)} to {moment(info.last_ns)}" if info.first_ns is not None and info.last_ns is not None else ""
    read = f"{plural(done, 'capture')} ({plural(len(info.files), 'file')}) of {plural(len(hosts), 'host')}{span}"
    yield from fold(f"{fleet.folder}: {read}")
    rows = {name: sum(piece.rows for piece in fleet.pieces[name]) for name in ("connections", "exchanges")}
    counted = ", ".join([*(plural(count, name.removesuffix("s")) for name, count in rows.items()), calls_of(fleet)])
    yield from fold(f"{plural(info.packets, 'packet')}, {info.bytes / 1e6:.1f} MB; {counted}")


def calls_of(fleet: Fleet) -> str:
    """Count calls as every report does: those of services; dialogues with credential endpoints stand beside them."""
    rows = fleet.latency("service")
    beside = sum(row.calls for row in rows if row.service in CREDENTIAL_SERVICES)
    own = plural(sum(row.calls for row in rows) - beside, "call")
    return f"{own} and {plural(beside, 'dialogue')} with credential endpoints" if beside else own


def _shown(table: Table[Any], columns: Sequence[str], form: str, verbose: bool) -> Iterator[str]:
    if not len(table):
        yield "none"
        return
    kept = table
    if not verbose and len(table) > MOST_ROWS:
        largest = set(sorted(table, key=lambda row: -row.total_ns)[:MOST_ROWS])
        kept = table.where(lambda row: row in largest)
    for piece in render(kept, form, columns):
        yield from piece.rstrip("\n").split("\n")
    if len(kept) < len(table):
        yield f"{len(table) - len(kept)} more, of less time (-v)"
