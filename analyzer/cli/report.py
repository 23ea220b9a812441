"""`analyzer report`: the answer as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import Question, answer, captures, output, question, spelled, warn
from analyzer.cli.streams import write

if TYPE_CHECKING:
    from analyzer.model.analysis import Analysis


@click.command()
@captures
@output
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Text and Markdown for people, one JSON document for programs.",
)
@click.option(
    "--slowest", type=click.IntRange(min=0), default=8, show_default=True, metavar="N", help="How many of the slowest calls to list."
)
@click.option("-v", "--verbose", is_flag=True, help="All findings, operations and notes.")
@click.option(
    "--fail-on",
    "gates",
    multiple=True,
    metavar="CODE|SEVERITY|CONDITION",
    help="Exit with 3 on a finding of this rule, of this severity (info, warning, error) or worse, or on calls for which a condition "
    "holds: duration_ns>2s, p95>200ms.",
)
def report(form: str, slowest: int, verbose: bool, gates: tuple[str, ...], target: str | None, **options: Any) -> int:
    """Say what the captures hold, how far they can be trusted, what is slow and why."""
    from analyzer.cli.gates import read_gate

    asked = question(options)
    checks = [read_gate(text) for text in gates]
    analysis = answer(asked)
    write(_pieces(analysis, form, slowest, verbose, asked), target)
    status = 0
    for check in checks:
        verdict = check(analysis)
        if verdict.judged:
            click.echo(f"analyzer: {verdict.reason}", err=True)
        else:
            warn(verdict.reason)
        status = 3 if verdict.met else status
    return status


def _pieces(analysis: Analysis, form: str, slowest: int, verbose: bool, asked: Question) -> Iterable[str]:
    if form == "json":
        from analyzer.report.document import JsonRenderer

        return JsonRenderer().render(analysis)
    names, filters = asked.captures, spelled(asked)
    if form == "markdown":
        from analyzer.report.markdown import MarkdownRenderer

        lines = MarkdownRenderer(slow=slowest, verbose=verbose, names=names, filters=filters).render(analysis)
    else:
        from analyzer.report.terminal import TerminalRenderer

        lines = TerminalRenderer(slow=slowest, verbose=verbose, names=names, filters=filters).render(analysis)
    return (line + "\n" for line in lines)
