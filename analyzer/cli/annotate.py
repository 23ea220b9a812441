"""`analyzer annotate`: the capture with comments, for Wireshark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from analyzer.cli.folders import refuse_batches
from analyzer.cli.options import Question, answer, reading
from analyzer.units import count


def _numbers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Read `3,7`, or `3-7`."""
    found: list[int] = []
    for text in (value or "").split(","):
        first, dash, last = text.strip().partition("-")
        if not text.strip():
            continue
        if not all(one.isascii() and one.isdigit() and len(one) < 10 for one in ((first, last) if dash else (first,))):
            raise click.BadParameter(f"{text!r} is no call id; write them as 3,7 or 3-7.")
        if dash and int(last) < int(first):
            raise click.BadParameter(f"{text!r} ends before it begins.")
        if dash and int(last) - int(first) > 1_000_000:
            raise click.BadParameter(f"{text!r} is too many calls.")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


@click.command()
@click.argument("source", metavar="CAPTURE")
@click.argument("target", metavar="OUT.pcapng", type=click.Path(dir_okay=False))
@click.option("--calls", callback=_numbers, metavar="N,N", help="Comments on these calls only (3,7 or 3-7).")
@click.option("--finding", "findings", multiple=True, metavar="CODE", help="Comments on this finding and its calls only.")
@click.option("--only", is_flag=True, help="Write no packets but those of --calls or --finding: a small file to send around.")
@click.option(
    "--profile", type=click.Path(file_okay=False), metavar="FOLDER",
    help="Write a Wireshark profile too: columns, colours, a filter button for each finding.",
)  # fmt: skip
@click.option("--with-secrets", is_flag=True, help="Keep TLS secrets that the capture holds, and put those of --keys in.")
@reading
def annotate(
    source: str, target: str, calls: tuple[int, ...], findings: tuple[str, ...], only: bool, profile: str | None, with_secrets: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Write the same packets with comments on those that matter, to be read in Wireshark.

    Comments say where calls and their phases begin and end and which packets prove a finding; that of the file is the summary. Frame
    numbers, bytes and times stay what they are. In Wireshark the filter `frame.comment` shows them, and Edit, Find Packet finds more.
    """
    from analyzer.annotating import annotate as write
    from analyzer.annotating import write_profile
    from analyzer.capture.output import checked_target
    from analyzer.cli.options import told_as_pcapng, warn

    refuse_batches([source], "annotate", "analyzer annotate {capture} OUT.pcapng")
    checked_target(source, target)
    told_as_pcapng(target)
    asked = Question((source,), options["services"], (), None, None, (), options["keys"])
    analysis = answer(asked)
    done = write(source, target, analysis, calls=calls, findings=findings, only=only, with_secrets=with_secrets, keys=options["keys"])
    click.echo(f"{target}: {count(done.packets)} packets, {count(done.commented)} with a comment (filter: frame.comment)", err=True)
    if done.secrets:
        warn(f"TLS secrets of the capture were left out of {target}; --with-secrets keeps them")
    if profile is not None:
        write_profile(Path(profile), analysis)
        click.echo(f"{profile}: a Wireshark profile; put the folder among Wireshark's profiles and choose it", err=True)
