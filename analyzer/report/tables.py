"""Tables of rows in the forms that people and programs read: table, markdown, csv, json, jsonl."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from analyzer.errors import UsageError
from analyzer.model.table import Column, Table
from analyzer.report import text
from analyzer.report.commas import CsvRows
from analyzer.report.layout import WIDTH, aligned, cells, fits, fold, shorten
from analyzer.report.objects import JsonRows
from analyzer.units import milliseconds, moment

FORMATS = ("table", "markdown", "csv", "json", "jsonl")
BATCH = 1000
PROSE = frozenset({"summary", "detail", "remedy", "decides", "title"})
"""Columns of sentences: where they do not fit they go on in the next line, as lists do; names end in an ellipsis."""
LESSER = (
    "response_packet_id", "packet_id", "server_port", "call_id", "alpn", "decrypted", "min_rtt_ns", "connection_ids", "tries", "client_ns",
    "severity", "confidence",
)  # fmt: skip
"""Usual columns that give way where numbers are so long that a line does not fit, in this order."""
LEAST = (12, 4)
"""Cells that a column of text keeps, and what it keeps if numbers are so long that the line does not fit otherwise."""

SHORT = {
    "calls": "call_id service operation start_ns duration_ns attempts ok",
    "exchanges": "exchange_id call_id connection_id service operation status outcome network_ns server_ns response_packet_id",
    "connections": "connection_id client_address server_name server_port connect_ns min_rtt_ns exchanges closed_by",
    "handshakes": "connection_id server_name version resumed round_trips duration_ns client_ns server_ns alpn decrypted",
    "pool": "server client_address opened most_open most_busy mean_busy needed requests followed_at_once idle_closer idle_close_ns",
    "lookups": "lookup_id name type tries rcode answers connection_ids",
    "findings": "code severity confidence cost_ns summary",
    "anomalies": "code packet_id connection_id detail",
}  # fmt: skip
"""What a person sees of a table unless he asks for more; programs get every column."""
PHASES = (
    "credentials_ns", "dns_ns", "connect_ns", "tls_ns", "client_ns", "send_ns", "wait_ns", "server_ns", "receive_ns", "failed_ns",
    "backoff_ns", "unexplained_ns",
)  # fmt: skip
"""Columns of `calls` that a person sees where they are not all zero, in the order in which they happen (`server_ns` is part of `wait_ns`);
where they do not fit, the longest of them."""


ABSENT = frozenset(PHASES) - {"server_ns"}
"""Columns in which zero means that there was no such phase: an empty cell."""
TIME_OF_DAY = 13
"""Cells of `20:05:23.897Z`."""


class Wanted(NamedTuple):
    """Columns of a table, and how to take them from a row."""

    columns: tuple[Column, ...]
    values: Callable[[Any], tuple[Any, ...]]


def choose(table: Table[Any], names: Sequence[str] | None, *, short: bool = False) -> Wanted:
    """Pick columns by name; without names all, or the usual ones. Raises UsageError for a column that the table does not have."""
    known = {column.name: column for column in table.columns}
    if not names:
        names = usual(table) if short else ()
        names = names or list(known)
    getter = table.getter(*names)
    columns = tuple(known[name] for name in names)
    return Wanted(columns, getter if len(columns) > 1 else lambda row: (getter(row),))


def usual(table: Table[Any]) -> list[str]:
    """Return the columns that a person sees: of calls also the phases that took time, as many as fit, the longest first."""
    names = SHORT.get(table.name, "").split()
    if table.name != "calls":
        return names
    known = {column.name: column for column in table.columns}
    sums = {name: sum(filter(None, map(table.getter(name), table))) for name in PHASES}
    taken: list[str] = []
    room = WIDTH - sum(_cells_of(table, known[name]) + 2 for name in names) + 2
    for name in sorted((name for name in PHASES if sums[name]), key=lambda name: -sums[name]):
        room -= _cells_of(table, known[name]) + 2
        if room < 0:
            break
        taken.append(name)
    return names + [name for name in PHASES if name in taken]


def _cells_of(table: Table[Any], column: Column) -> int:
    """Return the width of a column of calls: the widest word of its heading, or its widest cell."""
    words = max(map(len, _heading(column).split("_")))
    if column.kind == "time":
        return max(words, TIME_OF_DAY)
    return max(words, max((cells(cell(value, column)) for value in map(table.getter(column.name), table)), default=0))


def render(table: Table[Any], form: str, columns: Sequence[str] | None = None) -> Iterator[str]:
    """Yield a table as text in one of FORMATS. Times are nanoseconds since the epoch for programs, UTC for people, durations ns and ms."""
    wanted = choose(table, columns, short=form in ("table", "markdown"))
    if form in ("table", "markdown"):
        return _markdown(table, wanted) if form == "markdown" else _for_people(table, wanted, fitted=not columns)
    if form == "csv":
        return _csv(table, wanted)
    if form == "jsonl":
        return _lines(table, wanted)
    if form == "json":
        return _json(table, wanted)
    raise UsageError(f"unknown format {form!r}", hint=f"one of {', '.join(FORMATS)}")


def _for_people(table: Table[Any], wanted: Wanted, *, fitted: bool) -> Iterator[str]:
    """Yield aligned columns; the usual ones are `fitted` to a terminal, those that were asked for are shown whole."""
    if not len(table):
        yield f"no {table.name}\n"
        return
    body = [[cell(value, column) for value, column in zip(wanted.values(row), wanted.columns, strict=True)] for row in table]
    if not fitted:
        yield from (line + "\n" for line in _laid_out(body, wanted.columns))
        return
    _time_of_day(body, wanted.columns)
    columns, gone = list(wanted.columns), []
    while not fits(lines := _laid_out([list(row) for row in body], columns, least=_keeps(columns))) and len(columns) > 1:
        index = _least(columns)
        gone.append(columns.pop(index).name)
        for row in body:
            row.pop(index)
    yield from (shorten(line, WIDTH) + "\n" for line in lines)
    if gone:
        yield from (line + "\n" for line in fold(f"no room for {', '.join(gone)} (--columns shows them)"))


def _laid_out(body: list[list[str]], columns: Sequence[Column], *, least: Sequence[int] = ()) -> list[str]:
    """Return the lines of a table with its heading; columns of text keep one after the other of `least` cells, none: all."""
    # Long names over narrow columns: a word a line.
    words = [_heading(column).split("_") for column in columns]
    height = max(map(len, words))
    head = [[word[row - height + len(word)] if row >= height - len(word) else "" for word in words] for row in range(height)]
    if least:
        _squeeze(head, body, columns, least)
    return aligned([*head, *body], frozenset(index for index, column in enumerate(columns) if not _is_number(column)))


def _keeps(columns: Sequence[Column]) -> Sequence[int]:
    """Return what columns of text keep: a name is worth more than a column of LESSER."""
    return LEAST[:1] if any(column.name in LESSER for column in columns) else LEAST


def _least(columns: Sequence[Column]) -> int:
    """Return the column that can be spared first: one of LESSER, else the last; never the first, which is the id."""
    names = [column.name for column in columns]
    return next((names.index(name) for name in LESSER if name in names), len(columns) - 1)


def _time_of_day(body: list[list[str]], columns: Sequence[Column]) -> None:
    """Leave out the date of times that are all of one day: there is little room, and the report says when it was."""
    for index, column in enumerate(columns):
        if column.kind == "time" and len({row[index][:11] for row in body}) == 1 and " " in body[0][index]:
            for row in body:
                row[index] = row[index].partition(" ")[2]


def _squeeze(head: list[list[str]], body: list[list[str]], columns: Sequence[Column], leasts: Sequence[int]) -> None:
    """Shorten or fold the widest columns of text until a line fits."""
    widths = [max(cells(row[index]) for row in (*head, *body)) for index in range(len(columns))]
    texts = [index for index, column in enumerate(columns) if column.kind in ("text", "list")]
    folded = {index for index in texts if columns[index].kind == "list" or columns[index].name in PROSE}
    room = WIDTH - 2 * (len(columns) - 1)
    changed = {index for index in texts if widths[index] > WIDTH}
    widths = [min(width, WIDTH) if index in changed else width for index, width in enumerate(widths)]
    for least in leasts:
        while sum(widths) > room:
            # What can go on in the next line makes room first: a name that is cut is lost.
            wide = [index for index in texts if widths[index] > least]
            widest = max(wide, key=lambda index: (index in folded, widths[index]), default=None)
            if widest is None:
                break
            widths[widest] -= 1
            changed.add(widest)
    for index in changed:
        for row in head:
            row[index] = shorten(row[index], widths[index])
        for row in body:
            row[index] = "\n".join(fold(row[index], width=widths[index])) if index in folded else shorten(row[index], widths[index])


def _markdown(table: Table[Any], wanted: Wanted) -> Iterator[str]:
    if not len(table):
        yield f"no {table.name}\n"
        return
    yield f"| {' | '.join(map(_heading, wanted.columns))} |\n"
    yield f"|{'|'.join('---:' if _is_number(column) else ':---' for column in wanted.columns)}|\n"
    for row in table:
        written = [cell(value, column, text.inline) for value, column in zip(wanted.values(row), wanted.columns, strict=True)]
        yield f"| {' | '.join(written)} |\n"


def _heading(column: Column) -> str:
    return column.name.removesuffix("_ns") + ("_ms" if column.kind == "duration" else "")


def _is_number(column: Column) -> bool:
    return column.kind in ("int", "duration", "float")


def cell(value: object, column: Column, escape: Callable[[str], str] = text.plain) -> str:
    """Write a value for a person: unknown is empty."""
    if value is None:
        return ""
    if column.kind == "time" and isinstance(value, int):
        return moment(value)
    if column.kind == "duration" and isinstance(value, int):
        return "" if value == 0 and column.name in ABSENT else milliseconds(value)
    if isinstance(value, float):
        return f"{value:.3g}" if value < 100 else f"{value:.0f}"
    if column.kind == "bool":
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return escape(" ".join(map(str, value)))
    return escape(str(value))


def _csv(table: Table[Any], wanted: Wanted) -> Iterator[str]:
    rows = CsvRows([column.kind for column in wanted.columns])
    heading = rows.heading([column.name for column in wanted.columns])
    for start in range(0, max(len(table), 1), BATCH):
        yield heading + rows.batch(list(map(wanted.values, table[start : start + BATCH])))
        heading = ""


def _objects(table: Table[Any], wanted: Wanted) -> Iterator[list[str]]:
    """Yield the rows as JSON objects, a batch at a time."""
    rows = JsonRows(wanted.columns)
    for start in range(0, len(table), BATCH):
        yield rows.batch(list(map(wanted.values, table[start : start + BATCH])))


def _lines(table: Table[Any], wanted: Wanted) -> Iterator[str]:
    for batch in _objects(table, wanted):
        yield "\n".join(batch) + "\n"


def _json(table: Table[Any], wanted: Wanted) -> Iterator[str]:
    before = "[\n"
    for batch in _objects(table, wanted):
        yield before + ",\n".join(batch)
        before = ",\n"
    yield "\n]\n" if len(table) else "[]\n"
