"""Why a segment was sent again, or came late: what its label (`analysis`) does not say.

Told in this order: the packet seen at another place (`copy`); a SYN or SYN-ACK that its timer repeats; bytes that the peer had
acknowledged, or says later that it had twice (`spurious`: RFC 2883, RFC 3522); of bytes that the capture lacks, an original that others
overtook (`reordered`) or the repair of a loss before the capture point; and what made the sender repeat: duplicate ACKs or SACK
(RFC 5681 section 3.2, RFC 6675, RFC 8985), a tail loss probe (RFC 8985 section 7), a timeout (RFC 6298) once or again, or the repair that
goes on after a timeout. What fits none stays without a cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.model.repeats import COPY, FAST, PROBE, RECOVERY, REORDERED, REPEATED_TIMEOUT, SPURIOUS, SYN_TIMER, TIMEOUT
from analyzer.model.seams import Segment
from analyzer.tcp.analysis import FAST as FAST_FLAG
from analyzer.tcp.analysis import OUT_OF_ORDER, SYN
from analyzer.tcp.analysis import SPURIOUS as SPURIOUS_FLAG
from analyzer.tcp.identifications import PROBE_FROM
from analyzer.tcp.identifications import SHORTEST_TIMEOUT_NS as TIMEOUT_NS
from analyzer.tcp.options import SACK_OPTION, sack_blocks, timestamp
from analyzer.tcp.seq import HALF, MASK
from analyzer.units import MILLISECOND, DurationNs, PacketId, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp._half import Half

MOST: Final = 1000
"""Repeats of one connection that are remembered; the causes of further ones are not asked for."""
MOST_OPEN: Final = 32
"""Repeats among them that wait for their ACK: each ACK is held against all."""
REORDERED_NS: Final[DurationNs] = 3 * MILLISECOND
REORDERED_SHARE: Final = 4
"""A hole that lasts less than 3 ms, or than this part of the round trip to its sender, was filled before its sender could know of it."""
AT_ONCE_NS: Final[DurationNs] = 5 * MILLISECOND
"""Within this time, and half as much again as the round trip to the sender, a segment answers an ACK."""
AFTER_TIMEOUT: Final = frozenset({TIMEOUT, REPEATED_TIMEOUT, RECOVERY})
"""Causes that a timeout stands behind: the next one is a repeated one. A probe and a fast retransmit leave the timer as long as it was."""


class Repeat:
    """A segment that came again or late."""

    __slots__ = ("after_ns", "cause", "end", "first_ns", "flag", "half", "original", "packet_id", "proof", "seen", "stamp", "start", "time")

    def __init__(self, half: Half, start: int, end: int, time: TimeNs, packet_id: PacketId, flag: str) -> None:
        self.half = half
        self.start, self.end = start, end
        """Sequence numbers."""
        self.time, self.packet_id = time, packet_id
        self.flag = flag
        self.cause: str | None = None
        self.proof: str | None = None
        self.original: PacketId | None = None
        self.after_ns: DurationNs | None = None
        self.seen = True
        self.first_ns: TimeNs | None = None
        """When its bytes were first sent, as far as is known."""
        self.stamp: int | None = None
        """Its timestamp value, until the ACK that covers it came."""


class Repeats:
    """The segments of one connection that came again or late, in order."""

    __slots__ = ("all", "open")

    def __init__(self) -> None:
        self.all: list[Repeat] = []
        self.open: list[Repeat] = []
        """Those that no ACK has covered yet."""

    def take(self, half: Half, segment: Segment, time: TimeNs, packet_id: PacketId, said: int, *, copy: bool) -> None:
        """Note a segment that is flagged as repeated or late, before its stream takes it."""
        if len(self.all) >= MOST:
            return
        seq, size = segment.seq, segment.size
        start = (seq + 1) & MASK if segment.flags & SYN and size else seq
        end = (seq + max(size, 1)) & MASK
        repeat = Repeat(half, start, end, time, packet_id, _flag(said))
        self.all.append(repeat)
        self._find_original(repeat, size)
        if copy:
            repeat.cause, repeat.proof = COPY, "path"
            return
        self._judge(repeat, segment, said)
        stamps = timestamp(segment.options) if segment.options else None
        if stamps is not None:
            repeat.stamp = int.from_bytes(stamps[:4], "big")
        if not said & SPURIOUS_FLAG:
            self.open.append(repeat)
            if len(self.open) > MOST_OPEN:
                del self.open[0]

    def answered(self, half: Half, segment: Segment) -> None:
        """Take an ACK of `half`: does it say that a repeat of the other direction was not needed?"""
        options = segment.options
        if SACK_OPTION in options:
            self._duplicate(half, segment)
        ack = segment.ack
        covered = [repeat for repeat in self.open if repeat.half is not half and (ack - repeat.end) & MASK < HALF]
        if not covered:
            return
        stamps = timestamp(options) if options else None
        echo = int.from_bytes(stamps[4:], "big") if stamps is not None else None
        for repeat in covered:
            self.open.remove(repeat)
            # Eifel (RFC 3522 section 3.2): the ACK that covers it echoes an older timestamp, that of the original.
            if echo is not None and repeat.stamp is not None and repeat.seen and repeat.cause != SYN_TIMER:
                if 0 < (repeat.stamp - echo) & MASK < HALF:
                    repeat.cause, repeat.proof = SPURIOUS, "timestamps"

    def _duplicate(self, half: Half, segment: Segment) -> None:
        """Take a first SACK block below the ACK, or inside the second one, for a duplicate that arrived (RFC 2883 section 4)."""
        blocks = sack_blocks(segment.options)
        if not blocks:
            return
        low, high = blocks[0]
        below = 0 < (segment.ack - low) & MASK < HALF
        inside = len(blocks) > 1 and (low - blocks[1][0]) & MASK < HALF and (blocks[1][1] - high) & MASK < HALF
        if not below and not inside:
            return
        for repeat in reversed(self.all):
            if repeat.half is not half and (repeat.start - low) & MASK < HALF and (high - repeat.end) & MASK < HALF:
                if repeat.cause not in (COPY, REORDERED, SYN_TIMER):
                    repeat.cause, repeat.proof = SPURIOUS, "dsack"
                return

    def _find_original(self, repeat: Repeat, size: int) -> None:
        """Look for the packet that carried the last byte before, among the last ones that are remembered."""
        half = repeat.half
        stream = half.stream
        start = stream.position(repeat.start)
        end = start + size
        waiting = stream.waiting
        repeat.seen = size == 0 or end <= stream.offset or (waiting is not None and waiting.holds(max(start, stream.offset), end))
        if repeat.seen and start >= 0 and stream.gaps is not None and any(low < end and high > start for low, high in stream.gaps):
            repeat.seen = False
        if not repeat.seen:
            beyond = waiting.earliest(stream.offset) if waiting is not None else None
            if beyond is not None:
                repeat.first_ns = beyond.time
                repeat.after_ns = max(0, repeat.time - beyond.time)
            return
        earlier = next((one for one in reversed(self.all[:-1]) if one.half is half and one.end == repeat.end), None)
        if earlier is not None:
            repeat.original, repeat.first_ns = earlier.packet_id, earlier.first_ns if earlier.first_ns is not None else earlier.time
            repeat.after_ns = max(0, repeat.time - earlier.time)
            return
        if size:
            for mark in reversed(stream.marks.oldest_first()):
                if mark.start < end <= mark.end:
                    repeat.original, repeat.first_ns = mark.packet_id, mark.time
                    repeat.after_ns = max(0, repeat.time - mark.time)
                    return
        if repeat.end == half.next_seq or not size:
            repeat.first_ns = half.next_time
            repeat.after_ns = max(0, repeat.time - half.next_time)

    def _judge(self, repeat: Repeat, segment: Segment, said: int) -> None:
        """Find the cause."""
        half = repeat.half
        if segment.flags & SYN:
            repeat.cause, repeat.proof = SYN_TIMER, "flags"
        elif said & SPURIOUS_FLAG and repeat.seen:
            repeat.cause, repeat.proof = SPURIOUS, "acknowledged"
        elif not repeat.seen:
            self._judge_unseen(repeat, segment)
        elif said & FAST_FLAG:
            repeat.cause, repeat.proof = FAST, "duplicate-acks"
        else:
            self._judge_seen(repeat, _to_sender(half), half.stream.rtt_ns)

    def _judge_unseen(self, repeat: Repeat, segment: Segment) -> None:
        """Tell a late original from the repair of a loss before the capture point, and what made the sender repair it."""
        half, took = repeat.half, repeat.after_ns
        rtt = _to_sender(half)
        numbers, number = half.numbers, segment.ip_id
        late = None
        if numbers is not None and number is not None and numbers.holds():
            late = numbers.is_late(number) or (None if not numbers.is_newest(number) else False)
        if late:
            repeat.cause, repeat.proof = REORDERED, "identification"
            return
        if took is None:
            return
        if late is None and took < max(REORDERED_NS, (rtt or 0) // REORDERED_SHARE):
            repeat.cause, repeat.proof = REORDERED, "elapsed"
            return
        recovering = self._since_timeout(half)
        if recovering is not None and took >= TIMEOUT_NS:
            repeat.cause, repeat.proof = RECOVERY, "elapsed"
        elif took >= TIMEOUT_NS + (rtt or 0) // 2:
            repeat.cause, repeat.proof = TIMEOUT, "elapsed"
        elif rtt is not None:
            at_once = took <= AT_ONCE_NS + rtt * 3 // 2
            acks = at_once and half.other.dup_acks >= 2
            repeat.cause, repeat.proof = FAST, "duplicate-acks" if acks else "sack" if at_once and _sacked(half.other) else "elapsed"

    def _judge_seen(self, repeat: Repeat, to_sender: DurationNs | None, rtt: DurationNs | None) -> None:
        """Tell what made a sender repeat what is in the capture already."""
        half, took = repeat.half, repeat.after_ns
        other = half.other
        at_once = AT_ONCE_NS + (to_sender or 0) * 3 // 2
        answers = other.seen and 0 <= repeat.time - other.last_time <= at_once
        before = self._before(repeat)
        if before is not None and took is not None and took >= TIMEOUT_NS:
            repeat.cause = REPEATED_TIMEOUT if before.cause in AFTER_TIMEOUT else TIMEOUT
            repeat.proof = "elapsed"
            return
        recovering = self._since_timeout(half)
        if answers and recovering is not None and (took is None or took >= TIMEOUT_NS):
            repeat.cause, repeat.proof = RECOVERY, "ack"
        elif answers and (other.dup_acks or _sacked(other)):
            repeat.cause, repeat.proof = FAST, "duplicate-acks" if other.dup_acks else "sack"
        elif took is None:
            return
        elif took >= TIMEOUT_NS:
            repeat.cause, repeat.proof = TIMEOUT, "elapsed"
        elif rtt is not None and repeat.end == half.next_seq and took >= PROBE_FROM * rtt:
            repeat.cause, repeat.proof = PROBE, "elapsed"

    def _before(self, repeat: Repeat) -> Repeat | None:
        """Return the last repeat of the same bytes that is not acknowledged."""
        return next((one for one in reversed(self.open) if one.half is repeat.half and one.end == repeat.end), None)

    def _since_timeout(self, half: Half) -> Repeat | None:
        """Return the timeout whose repair a direction may still be in, among its last repeats; the next timeout would begin another."""
        for one in reversed(self.all[-32:-1]):
            if one.half is half and one.cause in (TIMEOUT, REPEATED_TIMEOUT):
                return one if self.all[-1].time - one.time < TIMEOUT_NS else None
        return None


def _to_sender(half: Half) -> DurationNs | None:
    """Return the shortest round trip between the capture point and the sender of `half`: what the other side sent to its ACK."""
    return half.other.stream.rtt_ns


def _sacked(half: Half) -> bool:
    """Tell whether the last segment of `half` said that it has bytes behind a hole.

    The loop does not look at options: an ACK of something new that it took alone is decoded again, if it is still at hand.
    """
    if half.sack_time == half.last_time and half.sack_time != 0:
        return True
    at_hand = half.flow.conflicts
    last = at_hand.find(half.last_id) if at_hand is not None else None
    return last is not None and SACK_OPTION in last.options and bool(sack_blocks(last.options))


def _flag(said: int) -> str:
    if said & OUT_OF_ORDER:
        return "out_of_order"
    if said & FAST_FLAG:
        return "fast_retransmission"
    return "spurious_retransmission" if said & SPURIOUS_FLAG else "retransmission"
