"""Who ended a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.seams import Segment
from analyzer.tcp.analysis import RST
from analyzer.units import DurationNs, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp._half import Half
    from analyzer.tcp.flow import Flow

LEAST_ROUND_TRIP_NS: DurationNs = 2_000_000
"""Round trips below this are too short to tell a middlebox by its speed."""


def closed_by(flow: Flow, half: Half, segment: Segment, time: TimeNs) -> str:
    """Name the sender of the first FIN or RST: client, server, client-reset, server-reset or middlebox-reset.

    A reset in the server's name is a middlebox's when it comes with another TTL than the server's other segments, or sooner after the client's last
    segment than half the shortest round trip.
    """
    client = half is flow.client_half or (flow.client_half is None and half is flow.halves[0])
    side = "client" if client else "server"
    if not segment.flags & RST:
        return side
    if not client and half.packets > 1:
        rtt = half.other.stream.rtt_ns
        quick = rtt is not None and rtt >= LEAST_ROUND_TRIP_NS and 0 <= time - half.other.last_time < rtt // 2 and half.last_ack == half.other.next_seq
        if segment.ttl != half.ttl or quick:
            return "middlebox-reset"
    return f"{side}-reset"
