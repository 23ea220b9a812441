"""A client opens a connection for every request and closes it, or has it closed, after the answer.

It fires where a client has at least two connections to one server name that carried a single request and were closed within 1 s of the
answer (or announced `Connection: close`), and these are at least half of its connections there. The first of them is not charged: one had
to be opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from analyzer.findings.rule import Rule
from analyzer.findings.setup import DECIDES, Client, clients, not_reused, service_time
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.units import duration, percent

REMEDIES = {
    "js-v2": "Set AWS_NODEJS_CONNECTION_REUSE_ENABLED=1, or give the client an https.Agent with keepAlive: true (SDK for JavaScript v3 "
    "has it by default).",
    "python": "Use one boto3 client for all calls instead of a new one a call, and remove what sends Connection: close (a proxy, a hook).",
}

RULE = Rule(
    code="connection-not-reused",
    name="Connections are not reused",
    severity="warning",
    summary="Every request pays for a connection of its own",
    remedy="Keep connections alive: make one client and share it; remove what sends Connection: close.",
    references=("RFC 9112 section 9.3", "RFC 9112 section 9.6"),
)


def check(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding for each client and server name."""
    groups = [group for group in clients(analysis) if not_reused(group)]
    total = service_time(analysis) if groups else 0
    for group in groups:
        wasted = group.single[1:]
        cost = sum(paid.cost_ns for paid in wasted)
        each = sorted(paid.cost_ns for paid in group.single)[len(group.single) // 2]
        sdk = next((paid.first.sdk for paid in group.single if paid.first.sdk), None)
        text = (
            f"{group.client} sent {len(group.single)} of {group.exchanges} requests to {group.server} on a connection of their own. "
            f"{_closer(group)} Opening one takes {duration(each)} (median); all but the first: {duration(cost)}"
        )
        if total:
            text += f", {percent(cost / total)} of the time of AWS requests"
        yield RULE.finding(
            text + ".",
            cost_ns=cost,
            share=cost / total if total else None,
            confidence="likely" if (unsure := any(one.inferred for one in group.single)) else "proven",
            decides=DECIDES if unsure else None,
            exchanges=[paid.first.exchange_id for paid in group.single],
            connections=[paid.connection.connection_id for paid in group.single],
            packet_ids=[packet for paid in wasted for packet in (paid.connection.first_packet_id, paid.connection.last_packet_id)],
            remedy=REMEDIES.get("python" if (sdk or "").startswith("python-") else sdk or ""),
        )


def _closer(group: Client) -> str:
    """Say which side closes, and by what."""
    announced = Counter(paid.first.closes for paid in group.single if paid.first.closes)
    if announced:
        who = announced.most_common(1)[0][0]
        return {
            "client": "The client asks for that (Connection: close).", "server": "The service ends them (Connection: close).",
            "both": "The client asks for that (Connection: close) and the service complies.",
        }[who or "both"]  # fmt: skip
    closed = Counter(paid.connection.closed_by for paid in group.single).most_common(1)[0][0]
    gaps = sorted(paid.connection.last_ns - paid.first.response_end_ns for paid in group.single if paid.first.response_end_ns is not None)
    after = f" within {duration(gaps[len(gaps) // 2])} of the answer" if gaps else ""
    return f"The {closed.split('-')[0]} closes them{after} ({'RST' if 'reset' in closed else 'FIN'})."
