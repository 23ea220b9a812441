"""Connections that nobody answered, by the million: a scan or a flood. Only the last of them are kept."""

from __future__ import annotations

from analyzer.model.rows import Anomaly
from analyzer.tcp._half import Half
from analyzer.tcp.flow import Flow
from analyzer.tcp.points import unlink
from analyzer.units import ConnectionId

MOST_UNANSWERED = 100_000
CHECKED = 16_384
"""Those that were not among so many last connections are dropped, looked at every so often: each takes 2.5 KB. A later packet of theirs
begins another connection."""


def crowded(number: ConnectionId) -> bool:
    """Tell whether it is time to look for connections to drop, where one of this number begins: the same in every share of a capture."""
    return number % CHECKED == 0 and number > MOST_UNANSWERED


def drop(halves: dict[bytes, Half], number: ConnectionId) -> list[Flow]:
    """Forget the connections, long before a number, of which only one side was seen, without payload; return them in order."""
    before = number - MOST_UNANSWERED
    gone: dict[ConnectionId, Flow] = {}
    for half in halves.values():
        flow = half.flow
        if flow.connection_id < before and not half.seen and not half.elsewhere and not half.other.stream.unique_bytes():
            gone[flow.connection_id] = flow
    dropped = [gone[one] for one in sorted(gone)]
    for flow in dropped:
        unlink(halves, flow)
    return dropped


def told(flow: Flow) -> Anomaly:
    """Return the row that tells of a connection that was dropped."""
    return Anomaly("connection-dropped", flow.first_id, flow.connection_id, "never answered, and too many like it: left out")
