"""`analyzer export`: the answer for other programs' viewers; and binary tables for the table verbs."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import answer, captures, question, spare_inputs
from analyzer.cli.streams import standard_output, write
from analyzer.errors import UsageError
from analyzer.report.exports import KNOWN
from analyzer.report.exports.registry import formats

if TYPE_CHECKING:
    from analyzer.model.analysis import Analysis
    from analyzer.model.table import Table

ABOUT = "".join(f"\n\n{one.name}: {one.about} ({', '.join(one.suffixes)})." for one in formats().values())
HELP = f"""Write the answer for other programs: one ledger, every viewer.

The ending of FILE says the format, or --to:
{ABOUT}

Of tables a file holds one: the one that --table names, or that it is named for (calls.parquet); a folder (out/) gets a file for each."""


@click.command(help=HELP)
@captures
@click.option(
    "-o", "--output", "target", metavar="FILE|FOLDER/", type=click.Path(),
    help="Write to FILE, or for tables into FOLDER/, readable by you only, not to standard output.",
)  # fmt: skip
@click.option("--to", type=click.Choice(list(formats())), help="The format; without it the ending of FILE says it, a folder means parquet.")
@click.option("--table", type=click.Choice(KNOWN), help="The table that a file of a format of tables holds.")
@click.option(
    "--otlp-endpoint", "endpoint", metavar="URL",
    help="Send the spans to an OpenTelemetry collector (http://localhost:4318), with the headers of OTEL_EXPORTER_OTLP_HEADERS.",
)  # fmt: skip
def export(target: str | None, to: str | None, table: str | None, endpoint: str | None, **options: Any) -> None:
    """Write the answer in the format that was asked for, or send it."""
    from analyzer.report.exports import export as export_to
    from analyzer.report.exports import format_of, pieces

    spare_inputs({"target": target, **options})
    asked = question(options)
    stdout = target is None or target == "-"
    if endpoint is not None:
        if to not in (None, "otlp") or table is not None:
            raise click.UsageError("--otlp-endpoint takes spans: neither tables nor another format.")
        if target is not None:
            raise click.UsageError("Either --otlp-endpoint or -o, one answer at a time.")
        from analyzer.report.exports.otel.sending import checked, send

        checked(endpoint)
        sent = send(answer(asked), endpoint)
        click.echo(f"analyzer: {sent} spans sent", err=True)
        return
    # What cannot be written is said before a large capture is read.
    form = format_of(None if stdout else target, to, table)
    analysis = answer(asked)
    if not stdout and target is not None:
        export_to(analysis, target, to, table)
    elif form.name == "parquet":
        write_table(_table(analysis, table), None, None, analysis)
    else:
        write(pieces(analysis, to, table), None)


def _table(analysis: Analysis, name: str | None) -> Table[Any]:
    from analyzer.report.exports import tables

    return tables(analysis)[name or ""]()


def write_table(table: Table[Any], columns: Sequence[str] | None, target: str | None, analysis: Analysis) -> None:
    """Write a table as Parquet to a file, or to standard output where that is no terminal. Raises AnalyzerError."""
    from analyzer.report.exports import origin_of, save_table, tabular_of

    form, origin = tabular_of("parquet"), origin_of(analysis)
    if target is not None and target != "-":
        save_table(table, target, form, origin, columns)
        return
    if sys.stdout.isatty():
        raise UsageError("Parquet is no text", hint="-o FILE.parquet, or pipe it into a program")
    # The format ends in an index of positions, which a pipe does not tell.
    with tempfile.SpooledTemporaryFile(1 << 24) as held:
        form.save(table, held, origin, columns)
        held.seek(0)
        with standard_output():
            shutil.copyfileobj(held, sys.stdout.buffer)
