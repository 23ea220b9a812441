"""Answers that were lost before the capture point and sent again: no sequence number shows it, the server's identifications do.

From the client's side such an answer looks like a slow server: it comes one retransmission timeout late, whole and in order. But a server
that counts its packets (`unseen_packets` of a connection) then passed over a number that nobody saw.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from analyzer import timers
from analyzer.findings.view import View
from analyzer.findings.words import median
from analyzer.model.rows import Call, Connection, Exchange
from analyzer.units import MILLISECOND, DurationNs

TIMEOUT_NS: DurationNs = 190 * MILLISECOND
"""The shortest retransmission timeout in use (Linux: 200 ms), less what a clock tick is off. A small answer's tail loss probe rings no
sooner (RFC 8985 section 7.2)."""
ENOUGH = 3
"""Calls of one kind that make a usual time; of fewer the whole of the server's time is taken as late only where it fits a timer."""


class LostAnswer(NamedTuple):
    """A call whose answer was lost before the capture point and sent again."""

    call: Call
    connection: Connection
    exchange: Exchange
    late_ns: DurationNs
    """How much later than usual the answer came."""
    timed: bool
    """Whether that is what a retransmission timer takes."""


def lost_answers(view: View) -> list[LostAnswer]:
    """Return the calls whose final answer came at least one retransmission timeout late, behind packets that were never seen."""
    groups: dict[tuple[str | None, str | None, str | None], list[tuple[Call, Exchange]]] = defaultdict(list)
    for call, row in view.answered if any(row.unseen_before_response > 0 for row in view.exchanges.values()) else ():
        if row.server_ns is not None and call.server_ns is not None:
            groups[call.service, call.operation, call.table_name].append((call, row))
    found: list[LostAnswer] = []
    for measured in groups.values():
        whole = [row.server_ns or 0 for _, row in measured if not row.unseen_before_response]
        usual = median(whole) if len(whole) >= ENOUGH else 0
        for call, row in measured:
            under = view.connections.get(row.connection_id)
            late = (row.server_ns or 0) - usual
            if under is None or not row.unseen_before_response or late < TIMEOUT_NS:
                continue
            timed = bool(timers.repair(late, under.min_rtt_ns, row.unseen_before_response))
            if whole or timed:
                found.append(LostAnswer(call, under, row, late, timed))
    return found
