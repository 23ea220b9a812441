"""Copies of one packet on several interfaces, VLANs or hops (`-i any`, traffic mirrored twice): seen once by the ledger.

A packet with the same IP identification (IPv6: TCP timestamp), sequence number, length and flags within 5 ms on another interface, VLAN
or TTL is a copy. Of the copies the one nearest to the client counts: the earliest of its own packets, the latest of packets to it.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from analyzer.model.seams import Segment
from analyzer.tcp.options import timestamp
from analyzer.units import DurationNs, PacketId, TimeNs

COPY_NS: Final[DurationNs] = 5_000_000
"""Copies of a packet follow each other within this time."""
MOST_SIGHTINGS: Final = 64
"""Packets of one direction among which a copy's original is looked for."""
MOST_HELD: Final = 64
"""Packets to the client that wait for copies of themselves."""

Identity: TypeAlias = tuple[int | bytes | None, int, int, int, int]


class Sightings:
    """The last packets of one direction that left the loop, and where they were seen."""

    __slots__ = ("_last", "_path", "_ttl", "watching")

    def __init__(self, segment: Segment) -> None:
        self._last: list[tuple[Identity, TimeNs, int, int]] = []
        self._path, self._ttl = segment.path, segment.ttl
        self.watching = 0
        """Packets for which copies are still to be expected, because one came by another way than the one before it."""

    def is_copy(self, segment: Segment, time: TimeNs) -> bool:
        """Note a packet, and tell whether it was seen just before at another place."""
        identity = identify(segment)
        last = self._last
        copy = False
        if segment.path != self._path or segment.ttl != self._ttl:
            self._path, self._ttl = segment.path, segment.ttl
            self.watching = MOST_SIGHTINGS
        elif self.watching:
            self.watching -= 1
        if self.watching:
            for seen, when, path, ttl in reversed(last):
                if abs(time - when) > COPY_NS:
                    break
                if seen == identity and (path != segment.path or ttl != segment.ttl):
                    copy = True
                    break
        if last and abs(time - last[-1][1]) > 2 * COPY_NS:
            # Nothing that comes within a copy's time of this packet will be compared with those before it, clock steps back included.
            last.clear()
        last.append((identity, time, segment.path, segment.ttl))
        if len(last) >= 2 * MOST_SIGHTINGS:
            del last[:MOST_SIGHTINGS]
        return copy


class Held:
    """A packet to the client that waits for later copies of itself."""

    __slots__ = ("first", "highest", "packet_id", "said", "segment", "time")

    def __init__(self, segment: Segment, time: TimeNs, packet_id: PacketId, said: int, highest: int | None) -> None:
        self.segment, self.time, self.packet_id, self.said, self.highest = segment, time, packet_id, said, highest
        self.first = time


class Copies:
    """The packets to the client of a connection that is seen in several places, until their last copy may have come."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[Identity, Held] = {}

    def empty(self) -> bool:
        """Tell whether no packet waits."""
        return not self._held

    def hold(self, held: Held) -> Held | None:
        """Let a packet wait; return the one before it that looks the same."""
        identity = identify(held.segment)
        before = self._held.pop(identity, None)
        self._held[identity] = held
        return before

    def again(self, segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
        """Take the time of a later copy, which is nearer to the client."""
        held = self._held.get(identify(segment))
        if held is not None:
            held.time, held.packet_id = time, packet_id
            if segment.captured >= held.segment.captured:
                held.segment = segment

    def ripe(self, now: TimeNs | None) -> list[Held]:
        """Take out the packets that no copy can follow any more; all of them where `now` is None."""
        held = self._held
        out = []
        for identity in list(held):
            if now is not None and abs(now - held[identity].first) <= COPY_NS and len(held) <= MOST_HELD:
                break
            out.append(held.pop(identity))
        return out


def identify(segment: Segment) -> Identity:
    """Return what all copies of a packet share and no other packet within milliseconds has."""
    identity: int | bytes | None = segment.ip_id
    if identity is None:
        identity = timestamp(segment.options)
    return identity, segment.seq, segment.ack, segment.size, segment.flags
