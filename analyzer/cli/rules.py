"""`analyzer rules`: what the tool can diagnose."""

from __future__ import annotations

import click

from analyzer.cli.options import output
from analyzer.cli.streams import write


@click.command()
@output
@click.argument("codes", nargs=-1, metavar="[CODE]...")
def rules(codes: tuple[str, ...], target: str | None) -> None:
    """List the diagnoses, or explain those of the given codes."""
    from analyzer.errors import UsageError
    from analyzer.findings import rules as known
    from analyzer.report.layout import fold

    loaded = {one.rule.code: one for one in known()}
    for code in codes:
        if code not in loaded:
            raise UsageError(f"there is no rule {code!r}", hint=f"one of {', '.join(loaded)}")
    if not codes:
        write((f"{one.rule.code:28} {one.rule.severity:8} {one.rule.summary}\n" for one in loaded.values()), target)
        return
    pieces = []
    for code in codes:
        one = loaded[code]
        lines = [f"{one.rule.name} ({code}, {one.rule.severity})", ""]
        for paragraph in one.explanation.split("\n\n"):
            lines += [*fold(paragraph.replace("\n", " ")), ""]
        lines += [*fold(f"fix    {one.rule.remedy}", hang=7), *fold(f"see    {'; '.join(one.rule.references)}", hang=7)]
        pieces.append("\n".join(lines) + "\n")
    write(["\n".join(pieces)], target)
