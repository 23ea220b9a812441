"""Calls that are parts of one logical operation: pages of a Query or Scan, and batches sent again for what was left undone.

A page goes on where the one before stopped (DynamoDB Developer Guide, "Paginating"). A batch that had no capacity for all of its items
gives the others back, and the program, not the SDK, sends them again (API Reference, BatchWriteItem and BatchGetItem). Calls that nobody
can read are chained by what they look like (`encrypted_pages`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from analyzer.aws.encrypted_pages import looking_like_pages
from analyzer.model.rows import Call, Exchange
from analyzer.units import SECOND, DurationNs

NEXT_PAGE_NS: DurationNs = SECOND
"""A paginator asks for the next page as soon as it has handed out the one before."""
SAME_CONNECTION_NS: DurationNs = 5 * SECOND
"""On the same connection the program may have worked on a page before it asked for the next; a batch may have a back-off before it."""
PAGED = frozenset({"Query", "Scan"})
BATCHES = frozenset({"BatchGetItem", "BatchWriteItem"})
CHAINED = PAGED | BATCHES
MOST_OPEN = 256
"""Unfinished chains of one client, operation and table that are remembered."""


def with_chains(calls: Sequence[Call], exchanges: Sequence[Exchange]) -> list[Call]:
    """Return the calls with `chain_id` set for the parts of chains: the id of the first.

    A page carries ExclusiveStartKey (or is too long for that to be seen) and follows the latest that said there is more
    (LastEvaluatedKey), of the same client, operation and table, ended before it, at most 1 s ago (5 s on the same connection). A batch
    follows the latest that left something undone, likewise, at most 5 s ago; on another connection it is the shorter one of the two.
    """
    out = list(calls)
    asking = {row.exchange_id: row for row in exchanges if row.operation in CHAINED or row.evidence == "inferred"}
    open_chains: dict[tuple[str, str | None, str | None], list[int]] = defaultdict(list)
    for index, call in enumerate(calls):
        batch = call.operation in BATCHES
        if not (batch or call.operation in PAGED) or call.service != "dynamodb" or not call.ok or not call.exchange_ids:
            continue
        known = open_chains[call.client_address, call.operation, call.table_name]
        asked = asking.get(call.exchange_ids[-1])
        if batch:
            fitting = [at for at in known if asked is not None and _sent_again(out[at], asking[out[at].exchange_ids[-1]], call, asked)]
        else:
            fitting = [at for at in known if _follows(out[at], call)] if asked is None or asked.continues is not False else []
        if fitting:
            last = max(fitting, key=lambda at: (out[at].connection_id == call.connection_id, out[at].end_ns))
            known.remove(last)
            _join(out, last, index)
        if asked is not None and (asked.unprocessed if batch else asked.has_more):
            known.append(index)
            del known[:-MOST_OPEN]
    for chain in looking_like_pages(calls, asking):
        for before, index in pairwise(chain):
            _join(out, before, index)
    return out


def _join(out: list[Call], before: int, index: int) -> None:
    """Make a call the next part of the chain that another is in, or begins."""
    if out[before].chain_id is None:
        out[before] = out[before]._replace(chain_id=out[before].call_id)
    out[index] = out[index]._replace(chain_id=out[before].chain_id)


def _follows(before: Call, call: Call) -> bool:
    pause = call.start_ns - before.end_ns
    return 0 <= pause <= (SAME_CONNECTION_NS if before.connection_id == call.connection_id else NEXT_PAGE_NS)


def _sent_again(before: Call, answered: Exchange, call: Call, asked: Exchange) -> bool:
    """Tell whether a batch may be what one before left undone: on the same connection, or shorter than that was."""
    if not 0 <= call.start_ns - before.end_ns <= SAME_CONNECTION_NS:
        return False
    return before.connection_id == call.connection_id or asked.request_bytes < answered.request_bytes
