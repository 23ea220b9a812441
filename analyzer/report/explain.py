"""One call explained: who, what, when; its ledger line by line; how that looks over time; the findings that name it.

Computed once here; `explained.py` writes it as text, Markdown, JSON and HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection
from analyzer.report.calls import answer_of, dialogues, name_of, service_calls
from analyzer.report.chains import told_chain
from analyzer.report.claims import INCOMPLETE, Claim, tell
from analyzer.report.overview import never_opened
from analyzer.report.sentences import plural
from analyzer.report.steps import Step, Steps
from analyzer.report.waterfall import Bar
from analyzer.units import MILLISECOND, DurationNs, TimeNs, duration, milliseconds, moment, seconds

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
    # What weighs on this call first: a cause of few calls costs each of them more than one that many share.
    found.sort(key=lambda finding: -finding.cost_ns / max(1, len(finding.calls)))
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
    into = f", {seconds(call.start_ns - first)} s into the capture" if first is not None else ""
    where = f"{moment(call.start_ns)}{into}; {call.client_address}{f':{call.client_port}' if call.client_port is not None else ''}"
    under = made.words.connections.get(call.connection_id) if call.connection_id is not None else None
    if under is not None:
        server = f"{under.server_address}:{under.server_port}"
        if under.server_name not in (None, under.server_address):
            server = f"{under.server_name} ({server})"
        where += f" -> {server}, stream {under.connection_id}"
        where += " (never opened)" if never_opened(under) else " (open before)" if call.reused else " (opened for it)"
    lines = [f"{what}.", f"{where}."]
    if call.truncated is not None:
        missing = {"start": "Its beginning is", "end": "Its end is", "both": "Its beginning and end are"}.get(
            call.truncated, "A part of it is"
        )
        lines.append(f"{missing} not in the capture: it took longer than this.")
    if call.evidence == "inferred":
        lines.append(f"Inferred: {_inferred(made, under)}.")
    if call.chain_id is not None:
        lines += told_chain(analysis, call)
    if len(analysis.capture.files) > 1:
        lines.append("Packet and stream numbers are those of the files merged by time (mergecap).")
    return lines


def _inferred(made: Steps, under: Connection | None) -> str:
    """Say why a call is inferred, as far as its rows tell."""
    if under is not None and under.protocol == "tls" and "decrypted" not in made.words.evidences():
        return "the call is encrypted; its parts are told from the sizes and times of TLS records"
    told = "so no request says what it was for: it was put together from times and addresses"
    if under is not None and never_opened(under):
        return f"the connection of its last attempt never opened, {told}"
    if any(map(never_opened, made.words.connections.values())):
        return f"a connection of it never opened, {told}"
    if made.words.without_ids():
        return "its attempts bear no invocation id; they were joined by operation, table, body (or size), order and time"
    return "times and addresses say that a part of it belongs to it, not an id"


def offsets(steps: Sequence[Step], start_ns: TimeNs, total_ns: DurationNs) -> list[tuple[str, str, list[str]]]:
    """Write where each line begins, how long it is and how long its parts are, in ms: each rounded for itself, as everywhere else."""
    return [
        (
            in_ms(step.start_ns - start_ns, total_ns),
            in_ms(step.duration_ns, total_ns),
            [in_ms(part.duration_ns, total_ns) for part in step.parts],
        )
        for step in steps
    ]


def in_ms(value: DurationNs, total_ns: DurationNs) -> str:
    """Write a time of a call in ms: to 0.1 ms, of a call shorter than 10 ms to the microsecond."""
    return milliseconds(value, 1 if total_ns >= 10 * MILLISECOND else 3)
