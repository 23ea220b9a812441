"""Query or Scan reads many items to return few: the filter runs after the read, and what it throws away was read, waited and paid for.

It fires where the answers of an operation on a table read at least five items for each that they return, and at least 100 for nothing.
What was read and returned is counted in the answers; what it cost is an estimate: the server's time of these pages beyond what a read costs
whatever it finds, in proportion to what was thrown away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from analyzer.findings.pages import logical, totals
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import dearest, is_one, listed, service_name
from analyzer.findings.view import View
from analyzer.findings.words import median, plural
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.units import MILLISECOND, DurationNs, bytes_, count, duration, percent

WASTED = 0.8
"""Part of the items read that an operation throws away; DynamoDB reads in pages of 1 MB, and a filter that keeps a fifth has its use."""
LEAST_ITEMS = 100
"""Items read for nothing below which no key or index pays."""
LEAST_NS: DurationNs = 20 * MILLISECOND
"""The server's time below which nobody waits for the filter."""
FEW_ITEMS = 20
"""A read of up to so many items takes what a request takes whatever it reads."""
PLAIN_NS: DurationNs = 10 * MILLISECOND
"""What a request costs whatever it reads, where no read of few items shows it: DynamoDB's `single-digit milliseconds`."""

RULE = Rule(
    code="filter-discards-reads",
    name="The filter throws away what was read",
    severity="warning",
    summary="Query or Scan pages read many items to return few",
    remedy="Put the filtered attribute into a key or an index and ask for it in KeyConditionExpression instead of FilterExpression; fetch "
    "single items by BatchGetItem. Reads for the filter are billed too.",
    references=("Amazon DynamoDB Developer Guide, filter expressions for the Query operation", "Amazon DynamoDB API Reference, Query"),
    rank=50,
)


class Page(NamedTuple):
    """An answer that threw items away."""

    call: Call
    exchange: Exchange
    kept: int
    read: int
    plain_ns: DurationNs = PLAIN_NS
    """The server's time of a read of few items."""
    spare: bool = False
    """Whether the page would not have been asked for, had only what was returned been read."""

    @property
    def wasted_ns(self) -> DurationNs:
        """About the server's time for items that were not returned."""
        if self.spare:
            return self.call.server_ns or 0
        return max(0, (self.call.server_ns or 0) - self.plain_ns) * (self.read - self.kept) // self.read


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each operation and table."""
    groups: dict[tuple[str | None, str | None, str | None], list[Page]] = defaultdict(list)
    few: dict[tuple[str | None, str | None], list[DurationNs]] = defaultdict(list)
    for call, row in view.answered:
        if row.count is None or row.scanned_count is None or call.truncated in ("end", "both"):
            continue
        kept, read = row.count, row.scanned_count
        if read <= FEW_ITEMS and call.server_ns is not None:
            few[call.service, call.table_name].append(call.server_ns)
        if read > 0 and 0 <= kept <= (1 - WASTED) * read:
            groups[call.service, call.operation, call.table_name].append(Page(call, row, kept, read))
    found = []
    chains: dict[int, int] = {}
    if groups:
        chains = {call.call_id: number for number, chain in enumerate(logical(view)) for call in chain}
    for (service, _, table), read_pages in groups.items():
        measured = few.get((service, table), [])
        plain = median(measured) if measured else PLAIN_NS
        pages = _with_spare([page._replace(plain_ns=plain) for page in read_pages], chains)
        wasted = sum(page.read - page.kept for page in pages)
        if wasted >= LEAST_ITEMS and sum(page.wasted_ns for page in pages) >= LEAST_NS:
            cost = sum(view.charge(page.call, "server", page.wasted_ns) for page in pages)
            found.append(_finding(view, pages, cost, chains, bool(measured)))
    yield from dearest(found)


def _with_spare(pages: list[Page], chains: Mapping[int, int]) -> list[Page]:
    """Mark the pages of each chain beyond those that would hold what was returned, at as many items a page as the fullest had read."""
    kept: dict[int, int] = defaultdict(int)
    most: dict[int, int] = defaultdict(int)
    for page in pages:
        chain = chains.get(page.call.call_id)
        if chain is not None:
            kept[chain] += page.kept
            most[chain] = max(most[chain], page.read)
    seen: dict[int, int] = defaultdict(int)
    out = []
    for page in pages:
        chain = chains.get(page.call.call_id)
        if chain is not None:
            seen[chain] += 1
            page = page._replace(spare=seen[chain] > max(1, -(-kept[chain] // most[chain])))
        out.append(page)
    return out


def _finding(view: View, pages: list[Page], cost: DurationNs, chains: Mapping[int, int], measured: bool) -> Finding:
    calls = [page.call for page in pages]
    streams = [page.exchange.connection_id for page in pages]
    first = min(page.exchange.first_packet_id or 0 for page in pages)
    last = max(page.exchange.response_packet_id or 0 for page in pages)
    worst = sorted(pages, key=lambda page: page.kept - page.read)
    return RULE.finding(
        _text(pages, cost, chains, measured),
        cost_ns=cost,
        share=view.share(cost, calls),
        confidence="proven",
        calls=[call.call_id for call in calls],
        exchanges=[page.exchange.exchange_id for page in pages],
        connections=streams,
        packet_ids=[number for page in worst for number in (page.exchange.request_packet_id, page.exchange.response_packet_id)],
        display_filter=f'{streams_filter(streams)} && (http.request || http contains "ScannedCount") && '
        f"frame.number >= {first} && frame.number <= {last}",
    )


def _text(pages: list[Page], cost: DurationNs, chains: Mapping[int, int], measured: bool) -> str:
    calls = [page.call for page in pages]
    kept, read = sum(page.kept for page in pages), sum(page.read for page in pages)
    of = totals(calls, [page.exchange for page in pages])
    whole = sum(call.duration_ns for call in calls)
    operation, table = calls[0].operation or "read", calls[0].table_name
    where = f" on {table}" if table is not None else ""
    one = is_one(pages)
    needed = sum(not page.spare for page in pages)
    text = f"{count(len(pages))} {operation} {'call' if one else 'calls'}{where} read {count(read)} items to return {count(kept)} "
    text += f"({percent(kept / read) if kept else 'none'}, {bytes_(of.bytes)}): about {duration(cost)} of {'its' if one else 'their'} "
    text += f"{duration(whole)} likely went into items that the filter threw away: what was returned fits into {plural(needed, 'read')} of "
    text += f"{duration(pages[0].plain_ns)} ({'the median of small ones here' if measured else 'usual for DynamoDB'})."
    text += f" This is not the network: {service_name(calls[0].service)} itself took {duration(of.server_ns)} of it. "
    text += "The filter runs after the read, and each page stops at 1 MB read"
    chained = [chains[call.call_id] for call in calls if call.call_id in chains]
    if chained:
        text += f": {plural(len(chained), 'page')} make {plural(len(set(chained)), f'logical {operation} operation')}"
    ends = [page for page in pages if page.kept == 0]
    if ends:
        text += f"; {plural(len(ends), 'page')} returned nothing at all"
    if whole:
        text += f"; the network's round trips are {percent(of.network_ns / whole)} of the time"
    return text + f" ({listed(f'Count {page.kept}, ScannedCount {page.read}' for page in pages[:1])} in the first)."
