"""Several calls are the pages of one logical operation: each page stops at 1 MB read (or at Limit), and waits for the one before.

The cost is what pages cost by being several: one round trip for each after the first. What the service needs for the items themselves is
not charged; where a filter throws them away, that is `filter-discards-reads`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from analyzer.findings.pages import logical
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import dearest, service_name
from analyzer.findings.transfers import final_exchange
from analyzer.findings.view import View
from analyzer.findings.words import median, plural
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.units import MILLISECOND, DurationNs, bytes_, count, duration, percent

LONG_NS: DurationNs = 100 * MILLISECOND
"""A logical operation that takes less, nobody calls slow."""
MANY_PAGES = 10
"""So many pages in a row are more than anybody meant to ask for."""
PAGE_BYTES = 1_000_000
"""DynamoDB ends a page at 1 MB read, before the filter (API reference, Query)."""

RULE = Rule(
    code="paginated-operation",
    name="One operation of many pages",
    severity="info",
    summary="A chain of pages makes one logical operation",
    remedy="Read less: a narrower key condition, a projection of the index, no filter that throws pages away. Do not set a small Limit "
    "when all items are wanted. A Scan can read its segments side by side (TotalSegments); for known keys use BatchGetItem.",
    references=("Amazon DynamoDB Developer Guide, paginating table query results", "Amazon DynamoDB API Reference, Query"),
    rank=56,
)


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each operation and table."""
    groups: dict[tuple[str | None, str | None, str | None], list[list[Call]]] = defaultdict(list)
    for pages in logical(view):
        first = pages[0]
        if _whole(pages) >= LONG_NS or len(pages) >= MANY_PAGES:
            groups[first.service, first.operation, first.table_name].append(pages)
    yield from dearest(_finding(view, found) for found in groups.values())


def _whole(pages: list[Call]) -> DurationNs:
    """Return how long a chain took as the program saw it, its own time between the pages included."""
    return max(call.end_ns for call in pages) - min(call.start_ns for call in pages)


def _finding(view: View, chains: list[list[Call]]) -> Finding:
    calls = [call for pages in chains for call in pages]
    cost = sum(view.charge(call, "network") for pages in chains for call in pages[1:])
    rows = [row for call in calls if (row := final_exchange(view, call)) is not None]
    streams = [row.connection_id for row in rows]
    worst = max(chains, key=_whole)
    shown = [row for call in worst if (row := final_exchange(view, call)) is not None]
    first = min((row.first_packet_id for row in rows if row.first_packet_id is not None), default=0)
    last = max((row.response_packet_id for row in rows if row.response_packet_id is not None), default=0)
    return RULE.finding(
        _text(chains, rows, cost),
        cost_ns=cost,
        share=view.share(cost, calls),
        confidence="proven" if all(call.evidence != "inferred" for call in calls) else "likely",
        decides=None
        if all(call.evidence != "inferred" for call in calls)
        else "the TLS keys: whether each request carries ExclusiveStartKey",
        severity="warning" if max(map(len, chains)) >= MANY_PAGES else "info",
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for row in rows],
        connections=streams,
        packet_ids=[packet for row in shown for packet in (row.request_packet_id, row.response_packet_id)],
        display_filter=f"{streams_filter(streams)} && http && frame.number >= {first} && frame.number <= {last}",
    )


def _text(chains: list[list[Call]], rows: list[Exchange], cost: DurationNs) -> str:
    first = chains[0][0]
    calls = [call for pages in chains for call in pages]
    operation = first.operation or "operation"
    where = f" on {first.table_name}" if first.table_name is not None else ""
    took = median(map(_whole, chains))
    pages = sorted(map(len, chains))
    server = sum(call.server_ns or 0 for call in calls)
    whole = sum(map(_whole, chains))
    if len(chains) == 1:
        text = f"One logical {operation}{where} reads {count(pages[0])} pages one after the other: {duration(took)}"
    else:
        span = f"{pages[0]}" if pages[0] == pages[-1] else f"{pages[0]} to {count(pages[-1])}"
        text = (
            f"{count(len(chains))} logical {operation} operations{where} read {span} pages each, one after the other: {duration(took)} each"
        )
        text += " (median)"
    text += f", of which {service_name(first.service)} itself takes {percent(server / whole) if whole else '0 %'}."
    read = sum(row.scanned_count or 0 for row in rows)
    if read:
        text += f" {count(read)} items were read, {count(sum(row.count or 0 for row in rows))} returned"
        text += f" ({bytes_(sum(row.response_bytes for row in rows))})."
    text += f" Each page stops at {bytes_(PAGE_BYTES)} read or at Limit, and the next is asked for when it has come: "
    return text + f"the round trips of {plural(len(calls) - len(chains), 'further page')} took {duration(cost)}."
