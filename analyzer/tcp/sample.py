"""A sample of a capture's TCP segments, chosen by their sequence numbers: two captures of the same traffic choose the same ones.

Sequence numbers pass forwarding and address translation unchanged, so that what is kept does not depend on where a segment was seen
(trajectory sampling: N. Duffield, M. Grossglauser, "Trajectory Sampling for Direct Traffic Observation", 2001). Memory is bounded: where a
sample grows too large the half with the higher ranks goes, and the other half is that of every other capture too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from analyzer.model.seams import Block, Layout, Packet, Segment
from analyzer.tcp.analysis import ACK, RST, SYN
from analyzer.tcp.copies import COPY_NS
from analyzer.tcp.options import timestamp
from analyzer.tcp.seq import MASK
from analyzer.units import TimeNs

RANKS = 1 << 16
"""Ranks are the low two bytes of a sequence number, the lowest first: they change most from segment to segment."""
MOST_KEPT = 32_768
"""Segments, and as many SYNs, kept of all files together."""
LEAST_KEPT = 256
"""The same of one file, however many there are."""
WHOLE = 65_536
"""Packets of all files together that are decoded before a sample is taken of what follows."""
LEAST_WHOLE = 1_000
MOST_SIGHTINGS = 4
"""How often a segment may be seen in one capture; more is a scan that numbers all its SYNs alike."""
GLANCES = 16
"""Packets of a block that are looked at to see which layouts occur."""
PADDING = bytes(256)
"""Behind the last packet, so that looking for a byte that it does not have finds one."""

Identity: TypeAlias = tuple[int, int, int, bytes]
"""Sequence and acknowledgement number, SYN and ACK flags, TCP timestamps: what all sightings of one segment share. Not its length, which
differs where segments were joined by offload."""
Sighting: TypeAlias = tuple[TimeNs, bytes]
"""When, and its addresses and ports as in `Segment.key`."""
Decode: TypeAlias = Callable[[Block, int], Packet | None]


class Sample:
    """SYNs and segments with data of one capture file, each with the times at which it was seen; `files` is how many there are in all."""

    __slots__ = ("_decode", "_layouts", "_looked", "_most", "_next", "_whole", "first_ns", "kept", "last_ns", "limits")

    def __init__(self, layouts: Mapping[int, Sequence[Layout]], decode: Decode, files: int = 1) -> None:
        self._layouts = layouts
        self._decode = decode
        self._most = max(LEAST_KEPT, MOST_KEPT // files)
        self._whole = self._next = max(LEAST_WHOLE, WHOLE // files)
        self._looked = 0
        self.limits = [RANKS, RANKS]
        """Ranks below these are kept: of segments with data, of SYNs."""
        self.kept: tuple[dict[Identity, list[Sighting]], dict[Identity, list[Sighting]]] = ({}, {})
        """Segments with data, SYNs. Sightings within 5 ms (several interfaces, several hops of one host) count as the first of them."""
        self.first_ns: TimeNs | None = None
        self.last_ns: TimeNs | None = None

    def feed(self, block: Block) -> None:
        """Look at the packets of a block."""
        times = block.times
        first, last = min(times), max(times)
        self.first_ns = first if self.first_ns is None else min(first, self.first_ns)
        self.last_ns = last if self.last_ns is None else max(last, self.last_ns)
        layouts = self._layouts.get(block.link_type, ())
        chosen: Iterable[int] = range(len(times)) if self._looked < self._whole or not layouts else self._choose(block, layouts)
        for index in chosen:
            packet = self._decode(block, index)
            if type(packet) is Segment:
                self._take(packet, times[index])
        self._looked += len(times)
        while self._looked >= 2 * self._next:  # so that of a file of any length about as many are decoded as of a short one
            self._next *= 2
            self._shrink(0)

    def _choose(self, block: Block, layouts: Sequence[Layout]) -> list[int]:
        """Return the packets of a block that are to be decoded, by a few bytes of each."""
        data = block.data + PADDING
        starts, lengths = block.starts, block.lengths
        step = max(1, len(starts) // GLANCES)
        glanced = [(start, length) for start, length in zip(starts[::step], lengths[::step], strict=True)]
        most = (self.limits[0] - 1) >> 8
        chosen: list[int] = []
        for layout in layouts:
            header, guard, check_mask, check_want, lane_mask, lane_want, *_, tcp_at = layout
            unpack = header.unpack_from

            def fits(start: int, length: int) -> bool:
                check, _, lane, *_ = unpack(data, start)  # noqa: B023 - used in this turn only
                return length >= guard and check & check_mask == check_want and lane & lane_mask == lane_want  # noqa: B023

            if not any(fits(start, length) for start, length in glanced):
                continue
            seq_at, flags_at = tcp_at + 7, tcp_at + 13
            for index in [at for at, start in enumerate(starts) if data[start + flags_at] & SYN or data[start + seq_at] <= most]:
                start = starts[index]
                if fits(start, lengths[index]):
                    _, _, _, seq, ack, bits, _ = unpack(data, start)
                    if rank(seq, ack, bits & (SYN | ACK)) < self.limits[bits & SYN != 0]:
                        chosen.append(index)
        chosen.sort()
        return chosen

    def _take(self, segment: Segment, time: TimeNs) -> None:
        flags = segment.flags & (SYN | ACK)
        syn = flags & SYN != 0
        if segment.flags & RST or not (syn or segment.size) or rank(segment.seq, segment.ack, flags) >= self.limits[syn]:
            return
        ack = segment.ack if flags & ACK else 0
        identity = (segment.seq, ack, flags, (timestamp(segment.options) or b"") if segment.options else b"")
        kept = self.kept[syn]
        seen = kept.get(identity)
        if seen is None:
            kept[identity] = [(time, segment.key)]
            if len(kept) > self._most:
                self._shrink(syn)
        elif abs(time - seen[-1][0]) > COPY_NS and len(seen) <= MOST_SIGHTINGS:
            # A number on two connections is none that tells them apart.
            seen += [(time, segment.key)] * (1 if segment.key == seen[0][1] else MOST_SIGHTINGS)

    def _shrink(self, kind: int) -> None:
        limit = self.limits[kind] = max(1, self.limits[kind] // 2)
        kept = self.kept[kind]
        for identity in [one for one in kept if rank(*one[:3]) >= limit]:
            del kept[identity]
        if len(kept) > self._most:  # all of one rank: a sender that chooses its numbers
            kept.clear()


def rank(seq: int, ack: int, flags: int) -> int:
    """Return the rank of a segment from 0 to 65535; a SYN-ACK has that of the SYN that it answers, so that both are kept or neither."""
    number = (ack - 1) & MASK if flags & (SYN | ACK) == SYN | ACK else seq
    return (number & 0xFF) << 8 | number >> 8 & 0xFF
