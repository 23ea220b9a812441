"""What is written in place of the bytes of each connection's two directions: by sequence numbers, so that a repeat becomes the same."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from analyzer.tcp.seq import MASK, signed
from analyzer.units import PacketId


class Direction:
    """One direction of a connection. What nobody put anything in place of, and nobody said to keep, becomes zeros."""

    __slots__ = ("_kept", "_last", "_pieces", "_starts", "_until", "base", "first_packet_id")

    def __init__(self, first_packet_id: PacketId) -> None:
        self.first_packet_id = first_packet_id
        self.base: int | None = None
        """Sequence number of stream offset 0; None while no byte was read."""
        self._starts: list[int] = []
        self._pieces: list[bytes] = []
        self._kept: list[int] = []
        """Where runs of kept bytes begin, in order, and in `_until` where they end."""
        self._until: list[int] = []
        self._last = 0

    def begin(self, stream: Any) -> None:
        """Learn from the first bytes that are read of a stream (`analyzer.tcp`) where it begins."""
        if self.base is None:
            self.base = (stream.seq - stream.offset) & MASK

    def put(self, offset: int, piece: bytes) -> None:
        """Write `piece` at a stream offset."""
        if not piece:
            return
        if not self._starts or offset >= self._starts[-1]:
            self._starts.append(offset)
            self._pieces.append(piece)
            return
        at = bisect_right(self._starts, offset)
        self._starts.insert(at, offset)
        self._pieces.insert(at, piece)

    def keep(self, start: int, end: int) -> None:
        """Leave the bytes from `start` to `end` as they are: behind all that were kept before."""
        if self._until and start <= self._until[-1]:
            self._until[-1] = max(self._until[-1], end)
        elif start < end:
            self._kept.append(start)
            self._until.append(end)

    def offset_of(self, seq: int) -> int:
        """Return the stream offset of a sequence number near those asked for last."""
        assert self.base is not None
        self._last += signed(seq - self.base - self._last)
        return self._last

    def payload(self, seq: int, old: bytes) -> bytes:
        """Return what is written for the bytes `old` at sequence number `seq`."""
        size = len(old)
        if self.base is None:
            return bytes(size)
        start = self.offset_of(seq)
        end = start + size
        new = bytearray(size)
        at = bisect_right(self._until, start)
        while at < len(self._kept) and self._kept[at] < end:
            low, high = max(self._kept[at], start), min(self._until[at], end)
            new[low - start : high - start] = old[low - start : high - start]
            at += 1
        at = bisect_right(self._starts, start) - 1
        # A piece may begin before one that ended earlier, where bytes were disguised twice: look one further back.
        at = max(at - 1, 0)
        while at < len(self._starts) and self._starts[at] < end:
            first, piece = self._starts[at], self._pieces[at]
            low, high = max(first, start), min(first + len(piece), end)
            if low < high:
                new[low - start : high - start] = piece[low - first : high - first]
            at += 1
        return bytes(new)


class Plans:
    """The directions of all connections, by the key of their packets and the time at which they began."""

    def __init__(self) -> None:
        self._known: dict[bytes, list[Direction]] = {}

    def add(self, key: bytes, direction: Direction) -> None:
        """Add the direction whose packets have this key (`Segment.key`)."""
        known = self._known.setdefault(key, [])
        known.append(direction)
        known.sort(key=lambda one: one.first_packet_id)

    def of(self, key: bytes, packet_id: PacketId) -> Direction | None:
        """Return the direction of a packet: the latest with its key that had begun; None where nobody read it."""
        known = self._known.get(key)
        if not known:
            return None
        at = bisect_right(known, packet_id, key=lambda one: one.first_packet_id) - 1
        return known[at] if at >= 0 else None
