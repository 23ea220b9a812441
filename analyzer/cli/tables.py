"""What all verbs that print a table share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import answer, captures, form_of, output, question, warn
from analyzer.cli.streams import write

if TYPE_CHECKING:
    from analyzer.model.wants import Wants

FORMATS = ("table", "markdown", "csv", "json", "jsonl", "parquet")
PASSING = ("csv", "json", "jsonl", "parquet")
"""Formats that look at one row at a time, or a few: rows are written and forgotten."""
WIRE = frozenset({"connections", "handshakes", "exchanges", "lookups", "anomalies", "pool"})
"""Tables of what is on the wire, with calls or without; filters keep just what passes them."""


def table_command(name: str, description: str) -> click.Command:
    """Make the verb that prints the table `name`."""

    def list_columns(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        if value == "help" and not ctx.resilient_parsing:
            write((f"{column_name:24} {kind}\n" for column_name, kind in _columns(name)), None)
            ctx.exit()
        return value

    @click.command(name=name, help=description)
    @captures
    @output
    @click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        help="table (the default) and markdown, for people: the usual columns, times in UTC, durations in ms. csv, json, jsonl and "
        "parquet, for programs: all columns, ns. -o FILE.csv means csv, and so with the others (.md is markdown).",
    )
    @click.option(
        "--columns", metavar="A,B,...", is_eager=True, callback=list_columns, help="Columns, in this order; `--columns help` lists them."
    )
    @click.option(
        "--where",
        "conditions",
        multiple=True,
        metavar="CONDITION",
        help="Only rows for which this holds: operation=GetItem, status>=400, server_ns>20ms, target~token.",
    )
    @click.option(
        "--sort",
        "orders",
        multiple=True,
        metavar="COLUMN,...",
        help="In order of these columns, -COLUMN: largest first; unknown values come last. All rows are then held in memory.",
    )
    @click.option("--desc", is_flag=True, help="With --sort: largest first, whatever the sign.")
    @click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows, after --where and --sort.")
    def command(
        form: str | None, columns: str | None, conditions: tuple[str, ...], orders: tuple[str, ...], desc: bool, limit: int | None,
        target: str | None, **options: Any,
    ) -> None:  # fmt: skip
        from analyzer.model.condition import advice
        from analyzer.model.table import Table
        from analyzer.report.tables import render

        form = form or form_of(target, FORMATS, "table")
        wanted = _names(columns) if columns else None
        order = _order(name, orders, desc)
        asked = question(options)
        wants = wants_for(name, wanted, conditions, [text.removeprefix("-") for text in order])
        flows = name == "exchanges" and not wants.calls and form in PASSING and not (conditions or order) and asked.everything()
        analysis = answer(asked, wants=wants, whole_calls=name not in WIRE, rows_only=flows)
        table = analysis.pool() if name == "pool" else getattr(analysis, name)
        kept: Table[Any] = table.where(*conditions) if conditions else table
        if len(table) and conditions and not len(kept):
            told = [said for text in conditions if not len(table.where(text)) and (said := advice(table, text))]
            warn("; ".join([f"none of {len(table)} {name} fulfils {' and '.join(conditions)}", *dict.fromkeys(told)]))
        kept = kept.sort(*order, descending=desc) if order else kept
        kept = Table(kept.name, kept.row_type, islice(kept, limit)) if limit is not None and limit < len(kept) else kept
        if form == "parquet":
            from analyzer.cli.export import write_table

            write_table(kept, wanted, target, analysis)
        elif name == "findings" and form in ("table", "markdown") and not wanted and len(kept):
            from analyzer.report.diagnosed import diagnosed

            write((line + "\n" for line in diagnosed(analysis, kept, form)), target)
        else:
            write(render(kept, form, wanted), target)

    return command  # fmt: skip


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _order(table: str, given: Sequence[str], desc: bool) -> list[str]:
    """Return the columns of --sort with their signs. Raises UsageError, so that a slip is told before a large capture is read."""
    from analyzer.model.table import Table

    order = [name for text in given for name in _names(text)]
    if desc and not order:
        raise click.UsageError("--desc goes with --sort COLUMN.")
    Table(table, _rows_of(table)).sort(*order)
    return order


def wants_for(table: str, columns: Sequence[str] | None, conditions: Sequence[str], order: Sequence[str] = ()) -> Wants:
    """Tell what printing a table takes: making calls and reading bodies costs time."""
    from analyzer.model.condition import column_of
    from analyzer.model.wants import EVERYTHING, WITHOUT_CALLS, wants_of

    if table not in WIRE:
        return EVERYTHING
    if table != "exchanges":
        return WITHOUT_CALLS
    return EVERYTHING if columns is None else wants_of([*columns, *order, *map(column_of, conditions)])


def _columns(table: str) -> list[tuple[str, str]]:
    from analyzer.model.table import columns_of

    return [(column.name, column.kind) for column in columns_of(_rows_of(table))]


def _rows_of(table: str) -> type[Any]:
    """Return the row type of a table."""
    from analyzer.model import pool, rows

    kinds: dict[str, type[tuple[Any, ...]]] = {
        "calls": rows.Call,
        "exchanges": rows.Exchange,
        "connections": rows.Connection,
        "handshakes": rows.Handshake,
        "lookups": rows.Lookup,
        "findings": rows.Finding,
        "anomalies": rows.Anomaly,
        "pool": pool.Pool,
    }
    return kinds[table]
