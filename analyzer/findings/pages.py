"""Which calls are parts of one logical operation, and what these took together: pages of a Query or Scan, batches sent again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from analyzer.findings.view import View
from analyzer.model.rows import Call, Exchange
from analyzer.units import DurationNs, bytes_, count, duration, percent

KEY_BYTES = 30
"""The shortest `"ExclusiveStartKey":{"k":{"S":""}},`, by which the request for a further page is longer than the first."""
BATCHES = frozenset({"BatchGetItem", "BatchWriteItem"})
FULL_BATCH = 15_000_000
"""BatchGetItem answers at most 16 MB and gives back the other keys: no lack of capacity (API Reference, BatchGetItem)."""


class Totals(NamedTuple):
    """What the parts of one logical operation come to."""

    parts: int
    """Pages, or requests of a loop."""
    returned: int | None
    """Items in the answers; None where one of them does not show it."""
    examined: int | None
    """Items read for them, before any filter."""
    bytes: int
    """Of the answers, heads included."""
    took_ns: DurationNs
    """From the first packet of the first to the last byte of the last, the program's own time between them included."""
    server_ns: DurationNs
    network_ns: DurationNs

    def shares(self, service: str) -> str:
        """Say which part of the time was the service's and which the network's."""
        if not self.took_ns:
            return ""
        return f"{percent(self.server_ns / self.took_ns)} of it {service}, {percent(self.network_ns / self.took_ns)} network round trips"

    def items(self) -> str:
        """Say how many items were read and returned, with a comma before; nothing where that is not known."""
        if self.examined is None or self.returned is None:
            return ""
        return f", {count(self.examined)} items examined, {count(self.returned)} returned"

    def told(self, service: str) -> str:
        """Say all of it: `727 ms (90 % of it DynamoDB, 7 % network round trips), 4 200 items examined, 28 returned, 29.8 KB of answers`."""
        shares = self.shares(service)
        return f"{duration(self.took_ns)}{f' ({shares})' if shares else ''}{self.items()}, {bytes_(self.bytes)} of answers"


def totals(calls: Sequence[Call], rows: Sequence[Exchange]) -> Totals:
    """Add up the parts of one logical operation; `rows` are the exchanges that answered them."""
    returned, examined = [row.count for row in rows], [row.scanned_count for row in rows]
    return Totals(
        len(calls),
        sum(one or 0 for one in returned) if None not in returned and rows else None,
        sum(one or 0 for one in examined) if None not in examined and rows else None,
        sum(row.response_bytes for row in rows),
        max(call.end_ns for call in calls) - min(call.start_ns for call in calls),
        sum(call.server_ns or 0 for call in calls),
        sum(call.network_ns or 0 for call in calls),
    )


def logical(view: View) -> list[list[Call]]:
    """Return the chains of at least two pages, in order of their start; those that only look like it too (`is_guess`).

    Calls that only follow each other, each a first page of its own (a Limit, and the rest never asked for), have requests of one length:
    they are taken apart. A retry's header makes a request longer too, so only first attempts are compared.
    """
    out: list[list[Call]] = []
    for calls in _chains(view).values():
        if is_guess(calls):
            out.append(calls)
        elif calls[0].operation not in BATCHES:
            out += _taken_apart(view, calls)
        elif _is_full(view, calls):
            out.append(calls)
    return out


def loops(view: View) -> list[list[Call]]:
    """Return the chains of batches that were sent again because the one before left items undone for want of capacity."""
    found = [calls for calls in _chains(view).values() if calls[0].operation in BATCHES and len(calls) > 1]
    return [calls for calls in found if not _is_full(view, calls)]


def is_guess(calls: Sequence[Call]) -> bool:
    """Tell whether nobody could read the calls of a chain, so that only sizes and times say that they belong together."""
    return all(call.evidence == "inferred" and call.operation is None for call in calls)


def is_full(row: Exchange) -> bool:
    """Tell whether a batch answer left keys undone because it was as large as one may be."""
    return row.operation == "BatchGetItem" and row.response_bytes >= FULL_BATCH


def _is_full(view: View, calls: Sequence[Call]) -> bool:
    return any(is_full(row) for row in view.exchanges_of(calls[0]))


def _chains(view: View) -> dict[int, list[Call]]:
    chains: dict[int, list[Call]] = defaultdict(list)
    for call in view.service_calls:
        if call.chain_id is not None:
            chains[call.chain_id].append(call)
    return chains


def _taken_apart(view: View, calls: list[Call]) -> list[list[Call]]:
    out: list[list[Call]] = []
    pages: list[Call] = []
    first: int | None = None
    for call in calls:
        size = _first_length(view, call)
        if pages and first is not None and (size >= first + KEY_BYTES if size is not None else len(pages) > 1):
            pages.append(call)
            continue
        if len(pages) > 1:
            out.append(pages)
        pages, first = [call], size
    if len(pages) > 1:
        out.append(pages)
    return out


def _first_length(view: View, call: Call) -> int | None:
    """Return the bytes of the request of a call's first attempt; None where that was not captured."""
    for row in view.exchanges_of(call):
        if (row.attempt or 1) == 1 and row.request_start_ns is not None:
            return row.request_bytes
    return None
