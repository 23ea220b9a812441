"""Calls that nobody can read and that look like the pages of one Query or Scan, by the sizes and times of their requests and answers.

The first page's request is the shortest; each further one is longer by the key at which it goes on, all about equally, and begins as soon
as the program has taken in the answer before, on the same connection. The answers are alike up to the last, which is no larger, and each
is large or took the service long: a page reads 1 MB, however little a filter leaves of it. What lacks any of that is left alone: a loop
of equal requests, small answers, downloads of unequal size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analyzer.model.rows import Call, Exchange
from analyzer.units import MILLISECOND, DurationNs

LEAST_PAGES = 3
"""Of two requests nothing tells that the second goes on where the first stopped."""
SHORTEST_KEY = 30
"""The shortest `"ExclusiveStartKey":{"k":{"S":""}},` in a request."""
LONGEST_KEY = 5_000
"""A key is at most 3 KB of data; in JSON it takes more."""
SPREAD = 64
"""How much the requests of further pages differ in length: as their keys do, and by the padding of block ciphers."""
STEADY = 1.5
"""How much larger the largest of the answers alike may be than the smallest: each is what is left of 1 MB."""
LEAST_ANSWER = 2_000
"""Bytes of an answer that holds items at all; a write, or a read of nothing, is answered in less."""
LARGE_ANSWER = 250_000
LONG_NS: DurationNs = 50 * MILLISECOND
"""What the service needs at least to read 1 MB; single items take it a few milliseconds."""
TURN_NS: DurationNs = 20 * MILLISECOND
PARSE_NS: DurationNs = 100
"""A paginator asks on as soon as it has parsed a page: in Python that takes up to 100 ns a byte."""


def looking_like_pages(calls: Sequence[Call], exchanges: Mapping[int, Exchange]) -> list[list[int]]:
    """Return the positions in `calls` of those that look like the pages of one operation, chain by chain; calls are in order of time."""
    found: list[list[int]] = []
    runs: dict[int, list[tuple[int, Exchange]]] = {}
    for position, call in enumerate(calls):
        if call.evidence != "inferred" or call.operation is not None or call.service != "dynamodb" or len(call.exchange_ids) != 1:
            continue
        row = exchanges.get(call.exchange_ids[0])
        if row is None or row.evidence != "inferred" or row.status is not None:
            continue
        run = runs.get(row.connection_id)
        if run is not None and _goes_on([one for _, one in run[:2]], run[-1][1], row):
            run.append((position, row))
            continue
        if run is not None and _are_pages([one for _, one in run]):
            found.append([at for at, _ in run])
        runs[row.connection_id] = [(position, row)]
    found += [[at for at, _ in run] for run in runs.values() if _are_pages([one for _, one in run])]
    return sorted(found)


def _goes_on(first: Sequence[Exchange], before: Exchange, row: Exchange) -> bool:
    """Tell whether a request may be for the page after `before`; `first` are the first page and the second, if there is one already."""
    idle = row.idle_before_ns
    if before.outcome != "ok" or idle is None or idle > TURN_NS + PARSE_NS * before.response_bytes:
        return False
    if not SHORTEST_KEY <= row.request_bytes - first[0].request_bytes <= LONGEST_KEY:
        return False
    return len(first) < 2 or abs(row.request_bytes - first[1].request_bytes) <= SPREAD


def _are_pages(rows: Sequence[Exchange]) -> bool:
    """Tell whether the answers to requests that go on from each other are those of pages."""
    if len(rows) < LEAST_PAGES:
        return False
    sizes = [row.response_bytes for row in rows[:-1]]
    if min(sizes) < LEAST_ANSWER or max(sizes) > STEADY * min(sizes) or rows[-1].response_bytes > STEADY * min(sizes):
        return False
    return all(row.response_bytes >= LARGE_ANSWER or (row.server_ns or 0) >= LONG_NS for row in rows[:-1])
