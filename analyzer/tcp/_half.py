"""The state of one direction of a connection, as the packet loop keeps it.

The first group of slots is all that the loop touches for a usual packet; the others belong to the plain code beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.units import TimeNs

if TYPE_CHECKING:
    from mypy_extensions import i64

    from analyzer.tcp.copies import Sightings
    from analyzer.tcp.flow import Flow
    from analyzer.tcp.holding import LateAck
    from analyzer.tcp.identifications import Identifications
    from analyzer.tcp.stream import Stream


class Half:
    """One direction of a connection: what its sender has sent, and what it said about the other direction."""

    __slots__ = (
        "acked", "asks", "bare_ack", "base_seq", "closed_ns", "dup_acks", "elsewhere", "flow", "hole_at", "icmp_ns", "last_ack", "last_id",
        "last_probe", "last_time", "late_ack", "next_seq", "next_time", "numbers", "other", "packets", "probe_seq",
        "probe_time", "quiet", "sack_time", "seen", "sightings", "skip", "step", "stream", "sure", "ttl", "window",
    )  # fmt: skip

    other: Half
    flow: Flow
    stream: Stream

    def __init__(self) -> None:
        # The loop's own.
        self.quiet = False
        """Whether a usual segment at `next_seq` can have no `tcp.analysis` flag and nothing waits out of order."""
        self.next_seq: i64 = 0
        """Highest sequence end seen; equal to the next byte in order while `quiet`. Of a direction never seen, the first ACK of it."""
        self.next_time = 0
        """When `next_seq` was reached."""
        self.last_ack: i64 = 0
        """Acknowledgement number of the last segment."""
        self.dup_acks: i64 = 0
        """How often `last_ack` was repeated (`tcp.analysis.duplicate_ack_num`)."""
        self.last_time = 0
        """Time of the last segment."""
        self.window: i64 = -1
        """Raw window of the last segment."""
        self.skip: i64 = 0
        """Payload bytes from `next_seq` on that no reader needs to see."""
        self.asks = False
        """Whether a reader may ask when bytes that it did not see were sent: the client of a connection that is read."""
        self.packets: i64 = 0
        self.last_id = 0
        self.acked = False
        """Whether a pure ACK was seen in this direction."""
        self.probe_time = 0
        """When the byte before `probe_seq` was sent, while its ACK is awaited; 0: nothing is timed."""
        self.probe_seq: i64 = 0
        self.step: i64 = -1
        """What the next IPv4 identification is ahead of `packets`, if no packet was lost unseen; -1: the loop need not ask."""
        self.elsewhere = False
        """Whether only its SYNs are looked at: another process follows the connection, and how it opened is known."""
        # The plain code's own.
        self.numbers: Identifications | None = None
        """What its IPv4 identifications tell; None before any, and for IPv6."""
        self.sack_time: TimeNs = 0
        """When its last segment with a selective acknowledgment beyond its own came; 0 before any."""
        self.seen = False
        """Whether any segment was seen in this direction."""
        self.sure = False
        """Whether `next_seq` is known."""
        self.base_seq: int | None = None
        self.bare_ack: int | None = None
        """What was acknowledged before the last segment, if that one (a reset) acknowledges nothing."""
        self.hole_at: int | None = None
        """First byte missing before `next_seq`, as rule 10 sees it; None where nothing is."""
        self.last_probe = 0
        """1 when the last segment was a keep-alive, 2 when it was a zero window probe."""
        self.ttl = 0
        """TTL of this direction's first segment."""
        self.closed_ns: TimeNs | None = None
        """When its sender first sent FIN or RST."""
        self.icmp_ns: TimeNs | None = None
        """When an ICMP error first said that a segment of this direction did not arrive."""
        self.late_ack: LateAck | None = None
        """The peer's last ACK, where it came late: until the next segment tells whether that waited for it."""
        self.sightings: Sightings | None = None
        """Its last packets, by which copies are known; None once nobody will ask."""
