"""Joins what TCP says of lost and repeated packets to the exchanges that they held up."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from analyzer.model.repeats import SYN_TIMER
from analyzer.model.rows import Connection, Exchange, Repeated
from analyzer.units import PacketId


def with_unseen(exchanges: list[Exchange], unseen: Mapping[PacketId, int]) -> list[Exchange]:
    """Return the exchanges, each with the packets of its server that were lost, before the capture point, ahead of its response.

    `unseen` tells how many by the packet that showed it.
    """
    if not unseen:
        return exchanges
    out = []
    for row in exchanges:
        lost = unseen.get(row.response_start_packet_id or 0)
        out.append(row._replace(unseen_before_response=lost) if lost and row.request_start_ns is not None else row)
    return out


def with_costs(connections: Sequence[Connection], exchanges: Iterable[Exchange]) -> list[Connection]:
    """Return the connections, each repeat of theirs with the exchange that it belongs to and the time that this stood still for it."""
    troubled = {row.connection_id for row in connections if row.repeats}
    if not troubled:
        return list(connections)
    on: dict[int, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        if exchange.connection_id in troubled and exchange.first_packet_id is not None:
            on[exchange.connection_id].append(exchange)
    for rows in on.values():
        rows.sort(key=lambda row: (row.first_packet_id, row.exchange_id))
    return [row._replace(repeats=_placed(row, on.get(row.connection_id, []))) if row.repeats else row for row in connections]


def _placed(connection: Connection, exchanges: Sequence[Exchange]) -> tuple[Repeated, ...]:
    starts = [row.first_packet_id or 0 for row in exchanges]
    waited = connection.syn_stall_ns or 0
    out = []
    for one in connection.repeats:
        if one.cause == SYN_TIMER:
            # Set-up is the first exchange's; only the SYNs up to the answered one made it wait.
            first = exchanges[0] if exchanges and exchanges[0].index_on_connection == 0 else None
            cost = min(one.after_ns or 0, waited) if one.sender == "client" else 0
            waited -= cost
            out.append(one._replace(exchange_id=first.exchange_id if first is not None else None, cost_ns=cost))
            continue
        at = bisect_right(starts, one.packet_id) - 1
        if at < 0:
            out.append(one)
            continue
        owner = exchanges[at]
        cost = max((stall.end_ns - stall.start_ns for stall in owner.stalls if stall.packet_id == one.packet_id), default=0)
        out.append(one._replace(exchange_id=owner.exchange_id, cost_ns=max(0, cost)))
    return tuple(out)
