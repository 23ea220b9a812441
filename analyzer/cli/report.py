"""`analyzer report`: the answer as a whole."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli.options import answer, captures, output, question
from analyzer.cli.streams import write


@click.command()
@captures
@output
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people, one JSON document for programs.",
)
@click.option(
    "--slowest", type=click.IntRange(min=0), default=8, show_default=True, metavar="N", help="How many of the slowest requests to list."
)
@click.option("-v", "--verbose", is_flag=True, help="All findings, operations and notes.")
def report(form: str, slowest: int, verbose: bool, target: str | None, **options: Any) -> None:
    """Say what the captures hold, how far they can be trusted, what is slow and why."""
    asked = question(options)
    analysis = answer(asked)
    if form == "json":
        from analyzer.report.document import JsonRenderer

        write(JsonRenderer().render(analysis), target)
        return
    from analyzer.report.terminal import TerminalRenderer

    renderer = TerminalRenderer(slow=slowest, verbose=verbose, names=asked.captures)
    write((line + "\n" for line in renderer.render(analysis)), target)
