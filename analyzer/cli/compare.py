"""`analyzer compare`: what differs between two captures, or a saved report and a capture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analyzer.cli.options import Question, answer, captures, form_of, narrow, output, question, warn
from analyzer.cli.streams import write

if TYPE_CHECKING:
    from analyzer.model.analysis import Analysis

Function = TypeVar("Function", bound=Callable[..., Any])
FILE = click.Path(exists=True, dir_okay=False)
FORMS = ("table", "markdown", "json", "html")


def _filters(function: Function) -> Function:
    """Add the options of all verbs without their CAPTURE arguments, which are two here."""
    function = captures(function)
    added = function.__click_params__  # type: ignore[attr-defined]
    added[:] = [one for one in added if not (isinstance(one, click.Argument) and one.name == "captures")]
    for one in added:
        if one.name == "keys":
            one.help = "TLS secrets (NSS key log) of both sides; without it the file named by SSLKEYLOGFILE, and secrets in the captures."
    return function


@click.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@_filters
@click.option("--keys-before", type=FILE, metavar="FILE", help="TLS secrets of BEFORE alone.")
@click.option("--keys-after", type=FILE, metavar="FILE", help="TLS secrets of AFTER alone.")
@click.option("--before", "more_before", multiple=True, metavar="CAPTURE", help="A further capture of BEFORE: several are one time line.")
@click.option("--after", "more_after", multiple=True, metavar="CAPTURE", help="A further capture of AFTER.")
@output
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="table (the default), markdown and an html page for people, json for programs. -o FILE.html means html, FILE.md markdown, "
    "FILE.json json.",
)
@click.option("-v", "--verbose", is_flag=True, help="All operations and findings, those that are the same included.")
@click.option(
    "--fail-on",
    "gates",
    multiple=True,
    metavar="RULE",
    help="Exit with 3 where AFTER is worse: 'p95 +10%', 'p50 +5ms', 'GetItem mean +10%', 'server +2ms' (a phase), finding=CODE, "
    "finding=warning (a new one, that severe or worse). Times fail only where the change is no chance (95 % interval without zero); with "
    "! at the end by the number alone.",
)
def compare(
    before: str,
    after: str,
    keys_before: str | None,
    keys_after: str | None,
    more_before: tuple[str, ...],
    more_after: tuple[str, ...],
    form: str | None,
    verbose: bool,
    gates: tuple[str, ...],
    target: str | None,
    **options: Any,
) -> int:
    """Say what got faster or slower from BEFORE to AFTER, by which phases, in which calls, and why.

    Each is a capture or a saved report: the JSON of `report --format json`, or a Parquet folder or file. Filters hold for both; times
    of --since and --until in seconds count from each one's start.
    """
    from analyzer.comparing import compared
    from analyzer.comparing.gates import read_gate

    form = form or form_of(target, FORMS, "table")
    asked = question({"captures": (before,), **options})
    if "-" in (before, *more_before) and "-" in (after, *more_after):
        raise click.UsageError("standard input can be one side only.")
    checks = [read_gate(text) for text in gates]
    sides = [
        _side(asked._replace(captures=(first, *more), keys=own or asked.keys))
        for first, more, own in ((before, more_before, keys_before), (after, more_after, keys_after))
    ]
    comparison = compared(*sides)
    judged = [check(comparison) for check in checks]
    if form == "json":
        from analyzer.report.comparison_document import document

        told = [{"rule": text, "met": one.met, "judged": one.judged, "reason": one.reason} for text, one in zip(gates, judged, strict=True)]
        write(document(comparison, told), target)
    elif form == "html":
        from analyzer.report.comparison_page import page

        write(page(comparison, verbose=verbose), target)
    else:
        from analyzer.report.comparison import markdown_lines, text

        make = markdown_lines if form == "markdown" else text
        write((line + "\n" for line in make(comparison, verbose=verbose)), target)
    for one in judged:
        if one.judged:
            click.echo(f"analyzer: {one.reason}", err=True)
        else:
            warn(one.reason)
    return 3 if any(one.met for one in judged) else 0


def _side(asked: Question) -> Analysis:
    """Read one side: a saved report, or captures."""
    from analyzer.report.saved import is_saved

    if not any(name != "-" and is_saved(name) for name in asked.captures):
        return answer(asked)
    from analyzer.comparing import open_side

    return narrow(open_side(asked.captures), asked)
