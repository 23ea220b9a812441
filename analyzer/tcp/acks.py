"""What acknowledgements prove: round trips, repeats that were needed, and bytes that the capture does not hold."""

from __future__ import annotations

from typing import Final

from analyzer.model.seams import Segment
from analyzer.tcp._half import Half
from analyzer.tcp.analysis import RST
from analyzer.tcp.seq import HALF, MASK
from analyzer.tcp.stream import MOST_AHEAD
from analyzer.units import DurationNs, PacketId, TimeNs

UNSEEN_NS: Final[DurationNs] = 50_000_000
"""How long bytes that were acknowledged may still come out of order (several capture queues) before they count as never captured."""


def acknowledged(half: Half, ack: int, time: TimeNs) -> None:
    """Take note that the peer acknowledged bytes of `half`: a round trip ends, repeats are settled."""
    stream, trail = half.stream, half.stream.trail
    if half.probe_time and (ack - half.probe_seq) & MASK < HALF:
        sample = time - half.probe_time
        half.probe_time = 0
        best = stream.rtt_ns
        if sample >= 0 and (best is None or sample < best):
            stream.rtt_ns = sample
    if trail is None and stream.watched is None:
        return
    open_repeats = trail is not None and trail.open_repeats
    if stream.watched is not None or open_repeats:
        stream.sync()
        offset = stream.position(ack)
        if trail is not None and open_repeats:
            trail.acknowledge(offset, time)
        if stream.watched is not None and stream.watched_ns is None and offset >= stream.watched:
            stream.watched_ns = time


def acknowledged_unseen(half: Half) -> None:
    """Take note that the peer acknowledges bytes of `half` beyond all that was seen: the loop leaves both directions alone."""
    half.stream.sync()
    half.other.stream.sync()
    half.quiet = half.other.quiet = False


def acknowledges(half: Half, offset: int) -> bool:
    """Tell whether the last segment of `half` that acknowledges anything covers the other direction's bytes up to `offset`."""
    return half.seen and half.other.stream.position(half.last_ack if half.bare_ack is None else half.bare_ack) >= offset


def take_window(half: Half, segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
    """Take the window that an ACK of `half` offers, where it is zero or was.

    A zero window that acknowledges all bytes was filled by the last of them: windows do not shrink (RFC 9293 section 3.8.6).
    """
    sender = half.other
    stream = sender.stream
    if segment.window:
        if stream.shut is not None:
            offset, since = stream.shut
            stream.shut = None
            stream.remember().window_closed(offset, min(since, time), time, packet_id)
    elif stream.shut is None and stream.sink is not None:
        filled = sender.next_time if sender.seen and segment.ack == sender.next_seq else time
        stream.shut = stream.position(segment.ack), filled


def take_ack(half: Half, segment: Segment, time: TimeNs) -> None:
    """Take the acknowledgement that a segment of `half` carries.

    Missing bytes below it are a gap once the peer goes on with data of its own, or `UNSEEN_NS` later. Of a direction that the capture does
    not have at all nothing is waited for any more `UNSEEN_NS` after the connection's first packet.
    """
    if segment.flags & RST:
        return
    other, ack = half.other, segment.ack
    stream = other.stream
    acknowledged(other, ack, time)
    if not other.seen:
        other.next_seq = ack
    offset = stream.position(ack)
    if stream.fin_offset is not None:
        offset = min(offset, stream.fin_offset)
    if stream.offset < offset < stream.offset + MOST_AHEAD:
        if stream.unseen_since is None:
            stream.unseen_since = time if other.seen else half.flow.first_ns
            stream.unseen_to = offset
        else:
            stream.unseen_to = max(stream.unseen_to, offset)
        if segment.size or time - stream.unseen_since > UNSEEN_NS:
            stream.close_gap(stream.unseen_to)
    if stream.offset >= stream.unseen_to:
        stream.unseen_since = None
