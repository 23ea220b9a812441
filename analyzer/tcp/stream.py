"""One direction's bytes in order: reassembly with holes, overlaps, wrap and gaps (RFC 9293 section 3.10.7.4).

Offsets count the stream's bytes from 0 (the first after the SYN, or the first captured one) in Python integers and never wrap. Where
segments overlap, the bytes that came first are kept. A hole is waited for; it becomes a gap, bytes that the capture does not hold, when
the peer has acknowledged them and gone on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.model.seams import ByteStream, End, Sink
from analyzer.tcp.ranges import RangeSet
from analyzer.tcp.seq import MASK, signed
from analyzer.tcp.trail import MOST_UPLOADED, NO_MARKS, Marks, Repeat, Trail
from analyzer.tcp.waiting import Room, Waiting
from analyzer.units import SECOND, DurationNs, PacketId, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp._half import Half

FAR: Final = 0x4000_0000
"""The longest run of bytes that the loop counts down alone: sequence numbers are made sure of before they can be ambiguous."""
MOST_AHEAD: Final = 0x1000_0000
"""An ACK or a FIN further than this beyond what was seen is no proof of lost bytes."""
ONE_WAY_NS: Final[DurationNs] = SECOND
"""How long a hole is waited for where the capture lacks the direction whose ACKs would tell."""


class Stream(ByteStream):
    """The byte stream of one direction. Implements `model.seams.ByteStream`."""

    __slots__ = (
        "_arrived", "_now", "_room", "cut", "early", "ended", "fin_offset", "finished", "gaps", "half", "marks", "need", "offset",
        "rtt_ns", "seq", "shut", "sink", "started", "syn_id", "trail", "unseen_since", "unseen_to", "waiting", "watched", "watched_ns",
    )  # fmt: skip

    def __init__(self, half: Half, room: Room) -> None:
        self.half = half
        self._room = room
        self.started = False
        self.seq = 0
        """Sequence number of the next byte in order."""
        self.offset = 0
        """Its stream offset."""
        self.need = 0
        """Next offset that the sink must see."""
        self.sink: Sink | None = None
        self.waiting: Waiting | None = None
        """Segments beyond a hole; None where nothing waits."""
        self.gaps: RangeSet | None = None
        """Bytes that the capture does not hold."""
        self.early: RangeSet | None = None
        """Bytes from before the first captured one, seen later (offsets below zero)."""
        self.marks: Marks = NO_MARKS
        """The last packets that were looked at; those that the loop only counted are not among them."""
        self.trail: Trail | None = None
        """Repeats, holes and closed windows that concern the exchange under way; None where there are none."""
        self.shut: tuple[int, TimeNs] | None = None
        """Up to which offset the peer's closed window lets be sent, and since when; None while it is open, or nobody reads."""
        self.rtt_ns: DurationNs | None = None
        """Smallest time from bytes of this direction to their ACK."""
        self.watched: int | None = None
        self.watched_ns: TimeNs | None = None
        self.cut = 0
        """Packets whose payload the snapshot length cut."""
        self.syn_id: PacketId | None = None
        """The last SYN of this direction."""
        self.fin_offset: int | None = None
        """Where the sender's FIN ended the stream."""
        self.finished = False
        self.ended: End | None = None
        """How it ended, once all that is left was delivered."""
        self.unseen_since: TimeNs | None = None
        """Since when the peer has acknowledged bytes that are missing; None where it has not."""
        self.unseen_to = 0
        """The offset up to which it has."""
        self._arrived: tuple[TimeNs, PacketId] = (0, 0)
        """The packet that first carried the bytes being delivered."""
        self._now: tuple[TimeNs, PacketId] = (0, 0)
        """The packet whose arrival lets them be delivered."""

    # What readers ask (ByteStream).

    def first_seen(self, offset: int) -> tuple[TimeNs, PacketId]:
        """The packet that first carried the byte being delivered, or any later byte that waits behind the same hole."""
        first = self._arrived
        if self.waiting is not None:
            piece = self.waiting.earliest(self.offset)
            if piece is not None and piece.time < first[0]:
                first = (piece.time, piece.packet_id)
        return first

    def complete(self, offset: int) -> tuple[TimeNs, PacketId]:
        """The packet whose arrival made the byte being delivered and all before it present."""
        return self._now

    # Where the stream stands.

    def start(self, seq: int) -> None:
        """Begin at sequence number `seq`, unless the beginning is known already."""
        if not self.started:
            self.started = True
            self.seq = seq & MASK

    def restart(self) -> None:
        """Let the next segment tell the sequence number again: the peer answers with another initial one. Offsets go on."""
        self.started, self.finished, self.ended = False, False, None
        self.fin_offset = self.unseen_since = self.shut = None

    def sync(self) -> None:
        """Take over what the loop has counted since it was left alone."""
        half = self.half
        if half.quiet:
            self.offset += (half.next_seq - self.seq) & MASK
            self.seq = half.next_seq

    def position(self, seq: int) -> int:
        """Return the stream offset of a sequence number near the current one."""
        return self.offset + signed(seq - self.seq)

    def skip(self) -> int:
        """Return how many bytes from the current offset on no reader needs to see."""
        return FAR if self.sink is None else min(max(self.need - self.offset, 0), FAR)

    def attach(self, sink: Sink | None) -> None:
        """Let `sink` read from here on; None: nobody needs these bytes."""
        self.sync()
        self.sink = sink if self.ended is None else None
        if sink is not None and self.ended is not None:
            sink.end(self.offset, self.ended)
        self.need = self.offset
        self.half.skip = self.skip()

    def unique_bytes(self) -> int:
        """Return the size of the union of all payload ranges seen."""
        early = self.early.total if self.early is not None else 0
        waiting = self.waiting.size if self.waiting is not None else 0
        return self.offset - self.gap_bytes() + early + waiting

    def gap_bytes(self) -> int:
        """Return how many bytes the capture does not hold."""
        return self.gaps.total if self.gaps is not None else 0

    def repeats(self) -> list[Repeat]:
        """Return the bytes that were sent again and not forgotten."""
        return self.trail.repeats if self.trail is not None else []

    def packet_of(self, seq: int) -> PacketId | None:
        """Return the last packet that carried `seq`, if it is among the last ones."""
        offset = self.position(seq)
        return self.syn_id if offset == -1 and self.syn_id is not None else self.marks.packet_of(offset)

    # What comes.

    def take(self, data: bytes, start: int, end: int, seq: int, time: TimeNs, packet_id: PacketId) -> int:
        """Deliver a whole in-order segment that the loop could not skip; return the new number of bytes to skip."""
        size = end - start
        before = self.offset + ((seq - self.seq) & MASK)
        offset = self.offset = before + size
        half = self.half
        # A reader may ask about the connection while it is fed: what the loop keeps must agree with this by then.
        after = self.seq = half.next_seq = (seq + size) & MASK
        if not half.probe_time:
            half.probe_time = time
            half.probe_seq = after
        sink, need = self.sink, self.need
        if sink is None:
            return FAR
        if need < offset:
            marks = self.marks
            if marks is NO_MARKS:
                marks = self.marks = Marks()
            marks.add(before, offset, time, packet_id)
            self._now = self._arrived = (time, packet_id)
            if need > before:
                need = self.need = sink.feed(data, end - offset + need, end, need)
            else:
                need = self.need = sink.feed(data, start, end, before)
            if self.sink is None:
                return FAR
            offset = self.offset
        return 0 if need <= offset else min(need - offset, FAR)

    def passed(self, seq: int, size: int, time: TimeNs, packet_id: PacketId) -> None:
        """Note an in-order segment that the loop only counted."""
        marks = self.marks
        if marks is NO_MARKS:
            marks = self.marks = Marks()
        if marks.most != MOST_UPLOADED:
            marks.widen(MOST_UPLOADED)
        before = self.offset + ((seq - self.seq) & MASK)
        marks.add(before, before + size, time, packet_id)

    def receive(self, seq: int, data: bytes, start: int, size: int, captured: int, time: TimeNs, packet_id: PacketId) -> None:
        """Take any segment: in order, old, ahead, overlapping or cut."""
        offset = self.position(seq)
        end = offset + size
        if self.marks is NO_MARKS:
            self.marks = Marks()
        self.marks.add(offset, end, time, packet_id)
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
        self._now = (time, packet_id)
        waiting = self.waiting
        if waiting is not None:
            until = waiting.next_offset()
            beyond = waiting.earliest(self.offset)
            if beyond is not None:
                self.remember().hole(self.offset, min(until, end), beyond.time, time, packet_id)
            if end > until:
                # What waits came first and is kept; of this segment only what fits between.
                self._keep(waiting, self.offset, data[start + old : start + max(captured, old)], end - self.offset, time, packet_id)
                self._drain(time)
                return
        self._deliver(data, start + old, start + max(captured, old), end, time, packet_id)
        self._drain(time)

    def close_gap(self, until: int) -> None:
        """Declare the missing bytes before offset `until` to be gaps, and deliver what waited behind them."""
        while self.offset < until:
            stop = min(self.waiting.next_offset(), until) if self.waiting is not None else until
            if stop > self.offset:
                self._gap(stop)
            self._drain(None)

    def give_up(self) -> None:
        """Take every hole for a gap, so that nothing waits any more."""
        while self.waiting is not None:
            self.close_gap(self.waiting.last_end())

    def finish(self, how: End) -> None:
        """Deliver what is left: holes that nothing filled, and bytes that only their ACK or a FIN tells of, are gaps now."""
        if self.finished:
            return
        self.finished = True
        self.give_up()
        if self.unseen_since is not None:
            self.close_gap(self.unseen_to)
        if self.fin_offset is not None:
            self.close_gap(self.fin_offset)
        self.ended = how
        self.attach(self.sink)

    def release(self) -> None:
        """Drop what only a reader would have asked for."""
        self.trail = None
        self.marks = NO_MARKS
        self.sink = None

    def repeat(self, start: int, end: int, time: TimeNs, packet_id: PacketId, *, needless: bool) -> None:
        """Note that bytes were sent again, for the readers; `needless` where they had been acknowledged."""
        if self.sink is not None or self.finished:
            self.remember().repeat(start, end, self.half.next_time, time, packet_id, self.marks, needless=needless)

    def at_fin(self) -> bool:
        """Tell whether all bytes before the sender's FIN have come, or count as lost."""
        return self.fin_offset is not None and self.offset >= self.fin_offset

    def remember(self) -> Trail:
        """Return where repairs are remembered."""
        self.trail = self.trail or Trail()
        return self.trail

    # Its own.

    def _fill(self, start: int, end: int) -> None:
        if start < 0:
            if self.early is None:
                self.early = RangeSet()
            self.early.add(start, min(end, 0))
        if self.gaps is not None:
            self.gaps.remove(max(start, 0), end)

    def _keep(self, waiting: Waiting, offset: int, data: bytes, size: int, time: TimeNs, packet_id: PacketId) -> None:
        cost = waiting.add(offset, size, data if self.sink is not None and offset + size > self.need else b"", time, packet_id)
        self._room.take(self, cost)

    def _wait(self, offset: int, data: bytes, size: int, time: TimeNs, packet_id: PacketId) -> None:
        """Keep a segment beyond a hole."""
        waiting = self.waiting
        if waiting is None:
            waiting = self.waiting = Waiting()
        self._keep(waiting, offset, data, size, time, packet_id)
        earliest = waiting.earliest(self.offset)
        late = not self.half.other.seen and earliest is not None and time - earliest.time > ONE_WAY_NS
        if late or waiting.full():
            self.close_gap(waiting.next_offset())
        if self._room.used > self._room.limit:
            self._room.make()

    def _drain(self, now: TimeNs | None) -> None:
        """Deliver what waited and is in order now; `now` is None where a gap was declared, which costs the receiver no time."""
        waiting = self.waiting
        if waiting is None:
            return
        before = waiting.cost
        while waiting and waiting.next_offset() <= self.offset:
            piece = waiting.pop()
            cost = before - waiting.cost
            before = waiting.cost
            if not waiting:
                self.waiting = None
            # Settled before the delivery: a reader may ask, and what it does may close further gaps.
            self._room.leave(self, cost, last=not waiting)
            old = self.offset - piece.offset
            if piece.size <= old:
                continue
            if now is None:
                self._now = (piece.time, piece.packet_id)
            self._deliver(piece.data, min(old, len(piece.data)), len(piece.data), piece.end, piece.time, piece.packet_id)

    def _deliver(self, data: bytes, start: int, stop: int, end: int, time: TimeNs, packet_id: PacketId) -> None:
        """Hand over `data[start:stop]` at the current offset; what is missing up to offset `end` was cut off by the snapshot length."""
        size = stop - start
        at = self.offset
        self._arrived = (time, packet_id)
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
            if self.gaps is None:
                self.gaps = RangeSet()
            self.gaps.add(start, end)
        if self.sink is None:
            return
        if seen:
            start = max(start, self.need)
        if start < end:  # never captured: also where it need not have seen the bytes, as a message that lacks some is not whole
            self.need = self.sink.gap(start, end - start)
