"""`analyzer verify`: our numbers beside Wireshark's."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.folders import refuse_batches
from analyzer.cli.options import Question, answer, output, reading
from analyzer.cli.streams import write

if TYPE_CHECKING:
    from analyzer.model.analysis import Analysis
    from analyzer.verifying import Measure, Verdict

SHOWN = 5
"""Differences of one reason that are listed; -v lists all."""


@click.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@reading
@click.option(
    "--packet", type=click.IntRange(min=1), metavar="N", help="Show packet N as Wireshark does, with all its fields, and what it is here."
)
@click.option("-v", "--verbose", is_flag=True, help="List every difference.")
@click.option(
    "--format", "form", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True, help="How it is written."
)
@output
def verify(captures: tuple[str, ...], packet: int | None, verbose: bool, form: str, target: str | None, **options: Any) -> None:
    """Ask tshark about the same packets and set both answers side by side, with the reason of each difference.

    Compared are packets and their times, stream numbers, counts of tcp.analysis flags, the frames in which HTTP messages are complete,
    http.time, and TLS hellos. Several captures are compared each by itself and counted together.
    """
    from analyzer.errors import AnalyzerError, UsageError
    from analyzer.model.wants import WITHOUT_CALLS
    from analyzer.verifying import tree, tshark
    from analyzer.verifying import verify as compare

    refuse_batches(captures, "verify")
    program = tshark()
    if "-" in captures:
        raise UsageError("standard input cannot be read twice", hint="save it to a file first")
    if packet is not None:
        if len(captures) != 1:
            raise UsageError("one packet of which capture?", hint="name one capture with --packet")
        analysis = answer(Question(captures, options["services"], (), None, None, (), options["keys"]))
        if packet > analysis.capture.packets:
            raise UsageError(f"the capture has {analysis.capture.packets} packets", hint="they are numbered from 1, as in Wireshark")
        lines = tree(captures[0], packet, program, options["keys"])
        write((f"{line}\n" for line in (*lines, "ANALYZER", *_here(analysis, packet))), target)
        return
    verdicts = []
    gc.enable()  # one capture after another
    for name in captures:
        try:
            analysis = answer(Question((name,), options["services"], (), None, None, (), options["keys"]), wants=WITHOUT_CALLS)
            keys = _key_logs(options["keys"])
            verdicts.append(compare(program, name, analysis, keys))
        except AnalyzerError as error:
            if len(captures) == 1:
                raise
            from analyzer.cli.options import warn

            warn(str(error))
    if not verdicts:
        raise AnalyzerError("none of the captures could be compared")
    write(_json(verdicts) if form == "json" else _text(verdicts, verbose=verbose, markdown=form == "markdown"), target)


def _key_logs(keys: str | None) -> list[str]:
    import os
    from pathlib import Path

    named = keys if keys is not None else os.environ.get("SSLKEYLOGFILE")
    return [named] if named and Path(named).is_file() else []


def _text(verdicts: Sequence[Verdict], *, verbose: bool, markdown: bool) -> Iterator[str]:
    """Yield the table of measures, then the differences by their reasons."""
    from tabulate import tabulate

    from analyzer.report.text import markdown as safe_markdown
    from analyzer.report.text import plain
    from analyzer.units import count
    from analyzer.verifying import total
    from analyzer.verifying.verify import MEASURES

    safe = safe_markdown if markdown else plain
    several = len(verdicts) > 1
    head = f"{len(verdicts)} captures" if several else verdicts[0].name
    yield f"{safe(head)} beside tshark {safe(verdicts[0].tshark)}\n\n"
    rows = [(MEASURES[one.name], count(one.agree), count(one.of), _share(one)) for one in total(verdicts) if one.of]
    yield tabulate(rows, ("measure", "agree", "of", ""), tablefmt="github" if markdown else "simple", disable_numparse=True,
                   colalign=("left", "right", "right", "right")) + "\n"  # fmt: skip
    for verdict in verdicts:
        found = [one for measure in verdict.measures.values() for one in measure.differences]
        if not found:
            continue
        yield "\n" + (f"{safe(verdict.name)}\n" if several else "")
        reasons = Counter((one.measure, one.reason) for one in found)
        for (measure, reason), number in reasons.items():
            yield f"{measure}: {number} {'differs' if number == 1 else 'differ'}: {safe(reason)}\n"
            listed = [one for one in found if (one.measure, one.reason) == (measure, reason)]
            for one in listed if verbose else listed[:SHOWN]:
                yield f"  {safe(one.where)}: {safe(one.ours)} here, {safe(one.theirs)} in Wireshark\n"
            if len(listed) > SHOWN and not verbose:
                yield f"  and {len(listed) - SHOWN} more (-v)\n"


def _share(measure: Measure) -> str:
    if measure.agree == measure.of:
        return "100 %"
    return f"{min(measure.agree * 10000 // measure.of, 9999) / 100:.2f} %"


def _json(verdicts: Sequence[Verdict]) -> Iterator[str]:
    rows = [
        {"capture": one.name, "tshark": one.tshark, "measures": [asdict(measure) for measure in one.measures.values()]} for one in verdicts
    ]
    yield json.dumps({"schema": "analyzer/verify/1", "captures": rows}, indent=1) + "\n"


def _here(analysis: Analysis, packet: int) -> Iterator[str]:
    """Say what a packet is in the answer."""
    from analyzer.annotating.comments import Part, comments
    from analyzer.report.text import plain

    said = comments(analysis, Part()).get(packet)
    yield from (f"    {line}" for line in (said.split("\n") if said else ["nothing begins or ends here, and it proves nothing"]))
    for row in analysis.connections:
        if row.first_packet_id <= packet <= row.last_packet_id and packet in (row.first_packet_id, row.last_packet_id):
            yield plain(f"    first or last packet of stream {row.connection_id}")
