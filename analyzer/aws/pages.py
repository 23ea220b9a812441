"""Pages of one logical operation: Query and Scan calls that go on where the one before stopped (DynamoDB Developer Guide, "Paginating")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from analyzer.model.rows import Call, Exchange
from analyzer.units import SECOND, DurationNs

NEXT_PAGE_NS: DurationNs = SECOND
"""A paginator asks for the next page as soon as it has handed out the one before."""
SAME_CONNECTION_NS: DurationNs = 5 * SECOND
"""On the same connection the program may have worked on a page before it asked for the next."""
PAGED = frozenset({"Query", "Scan"})
MOST_OPEN = 256
"""Unfinished chains of one client, operation and table that are remembered."""


def with_chains(calls: Sequence[Call], exchanges: Sequence[Exchange]) -> list[Call]:
    """Return the calls with `chain_id` set for the pages of chains: the id of the first page.

    A page carries ExclusiveStartKey (or is too long for that to be seen) and follows the latest that said there is more
    (LastEvaluatedKey), of the same client, operation and table, ended before it, at most 1 s ago (5 s on the same connection).
    """
    out = list(calls)
    asking = {row.exchange_id: row for row in exchanges if row.operation in PAGED}
    open_chains: dict[tuple[str, str | None, str | None], list[int]] = defaultdict(list)
    for index, call in enumerate(calls):
        if call.operation not in PAGED or call.service != "dynamodb" or not call.ok or not call.exchange_ids:
            continue
        key = (call.client_address, call.operation, call.table_name)
        known = open_chains[key]
        asked = asking.get(call.exchange_ids[-1])
        fitting = [at for at in known if _follows(out[at], call)] if asked is None or asked.continues is not False else []
        if fitting:
            last = max(fitting, key=lambda at: (out[at].connection_id == call.connection_id, out[at].end_ns))
            known.remove(last)
            before = out[last]
            if before.chain_id is None:
                before = out[last] = before._replace(chain_id=before.call_id)
            out[index] = call._replace(chain_id=before.chain_id)
        if asked is not None and asked.has_more:
            known.append(index)
            del known[:-MOST_OPEN]
    return out


def _follows(before: Call, call: Call) -> bool:
    pause = call.start_ns - before.end_ns
    return 0 <= pause <= (SAME_CONNECTION_NS if before.connection_id == call.connection_id else NEXT_PAGE_NS)
