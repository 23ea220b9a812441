"""Segments that were sent again or came late: why, how that is known, and what it cost."""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.units import DurationNs, PacketId

COPY: Final = "copy"
REORDERED: Final = "reordered"
SYN_TIMER: Final = "syn-timer"
TIMEOUT: Final = "timeout"
REPEATED_TIMEOUT: Final = "repeated-timeout"
RECOVERY: Final = "timeout-recovery"
PROBE: Final = "tail-loss-probe"
FAST: Final = "fast-retransmit"
SPURIOUS: Final = "spurious"


class Repeated(NamedTuple):
    """One segment that Wireshark flags as a retransmission or as out of order."""

    packet_id: PacketId
    sender: str
    """client, server."""
    flag: str
    """Wireshark's label: retransmission, fast_retransmission, spurious_retransmission, out_of_order."""
    cause: str | None
    """Ours: syn-timer, timeout, repeated-timeout, timeout-recovery (sent with the repair of a timeout), tail-loss-probe, fast-retransmit,
    spurious (not needed), reordered (an original that others overtook), copy (the packet seen at another place); None where it cannot be
    told."""
    proof: str | None
    """How the cause is known: flags, elapsed, duplicate-acks, sack, ack, dsack, timestamps, acknowledged, identification, path."""
    original_packet_id: PacketId | None
    """The packet that carried its last byte before, where it is known."""
    after_ns: DurationNs | None
    """How long after that packet it came; of a lost one that was never seen, how long after the first packet beyond the hole."""
    seen_before: bool
    """Whether the capture holds an earlier copy; False: that one was lost before the capture point, or this is the original."""
    exchange_id: int | None = None
    """The exchange that it belongs to."""
    cost_ns: DurationNs = 0
    """How long that exchange stood still until it came."""
