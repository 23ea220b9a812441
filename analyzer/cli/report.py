"""`analyzer report`: the answer as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import Question, answer, captures, form_of, output, question, spelled, warn
from analyzer.cli.streams import write

if TYPE_CHECKING:
    from analyzer.model.analysis import Analysis

_FORMS = {"text": "table", "markdown": "markdown"}
FORMS = ("text", "markdown", "json", "html")


@click.command()
@captures
@output
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="Text (the default), Markdown and an HTML page for people, one JSON document for programs. -o FILE.html means html, FILE.md "
    "markdown, FILE.json json.",
)
@click.option(
    "--slowest", type=click.IntRange(min=0), default=8, show_default=True, metavar="N", help="How many of the slowest calls to list."
)
@click.option("--tail", is_flag=True, help="What the slowest percent of each operation has that its median has not.")
@click.option("-v", "--verbose", is_flag=True, help="All findings, operations and notes.")
@click.option(
    "--fail-on",
    "gates",
    multiple=True,
    metavar="CODE|SEVERITY|CONDITION",
    help="Exit with 3 on a finding of this rule, of this severity (info, warning, error) or worse, or on calls for which a condition "
    "holds: duration_ns>2s, p95>200ms.",
)
def report(form: str | None, slowest: int, verbose: bool, tail: bool, gates: tuple[str, ...], target: str | None, **options: Any) -> int:
    """Say what the captures hold, how far they can be trusted, what is slow and why."""
    from analyzer.cli.gates import read_gate

    form = form or form_of(target, FORMS, "text")
    if tail and form == "json":
        raise click.UsageError("--tail is said in text, Markdown and HTML; the JSON document holds the calls it is made of.")
    asked = question(options)
    checks = [read_gate(text) for text in gates]
    analysis = answer(asked)
    write(_pieces(analysis, form, slowest, verbose, tail, asked), target)
    status = 0
    for check in checks:
        verdict = check(analysis)
        if verdict.judged:
            click.echo(f"analyzer: {verdict.reason}", err=True)
        else:
            warn(verdict.reason)
        status = 3 if verdict.met else status
    return status


def _pieces(analysis: Analysis, form: str, slowest: int, verbose: bool, tail: bool, asked: Question) -> Iterable[str]:
    from analyzer.fleet import Fleet

    if isinstance(analysis, Fleet):
        from analyzer.fleet import showing

        if form == "html":
            raise click.UsageError("The answer over a batch is text, markdown or json.")
        return (
            showing.document(analysis)
            if form == "json"
            else (line + "\n" for line in showing.lines(analysis, _FORMS[form], verbose=verbose))
        )
    if form == "json":
        from analyzer.report.document import JsonRenderer

        return JsonRenderer().render(analysis)
    names, filters = asked.captures, spelled(asked)
    if form == "html":
        from analyzer.report.page import HtmlRenderer

        return HtmlRenderer(names=names, filters=filters).render(analysis)
    if form == "markdown":
        from analyzer.report.markdown import MarkdownRenderer

        lines = MarkdownRenderer(slow=slowest, verbose=verbose, tail=tail, names=names, filters=filters).render(analysis)
    else:
        from analyzer.report.terminal import TerminalRenderer

        lines = TerminalRenderer(slow=slowest, verbose=verbose, tail=tail, names=names, filters=filters).render(analysis)
    return (line + "\n" for line in lines)
