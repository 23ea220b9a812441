"""Small data that its sender held back until the peer, in no hurry, acknowledged what it had sent before.

A sender with Nagle's algorithm lets no small segment out while an earlier one is not acknowledged (RFC 896, RFC 9293 section 3.7.4); a
receiver with nothing to say delays its ACK (RFC 1122 section 4.2.3.2). Together they stand still for the receiver's timer: 40 ms on Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from analyzer.model.stalls import Held
from analyzer.tcp._half import Half
from analyzer.units import MILLISECOND, DurationNs, PacketId, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp.link import Link

LATE_NS: Final[DurationNs] = 30 * MILLISECOND
"""An ACK that comes this much later than a round trip was delayed by a timer: the shortest in use is 40 ms."""
LATEST_NS: Final[DurationNs] = 520 * MILLISECOND
"""No receiver may delay an ACK for more than 500 ms (RFC 9293 section 3.8.6.3)."""
AT_ONCE_NS: Final[DurationNs] = 5 * MILLISECOND
"""A sender that waited for an ACK sends within this time after it, and after the way from capture point to sender and back."""
OPTIONS: Final = 40
"""Bytes that TCP options may take from a full segment: the MSS does not count them (RFC 6691)."""
SLOWER: Final = 1.25
SOONER: Final = 0.9
"""What that way takes at most and at least, in smallest round trips."""


class LateAck(NamedTuple):
    """A pure ACK that came late, of all that its peer had sent."""

    ack: int
    sent_ns: TimeNs
    """When the last bytes that it covers were sent."""
    time: TimeNs
    packet_id: PacketId
    said: int
    """Up to where its sender had sent data itself."""


def acknowledged_late(half: Half, ack: int, time: TimeNs, packet_id: PacketId) -> None:
    """Take note of a new pure ACK that came `LATE_NS` or more after the last bytes of `half`; its next segment is looked at for that."""
    stream = half.stream
    if ack != half.next_seq or stream.sink is None or time - half.next_time - (stream.rtt_ns or 0) < LATE_NS:
        return
    stream.sync()
    half.quiet = False
    half.late_ack = LateAck(ack, half.next_time, time, packet_id, half.other.next_seq)


def went_on(half: Half) -> None:
    """Take note that who acknowledged late has sent data since: no segment of the other side can have waited for that ACK alone."""
    other = half.other
    if other.late_ack is not None and half.next_seq != other.late_ack.said:
        other.late_ack = None
        half.stream.sync()
        half.flow.settle()


def take_held(link: Link, half: Half, seq: int, size: int, time: TimeNs, packet_id: PacketId) -> None:
    """Look at the segment of `half` after a late ACK: remember it as held back if only that ACK can have let it out.

    It is the next in order and no full one (Nagle lets full ones out), its peer has said nothing else meanwhile, and it comes as
    soon after the ACK as it can and no sooner.
    """
    late, half.late_ack = half.late_ack, None
    if late is None or seq != late.ack or not 0 < size < link.segment_bytes() - OPTIONS or half.other.next_seq != late.said:
        return
    stream = half.stream
    if stream.trail is not None and (stream.trail.repeats or stream.trail.holes):
        return  # a sender that lost packets waits for ACKs because its congestion window is small
    delay = late.time - late.sent_ns - (stream.rtt_ns or 0)
    way = half.other.stream.rtt_ns or 0
    if LATE_NS <= delay <= LATEST_NS and SOONER * way <= time - late.time <= SLOWER * way + AT_ONCE_NS:
        sender = "client" if half is link.client_half else "server"
        held = Held(sender, late.sent_ns, late.time, time, delay, late.packet_id, packet_id)
        stream.remember().hold(stream.position(seq), held)
