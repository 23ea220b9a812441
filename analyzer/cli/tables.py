"""What all verbs that print a table share."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli.options import answer, captures, output, question, where, write

FORMATS = ("table", "markdown", "csv", "json", "jsonl")


def table_command(name: str, description: str) -> click.Command:
    """Make the verb that prints the table `name`."""

    @click.command(name=name, help=description)
    @captures
    @output
    @click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="table and markdown for people: the usual columns, times in UTC, durations in ms. csv, json, jsonl for programs: all columns, ns.")
    @click.option("--columns", metavar="A,B,...", help="Columns, in this order; `--columns help` lists them.")
    @click.option("--where", "conditions", multiple=True, metavar="CONDITION", help="Only rows for which this holds: operation=GetItem, status>=400, server_ns>20ms, target~token.")
    def command(form: str, columns: str | None, conditions: tuple[str, ...], target: str | None, **options: Any) -> None:
        from analyzer.report.tables import render

        if columns == "help":
            from analyzer.model import rows
            from analyzer.model.table import columns_of

            kinds = {"exchanges": rows.Exchange, "connections": rows.Connection, "lookups": rows.Lookup, "findings": rows.Finding, "anomalies": rows.Anomaly}
            write((f"{column.name:24} {column.kind}\n" for column in columns_of(kinds[name])), target)
            return
        analysis = answer(question(options))
        table = where(getattr(analysis, name), conditions)
        wanted = [part.strip() for part in columns.split(",") if part.strip()] if columns else None
        write(render(table, form, wanted), target)

    return command
