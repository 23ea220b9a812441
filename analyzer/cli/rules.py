"""`analyzer rules`: what the tool can diagnose."""

from __future__ import annotations

import click

from analyzer.cli.options import output, write


@click.command()
@output
@click.argument("codes", nargs=-1, metavar="[CODE]...")
def rules(codes: tuple[str, ...], target: str | None) -> None:
    """List the diagnoses, or explain those of the given codes."""
    from analyzer.errors import UsageError
    from analyzer.findings import rules as known

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
        pieces.append(f"{one.rule.name} ({code}, {one.rule.severity})\n\n{one.explanation}\n\nfix: {one.rule.remedy}\nsee: {'; '.join(one.rule.references)}\n")
    write("\n".join(pieces), target)
