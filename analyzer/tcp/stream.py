"""One direction's bytes in order: reassembly with holes, overlaps, wrap and gaps (RFC 9293 section 3.10.7.4).

Offsets count the stream's bytes from 0 (the first after the SYN, or the first captured one) in Python integers and never wrap. Where segments overlap, the
bytes that came first are kept. A hole is waited for; it becomes a gap, bytes that the capture does not hold, when the peer has acknowledged them and gone on.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from operator import attrgetter
from typing import NamedTuple

from analyzer.model.seams import End, Sink
from analyzer.tcp._half import Half
from analyzer.tcp.ranges import RangeSet
from analyzer.tcp.seq import MASK, signed
from analyzer.units import DurationNs, PacketId, TimeNs

FAR = 1 << 30
"""The longest run of bytes that the loop counts down alone: sequence numbers are made sure of before they can be ambiguous."""
MOST_PENDING_BYTES = 8 << 20
MOST_PENDING = 4096
"""Bounds of what waits behind a hole; beyond them the hole is taken for a gap."""
MOST_EVENTS = 256
"""Bound of the repeats and holes that are remembered for the exchange under way."""


class Piece(NamedTuple):
    """A segment's payload that waits behind a hole."""

    offset: int
    size: int
    data: bytes
    """What the capture holds of it; may be shorter than `size`."""
    time: TimeNs
    packet_id: PacketId

    @property
    def end(self) -> int:
        return self.offset + self.size


class Repeat:
    """Bytes that were sent again, and what became of them."""

    __slots__ = ("acked", "end", "first_sent", "start", "time")

    def __init__(self, start: int, end: int, first_sent: TimeNs, time: TimeNs) -> None:
        self.start, self.end, self.first_sent, self.time = start, end, first_sent, time
        self.acked: TimeNs | None = None


class Hole(NamedTuple):
    """A hole that was filled: when the first segment beyond it came, and the filling one."""

    start: int
    end: int
    beyond: TimeNs
    filled: TimeNs


class Stream:
    """The byte stream of one direction. Implements `model.seams.ByteStream`."""

    __slots__ = (
        "_arrived", "_arrived_id", "_now", "_now_id", "cut", "early", "fin_offset", "finished", "gaps", "half", "holes", "marks", "need", "offset", "open_repeats",
        "pending", "pending_bytes", "repeats", "rtt_ns", "seq", "sink", "started", "watched", "watched_ns",
    )  # fmt: skip

    def __init__(self, half: Half) -> None:
        self.half = half
        self.started = False
        self.seq = 0
        """Sequence number of the next byte in order."""
        self.offset = 0
        """Its stream offset."""
        self.need = 0
        """Next offset that the sink must see."""
        self.sink: Sink | None = None
        self.pending: list[Piece] = []
        self.pending_bytes = 0
        self.gaps = RangeSet()
        self.early = RangeSet()
        """Bytes from before the first captured one, seen later (offsets below zero)."""
        self.holes: list[Hole] = []
        self.repeats: list[Repeat] = []
        self.open_repeats = 0
        self.marks: deque[tuple[int, TimeNs, PacketId]] = deque(maxlen=64)
        """Ends of the last segments that were looked at: (offset, time, packet)."""
        self.rtt_ns: DurationNs | None = None
        """Smallest time from bytes of this direction to their ACK."""
        self.watched: int | None = None
        self.watched_ns: TimeNs | None = None
        self.cut = 0
        """Packets whose payload the snapshot length cut."""
        self.fin_offset: int | None = None
        """Where the sender's FIN ended the stream."""
        self.finished = False
        self._arrived: TimeNs = 0
        self._arrived_id: PacketId = 0
        self._now: TimeNs = 0
        self._now_id: PacketId = 0

    # What readers ask (ByteStream).

    def first_seen(self, offset: int) -> tuple[TimeNs, PacketId]:
        """The packet that first carried the byte being delivered, or any later byte that waits behind the same hole."""
        first = (self._arrived, self._arrived_id)
        for piece in self.pending:
            if piece.time < first[0]:
                first = (piece.time, piece.packet_id)
        return first

    def complete(self, offset: int) -> tuple[TimeNs, PacketId]:
        """The packet whose arrival made the byte being delivered and all before it present."""
        return self._now, self._now_id

    # What the connection does.

    def start(self, seq: int) -> None:
        """Begin at sequence number `seq`, unless the beginning is known already."""
        if not self.started:
            self.started = True
            self.seq = seq & MASK

    def restart(self, sink: Sink) -> None:
        """Begin anew at the next sequence number: the peer answers with another initial one. Offsets go on."""
        self.started = False
        self.finished = False
        self.fin_offset = None
        self.attach(sink)

    def sync(self) -> None:
        """Take over what the loop has counted since it was left alone."""
        if self.half.quiet:
            self.offset += (self.half.next_seq - self.seq) & MASK
            self.seq = self.half.next_seq

    def position(self, seq: int) -> int:
        """Return the stream offset of a sequence number near the current one."""
        return self.offset + signed(seq - self.seq)

    def skip(self) -> int:
        """Return how many bytes from the current offset on no reader needs to see."""
        return FAR if self.sink is None else min(max(self.need - self.offset, 0), FAR)

    def take(self, data: bytes, start: int, end: int, seq: int, skip: int, time: TimeNs, packet_id: PacketId) -> int:
        """Deliver a whole in-order segment that the loop could not skip; return the new number of bytes to skip."""
        offset = self.offset + ((seq - self.seq) & MASK)
        size = end - start
        self.offset = offset + size
        self.seq = (seq + size) & MASK
        half = self.half
        if not half.probe_time:
            half.probe_time = time
            half.probe_seq = self.seq
        sink = self.sink
        if sink is None:
            return FAR
        self.marks.append((self.offset, time, packet_id))
        self._arrived = self._now = time
        self._arrived_id = self._now_id = packet_id
        self.need = sink.feed(data, start + skip, end, offset + skip)
        return min(max(self.need - self.offset, 0), FAR)

    def receive(self, seq: int, data: bytes, start: int, size: int, captured: int, time: TimeNs, packet_id: PacketId) -> None:
        """Take any segment: in order, old, ahead, overlapping or cut."""
        offset = self.position(seq)
        end = offset + size
        self.marks.append((end, time, packet_id))
        if captured < size:
            self.cut += 1
        if offset < self.offset:
            self._fill(offset, min(end, self.offset))
        if end <= self.offset:
            return
        if offset > self.offset:
            self._wait(offset, data[start : start + captured], size, time, packet_id)
            return
        old = self.offset - offset
        self._now, self._now_id = time, packet_id
        beyond = self.pending[0] if self.pending else None
        if beyond is not None:
            first = min(piece.time for piece in self.pending)
            if len(self.holes) < MOST_EVENTS:
                self.holes.append(Hole(self.offset, min(beyond.offset, end), first, time))
        self._deliver(data, start + old, start + max(captured, old), end, time, packet_id)
        self._drain(time)

    def close_gap(self, until: int) -> None:
        """Declare the missing bytes before offset `until` to be gaps, and deliver what waited behind them."""
        while self.offset < until:
            stop = min(self.pending[0].offset, until) if self.pending else until
            if stop > self.offset:
                self._gap(stop)
            self._drain(None)

    def finish(self, how: End) -> None:
        """Deliver what is left: holes that nothing filled are gaps now."""
        self.finished = True
        if self.pending:
            self.close_gap(self.pending[-1].end)
        if self.sink is not None:
            sink, self.sink = self.sink, None
            sink.end(self.offset, how)

    def attach(self, sink: Sink | None) -> None:
        """Let `sink` read from here on; None: nobody needs these bytes."""
        self.sink = sink
        self.need = self.offset

    def unique_bytes(self) -> int:
        """Return the size of the union of all payload ranges seen."""
        return self.offset - self.gaps.total + self.early.total + self.pending_bytes

    def repeat(self, start: int, end: int, time: TimeNs) -> None:
        """Note that bytes were sent again."""
        if len(self.repeats) >= MOST_EVENTS:
            return
        half = self.half
        sent = half.next_time
        for mark, when, _ in reversed(self.marks):
            if mark < end:
                break
            sent = when
        self.repeats.append(Repeat(start, end, min(sent, time), time))
        self.open_repeats += 1

    def acknowledge(self, offset: int, time: TimeNs) -> None:
        """Settle the repeats that an ACK up to `offset` covers."""
        for repeat in self.repeats:
            if repeat.acked is None and repeat.end <= offset:
                repeat.acked = time
                self.open_repeats -= 1

    def forget(self, offset: int) -> None:
        """Drop the events of bytes before `offset`."""
        if self.repeats:
            self.repeats = [r for r in self.repeats if r.end > offset]
            self.open_repeats = sum(r.acked is None for r in self.repeats)
        if self.holes:
            self.holes = [h for h in self.holes if h.end > offset]

    def packet_of(self, seq: int) -> PacketId | None:
        """Return the packet that carried the byte at `seq`, if it is among the last ones."""
        offset = self.position(seq)
        found = None
        for end, _, packet_id in reversed(self.marks):
            if end <= offset:
                break
            found = packet_id
        return found

    # Its own.

    def _fill(self, start: int, end: int) -> None:
        if start < 0:
            self.early.add(start, min(end, 0))
        if self.gaps:
            self.gaps.remove(max(start, 0), end)

    def _wait(self, offset: int, data: bytes, size: int, time: TimeNs, packet_id: PacketId) -> None:
        """Keep a segment beyond a hole; of bytes that wait already the first copy stays."""
        end = offset + size
        keep = data if self.sink is not None and end > self.need else b""
        pending = self.pending
        at = offset
        index = max(0, bisect_right(pending, offset, key=attrgetter("offset")) - 1)
        new = []
        while at < end:
            while index < len(pending) and pending[index].end <= at:
                index += 1
            if index < len(pending) and pending[index].offset <= at:
                at = pending[index].end
                continue
            stop = min(end, pending[index].offset) if index < len(pending) else end
            new.append(Piece(at, stop - at, keep[at - offset : stop - offset], time, packet_id))
            at = stop
        for piece in new:
            insort(pending, piece, key=attrgetter("offset"))
            self.pending_bytes += piece.size
        if len(pending) > MOST_PENDING or self.pending_bytes > MOST_PENDING_BYTES:
            self.close_gap(pending[0].offset)

    def _drain(self, now: TimeNs | None) -> None:
        """Deliver what waited and is in order now; `now` is None where a gap was declared, which costs the receiver no time."""
        pending = self.pending
        done = 0
        while done < len(pending) and pending[done].offset <= self.offset:
            piece = pending[done]
            done += 1
            self.pending_bytes -= piece.size
            old = self.offset - piece.offset
            if piece.size <= old:
                continue
            if now is None:
                self._now, self._now_id = piece.time, piece.packet_id
            pending[:done] = []
            done = 0
            self._deliver(piece.data, min(old, len(piece.data)), len(piece.data), piece.end, piece.time, piece.packet_id)
        pending[:done] = []

    def _deliver(self, data: bytes, start: int, stop: int, end: int, time: TimeNs, packet_id: PacketId) -> None:
        """Hand over `data[start:stop]` at the current offset; what is missing up to offset `end` was cut off by the snapshot length."""
        size = stop - start
        at = self.offset
        self._arrived, self._arrived_id = time, packet_id
        have = at + size
        if size > 0:
            self.offset = have
            self.seq = (self.seq + size) & MASK
            if self.sink is not None and have > self.need:
                hidden = max(0, self.need - at)
                self.need = self.sink.feed(data, start + hidden, stop, at + hidden)
        if self.offset < end:
            self._gap(end, seen=True)

    def _gap(self, end: int, *, seen: bool = False) -> None:
        """Skip to offset `end`; `seen` where the bytes were on the wire and only their content is missing."""
        start, self.offset = self.offset, end
        self.seq = (self.seq + end - start) & MASK
        if not seen:
            self.gaps.add(start, end)
        if self.sink is not None and end > self.need:
            start = max(start, self.need)
            self.need = self.sink.gap(start, end - start)
