"""Who ended a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.model.seams import Segment
from analyzer.tcp.analysis import ACK, RST
from analyzer.units import DurationNs, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp._half import Half
    from analyzer.tcp.flow import Flow

LEAST_ROUND_TRIP_NS: Final[DurationNs] = 2_000_000
"""Round trips below this are too short to tell a middlebox by its speed."""


def closed_by(flow: Flow, half: Half, segment: Segment, time: TimeNs) -> str:
    """Name the sender of the first FIN or RST: client, server, client-reset, server-reset or middlebox-reset.

    A reset in the server's name is a middlebox's when it comes with another TTL than the server's other segments (told only where each
    packet is seen once), or acknowledges the client's last bytes sooner than half the shortest round trip after they were sent.
    """
    client = half is (flow.client_half or flow.halves[0])
    side = "client" if client else "server"
    if not segment.flags & RST:
        return side
    if not client:
        sender = half.other
        rtt = sender.stream.rtt_ns
        quick = rtt is not None and rtt >= LEAST_ROUND_TRIP_NS and 0 <= time - sender.next_time < rtt // 2
        if quick and segment.flags & ACK and segment.ack == sender.next_seq:
            return "middlebox-reset"
        if segment.ttl != half.ttl and flow.copies is None:
            return "middlebox-reset"
    return f"{side}-reset"
