"""Copies of one packet on several interfaces, VLANs or hops (`-i any`, traffic mirrored twice): seen once by the ledger.

A packet with the same IP identification (IPv6: TCP timestamp), sequence number, length and flags within 5 ms on another interface, VLAN or TTL is a copy. Of
the copies the one nearest to the client counts: the earliest of its own packets, the latest of packets to it.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from analyzer.model.seams import Segment
from analyzer.units import DurationNs, PacketId, TimeNs

COPY_NS: DurationNs = 5_000_000
"""Copies of a packet follow each other within this time."""
TIMESTAMP_OPTION = 8
"""TCP option kind (RFC 7323)."""


class Sighting(NamedTuple):
    """What identifies a packet, and where it was seen."""

    identity: tuple[int | bytes | None, int, int, int, int]
    time: TimeNs
    path: int
    ttl: int


class Held:
    """A packet to the client that waits for later copies of itself."""

    __slots__ = ("first", "identity", "packet_id", "segment", "time")

    def __init__(self, identity: tuple[int | bytes | None, int, int, int, int], segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
        self.identity, self.segment, self.time, self.packet_id = identity, segment, time, packet_id
        self.first = time


class Sightings:
    """The last packets of one direction."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: deque[Sighting] = deque(maxlen=64)

    def is_copy(self, segment: Segment, time: TimeNs) -> bool:
        """Note a packet, and tell whether it was seen just before at another place."""
        identity = identify(segment)
        copy = False
        for seen in reversed(self._last):
            if time - seen.time > COPY_NS:
                break
            if seen.identity == identity and (seen.path != segment.path or seen.ttl != segment.ttl):
                copy = True
                break
        self._last.append(Sighting(identity, time, segment.path, segment.ttl))
        return copy


def identify(segment: Segment) -> tuple[int | bytes | None, int, int, int, int]:
    """Return what all copies of a packet share and no other packet within milliseconds has."""
    identity: int | bytes | None = segment.ip_id
    if identity is None:
        identity = timestamp(segment.options)
    return identity, segment.seq, segment.ack, segment.size, segment.flags


def timestamp(options: bytes) -> bytes | None:
    """Return the two values of the timestamp option (RFC 7323 section 3.2), or None."""
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == 0:
            return None
        if kind == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if kind == TIMESTAMP_OPTION and length == 10:
            return options[at + 2 : at + 10]
        if length < 2:
            return None
        at += length
    return None
