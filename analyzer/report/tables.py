"""Tables of rows in the forms that people and programs read: table, markdown, csv, json, jsonl."""

from __future__ import annotations

import csv as csv_module
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from analyzer.errors import UsageError
from analyzer.model.table import Column, Table
from analyzer.report import text
from analyzer.units import milliseconds, moment

FORMATS = ("table", "markdown", "csv", "json", "jsonl")
BATCH = 1000

SHORT = {
    "exchanges": "exchange_id connection_id index_on_connection operation status outcome request_start_ns wait_stall_ns network_ns server_ns "
    "request_packet_id response_packet_id",
    "connections": "connection_id client_address client_port server_name server_port service connect_ns min_rtt_ns exchanges retransmissions closed_by",
    "lookups": "lookup_id name type start_ns end_ns tries rcode answers connection_ids",
    "findings": "code severity confidence cost_ns summary",
    "anomalies": "code packet_id connection_id detail",
}  # fmt: skip
"""What a person sees of a table unless he asks for more; programs get every column."""


class Wanted(NamedTuple):
    """Columns of a table, and how to take them from a row."""

    columns: tuple[Column, ...]
    values: Callable[[Any], tuple[Any, ...]]


def choose(table: Table[Any], names: Sequence[str] | None, *, short: bool = False) -> Wanted:
    """Pick columns by name; without names all, or the usual ones. Raises UsageError for a column that the table does not have."""
    known = {column.name: column for column in table.columns}
    if not names:
        names = SHORT.get(table.name, "").split() if short else ()
        names = names or list(known)
    getter = table.getter(*names)
    columns = tuple(known[name] for name in names)
    return Wanted(columns, getter if len(columns) > 1 else lambda row: (getter(row),))


def render(table: Table[Any], form: str, columns: Sequence[str] | None = None) -> Iterator[str]:
    """Yield a table as text in one of FORMATS. Times are nanoseconds since the epoch for programs, UTC for people, durations ns and ms."""
    wanted = choose(table, columns, short=form in ("table", "markdown"))
    if form in ("table", "markdown"):
        return _for_people(table, wanted, form)
    if form == "csv":
        return _csv(table, wanted)
    if form == "jsonl":
        return _lines(table, wanted)
    if form == "json":
        return _json(table, wanted)
    raise UsageError(f"unknown format {form!r}", hint=f"one of {', '.join(FORMATS)}")


def _for_people(table: Table[Any], wanted: Wanted, form: str) -> Iterator[str]:
    from tabulate import tabulate

    escape = text.markdown if form == "markdown" else text.plain
    head = [column.name.removesuffix("_ns") + ("_ms" if column.kind == "duration" else "") for column in wanted.columns]
    right = ["right" if column.kind in ("int", "duration", "float") else "left" for column in wanted.columns]
    body = [[cell(value, column, escape) for value, column in zip(wanted.values(row), wanted.columns, strict=True)] for row in table]
    if not body:
        yield f"no {table.name}\n"
        return
    style = "pipe" if form == "markdown" else "plain"
    yield tabulate(body, [escape(name) for name in head], tablefmt=style, disable_numparse=True, colalign=right) + "\n"


def cell(value: object, column: Column, escape: Callable[[str], str] = text.plain) -> str:
    """Write a value for a person: unknown is empty."""
    if value is None:
        return ""
    if column.kind == "time" and isinstance(value, int):
        return moment(value)
    if column.kind == "duration" and isinstance(value, int):
        return milliseconds(value)
    if column.kind == "bool":
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return escape(" ".join(map(str, value)))
    return escape(str(value))


def _csv(table: Table[Any], wanted: Wanted) -> Iterator[str]:
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in wanted.columns)
    # Only texts need a look; most rows have the same few.
    safe: dict[str, str] = {}
    texts = [index for index, column in enumerate(wanted.columns) if column.kind == "text"]
    lists = [index for index, column in enumerate(wanted.columns) if column.kind == "list"]
    bools = [index for index, column in enumerate(wanted.columns) if column.kind == "bool"]
    values = wanted.values
    for start in range(0, len(table), BATCH):
        rows = []
        for row in table[start : start + BATCH]:
            cells = list(values(row))
            for index in texts:
                value = cells[index]
                if value is not None:
                    known = safe.get(value)
                    if known is None:
                        known = text.csv(value)
                        if len(safe) < BATCH:
                            safe[value] = known
                    cells[index] = known
            for index in lists:
                cells[index] = text.csv(" ".join(map(str, cells[index])))
            for index in bools:
                cells[index] = "" if cells[index] is None else "true" if cells[index] else "false"
            rows.append(cells)
        writer.writerows(rows)
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    if not len(table):
        yield out.getvalue()


def _objects(table: Table[Any], wanted: Wanted) -> Iterable[dict[str, Any]]:
    names = [column.name for column in wanted.columns]
    for row in table:
        yield dict(zip(names, wanted.values(row), strict=True))


def _lines(table: Table[Any], wanted: Wanted) -> Iterator[str]:
    encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
    for row in _objects(table, wanted):
        yield encode(row) + "\n"


def _json(table: Table[Any], wanted: Wanted) -> Iterator[str]:
    yield json.dumps(list(_objects(table, wanted)), ensure_ascii=False, indent=1) + "\n"
