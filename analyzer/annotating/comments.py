"""What is said at which packet: where calls, their phases and attempts begin and end, and what proves a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Finding, Span
from analyzer.report.calls import answer_of, name_of
from analyzer.report.claims import tell
from analyzer.report.happened import causes
from analyzer.report.summary import summarize
from analyzer.report.text import plain
from analyzer.units import PacketId, duration, milliseconds

PHASES = ("credentials", "dns", "connect", "tls", "client", "send", "wait", "receive", "failed", "backoff", "unexplained")
SHORT_CLIENT_NS = 1_000_000
"""The program's own time between two phases is named from here on: below it is in every call."""
SHORTEST_NS = 50_000
"""A phase is named in the line of a call from here on: below it is 0.0 ms."""
MOST_LINES = 40
"""Lines of one packet's comment."""
LONGEST_SUMMARY = 60_000
"""Characters of the comment on the whole capture; an option of pcapng holds 65 535 bytes."""


class Part(NamedTuple):
    """What the comments are about; None is everything."""

    calls: frozenset[int] | None = None
    findings: frozenset[str] | None = None

    def has_call(self, call_id: int) -> bool:
        """Tell whether a call is part of it."""
        return self.calls is None or call_id in self.calls

    def has_finding(self, code: str) -> bool:
        """Tell whether a finding is part of it."""
        return self.findings is None or code in self.findings


def comments(analysis: Analysis, part: Part) -> dict[PacketId, str]:
    """Return the comment of each packet that matters, a line for each thing that it begins, ends or proves."""
    lines: dict[PacketId, list[str]] = {}
    spans: dict[int, list[Span]] = {}
    for span in analysis.spans:
        if part.has_call(span.call_id):
            spans.setdefault(span.call_id, []).append(span)
    for call in analysis.calls:
        if part.has_call(call.call_id):
            for packet_id, line in _of_call(call, spans.get(call.call_id, [])):
                lines.setdefault(packet_id, []).append(line)
    for packet_id, line in _of_findings(analysis, [row for row in analysis.findings if part.has_finding(row.code)]):
        lines.setdefault(packet_id, []).append(line)
    if part == Part():
        for row in analysis.anomalies:
            if row.packet_id is not None:
                lines.setdefault(row.packet_id, []).append(f"anomaly {row.code}: {row.detail}")
    return {packet_id: _joined(found) for packet_id, found in lines.items()}


def summary(analysis: Analysis, *, parts: str | None = None) -> str:
    """Return the comment on the whole capture: the answer in a few lines; `parts` says of what."""
    said = summarize(analysis, gains=False)
    lines = [f"Comments by analyzer{f' on {parts}' if parts else ''}; the filter frame.comment shows their packets."]
    # The name of the file is enough: where it lay is nobody's business.
    name = analysis.capture.files[0].name if analysis.capture.files else ""
    lines += [line.replace(name, PurePath(name).name) if name else line for line in (*said.about, *said.headline, *said.remarks)]
    lines += [f"{claim.title}: {claim.text}" for claim in said.claims]
    return "\n".join(map(plain, lines))[:LONGEST_SUMMARY]


def _joined(lines: list[str]) -> str:
    shown = list(dict.fromkeys(plain(part) for line in lines for part in line.split("\n")))
    if len(shown) > MOST_LINES:
        shown = [*shown[: MOST_LINES - 1], f"and {len(shown) - MOST_LINES + 1} more"]
    return "\n".join(shown)


def _of_call(call: Call, spans: Sequence[Span]) -> Iterator[tuple[PacketId, str]]:
    """Say where a call begins, where each of its phases ends, and where it ends."""
    name = f"call {call.call_id} {name_of(call)}"
    table = f" on {call.table_name}" if call.table_name else ""
    took = duration(call.duration_ns)
    yield call.first_packet_id, f"{name}{table} begins; it takes {took}: {_phases(call)}"
    for span in sorted(spans, key=lambda one: (one.start_ns, one.span_id)):
        size = span.end_ns - span.start_ns
        if span.last_packet_id is None or (span.phase == "client" and size < SHORT_CLIENT_NS):
            continue
        inner = f" ({span.inner_phase})" if span.inner_phase else ""
        attempt = f" of attempt {span.attempt}" if span.attempt is not None and call.attempts > 1 else ""
        since = f", since packet {span.first_packet_id}" if span.first_packet_id not in (None, span.last_packet_id) else ""
        yield span.last_packet_id, f"call {call.call_id} {span.phase}{inner}{attempt} ends: {duration(size)}{since}{causes(span)}"
    answer = answer_of(call)
    yield call.last_packet_id, f"{name} ends after {took}{f': {answer}' if answer else ''}"


def _phases(call: Call) -> str:
    """Return the ledger of a call in a line."""
    spent = [(phase, getattr(call, f"{phase}_ns")) for phase in PHASES]
    text = ", ".join(f"{phase} {milliseconds(size)}" for phase, size in spent if size >= SHORTEST_NS)
    parts = [(word, size) for word, size in (("network", call.network_ns), ("server", call.server_ns)) if size]
    inside = f" (of wait: {', '.join(f'{word} {milliseconds(size)}' for word, size in parts)})" if call.wait_ns and parts else ""
    return f"{text or 'nothing'} ms{inside}"


def _of_findings(analysis: Analysis, findings: Sequence[Finding]) -> Iterator[tuple[PacketId, str]]:
    """Tell a finding at the first packet that proves it, and name it at the others."""
    for claim in tell(analysis, findings):
        row = claim.finding
        if not row.packet_ids:
            continue
        first, *others = row.packet_ids
        said = "".join(f"\n{label}: {claim.lines[label]}" for label in ("fix", "gain", "doubt") if label in claim.lines)
        yield first, f"finding {row.code}: {claim.title}: {claim.text}{said}"
        for packet_id in others:
            yield packet_id, f"finding {row.code}: proof, with packet {first}"
