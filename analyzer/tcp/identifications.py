"""Packets that a sender sent and nobody saw: gaps in its IPv4 identifications.

Linux counts the identification of a TCP connection up by one for each segment (net/ipv4/ip_output.c: ip_select_ident), also where it sends
a segment again; others count for all their connections together, draw at random, or send zero (RFC 6864). So it is learned, for each
direction, whether identifications keep step with the packets that the capture holds. A number that was passed over then belongs to a
packet that was lost before the capture point, unless it comes late. What is not learned proves nothing.

It takes a look at those packets only that leave the loop, or bring a reader what it waited for: what the loop counted between two looks
must have used up one number each. Segments that were joined by offload use up one for each of their parts; in a capture that has any, only
what they cannot explain counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from analyzer.model.seams import Segment
from analyzer.tcp.analysis import RST, SYN
from analyzer.units import MILLISECOND, DurationNs, PacketId, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp._half import Half

NUMBERS: Final = 0xFFFF
HALFWAY: Final = 0x8000
MOST_PASSED: Final = 1024
"""More numbers passed over at once are no loss: the sender draws them elsewhere."""
MOST_KEPT: Final = 256
"""Losses of one direction that are remembered."""
LEAST: Final = 4
"""Packets that must be in step with their numbers before a gap proves anything."""
RARE: Final = 3
"""So many times more packets must be in step than there are gaps: a counter for all connections of a host is seldom in step."""
WRONG: Final = 8
"""The same for packets that contradict the rule."""
JOINED_FRAME: Final = 1522
"""A packet larger than that (IEEE 802.3 with two tags) is of joined segments, or a jumbo frame, beside which joined ones cannot be told."""
FULL_SEGMENT: Final = 1448
"""What a segment with timestamps carries on Ethernet."""
JUMBO: Final = 8960
"""What the largest frames of real networks carry; a larger maximum is that of a loopback interface, which sends no such packets."""
SAME: Final = 16
"""So many packets with one number: the sender leaves them out (RFC 6864 section 4.1)."""
MOST_HOPS: Final = 64
"""Windows sends with 128 and numbers the packets of all its connections together; what counts by connection (Linux) sends with 64."""
SMALLEST_PART: Final = 536
"""The parts of a joined segment carry at least so many bytes (RFC 9293 section 3.7.1), where no full one was seen."""
SHORTEST_TIMEOUT_NS: Final[DurationNs] = 190 * MILLISECOND
"""The shortest retransmission timeout in use (Linux: 200 ms; RFC 6298 asks for 1 s), less what a clock tick is off."""
PROBE_FROM: Final = 1.5
"""A tail loss probe comes two smoothed round trips after what it repeats (RFC 8985 section 7.2), which the smallest one is below."""
FLIGHT: Final = 10
"""Full segments that may be lost together at the end of what was sent, so that no later one shows it (RFC 6928)."""
DOUBTFUL: Final = 4
"""One gap that is not possible for so many in all: the counter is not that of the connection."""


class Passed(NamedTuple):
    """Numbers that were passed over between two looks."""

    packet_id: PacketId
    """The packet that showed it."""
    time: TimeNs
    low: int
    """The number of the look before, and below that of the packet."""
    high: int
    packets: int
    """How many were not seen, if no segments were joined between the two looks."""
    sure: int
    """How many at least, if the loop counted joined ones there."""
    possible: bool
    """Whether TCP could have sent so many that nobody saw: not where the counter rises for other connections too."""


class Identifications:
    """The identifications of one direction."""

    __slots__ = (
        "_end", "_high", "_index", "_part", "_size", "agreed", "joined", "looked", "passed", "peer_end", "peer_packets", "same",
        "step", "wrong",
    )  # fmt: skip

    def __init__(self, number: int, index: int, end: int, size: int) -> None:
        self._high = number
        self._index = index
        self._end = end
        self._size = size
        self._part = 0
        """The largest payload seen that is one segment: the parts of joined ones have that size, the last apart."""
        self.agreed = 0
        """Packets that were in step with their numbers."""
        self.wrong = 0
        """Packets that contradict the rule."""
        self.same = 0
        """Packets with the number of the one before."""
        self.joined = False
        """Whether a segment was larger than one can be on the wire."""
        self.passed: list[Passed] = []
        self.looked: TimeNs = 0
        """When the last look was, how many packets of the peer had come by then, and up to which sequence number."""
        self.peer_packets = 0
        self.peer_end = 0
        self.step = (number - index + 1) & NUMBERS
        """What the number of a packet is ahead of the count of packets before it, if none was lost unseen; -1: nobody asks any more."""

    def look(
        self, number: int, index: int, highest: int, end: int, size: int, most: int, most_unseen: int, time: TimeNs, packet_id: PacketId
    ) -> None:
        """Take packet `index` (from 1) of the direction.

        `highest` is the sequence number up to which its sender had sent before, `end` after it, `size` its payload, `most` the largest
        payload of one segment with the options that this one has (RFC 9293 section 3.7.1), `most_unseen` how many packets TCP can have
        sent since the last look that nobody saw.
        """
        packets = index - self._index
        ahead = (number - self._high) & NUMBERS
        self._index = index
        most = min(most, JUMBO)
        if size > most:
            self.joined = True
        if 0 < ahead < HALFWAY:
            between = (highest - self._end) & 0xFFFF_FFFF
            if between >= 0x8000_0000:
                between = 0
            if between > (packets - 1) * most:
                self.joined = True
            part = self._part if self._part * 4 > most * 3 else SMALLEST_PART
            parts = (self._size - 1) // part if self._size > most else 0
            if self._part < size <= most:
                self._part = size
            extra = ahead - packets
            if extra == parts or extra == 0:
                self.agreed += packets
            elif extra < 0 or extra > MOST_PASSED:
                self.wrong += 1
            elif extra > parts and len(self.passed) < MOST_KEPT:
                lost = extra - parts
                sure = max(0, lost - between // part)
                told = sure if self.joined else lost
                # The loop counted those between without a look: any of them may have passed over one number.
                self.agreed += max(0, packets - max(1, told))
                self.passed.append(Passed(packet_id, time, self._high, number, lost, sure, told <= most_unseen))
            self._high = number
            self._end = end
            self._size = size
        else:
            if ahead:
                self._come_late(number)
            else:
                self.same += 1
            # What the loop counted between kept step; this one did not.
            self._high = (self._high + packets - 1) & NUMBERS
        self._set_step()

    def keep_step(self, number: int, index: int, end: int, size: int) -> None:
        """Take packet `index`, whose number is in step."""
        self.agreed += index - self._index
        self._high, self._index, self._end, self._size = number, index, end, size
        if size > self._part:
            self._part = size

    def skip(self, index: int, *, agreed: bool = False) -> None:
        """Take packet `index` without a look: a copy of one that was looked at, or one of which it is `agreed` that it is in step."""
        if agreed:
            self.agreed += index - self._index
        self._high = (self._high + index - self._index - 1) & NUMBERS
        self._index = index
        self._set_step()

    def hopeless(self) -> bool:
        """Tell whether the rule does not hold for this sender, and need not be asked any more."""
        return (self.wrong >= WRONG and self.wrong > self.agreed) or (self.same >= SAME and not self.agreed)

    def holds(self) -> bool:
        """Tell whether the numbers of this direction rise by one for each packet."""
        return (
            self.agreed >= LEAST
            and self.agreed >= RARE * len(self.passed)
            and self.agreed >= WRONG * self.wrong
            and sum(not one.possible for one in self.passed) * DOUBTFUL < max(1, len(self.passed))
        )

    def is_late(self, number: int) -> bool:
        """Tell whether a number was passed over by those that came already."""
        return self._gap_of(number) is not None

    def is_newest(self, number: int) -> bool:
        """Tell whether a number is beyond all that were seen."""
        return 0 < (number - self._high) & NUMBERS < HALFWAY

    def _set_step(self) -> None:
        self.step = -1 if self.hopeless() else (self._high - self._index + 1) & NUMBERS

    def _come_late(self, number: int) -> None:
        at = self._gap_of(number)
        if at is None:
            self.wrong += 1
            return
        one = self.passed[at]
        if one.packets == 1:
            del self.passed[at]
        else:
            self.passed[at] = one._replace(packets=one.packets - 1, sure=max(0, one.sure - 1))
        self.agreed += 1

    def _gap_of(self, number: int) -> int | None:
        """Return which of `passed` a number lies in, the latest; None where it was not passed over."""
        for at in range(len(self.passed) - 1, -1, -1):
            one = self.passed[at]
            if 0 < (number - one.low) & NUMBERS < (one.high - one.low) & NUMBERS:
                return at
        return None


NOTHING: Final = Identifications(0, 0, 0, 0)
"""Of a direction that is over and passed over no number: connections that have ended keep nothing."""
NOTHING.step = -1


def look(
    half: Half,
    number: int,
    highest: int,
    end: int,
    size: int,
    header: int,
    index: int,
    time: TimeNs,
    packet_id: PacketId,
    in_order: bool = True,
) -> None:
    """Look at the identification of a packet of `half`, its `index`th, with a TCP header of so many bytes; see `Identifications.look`.

    `in_order` is false where its sequence number, or a hole before it, shows that data was lost or sent again: then any number may be.
    """
    numbers, other = half.numbers, half.other
    if numbers is None:
        numbers = half.numbers = Identifications(number, index, end, size)
    else:
        most = half.flow.segment_bytes() + 20 - header
        unseen = _most_unseen(half, numbers, size, most, time) if in_order else MOST_PASSED
        numbers.look(number, index, highest, end, size, most, unseen, time, packet_id)
    numbers.looked, numbers.peer_packets, numbers.peer_end = time, other.packets, other.next_seq
    half.step = -1 if half.asks else numbers.step


def _most_unseen(half: Half, numbers: Identifications, size: int, most: int, time: TimeNs) -> int:
    """Return how many packets TCP can have sent since the last look without a trace in the sequence numbers.

    ACKs of what the peer sent meanwhile; and, after the time of a tail loss probe or timeouts, copies of this segment, with the rest of a
    flight if it is a full one. What a counter passes over beyond that went to other connections.
    """
    other = half.other
    packets, carried = other.packets - numbers.peer_packets, (other.next_seq - numbers.peer_end) & 0xFFFF_FFFF
    acks = 1 + carried // SMALLEST_PART if 0 < carried < 0x8000_0000 else 0
    quiet = time - max(numbers.looked, other.last_time if packets else 0)
    sent = (max(0, quiet) // SHORTEST_TIMEOUT_NS + 1).bit_length() - 1  # each timeout is twice the one before (RFC 6298 section 5.5)
    rtt = other.stream.rtt_ns
    if not sent and rtt is not None and quiet >= PROBE_FROM * rtt:
        sent = 1
    return acks + (sent + (FLIGHT if size * 4 > most * 3 else 0) if sent and size else 0)


def look_at(half: Half, segment: Segment, highest: int | None, time: TimeNs, packet_id: PacketId, *, copy: bool) -> None:
    """Look at a packet that left the loop; those of a handshake and resets are numbered otherwise."""
    number, index, numbers = segment.ip_id, half.packets, half.numbers
    if number is None:
        return
    end = half.next_seq
    if numbers is not None:
        if number - index + 1 & NUMBERS == numbers.step and segment.size <= FULL_SEGMENT:
            numbers.keep_step(number, index, end, segment.size)
            numbers.looked, numbers.peer_packets, numbers.peer_end = time, half.other.packets, half.other.next_seq
            return
        if numbers.step < 0:
            return
    if copy or segment.flags & (SYN | RST):
        if numbers is not None:
            numbers.skip(index)
            half.step = -1 if half.asks else numbers.step
        return
    in_order = highest is None or (segment.seq == highest and half.stream.waiting is None)
    sent = end if highest is None else highest
    look(half, number, sent, end, segment.size, 20 + len(segment.options), index, time, packet_id, in_order)


def unseen(half: Half) -> list[Passed]:
    """Return the packets of a direction that were lost before the capture point; none where its identifications do not tell."""
    numbers = half.numbers
    if numbers is None or not numbers.passed or not numbers.holds() or half.ttl > MOST_HOPS:
        return []
    return [one._replace(packets=one.sure) for one in numbers.passed if one.sure] if numbers.joined else numbers.passed


def conclude(half: Half) -> None:
    """Take the packets since the last look for in step, as none that was looked at was not; forget what proves nothing any more."""
    numbers = half.numbers
    if numbers is not None and numbers is not NOTHING:
        if numbers.passed:
            numbers.skip(half.packets, agreed=True)
        else:
            half.numbers = NOTHING


def settle(halves: Iterable[Half], *, joined: bool) -> bool:
    """Let what was seen in one direction hold for all of a capture: where any segment was joined by offload, others may have been.

    Return whether any was.
    """
    known = [half.numbers for half in halves if half.numbers is not None and half.numbers is not NOTHING]
    joined = joined or any(numbers.joined for numbers in known)
    if joined:
        for numbers in known:
            numbers.joined = True
    return joined
