"""Findings as they are told: claim, proof, filter, fix, gain, and what would decide; the same words in every output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Finding
from analyzer.report.calls import is_dialogue
from analyzer.report.sentences import ids, named, plural
from analyzer.units import duration, percent

INCOMPLETE = "capture-incomplete"
"""The finding about the capture itself: it is told where the report says what it is about."""
SMALL_SHARE = 0.05
"""A finding that costs less than this of the time, or is mere information, is told in one sentence: its fix would be the wrong lesson."""
MOST_FRAMES = 8
"""Packets whose file and frame are named where there are several files."""
LABELS = ("proof", "filter", "fix", "gain", "doubt")


class Claim(NamedTuple):
    """A finding as it is told. Texts are not made safe yet."""

    finding: Finding
    title: str
    text: str
    """What is claimed, with its numbers."""
    lines: dict[str, str]
    """The lines below, by their label: proof, filter, fix, gain, doubt."""
    small: bool
    """Whether it costs next to nothing."""


def claims(analysis: Analysis) -> list[Claim]:
    """Return the findings as they are told, dearest first; without the one about the capture itself."""
    return tell(analysis, [finding for finding in analysis.findings if finding.code != INCOMPLETE])


def tell(analysis: Analysis, found: Sequence[Finding]) -> list[Claim]:
    """Return findings as they are told."""
    wanted = {number for finding in found for number in finding.calls}
    calls = {call.call_id: call for call in analysis.calls if call.call_id in wanted}
    return [claim(analysis, finding, calls) for finding in found]


def claim(analysis: Analysis, finding: Finding, calls: Mapping[int, Call]) -> Claim:
    """Tell a finding; `calls` are those that it names, by id. In a batch, packets and streams are those of its own capture."""
    lines = {}
    proof = [named("call", finding.calls)] if finding.calls else []
    home, own = analysis.home(finding) if analysis.home is not None else ("", finding)
    seen = [named(word, numbers) for word, numbers in (("packet", own.packet_ids), ("stream", own.connections)) if numbers]
    if own.exchanges and not own.calls:
        seen.insert(0, named("request", own.exchanges))
    if home and seen:
        seen[0] = f"in {home}: {seen[0]}"
    if proof or seen:
        lines["proof"] = "; ".join(proof + seen) + ("" if home else _frames(analysis, finding.packet_ids))
    if finding.display_filter:
        lines["filter"] = finding.display_filter
    if finding.remedy:
        lines["fix"] = finding.remedy
    gained = gain(finding, [calls[number] for number in finding.calls if number in calls])
    if gained:
        lines["gain"] = gained
    if finding.confidence != "proven":
        lines["doubt"] = finding.confidence + (f", not proven; what decides: {finding.decides}" if finding.decides else ", not proven")
    small = finding.share < SMALL_SHARE if finding.share is not None else finding.severity == "info" and finding.cost_ns <= 0
    return Claim(finding, finding.title, finding.summary, lines, small)


def gain(finding: Finding, calls: Sequence[Call]) -> str:
    """Say what removing the cause would save, in all and for a call; nothing where it costs nothing."""
    if finding.cost_ns <= 0:
        return ""
    # A dialogue and the calls that waited for it are the same time: who pays is the call.
    paying = [call for call in calls if not is_dialogue(call)] or list(calls)
    if len(paying) == 1 and finding.cost_ns <= paying[0].duration_ns:
        took = paying[0].duration_ns
        return f"call {paying[0].call_id}: {duration(took)} -> {duration(took - finding.cost_ns)}"
    share = f" ({percent(finding.share)} of all call time)" if finding.share is not None else ""
    text = f"{duration(finding.cost_ns)} in all{share}"
    if len(paying) > 1:
        text += f", {duration(finding.cost_ns // len(paying))} for each of {plural(len(paying), 'call')} (mean)"
    return text


def _frames(analysis: Analysis, packet_ids: Sequence[int]) -> str:
    """Name file and frame of packets where there are several files."""
    if len(analysis.capture.files) < 2 or not packet_ids:
        return ""
    places: dict[str, list[int]] = {}
    for name, frame in map(analysis.frame, packet_ids[:MOST_FRAMES]):
        places.setdefault(PurePath(name).name, []).append(frame)
    places.pop("", None)  # of a packet whose file nobody can tell, its number says nothing more
    if not places:
        return ""
    listed = "; ".join(f"{name}: {ids(frames)}" for name, frames in places.items())
    return f" ({listed}{' ...' if len(packet_ids) > MOST_FRAMES else ''})"
