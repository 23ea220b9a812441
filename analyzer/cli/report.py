"""`analyzer report`: the answer as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from analyzer.cli.folders import refuse_batches
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
@click.option("--tail", is_flag=True, help="What the slowest percent of each operation, 3 calls at least, has that its median has not.")
@click.option("-v", "--verbose", is_flag=True, help="All findings, operations and notes.")
@click.option(
    "--fail-on",
    "gates",
    multiple=True,
    metavar="CODE|SEVERITY|CONDITION",
    help="Exit with 3 on a finding of this rule, of this severity (info, warning, error) or worse, or on calls for which a condition "
    "holds: duration_ns>2s, p95>200ms.",
)
@click.pass_context
def report(
    ctx: click.Context,
    /,
    form: str | None,
    slowest: int,
    verbose: bool,
    tail: bool,
    gates: tuple[str, ...],
    target: str | None,
    **options: Any,
) -> int:
    """Say what the captures hold, how far they can be trusted, what is slow and why."""
    from analyzer.cli.gates import read_gate

    form = form or form_of(target, FORMS, "text")
    if tail and form == "json":
        raise click.UsageError("--tail is said in text, Markdown and HTML; the JSON document holds the calls it is made of.")
    asked = question(options)
    if form == "html" and asked.everything():
        refuse_batches(asked.captures, "page", "analyzer {capture} -o report.html")
    checks = [read_gate(text) for text in gates]
    analysis = answer(asked)
    # Over many hosts the slowest calls are listed only where somebody asks for them: that reads all calls.
    listed = slowest if ctx.get_parameter_source("slowest") is ParameterSource.COMMANDLINE else 0
    write(_over_all(analysis, form, listed, verbose, tail) or _pieces(analysis, form, slowest, verbose, tail, asked), target)
    status = 0
    for check in checks:
        verdict = check(analysis)
        if verdict.judged:
            click.echo(f"analyzer: {verdict.reason}", err=True)
        else:
            warn(verdict.reason)
        status = 3 if verdict.met else status
    return status


def _over_all(analysis: Analysis, form: str, slowest: int, verbose: bool, tail: bool) -> Iterable[str] | None:
    """Return the answer over all captures of a batch; None where the answer is of captures, or of a part of a batch."""
    from analyzer.fleet import Fleet

    if not isinstance(analysis, Fleet):
        return None
    from analyzer.fleet import showing

    if form == "json":
        return showing.document(analysis)
    return (line + "\n" for line in showing.lines(analysis, _FORMS[form], verbose=verbose, slowest=slowest, tail=tail))


def _pieces(analysis: Analysis, form: str, slowest: int, verbose: bool, tail: bool, asked: Question) -> Iterable[str]:
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
