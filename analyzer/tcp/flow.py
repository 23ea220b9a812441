"""One connection: what each of its segments means for its flags, its byte streams and their readers."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.model.seams import End, Opener, Process, Segment
from analyzer.tcp import analysis
from analyzer.tcp._half import Half
from analyzer.tcp.acks import acknowledges, take_ack, take_window
from analyzer.tcp.analysis import ACK, FIN, RST, SYN, classify, count
from analyzer.tcp.closing import closed_by
from analyzer.tcp.copies import Copies, Held, Sightings
from analyzer.tcp.holding import LATE_NS, acknowledged_late, take_held
from analyzer.tcp.identifications import conclude, look_at
from analyzer.tcp.link import Link
from analyzer.tcp.opening import Mark, SynAgain, complete, guess_client, is_opening, take_handshake_ack, take_syn
from analyzer.tcp.options import SACK_OPTION, sack_blocks
from analyzer.tcp.points import Merged
from analyzer.tcp.repeating import Repeats
from analyzer.tcp.seq import HALF, MASK
from analyzer.tcp.sniffer import Sniffer
from analyzer.tcp.stream import MOST_AHEAD, Stream
from analyzer.tcp.waiting import Room
from analyzer.units import ConnectionId, DurationNs, PacketId, TimeNs


class Flow(Link):
    """One TCP connection."""

    __slots__ = (
        "_openers", "closed_id", "closed_ns", "closer", "completeness", "conflicts", "copies", "counts", "duplicates", "elsewhere",
        "ended", "established_id", "established_ns", "first_id", "first_ns", "heard", "icmp_errors", "initial_rtt_ns", "merged", "on_syn",
        "point", "process", "repeats", "syn_ack_ns", "syn_ack_repeated", "syn_ack_seq", "syn_again", "syn_last_ns", "syn_mark", "syn_ns",
        "syn_seq",
    )  # fmt: skip

    def __init__(
        self,
        connection_id: ConnectionId,
        key: bytes,
        openers: tuple[Opener, ...],
        room: Room,
        time: TimeNs,
        packet_id: PacketId,
        on_syn: Callable[[Flow], None] | None = None,
    ) -> None:
        first, second = Half(), Half()
        super().__init__(connection_id, key, first)
        first.other, second.other = second, first
        self._openers = openers
        for half in (first, second):
            half.flow = self
            half.stream = Stream(half, room)
            half.stream.attach(Sniffer(half.stream, openers))
        self.first_ns, self.first_id = time, packet_id
        self.on_syn = on_syn
        self.syn_ns: TimeNs | None = None
        """When the first SYN was seen."""
        self.syn_last_ns: TimeNs | None = None
        self.syn_seq: int | None = None
        self.syn_mark: Mark = None
        """What tells the first SYN from others."""
        self.syn_again: SynAgain | None = None
        """The SYNs after it."""
        self.syn_ack_repeated = False
        self.syn_ack_ns: TimeNs | None = None
        self.syn_ack_seq: int | None = None
        self.established_ns: TimeNs | None = None
        """When the client acknowledged the SYN-ACK."""
        self.established_id: PacketId | None = None
        self.initial_rtt_ns: DurationNs | None = None
        """From the last SYN to the first ACK without SYN of either side (`tcp.analysis.initial_rtt`)."""
        self.completeness = 0
        self.counts: dict[int, int] | None = None
        """How many segments carry each flag of `analysis`."""
        self.copies: Copies | None = None
        """Where the connection is seen in several places."""
        self.duplicates = 0
        self.point = 0
        """Capture point that it was seen at."""
        self.merged: Merged | None = None
        """Where it was captured at several points: what Wireshark counts over all of them."""
        self.process: Process | None = None
        """Whose it is, where the capture says so: what the first packet with a process says."""
        self.conflicts = room.conflicts
        """What compares bytes that come again; None where nobody asks."""
        self.repeats: Repeats | None = None
        """Why its segments were sent again; None where none was."""
        self.closer: str | None = None
        self.closed_ns: TimeNs | None = None
        self.closed_id: PacketId | None = None
        self.ended: End | None = None
        self.icmp_errors = 0
        self.elsewhere = False
        """Whether another process follows it and makes its rows."""
        self.heard = False
        """Whether it is read all the same, for what it tells of others."""

    def leave(self) -> None:
        """Look no further at a connection that another process follows, once both sides' first numbers are known; SYNs excepted."""
        first = self.first_half
        if self.heard or first.base_seq is None or first.other.base_seq is None:
            return
        for half in self.halves:
            half.elsewhere = True
            half.quiet = False
            half.next_seq = -1  # equal to none: the loop's usual way is not taken
        self.release()

    def last_ns(self) -> TimeNs:
        """Return the time of the last packet of either side."""
        first = self.first_half
        return max(first.last_time, first.other.last_time)

    def starts_anew(self, half: Half, segment: Segment) -> bool:
        """Tell whether a SYN on a known pair of endpoints opens a new connection (the numbering rule of `tcp.stream`)."""
        return segment.flags & (SYN | ACK) == SYN and half.base_seq is not None and segment.seq != half.base_seq

    def take(self, half: Half, segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
        """Account for a segment that the loop did not handle alone."""
        other = half.other
        half.stream.sync()
        other.stream.sync()
        half.quiet = other.quiet = False
        half.packets += 1
        half.last_id = packet_id
        flags = segment.flags
        if self.process is None:
            self.process = segment.process
        if not half.seen:
            half.seen = True
            half.ttl = segment.ttl
        self._note_base(half, segment)
        complete(self, segment, packet_id)
        if flags & (SYN | ACK) == ACK and self.initial_rtt_ns is None and self.syn_last_ns is not None:
            self.initial_rtt_ns = time - self.syn_last_ns
        if flags & (SYN | ACK) == SYN:
            self.syn_last_ns = time
        if flags & (SYN | ACK | FIN | RST) == ACK and not segment.size:
            half.acked = True
            if segment.options and SACK_OPTION in segment.options and sack_blocks(segment.options):
                half.sack_time = time
        if flags & ACK:
            half.bare_ack = None
        elif half.bare_ack is None and (half.sure or other.stream.started):
            half.bare_ack = half.last_ack if half.sure else other.stream.seq - other.stream.offset & MASK
        highest = half.next_seq if half.sure else None
        new_ack = segment.ack != half.last_ack
        said = classify(half, segment, time, self.initial_rtt_ns)
        if self.merged is not None:
            self.merged.take(segment, time)
        if said:
            if self.counts is None:
                self.counts = {}
            count(self.counts, said)
        if half.sightings is None:
            half.sightings = Sightings(segment)
        copy = half.sightings.is_copy(segment, time)
        if said & analysis.LATE or (self.repeats is not None and (self.repeats.open or SACK_OPTION in segment.options)):
            self._note_repeat(half, segment, time, packet_id, said, copy=copy)
        if segment.ip_id is not None:
            look_at(half, segment, highest, time, packet_id, copy=copy)
        if copy:
            self.duplicates += 1
            if self.copies is None:
                self.copies = Copies()
            self.copies.again(segment, time, packet_id)
        elif self.copies is not None:
            self._take_copied(self.copies, half, Held(segment, time, packet_id, said, highest))
        else:
            self._effective(half, segment, time, packet_id, said, highest)
            half.late_ack = None  # a hold ends with the very next segment
            if new_ack and not segment.size and flags & (SYN | ACK | FIN | RST) == ACK and time - other.next_time > LATE_NS:
                acknowledged_late(other, segment.ack, time, packet_id)
        self.settle()

    def settle(self) -> None:
        """Let the loop go on alone with the directions in which nothing is unusual."""
        first = self.first_half
        second = first.other
        first.skip, second.skip = first.stream.skip(), second.stream.skip()
        if self.copies is not None or self.merged is not None or is_opening(self):
            first.quiet = second.quiet = False
        else:
            first.quiet, second.quiet = self._usual(first), self._usual(second)

    def _usual(self, half: Half) -> bool:
        """Tell whether a segment of `half` that is next in order can mean nothing but its bytes and its ACK."""
        stream, other = half.stream, half.other
        back = other.stream
        return (
            half.sure
            and not half.last_probe
            and half.bare_ack is None
            and half.late_ack is None
            and other.hole_at is None
            and stream.started
            and stream.seq == half.next_seq
            and stream.waiting is None
            and back.waiting is None
            and (back.seq == other.next_seq or back.finished)  # else an ACK of `next_seq` tells of missing bytes, or of a FIN
            and (back.trail is None or not back.trail.open_repeats)
            and (self.repeats is None or not self.repeats.open or not other.seen)  # the ACK of one may tell that it was not needed
            and stream.unseen_since is None
            and back.unseen_since is None
            and back.shut is None  # the update that ends it may look usual
            and (half.sightings is None or not half.sightings.watching)
            and not (other.seen and 0 < (other.last_ack - half.next_seq) & MASK < HALF)  # behind a FIN: what comes was acknowledged
        )

    def finish(self) -> None:
        """Deliver and settle what is open: the capture has ended, or the connection has been over for long."""
        for half in self.halves:
            half.stream.sync()
            half.quiet = False
            conclude(half)
        self._flush(None)
        self._end(End.OPEN)

    def release(self) -> None:
        """Drop what only readers and later copies would have asked for."""
        for half in self.halves:
            half.stream.release()
            half.sightings = None

    # Its own.

    def _note_base(self, half: Half, segment: Segment) -> None:
        """Keep the base sequence numbers of both directions, on which the numbering of connections rests."""
        other, flags = half.other, segment.flags
        answer = flags & (SYN | ACK) == SYN | ACK
        if answer and half.base_seq not in (None, segment.seq):
            self._restart(half.stream)
        if half.base_seq is None or answer:
            half.base_seq = segment.seq if flags & SYN else (segment.seq - 1) & MASK
        if other.base_seq is None and flags & ACK:
            other.base_seq = (segment.ack - 1) & MASK

    def _restart(self, stream: Stream) -> None:
        """Follow a SYN-ACK with another initial sequence number, where that interrupts nobody: a stray one must not end a reader's work."""
        if stream.finished:
            stream.restart()
            stream.attach(Sniffer(stream, self._openers))
        elif not stream.offset and stream.waiting is None:
            stream.restart()

    def _note_repeat(self, half: Half, segment: Segment, time: TimeNs, packet_id: PacketId, said: int, *, copy: bool) -> None:
        """Ask why a segment was sent again, or whether it tells that another need not have been."""
        repeats = self.repeats
        if repeats is None:
            repeats = self.repeats = Repeats()
        if said & analysis.LATE:
            repeats.take(half, segment, time, packet_id, said, copy=copy)
        elif segment.flags & ACK:
            repeats.answered(half, segment)

    def _take_copied(self, copies: Copies, half: Half, held: Held) -> None:
        """On a connection that is seen in several places, let packets to the client wait for the copy nearest to it."""
        if self.client_half is None or half is self.client_half:
            self._flush(None)
            self._effective(half, held.segment, held.time, held.packet_id, held.said, held.highest)
            return
        self._flush(held.time)
        before = copies.hold(held)
        if before is not None:
            self._effective(half, before.segment, before.time, before.packet_id, before.said, before.highest)

    def _flush(self, now: TimeNs | None) -> None:
        """Process the packets for which no copy will come: all of them where `now` is None."""
        if self.copies is None:
            return
        for held in self.copies.ripe(now):
            half = self.client_half.other if self.client_half is not None else self.first_half
            self._effective(half, held.segment, held.time, held.packet_id, held.said, held.highest)

    def _effective(self, half: Half, segment: Segment, time: TimeNs, packet_id: PacketId, said: int, highest: int | None) -> None:
        """Let a segment act, once for all its copies; `highest` is the end of what its sender had sent before."""
        flags, seq, size = segment.flags, segment.seq, segment.size
        stream, back = half.stream, half.other.stream
        if flags & SYN:
            take_syn(self, half, segment, time)
            seq = (seq + 1) & MASK
            stream.syn_id = packet_id
        elif self.client_half is None:
            guess_client(self, half, size)
        if not stream.started:
            stream.start(seq)
        if flags & ACK:
            if not back.started and not flags & RST:
                back.start(segment.ack)
            take_handshake_ack(self, half, segment, time, packet_id)
            take_ack(half, segment, time)
            if (not segment.window or back.shut is not None) and not flags & (SYN | RST):
                take_window(half, segment, time, packet_id)
        if size and not said & analysis.KEEP_ALIVE:
            self._payload(half, segment, seq, time, packet_id, highest)
        if flags & (FIN | RST):
            if half.closed_ns is None:
                half.closed_ns = time
            if self.closer is None:
                self.closer, self.closed_ns, self.closed_id = closed_by(self, half, segment, time), time, packet_id
        if flags & RST:
            # A reset may be forged, or late: what follows in order is still read, and the streams end with the connection.
            self.ended = self.ended or End.RST
        elif flags & FIN and stream.fin_offset is None:
            end = stream.position(seq) + size
            # A FIN of bytes long past, or far ahead, is a stray one (RFC 9293 section 3.10.7.4: not acceptable).
            if stream.offset <= end < stream.offset + MOST_AHEAD:
                stream.fin_offset = end
        self._end_reached(stream)
        self._end_reached(back)

    def _payload(self, half: Half, segment: Segment, seq: int, time: TimeNs, packet_id: PacketId, highest: int | None) -> None:
        stream = half.stream
        size = segment.size
        start = stream.position(seq)
        if highest is not None and start < stream.position(highest):
            half.probe_time = 0  # Karn: a repeat tells nothing about the round trip
            if self.conflicts is not None:
                self.conflicts.compare(self.connection_id, stream, segment, start, packet_id)
        if start < stream.offset:
            end = min(start + size, stream.offset)
            stream.repeat(max(start, 0), end, time, packet_id, needless=acknowledges(half.other, end))
        elif not half.probe_time and start == stream.offset and (highest is None or start >= stream.position(highest)):
            half.probe_time, half.probe_seq = time, (seq + size) & MASK
        if half.late_ack is not None:
            take_held(self, half, seq, size, time, packet_id)
        self.last_seen_ack, self.packet_ttl = segment.ack, segment.ttl
        stream.receive(seq, segment.data, segment.start, size, segment.captured, time, packet_id)

    def _end_reached(self, stream: Stream) -> None:
        """Let a stream end whose FIN and all bytes before it have come, in whatever order, or count as lost."""
        if not stream.at_fin() or stream.finished:
            return
        half = stream.half
        if half.other.stream.at_fin():
            self.ended = self.ended or End.FIN
        server = self.client_half is half.other
        if server and half.other.seen and not acknowledges(half.other, stream.offset):
            return  # what the client has not acknowledged comes again, and whether it ever does is asked of the response's readers
        stream.finish(End.FIN)
        if half.other.stream.finished:
            self._end(End.FIN)

    def _end(self, how: End) -> None:
        self.ended = self.ended or how
        for half in self.halves:
            half.stream.finish(End.FIN if half.stream.at_fin() else self.ended)
