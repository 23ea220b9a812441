"""`analyzer explain`: where the time of one call went."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli.options import answer, captures, form_of, output, question
from analyzer.cli.streams import shows_blocks, write

FORMS = ("text", "markdown", "json")


@click.command()
@click.argument("call", metavar="CALL")
@captures
@output
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="Text (the default) and Markdown for people, one JSON document for programs. -o FILE.md means markdown, FILE.json json.",
)
def explain(call: str, form: str | None, target: str | None, **options: Any) -> None:
    """Say line by line where the time of one call went, with packets and a Wireshark filter for each line.

    CALL is a call id (`analyzer calls` and the report show them), or the word `slowest`.
    """
    if call != "slowest" and not (call.isascii() and call.isdigit() and len(call) < 20):
        raise click.BadParameter(f"{call!r} is neither a call id nor the word slowest.", param_hint="'CALL'")
    from analyzer.report.explained import Explanation
    from analyzer.report.text import plain

    whole = answer(question(options))
    analysis, number = whole.of_call(call)
    if analysis is not whole:
        click.echo(f"analyzer: call {number} of {plain(analysis.capture.files[0].name)}", err=True)
    made = Explanation(analysis, number)
    text = {"markdown": made.markdown, "json": made.json}.get(
        form or form_of(target, FORMS, "text"), lambda: made.text(unicode=shows_blocks(target))
    )()
    write((text, "\n"), target)
