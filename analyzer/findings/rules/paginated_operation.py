"""Several calls are the pages of one logical operation: each page stops at 1 MB read (or at Limit), and waits for the one before.

The cost is what pages cost by being several: one round trip for each after the first. What the service needs for the items themselves is
not charged; where a filter throws them away, that is `filter-discards-reads`. Calls that nobody can read may look like pages by their sizes
and times; that is said so, and never proven.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from analyzer.findings.pages import Totals, is_guess, logical, totals
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import dearest, service_name
from analyzer.findings.view import View
from analyzer.findings.words import median, plural
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.units import MILLISECOND, DurationNs, bytes_, count, duration, percent

LONG_NS: DurationNs = 100 * MILLISECOND
"""A logical operation that takes less, nobody calls slow."""
MANY_PAGES = 10
"""So many pages in a row are more than anybody meant to ask for."""
LONG_CHAIN = 6
"""Equal steps in a row that chance, or another kind of loop, hardly makes."""
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
    groups: dict[tuple[str | None, str | None, str | None, bool], list[list[Call]]] = defaultdict(list)
    for pages in logical(view):
        first = pages[0]
        if _whole(pages) >= LONG_NS or len(pages) >= MANY_PAGES:
            groups[first.service, first.operation, first.table_name, is_guess(pages)].append(pages)
    yield from dearest(_finding(view, found) for found in groups.values())


def _whole(pages: list[Call]) -> DurationNs:
    """Return how long a chain took as the program saw it, its own time between the pages included."""
    return max(call.end_ns for call in pages) - min(call.start_ns for call in pages)


def _finding(view: View, chains: list[list[Call]]) -> Finding:
    calls = [call for pages in chains for call in pages]
    cost = sum(view.charge(call, "network") for pages in chains for call in pages[1:])
    rows = [row for call in calls if (row := view.final_exchange(call)) is not None]
    streams = [row.connection_id for row in rows]
    worst = max(chains, key=_whole)
    shown = [row for call in worst if (row := view.final_exchange(call)) is not None]
    first = min((row.first_packet_id for row in rows if row.first_packet_id is not None), default=0)
    last = max((row.response_packet_id for row in rows if row.response_packet_id is not None), default=0)
    guess = is_guess(chains[0])
    shown_as = "tls.app_data" if guess else "http"
    sure = all(call.evidence != "inferred" for call in calls)
    return RULE.finding(
        (_guessed if guess else _text)(chains, rows, cost),
        cost_ns=cost,
        share=view.share(cost, calls),
        confidence="proven" if sure else "likely" if not guess or _is_likely(chains, rows) else "possible",
        decides=None if sure else "the TLS keys: whether each request carries ExclusiveStartKey",
        severity="warning" if max(map(len, chains)) >= MANY_PAGES else "info",
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for row in rows],
        connections=streams,
        packet_ids=[packet for row in shown for packet in (row.request_packet_id, row.response_packet_id)],
        display_filter=f"{streams_filter(streams)} && {shown_as} && frame.number >= {first} && frame.number <= {last}",
    )


def _text(chains: list[list[Call]], rows: list[Exchange], cost: DurationNs) -> str:
    first = chains[0][0]
    calls = [call for pages in chains for call in pages]
    operation = first.operation or "operation"
    where = f" on {first.table_name}" if first.table_name is not None else ""
    took = median(map(_whole, chains))
    pages = sorted(map(len, chains))
    of, whole = totals(calls, rows), sum(map(_whole, chains))
    if len(chains) == 1:
        text = f"One logical {operation}{where} reads {count(pages[0])} pages one after the other: {duration(took)}"
    else:
        span = f"{pages[0]}" if pages[0] == pages[-1] else f"{pages[0]} to {count(pages[-1])}"
        text = (
            f"{count(len(chains))} logical {operation} operations{where} read {span} pages each, one after the other: {duration(took)} each"
        )
        text += " (median)"
    text += f", of which {_shares(of, service_name(first.service), whole)}."
    read = sum(row.scanned_count or 0 for row in rows)
    if read:
        text += f" {count(read)} items were read, {count(sum(row.count or 0 for row in rows))} returned"
        text += f" ({bytes_(of.bytes)})."
    stops = "answer stops at 16 MB" if first.operation == "BatchGetItem" else f"page stops at {bytes_(PAGE_BYTES)} read or at Limit"
    text += f" Each {stops}, and the next is asked for when it has come: "
    return text + f"the round trips of {plural(len(calls) - len(chains), 'further page')} took {duration(cost)}."


def _shares(of: Totals, service: str, whole: DurationNs) -> str:
    return f"{service} itself takes {percent(of.server_ns / whole if whole else 0)}, the network's round trips " \
        f"{percent(of.network_ns / whole if whole else 0)}"  # fmt: skip


def _is_likely(chains: list[list[Call]], rows: list[Exchange]) -> bool:
    """Tell whether calls that look like pages hardly can be anything else: several chains alike, a long one, or answers of about 1 MB."""
    return len(chains) > 1 or len(chains[0]) >= LONG_CHAIN or median(row.response_bytes for row in rows[:-1]) >= PAGE_BYTES // 2


def _guessed(chains: list[list[Call]], rows: list[Exchange], cost: DurationNs) -> str:
    """Say what encrypted calls look like."""
    calls = [call for pages in chains for call in pages]
    pages = sorted(map(len, chains))
    name, whole = service_name(calls[0].service), sum(map(_whole, chains))
    of = totals(calls, rows)
    if len(chains) == 1:
        what = f"{count(pages[0])} encrypted calls look like the pages of one Query or Scan, read one after the other"
    else:
        span = f"{pages[0]}" if pages[0] == pages[-1] else f"{pages[0]} to {count(pages[-1])}"
        what = (
            f"{count(len(calls))} encrypted calls look like {count(len(chains))} Queries or Scans of {span} pages, read one after the other"
        )
    text = f"{what} (sizes and timing; keys would tell): {duration(whole)}, of which {_shares(of, name, whole)}. "
    longer = median(row.request_bytes for row in rows) - min(row.request_bytes for row in rows)
    text += (
        f"After the first request each is {bytes_(longer)} longer, as by the key at which it goes on, and is sent as soon as the answer "
    )
    text += f"before has come; the answers are alike ({bytes_(of.bytes)} in all). "
    largest, slowest = max(row.response_bytes for row in rows), median(call.server_ns or 0 for call in calls)
    if largest < PAGE_BYTES // 4:
        text += f"They are small for pages that take the service {duration(slowest)}: a filter may throw away most of what is read. "
    return text + f"The round trips of {plural(len(calls) - len(chains), 'further page')} took {duration(cost)}."
