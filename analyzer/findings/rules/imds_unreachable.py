"""Nobody answers at a credential endpoint's address: no SYN-ACK, a reset, or ICMP unreachable.

It fires where a dialogue has connections that never came about and none that did. A SYN must have been given up, refused or left without
an answer for 200 ms: the endpoint is on the same host or one hop away and answers within a millisecond. A SYN that was lost once is
`syn-retransmitted`. It fires too where connections open but the token requests on them are dropped on their way: seen from the far side of
a filter as connections without a request, each given up before the next, or by captures from both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer import sdks
from analyzer.findings import tokens
from analyzer.findings.gaps import told
from analyzer.findings.imds import (
    DISABLE,
    ENDPOINT_NAMES,
    ENDPOINTS,
    IMDS,
    Dialogue,
    address_of,
    answered_in,
    askers,
    charge,
    each,
    failed,
    lead,
    sdk_of,
    unasked,
)
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.tokens import Lost
from analyzer.findings.view import View
from analyzer.findings.words import between, clause, median, plural
from analyzer.model.rows import Anomaly, Call, Connection, Finding
from analyzer.timers import Gap
from analyzer.units import MILLISECOND, DurationNs, TimeNs, duration

RULE = Rule(
    code="imds-unreachable",
    name="Credential endpoint unreachable",
    severity="warning",
    summary="Nobody answers at the credential endpoint",
    remedy="On EC2: let the program reach the endpoint (firewall, iptables, network policy), or give it credentials of its task or pod. "
    f"Elsewhere: give it credentials or a profile, and {DISABLE} so that it does not ask.",
    references=("EC2 User Guide: Limit access to the Instance Metadata Service", "RFC 9293 section 3.5"),
    rank=33,
)

REFUSED = frozenset({"server-reset", "middlebox-reset"})
UNANSWERED_NS: DurationNs = 200 * MILLISECOND
"""The shortest time that an SDK waits for a connection is 250 ms (Go v2, `defaultDialerTimeout`)."""
REGION = " boto3 also asks for the region alone where defaults_mode (AWS_DEFAULTS_MODE) is auto: set standard or in-region."
ASKS_FOR_REGION = frozenset({None, "python-boto3", "python-botocore", "aiobotocore"})
"""SDKs that do so, and those that nothing tells."""
ICMP = {"icmp-unreachable": ("unreachable", 3, 1), "icmp-time-exceeded": ("time exceeded", 11, 3)}
"""Errors that say that a SYN did not arrive: their name, and their type in ICMP (RFC 792) and ICMPv6 (RFC 4443)."""
FILTER = (
    "Let PUT /latest/api/token to the metadata service pass: look on the host for a rule that matches the text of requests (iptables -m "
    "string, a layer-7 firewall, a network policy or security agent), and remove it or except IMDS."
)
AGENT = "Start or repair the agent that answers there, or take the variable AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or " \
    "AWS_CONTAINER_CREDENTIALS_FULL_URI out of the program's environment."  # fmt: skip


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client and endpoint that it cannot reach."""
    for group in askers(view, ENDPOINTS):
        found = [(dialogue, rows) for dialogue in group if (rows := _unopened(view, dialogue))]
        if found:
            yield _finding(view, found)
    yield from _dropped(view)


def _dropped(view: View) -> Iterator[Finding]:
    """Yield a finding for each client whose token requests do not come as far as a capture point, though its connections open there."""
    silent = unasked(view)
    for group in askers(view, IMDS):
        rows = silent.pop(group[0].call.client_address, [])
        if rows:
            yield _unseen(view, group, rows)
        filtered = [one for one in tokens.lost(view, group) if one.how == tokens.FILTERED]
        if filtered:
            yield _not_passed_on(view, filtered)
    for rows in silent.values():
        yield _unseen(view, (), rows)


def _unseen(view: View, group: Sequence[Dialogue], rows: Sequence[tuple[Connection, TimeNs]]) -> Finding:
    """Make the finding where only the far side of the filter was captured."""
    inside = {row.connection_id: dialogue for dialogue in group for row in dialogue.connections}
    paid = [(inside[row.connection_id], row) for row, _ in rows if row.connection_id in inside]
    cost, calls = charge(view, ((dialogue, _time(dialogue, row)) for dialogue, row in paid))
    first, number = rows[0][0], len(rows)
    waited = between([end - (row.established_ns or row.first_ns) for row, end in rows])
    touched = each(dialogue for dialogue, _ in paid)
    who = lead(view, touched) if touched else f"A client ({first.client_address}) tried to get an IMDSv2 token"
    closed = all(row.client_closed_ns == end for row, end in rows)
    text = f"{who}: {plural(number, 'connection')} to {first.server_address}:{first.server_port} opened and "
    text += f"{'was' if number == 1 else 'were'} {'closed' if closed else 'given up'} after {waited} without a request. "
    text += "Something between the client and this capture point drops the token requests: a filter on the host."
    plain = [row for dialogue in group for row in dialogue.without_token() if row.outcome == "ok"]
    plain = [row for row in plain if (row.request_start_ns or 0) >= rows[0][1]]
    took = [time for row in plain if (time := answered_in(row)) is not None]
    if took:
        text += f" Requests without a token (IMDSv1) come through and are answered in {duration(median(took))}."
    return RULE.finding(
        text,
        severity="error" if failed(touched) else None,
        cost_ns=cost,
        share=view.share(cost, calls) if calls else None,
        calls=[call.call_id for call in calls],
        connections=[*(row.connection_id for row, _ in rows), *(row.connection_id for row in plain[:1])],
        packet_ids=[*(row.established_packet_id for row, _ in rows), *(row.request_packet_id for row in plain[:1])],
        confidence="likely",
        decides="a capture at the client itself: token requests that are sent there, repeated, and never acknowledged",
        remedy=FILTER,
    )


def _not_passed_on(view: View, found: Sequence[Lost]) -> Finding:
    """Make the finding where both sides of the filter were captured."""
    touched = each(one.dialogue for one in found)
    cost, calls = charge(view, ((one.dialogue, (one.begin_ns, one.end_ns)) for one in found))
    number = len(found)
    text = f"{lead(view, touched)}: {plural(number, 'IMDSv2 token request')} {'was' if number == 1 else 'were'} given up after "
    text += f"{between([one.waited_ns for one in found])}{' each' if number > 1 else ''}. The client sent them, but behind the translation "
    text += "of addresses the same connections opened and carried no request: something between the two capture points drops the token "
    text += "requests, a filter on the host."
    return RULE.finding(
        text,
        severity="error" if failed(touched) else None,
        cost_ns=cost,
        share=view.share(cost, calls),
        calls=[call.call_id for call in calls],
        exchanges=[one.exchange.exchange_id for one in found],
        connections=[stream for one in found for stream in one.connections],
        packet_ids=[packet for one in found for packet in one.proof],
        confidence="proven",
        remedy=FILTER,
    )


def _unopened(view: View, dialogue: Dialogue) -> list[Connection]:
    """Return the connections of a dialogue that never came about, if that goes for all of them."""
    tried = [row for row in dialogue.connections if row.syn_ns is not None]
    if not tried or dialogue.exchanges or any(row.established_ns is not None for row in dialogue.connections):
        return []
    return [row for row in tried if _over(view, dialogue, row)]


def _over(view: View, dialogue: Dialogue, row: Connection) -> bool:
    """Tell whether a connection was refused, or its SYN had its time."""
    if row.closed_by in REFUSED or any(map(_unreachable, view.anomalies_on.get(row.connection_id, ()))):
        return True
    start = row.syn_ns if row.syn_ns is not None else row.first_ns
    following = dialogue.next_mark(start)
    end = following if following is not None else view.analysis.capture.last_ns or row.last_ns
    return not row.packets_received and end - start >= UNANSWERED_NS


def _finding(view: View, found: Sequence[tuple[Dialogue, list[Connection]]]) -> Finding:
    touched = [dialogue for dialogue, _ in found]
    rows = [row for _, unopened in found for row in unopened]
    cost, calls = charge(view, ((dialogue, _time(dialogue, row)) for dialogue, unopened in found for row in unopened))
    first = touched[0]
    errors = [one for row in rows for one in view.anomalies_on.get(row.connection_id, ()) if _unreachable(one)]
    refused = [row for row in rows if row.closed_by in REFUSED]
    sdk = sdk_of(touched)
    asked_for_region = sdk in ASKS_FOR_REGION and all(dialogue.call.operation in (None, "GetRegion") for dialogue in touched)
    agent = first.call.service != "imds"
    return RULE.finding(
        f"{lead(view, touched)}: {_what(rows, refused, errors)}.{_limits(found)} {_why(rows, refused, errors, agent)}",
        severity=_severity(touched, rows, calls, cost),
        cost_ns=cost,
        share=view.share(cost, calls),
        calls=[call.call_id for call in calls],
        connections=[row.connection_id for row in rows],
        packet_ids=_proof(rows, errors),
        display_filter=_filter(rows, errors, address_of(first)),
        confidence="proven",
        remedy=AGENT if agent else _remedy(sdk) + (REGION if asked_for_region else ""),
    )


def _severity(touched: Sequence[Dialogue], rows: Sequence[Connection], calls: Sequence[Call], cost: DurationNs) -> str | None:
    """Return the severity where it is not the rule's own: a single SYN that nothing followed cost nobody anything that was seen."""
    if failed(touched) and any(call.ok is False for call in calls if call.service not in ENDPOINT_NAMES):
        return "error"
    lone = len(rows) == 1 and not rows[0].syn_retransmissions and rows[0].closed_by not in REFUSED and not rows[0].icmp_errors
    return "info" if lone and not cost else None


def _remedy(sdk: str | None) -> str:
    """Return the remedy with the setting by which that SDK asks for nothing."""
    own = sdks.remedy(sdk, "imds-disable")
    return RULE.remedy.replace(DISABLE, clause(own)) if own is not None else RULE.remedy


def _limits(found: Sequence[tuple[Dialogue, list[Connection]]]) -> str:
    """Say whose time limits ended the waits for answers to SYNs."""
    gaps = []
    for dialogue, rows in found:
        for row in rows:
            start, end = _time(dialogue, row)
            if row.closed_by not in REFUSED and dialogue.next_mark(start) is not None:
                gaps.append(Gap("connect", (row.client_closed_ns or end) - start, dialogue.call.sdk, dialogue.call.service))
    return told(gaps)


def _what(rows: Sequence[Connection], refused: Sequence[Connection], errors: Sequence[Anomaly]) -> str:
    """Say what became of the attempts."""
    connections = f"{plural(len(rows), 'connection')} to {rows[0].server_address}:{rows[0].server_port}"
    if len(refused) == len(rows):
        return f"{connections} {'was' if len(rows) == 1 else 'were'} refused at once (RST)"
    silent = _silent(rows, refused, errors)
    if silent == len(rows):
        return f"{connections} got no answer ({plural(sum(1 + row.syn_retransmissions for row in rows), 'SYN')}, no SYN-ACK)"
    parts = []
    if errors:
        names = " or ".join(dict.fromkeys(ICMP[one.code][0] for one in errors))
        parts.append(f"{len({one.connection_id for one in errors})} by ICMP {names}")
    if refused:
        parts.append(f"{len(refused)} by RST")
    if silent:
        parts.append(f"{silent} by silence")
    return f"{connections} came to nothing, {', '.join(parts)}"


def _why(rows: Sequence[Connection], refused: Sequence[Connection], errors: Sequence[Anomaly], agent: bool) -> str:
    if errors:
        said = errors[0].detail.partition(": TCP")[0]
        limited = bool(_silent(rows, refused, errors))
        rest = "; routers limit how often they say so, and the other attempts ran into time-outs" if limited else ""
        return f"{said}{rest}."
    if refused:
        return "Something has that address, but nothing listens on that port."
    if agent:
        return "The agent is on the same host: it does not run, or a filter drops the packets."
    return (
        "This is no EC2 instance, or a filter drops the packets; nothing here tells which. A capture on the host's uplink decides: if the "
        "SYN does not appear there, a filter on the host drops it."
    )


def _silent(rows: Sequence[Connection], refused: Sequence[Connection], errors: Sequence[Anomaly]) -> int:
    """Return how many attempts got neither a reset nor an ICMP error."""
    told = {row.connection_id for row in refused} | {one.connection_id for one in errors}
    return sum(row.connection_id not in told for row in rows)


def _unreachable(row: Anomaly) -> bool:
    return row.code in ICMP


def _time(dialogue: Dialogue, row: Connection) -> tuple[int, int]:
    """Return from when to when an attempt kept the dialogue."""
    start = row.syn_ns if row.syn_ns is not None else row.first_ns
    following = dialogue.next_mark(start)
    return start, following if following is not None else dialogue.call.end_ns


def _proof(rows: Sequence[Connection], errors: Sequence[Anomaly]) -> Iterator[int | None]:
    for error in errors[:4]:
        yield error.packet_id
    for row in rows:
        yield row.first_packet_id
        if row.closed_by in REFUSED:
            yield row.closed_packet_id


def _filter(rows: Sequence[Connection], errors: Sequence[Anomaly], address: str) -> str:
    text = streams_filter(row.connection_id for row in rows)
    if not errors:
        return text
    ipv6 = ":" in address
    types = sorted({ICMP[one.code][2 if ipv6 else 1] for one in errors})
    told = f"== {types[0]}" if len(types) == 1 else f"in {{{', '.join(map(str, types))}}}"
    about = f"icmpv6.type {told} && ipv6.addr == {address}" if ipv6 else f"icmp.type {told} && ip.addr == {address}"
    return f"{text} || ({about})"
