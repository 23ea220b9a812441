"""How far a capture can be trusted, and where it was taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Anomaly, Connection
from analyzer.units import MILLISECOND

NEAR = 4
"""A side whose round trip is this many times shorter than the other's is the one where the capture was taken."""
NEGLIGIBLE_RTT_NS = MILLISECOND // 2
"""Below this a round trip is within one host or one switch."""


def vantage_of(connections: Sequence[Connection]) -> str | None:
    """Say where the capture was taken, from the two round trips of each connection: client, server, between or mixed.

    None where too little is known.
    """
    seen = set()
    for row in connections:
        client, server = row.client_rtt_ns, row.min_rtt_ns
        if client is None or server is None or row.copy_of is not None:
            continue
        if row.duplicates:
            seen.add("between")
        elif client * NEAR <= server:
            seen.add("client")
        elif server * NEAR <= client:
            seen.add("server")
        elif client < NEGLIGIBLE_RTT_NS and server < NEGLIGIBLE_RTT_NS:
            continue  # both ends are near: the connection tells nothing
        else:
            seen.add("between")
    if not seen:
        return None
    return seen.pop() if len(seen) == 1 else "mixed"


def note_capture(info: CaptureInfo, connections: Sequence[Connection], emit: Callable[[Anomaly], None]) -> None:
    """Add rows for what the capture as a whole lacks."""
    for interface in info.interfaces:
        if interface.dropped:
            name = interface.name or interface.number
            emit(Anomaly("kernel-drops", None, None, f"{interface.dropped} packets were dropped on interface {name}"))
    if info.backwards:
        emit(Anomaly("time-backwards", None, None, f"{info.backwards} packets have an earlier time than the packet before them"))
    if info.cut_packets:
        emit(Anomaly("snapshot-length", None, None, f"{info.cut_packets} packets are cut by the snapshot length"))
    for row in connections:
        if row.lost_before_capture:
            missing = f"{row.gap_bytes} bytes were acknowledged or passed over that the capture does not hold"
            emit(Anomaly("bytes-not-captured", row.first_packet_id, row.connection_id, missing))
        if row.duplicates:
            copies = f"{row.duplicates} packets are copies seen on another interface, VLAN or hop"
            emit(Anomaly("duplicate-packets", row.first_packet_id, row.connection_id, copies))
        if row.client_rule in ("port", "request", "first-payload", "first-packet"):
            opening = f"the connection's opening is not in the capture; client told by {row.client_rule}"
            emit(Anomaly("start-not-captured", row.first_packet_id, row.connection_id, opening))
