"""What all verbs that print a table share."""

from __future__ import annotations

from collections.abc import Sequence
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
    def command(form: str | None, columns: str | None, conditions: tuple[str, ...], target: str | None, **options: Any) -> None:
        from analyzer.model.condition import advice
        from analyzer.report.tables import render

        form = form or form_of(target, FORMATS, "table")
        wanted = [part.strip() for part in columns.split(",") if part.strip()] if columns else None
        asked = question(options)
        wants = wants_for(name, wanted, conditions)
        flows = name == "exchanges" and not wants.calls and form in PASSING and not conditions and asked.everything()
        analysis = answer(asked, wants=wants, whole_calls=name not in WIRE, rows_only=flows)
        table = analysis.pool() if name == "pool" else getattr(analysis, name)
        kept = table.where(*conditions) if conditions else table
        if len(table) and conditions and not len(kept):
            told = [said for text in conditions if not len(table.where(text)) and (said := advice(table, text))]
            warn("; ".join([f"none of {len(table)} {name} fulfils {' and '.join(conditions)}", *dict.fromkeys(told)]))
        if form == "parquet":
            from analyzer.cli.export import write_table

            write_table(kept, wanted, target, analysis)
        elif name == "findings" and form in ("table", "markdown") and not wanted and len(kept):
            from analyzer.report.diagnosed import diagnosed

            write((line + "\n" for line in diagnosed(analysis, analysis.findings.where(*conditions), form)), target)
        else:
            write(render(kept, form, wanted), target)

    return command  # fmt: skip


def wants_for(table: str, columns: Sequence[str] | None, conditions: Sequence[str]) -> Wants:
    """Tell what printing a table takes: making calls and reading bodies costs time."""
    from analyzer.model.condition import column_of
    from analyzer.model.wants import EVERYTHING, WITHOUT_CALLS, wants_of

    if table not in WIRE:
        return EVERYTHING
    if table != "exchanges":
        return WITHOUT_CALLS
    return EVERYTHING if columns is None else wants_of([*columns, *map(column_of, conditions)])


def _columns(table: str) -> list[tuple[str, str]]:
    from analyzer.model import pool, rows
    from analyzer.model.table import columns_of

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
    return [(column.name, column.kind) for column in columns_of(kinds[table])]
