"""An exchange opened a connection because none was idle: at the start, in a burst, or after idle connections were closed.

It fires for exchanges that are the first on their connection and whose request began within 1 s of the end of set-up. It does not for clients that open a
connection a request (`connection-not-reused`), nor for credential endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.rule import Rule
from analyzer.findings.setup import clients, not_reused, service_time
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.units import duration, percent

RULE = Rule(
    code="cold-connection",
    name="Cold connections",
    severity="info",
    summary="Requests opened a connection because none was idle",
    remedy="Make one client when the program starts, share it, and send a first request before the traffic does; keep connections open between "
    "requests (keep-alive is on by default in boto3, SDK for JavaScript v3, Java, Go and .NET).",
    references=("RFC 9293 section 3.5", "RFC 9112 section 9.3"),
)


def check(analysis: Analysis) -> Iterator[Finding]:
    """Yield one finding over all clients: who paid, how much, and what the same operation takes without."""
    paid = [paid for group in clients(analysis) for paid in ([] if not_reused(group) else group.single) + group.others]
    if not paid:
        return
    paid.sort(key=lambda one: one.first.exchange_id)
    cost = sum(one.cost_ns for one in paid)
    total = service_time(analysis)
    each = sorted(one.cost_ns for one in paid)[len(paid) // 2]
    count = len(paid)
    text = f"{count} of {sum(group.exchanges for group in clients(analysis))} requests opened a connection first: {duration(cost)} in all"
    if count > 1:
        text += f", {duration(each)} each (median)"
    if total:
        text += f", {percent(cost / total)} of all request time"
    yield RULE.finding(
        text + ".",
        cost_ns=cost,
        share=cost / total if total else None,
        confidence="proven",
        exchanges=[one.first.exchange_id for one in paid],
        connections=[one.connection.connection_id for one in paid],
        packet_ids=[packet for one in paid for packet in (one.connection.first_packet_id, one.first.first_packet_id)],
        display_filter=_filter([one.connection.connection_id for one in paid]),
    )


def _filter(connections: list[int]) -> str:
    streams = f"tcp.stream == {connections[0]}" if len(connections) == 1 else f"tcp.stream in {{{', '.join(map(str, connections[:40]))}}}"
    return f"tcp.flags.syn == 1 && {streams}"
