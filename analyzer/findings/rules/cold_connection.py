"""An exchange opened a connection because none was idle: at the start, in a burst, or after idle connections were closed.

It fires for exchanges that are the first on their connection and whose request began within 1 s of the end of set-up. It does not for
clients that open a connection a request (`connection-not-reused`), nor for credential endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.setup import DECIDES, clients, not_reused, service_time
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.units import duration, percent

RULE = Rule(
    code="cold-connection",
    name="Cold connections",
    severity="info",
    summary="Requests opened a connection because none was idle",
    remedy="Make one client when the program starts, share it, and send a first request before the traffic comes; keep connections open "
    "between requests (keep-alive is on by default in boto3, SDK for JavaScript v3, Java, Go and .NET).",
    references=("RFC 9293 section 3.5", "RFC 9112 section 9.3"),
)


def check(analysis: Analysis) -> Iterator[Finding]:
    """Yield one finding over all clients: who paid, how much, and what the same operation takes without."""
    groups = clients(analysis)
    paid = [paid for group in groups for paid in ([] if not_reused(group) else group.single) + group.others]
    if not paid:
        return
    paid.sort(key=lambda one: one.first.exchange_id)
    cost = sum(one.cost_ns for one in paid)
    total = service_time(analysis)
    each = sorted(one.cost_ns for one in paid)[len(paid) // 2]
    count = len(paid)
    requests = sum(group.exchanges for group in groups)
    text = f"{count} of {requests} requests to AWS services opened a connection first: {duration(cost)}"
    if count > 1:
        text += f" in all, {duration(each)} each (median)"
    if total:
        text += f", {percent(cost / total)} of the time of AWS requests"
    yield RULE.finding(
        text + ".",
        cost_ns=cost,
        share=cost / total if total else None,
        confidence="likely" if (unsure := any(one.inferred for one in paid)) else "proven",
        decides=DECIDES if unsure else None,
        exchanges=[one.first.exchange_id for one in paid],
        connections=[one.connection.connection_id for one in paid],
        packet_ids=[packet for one in paid for packet in (one.connection.first_packet_id, one.first.first_packet_id)],
        display_filter=f"tcp.flags.syn == 1 && {streams_filter(one.connection.connection_id for one in paid)}",
    )
