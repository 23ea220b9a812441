"""The first line of an answer: the costliest cause in one sentence, with its share of the time.

It is the first sentence of the dearest finding. Where no finding explains much, the ledger says where the time went. Where no service call
can be read, a dialogue with a credential endpoint that took long is what the capture tells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Finding
from analyzer.report.calls import CallLedger, dialogues, name_of, service_calls
from analyzer.report.claims import INCOMPLETE
from analyzer.report.ledger import PHASES, Operation
from analyzer.report.sentences import first_sentence, plural
from analyzer.units import SECOND, count, duration, percent

EXPLAINS_SHARE = 0.1
"""A finding with less of the time does not answer why calls are slow."""
SECOND_SHARE = 0.05
"""A second cause of another class is named in the headline from this share on: few cold calls among many are what people ask about."""
LONG_NS = SECOND
"""A dialogue from which on it is the headline where no service call can be read: the shortest time-out of an SDK's credential request."""
CLAUSES = {
    "credentials": "waiting for credentials",
    "dns": "looking up names",
    "connect": "opening connections",
    "tls": "TLS handshakes",
    "client": "the program's own time",
    "send": "sending requests",
    "stall": "repairing lost packets",
    "network": "network round trips",
    "server": "the server",
    "wait": "waiting for answers (network and server cannot be told apart)",
    "receive": "receiving answers",
    "failed": "attempts that failed",
    "backoff": "pauses before another attempt",
    "unexplained": "unexplained",
    "silence": "waiting for answers that never came",
}
MOST_CLAUSES = 5
CLASSES = {
    "set-up": "cold-connection connection-not-reused idle-connection-closed connection-churn tls-full-handshake slow-dns",
    "credentials": "imds-hop-limit imds-token-refused imds-v1-fallback imds-token-required imds-unreachable imds-slow "
    "credentials-refresh-stall",
    "loss": "syn-retransmitted packet-loss-stall delayed-ack-stall zero-window stale-connection",
    "queue": "pool-too-small",
    "server": "throttled server-errors-retried slow-server expect-continue-wait",
    "size": "filter-discards-reads paginated-operation large-transfer",
}
_CLASS_OF = {code: name for name, codes in CLASSES.items() for code in codes.split()}
_PERCENT = re.compile(r"(\d{1,3})\s?%")
SAID = 0.02
"""A share that is this near to one in the sentence is said already."""


def headline(analysis: Analysis, operations: Sequence[Operation], noun: str) -> list[str]:
    """Return the headline: one sentence, or two where a second cause of another class matters as much. `operations` are the ledger's."""
    has_calls = bool(service_calls(analysis))
    leading = [finding for finding in analysis.findings if finding.code != INCOMPLETE and explains(finding, has_calls)]
    if leading:
        first = leading[0]
        others = [row for row in analysis.findings if row.code != INCOMPLETE and _class(row) != _class(first)]
        second = next((row for row in others if _matters(row)), None)
        return [sentence(row) for row in (first, second) if row is not None]
    if not has_calls and (slow := max(dialogues(analysis), key=lambda call: call.duration_ns, default=None)):
        if slow.duration_ns >= LONG_NS or len(dialogues(analysis)) == 1:
            return [_dialogue(analysis, slow)]
    return [where_time_went(operations, noun)] if operations else []


def explains(finding: Finding, has_calls: bool) -> bool:
    """Tell whether a finding answers where the time went.

    Without service calls nothing has a share: then any warning does. Waiting in the client's queue lies before the calls' first packets
    and is no share of their time, but it is what its callers feel.
    """
    if finding.share is not None:
        return finding.share >= EXPLAINS_SHARE
    return finding.severity != "info" and finding.cost_ns > 0 and (not has_calls or _class(finding) == "queue")


def sentence(finding: Finding) -> str:
    """Return the first sentence of a finding, with its share where that is not in it."""
    text, _ = first_sentence(finding.summary)
    text = text or f"{finding.title}."
    if finding.share is None or any(abs(int(said) / 100 - finding.share) <= SAID for said in _PERCENT.findall(text)):
        return text
    said = text.rstrip(".")
    part = f"{percent(finding.share)} of all call time"
    return f"{said[:-1]}; {part})." if said.endswith(")") else f"{said} ({part})."


def where_time_went(operations: Sequence[Operation], noun: str) -> str:
    """Say in one sentence where the time went, dearest first."""
    total = sum(operation.total_ns for operation in operations)
    rows = sum(operation.rows for operation in operations)
    opened = sum(operation.opened for operation in operations)
    if not total:
        return f"The {noun}s took no time that can be measured."
    sums = {phase: sum(operation.spent[index] for operation in operations) for index, phase in enumerate(PHASES)}
    sums["silence"] = sum(operation.silent_ns for operation in operations)
    sums["wait"] -= sums["silence"]
    dearest = sorted(sums.items(), key=lambda item: -item[1])
    clauses = [f"{percent(spent / total)} {CLAUSES[phase]}" for phase, spent in dearest if spent >= total * 0.005]
    if opened == rows:
        how = "on a new connection" if opened == 1 else "each on a new connection"
    else:
        how = f"{count(opened) if opened else 'none'} of them on a new connection"
    return f"{plural(rows, noun)}, {how}, took {duration(total)} in all: {', '.join(clauses[:MOST_CLAUSES])}."


def _matters(finding: Finding) -> bool:
    if finding.share is not None:
        return finding.share >= SECOND_SHARE
    return finding.severity != "info" and finding.cost_ns > 0 and _class(finding) == "queue"


def _class(finding: Finding) -> str:
    return _CLASS_OF.get(finding.code, finding.code)


def _dialogue(analysis: Analysis, call: Call) -> str:
    """Say of a dialogue how long it took and with what."""
    asked = plural(call.attempts, "attempt")
    ended = "got no answer that helped" if call.ok is False else "was answered"
    if not call.duration_ns:  # a single SYN
        return f"{name_of(call)} {ended} in {asked}: its first packet is the last that was captured of it."
    (operation,) = CallLedger(analysis, [call]).operations()
    sums = dict(zip(PHASES, operation.spent, strict=True))
    sums["silence"], sums["wait"] = operation.silent_ns, sums["wait"] - operation.silent_ns
    most = max(sums, key=lambda phase: sums[phase])
    return (
        f"{name_of(call)} took {duration(call.duration_ns)} and {ended} in {asked}: {percent(sums[most] / call.duration_ns)} of it "
        f"{CLAUSES[most]}."
    )
