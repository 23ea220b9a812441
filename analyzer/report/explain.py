"""One call explained: who, what, when; its ledger line by line; how that looks over time; the findings that name it.

Computed once here; `explained.py` writes it as text, Markdown, JSON and HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call
from analyzer.report.calls import answer_of, dialogues, name_of, service_calls
from analyzer.report.claims import INCOMPLETE, Claim, tell
from analyzer.report.sentences import plural
from analyzer.report.steps import Step, Steps
from analyzer.report.waterfall import Bar
from analyzer.units import SECOND, DurationNs, TimeNs, duration, moment

SLOWEST = "slowest"


class Explained(NamedTuple):
    """What is known of one call. Texts are not made safe yet."""

    call: Call
    head: tuple[str, ...]
    """Who, what, when and how it ended."""
    steps: tuple[Step, ...]
    claims: tuple[Claim, ...]
    """The findings that name the call, or a dialogue that it waited for."""

    @property
    def closed(self) -> bool:
        """Tell whether the lines are contiguous from the call's start to its end, and so add up to its duration."""
        times = [self.call.start_ns, *(step.end_ns for step in self.steps)]
        return times[-1] == self.call.end_ns and all(step.start_ns == time for step, time in zip(self.steps, times, strict=False))

    def bars(self) -> list[Bar]:
        """Return the lines as bars, a wait in its parts."""
        bars = []
        for step in self.steps:
            at = step.start_ns - self.call.start_ns
            number = f"{step.attempt} " if step.attempt is not None and self.call.attempts > 1 else ""
            for name, took in [(f"- {part.name}", part.duration_ns) for part in step.parts] or [(step.label, step.duration_ns)]:
                if took:
                    bars.append(Bar(f"{number}{name}", at, took))
                at += took
        return bars


def find(analysis: Analysis, wanted: int | str) -> Call:
    """Return a call by its id, or the `slowest`: of service calls, of dialogues where there are none, wholly captured ones first.

    Raises UsageError where there is no such call.
    """
    if not len(analysis.calls):
        reason = "nothing here is a call of an AWS service that can be read" if len(analysis.connections) else "there is no traffic"
        raise UsageError(f"there are no calls to explain: {reason}", hint="analyzer report says what the capture holds")
    if wanted == SLOWEST:
        return max(
            service_calls(analysis) or dialogues(analysis), key=lambda call: (call.truncated is None, call.duration_ns, -call.call_id)
        )
    try:
        number = int(wanted)
    except ValueError:
        number = -1
    found = next((call for call in analysis.calls if call.call_id == number), None)
    if found is None:
        known = [call.call_id for call in analysis.calls]
        raise UsageError(
            f"there is no call {wanted}: {plural(len(known), 'call')}, numbered from {min(known)} to {max(known)}",
            hint=f"analyzer calls lists them; the word {SLOWEST} takes the slowest",
        )
    return found


def explain(analysis: Analysis, wanted: int | str = SLOWEST) -> Explained:
    """Explain a call, by its id or as `slowest`. Raises UsageError where there is no such call."""
    call = find(analysis, wanted)
    made = Steps(analysis, call)
    involved = {call.call_id, *(span.dialogue_id for span in made.spans if span.dialogue_id is not None)}
    found = [finding for finding in analysis.findings if finding.code != INCOMPLETE and not involved.isdisjoint(finding.calls)]
    return Explained(call, tuple(_head(analysis, call, made)), tuple(made.make()), tuple(tell(analysis, found)))


def _head(analysis: Analysis, call: Call, made: Steps) -> list[str]:
    """Say who asked whom for what, when, and how it ended."""
    what = f"call {call.call_id}: {call.service or ''} {call.operation or 'call'}".replace(":  ", ": ")
    if call.service is None or call.service in name_of(call):
        what = f"call {call.call_id}: {name_of(call)}"
    if call.table_name:
        what += f" on {call.table_name}"
    if call.sdk:
        what += f", by {call.sdk}"
    ended = answer_of(call)
    if not ended:
        ended = "ok" if call.ok else "end not captured" if call.truncated in ("end", "both") else "outcome unknown"
    what += f": {ended}, {plural(call.attempts, 'attempt')}, {duration(call.duration_ns)}"
    first = analysis.capture.first_ns
    into = f", {(call.start_ns - first) / SECOND:.3f} s into the capture" if first is not None else ""
    where = f"{moment(call.start_ns)}{into}; {call.client_address}{f':{call.client_port}' if call.client_port is not None else ''}"
    under = made.words.connections.get(call.connection_id) if call.connection_id is not None else None
    if under is not None:
        server = f"{under.server_address}:{under.server_port}"
        if under.server_name not in (None, under.server_address):
            server = f"{under.server_name} ({server})"
        where += f" -> {server}, stream {under.connection_id}"
        where += " (open before)" if call.reused else " (opened for it)"
    lines = [f"{what}.", f"{where}."]
    if call.truncated is not None:
        missing = {"start": "Its beginning is", "end": "Its end is", "both": "Its beginning and end are"}.get(
            call.truncated, "A part of it is"
        )
        lines.append(f"{missing} not in the capture: it took longer than this.")
    if call.evidence == "inferred":
        lines.append("Inferred: the call is encrypted, or was put together from sizes and times.")
    if call.chain_id is not None:
        chain = [row for row in analysis.calls if row.chain_id == call.chain_id]
        if len(chain) > 1:
            position = [row.call_id for row in chain].index(call.call_id) + 1
            lines.append(
                f"Page {position} of {len(chain)} of one paginated operation: {duration(sum(row.duration_ns for row in chain))} in all."
            )
    if len(analysis.capture.files) > 1:
        lines.append("Packet and stream numbers are those of the files merged by time (mergecap).")
    return lines


def offsets(steps: Sequence[Step], start_ns: TimeNs, total_ns: DurationNs) -> list[tuple[str, str, list[str]]]:
    """Write where each line begins, how long it is and how long its parts are, in ms, rounded so that what is shown adds up."""
    shown = []
    for step in steps:
        at, parts = step.start_ns - start_ns, []
        for part in step.parts:
            parts.append(between(at, at + part.duration_ns, total_ns))
            at += part.duration_ns
        begin, end = step.start_ns - start_ns, step.end_ns - start_ns
        shown.append((between(0, begin, total_ns), between(begin, end, total_ns), parts))
    return shown


def between(start: DurationNs, end: DurationNs, total_ns: DurationNs) -> str:
    """Write the length between two moments of a call in ms: to 0.1 ms, of a call shorter than 10 ms to the microsecond.

    The moments are rounded, not the length: lengths that follow each other add up as they are shown.
    """
    digits, unit = (1, 100_000) if total_ns >= 10_000_000 else (3, 1_000)
    value = (end + unit // 2) // unit - (start + unit // 2) // unit
    return f"{value * unit / 1_000_000:.{digits}f}"
