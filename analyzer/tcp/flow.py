"""One connection: who is client, how it opened and closed, and what travels between its flags, its byte streams and their readers."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.model.seams import Claim, End, Opener, Segment
from analyzer.tcp import analysis
from analyzer.tcp._half import Half
from analyzer.tcp.analysis import ACK, FIN, RST, SYN, classify
from analyzer.tcp.closing import closed_by
from analyzer.tcp.copies import COPY_NS, Held, Sightings, identify
from analyzer.tcp.options import mss
from analyzer.tcp.seq import HALF, MASK
from analyzer.tcp.sniffer import Sniffer
from analyzer.tcp.stream import Stream
from analyzer.units import ConnectionId, DurationNs, PacketId, TimeNs

WELL_KNOWN_PORTS = frozenset({443, 80, 53, 8000})
"""Ports that tell the server where no SYN does (8000: DynamoDB local)."""
LATE_NS: DurationNs = 50_000_000
"""How long bytes that were acknowledged may still come out of order (several capture queues) before they count as never captured."""
DEFAULT_MSS = 1460
MOST_OPENING = 16
"""Segments after which the end of the handshake is no longer waited for (one direction only in the capture)."""
MOST_ACKED_UNSEEN = 1 << 28
"""An ACK further than this beyond what was seen is no proof of lost bytes."""


class Flow:
    """One TCP connection. Implements `model.seams.Link`."""

    __slots__ = (
        "_acked_unseen", "_first", "_held", "_openers", "_sightings", "client_half", "client_rule", "completeness", "connection_id",
        "copied", "counts", "duplicates", "established_ns", "ended", "first_id", "first_ns", "icmp_errors",
        "initial_rtt_ns", "key", "last_seen_ack", "mss", "on_syn", "ports", "protocol", "closer", "syn_ack_ns", "syn_ack_repeated", "syn_ack_seq",
        "syn_last_ns", "syn_ns", "syn_repeated", "syn_seq", "whole_start",
    )  # fmt: skip

    def __init__(self, connection_id: ConnectionId, key: bytes, openers: tuple[Opener, ...], time: TimeNs, packet_id: PacketId) -> None:
        self.connection_id = connection_id
        self.key = key
        """Source, target and ports of the first segment."""
        self.ports = (int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big"))
        first, second = Half(), Half()
        first.other, second.other = second, first
        first.flow = second.flow = self
        self._openers = openers
        first.stream, second.stream = Stream(first), Stream(second)
        for stream in (first.stream, second.stream):
            stream.attach(Sniffer(stream, openers, self._claim))
        self._first = first
        self._sightings: dict[Half, Sightings] = {first: Sightings(), second: Sightings()}
        self._held: list[Held] = []
        self._acked_unseen: dict[Half, TimeNs] = {}
        self.client_half: Half | None = None
        self.client_rule = ""
        self.first_ns, self.first_id = time, packet_id
        self.syn_ns: TimeNs | None = None
        self.syn_last_ns: TimeNs | None = None
        self.syn_seq: int | None = None
        self.syn_repeated = self.syn_ack_repeated = False
        self.syn_ack_ns: TimeNs | None = None
        self.syn_ack_seq: int | None = None
        self.established_ns: TimeNs | None = None
        self.initial_rtt_ns: DurationNs | None = None
        self.whole_start = False
        self.completeness = 0
        self.counts: dict[int, int] = {}
        self.copied = False
        self.duplicates = 0
        self.closer: str | None = None
        self.ended: End | None = None
        self.protocol: str | None = None
        self.mss = 0
        self.icmp_errors = 0
        self.last_seen_ack = 0
        self.on_syn: Callable[[Flow], None] | None = None

    # Opening.

    @property
    def halves(self) -> tuple[Half, Half]:
        """The direction of the first segment, and the other."""
        return self._first, self._first.other

    def starts_anew(self, half: Half, segment: Segment) -> bool:
        """Tell whether a SYN on a known pair of endpoints opens a new connection (the numbering rule of `tcp.stream`)."""
        return segment.flags & (SYN | ACK) == SYN and half.base_seq is not None and segment.seq != half.base_seq

    # What readers ask (Link).

    def client(self) -> tuple[bytes, int]:
        """Address and port of the client; of the first sender while nobody knows."""
        return self._ends()[0]

    def server(self) -> tuple[bytes, int]:
        """Address and port of the server; of the second endpoint while nobody knows."""
        return self._ends()[1]

    def _ends(self) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        key = self.key
        width = (len(key) - 4) // 2
        first, second = (key[:width], self.ports[0]), (key[width : 2 * width], self.ports[1])
        return (first, second) if self._client_half() is self._first else (second, first)

    def server_rtt_ns(self) -> DurationNs | None:
        """Smallest server-side round trip so far."""
        return self._client_half().stream.rtt_ns

    def segment_bytes(self) -> int:
        """Smaller of the two offered maximum segment sizes; the usual one where no SYN was captured."""
        return self.mss or DEFAULT_MSS

    def response_received(self, offset: int, time: TimeNs) -> bool:
        """Whether the client acknowledged the server's bytes up to `offset`, or had no occasion to."""
        client = self._client_half()
        stream = client.other.stream
        stream.sync()
        if not client.seen or stream.position(client.last_ack) >= offset:
            return True
        return client.last_time <= time and not any(repeat.end >= offset for repeat in stream.repeats)

    def acknowledged_by_response(self) -> int:
        """Offset in the client's stream that the server's segment being delivered acknowledges."""
        return self.last_seen_ack

    def watch_request_end(self, offset: int) -> None:
        """Time the ACK of the client's bytes up to `offset`, the end of what was just delivered."""
        half = self._client_half()
        stream = half.stream
        stream.watched, stream.watched_ns = offset, None
        half.probe_time, half.probe_seq = stream.complete(offset)[0], (stream.seq - (stream.offset - offset)) & MASK

    def request_acknowledged_ns(self, offset: int) -> TimeNs | None:
        """When the watched end of a request was acknowledged."""
        stream = self._client_half().stream
        return stream.watched_ns if stream.watched == offset else None

    def needed_repeats(self, start: int, end: int) -> list[tuple[TimeNs, TimeNs]]:
        """Repeats of the client's bytes that were acknowledged only after them, and at least one round trip after them."""
        stream = self._client_half().stream
        rtt = stream.rtt_ns or 0
        return [
            (repeat.first_sent, repeat.time)
            for repeat in stream.repeats
            if repeat.end > start and repeat.start < end and repeat.acked is not None and repeat.acked - repeat.time >= rtt
        ]

    def holes(self, start: int, end: int) -> list[tuple[TimeNs, TimeNs]]:
        """Holes in the server's bytes that were filled."""
        stream = self._client_half().other.stream
        return [(hole.beyond, hole.filled) for hole in stream.holes if hole.end > start and hole.start < end]

    def forget(self, client_offset: int, server_offset: int) -> None:
        """Drop what is remembered of the bytes before these offsets."""
        client = self._client_half()
        client.stream.forget(client_offset)
        client.other.stream.forget(server_offset)

    def _client_half(self) -> Half:
        return self.client_half if self.client_half is not None else self._first

    # One segment.

    def take(self, half: Half, segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
        """Account for a segment that the loop did not handle alone."""
        other = half.other
        half.stream.sync()
        other.stream.sync()
        half.quiet = other.quiet = False
        half.packets += 1
        half.last_id = packet_id
        flags = segment.flags
        if not half.seen:
            half.seen = True
            half.ttl = segment.ttl
        if flags & (SYN | ACK) == SYN | ACK and half.base_seq not in (None, segment.seq):
            half.stream.restart(Sniffer(half.stream, self._openers, self._claim))
        if half.base_seq is None or flags & (SYN | ACK) == SYN | ACK:
            half.base_seq = segment.seq if flags & SYN else (segment.seq - 1) & MASK
        if other.base_seq is None and flags & ACK:
            other.base_seq = (segment.ack - 1) & MASK
        self._complete(half, segment, packet_id)
        if flags & ACK and not flags & SYN and self.initial_rtt_ns is None and self.syn_last_ns is not None:
            self.initial_rtt_ns = time - self.syn_last_ns
        if flags & (SYN | ACK) == SYN:
            self.syn_last_ns = time
        if flags & (SYN | ACK | FIN | RST) == ACK and not segment.size:
            half.acked = True
        highest, sure = half.next_seq, half.sure
        said = classify(half, segment, time, self.initial_rtt_ns)
        if said:
            counts = self.counts
            bit = 1
            while bit <= said:
                if said & bit:
                    counts[bit] = counts.get(bit, 0) + 1
                bit <<= 1
        if self._sightings[half].is_copy(segment, time):
            self.duplicates += 1
            self.copied = True
            self._hold_again(segment, time, packet_id)
        elif self.copied:
            self._take_copied(half, segment, time, packet_id, said)
        else:
            self._effective(half, segment, time, packet_id, said, highest if sure else None)
        self.settle()

    def settle(self) -> None:
        """Let the loop go on alone with the directions in which nothing is unusual."""
        first = self._first
        restless = self.copied or self.ended is not None
        if self.syn_ns is not None and self.established_ns is None and first.packets + first.other.packets < MOST_OPENING:
            restless = True
        for half in (first, first.other):
            stream = half.stream
            half.quiet = (
                not restless
                and half.sure
                and not half.dup_acks
                and not half.last_probe
                and half.hole_at is None
                and half.other.hole_at is None
                and stream.started
                and stream.seq == half.next_seq
                and not stream.pending
                and not half.other.stream.pending
                and not stream.open_repeats
                and not half.other.stream.open_repeats
                and not self._acked_unseen
            )
            half.skip = stream.skip()

    def acknowledged(self, half: Half, ack: int, time: TimeNs) -> None:
        """Take note that the peer acknowledged bytes of `half`: a round trip ends, repeats are settled."""
        if half.probe_time and (ack - half.probe_seq) & MASK < HALF:
            sample = time - half.probe_time
            half.probe_time = 0
            stream = half.stream
            if sample >= 0 and (stream.rtt_ns is None or sample < stream.rtt_ns):
                stream.rtt_ns = sample
        stream = half.stream
        if stream.watched is not None or stream.open_repeats:
            stream.sync()
            offset = stream.position(ack)
            if stream.open_repeats:
                stream.acknowledge(offset, time)
            if stream.watched is not None and stream.watched_ns is None and offset >= stream.watched:
                stream.watched_ns = time

    def acknowledged_unseen(self, half: Half, time: TimeNs) -> None:
        """Take note that the peer acknowledged bytes of `half` beyond all that was seen."""
        half.stream.sync()
        half.other.stream.sync()
        half.quiet = half.other.quiet = False
        self._acked_unseen.setdefault(half, time)

    def _complete(self, half: Half, segment: Segment, packet_id: PacketId) -> None:
        """Carry `tcp.completeness` forward."""
        flags = segment.flags
        if flags & (SYN | ACK) == SYN:
            if packet_id == self.first_id:
                self.completeness |= 1
            if segment.size:
                self.completeness |= 8
        elif flags & (SYN | ACK) == SYN | ACK:
            self.completeness |= 2
        elif flags & ACK:
            self.completeness |= 8 if segment.size else 4
        if flags & (FIN | ACK) == FIN | ACK:
            self.completeness |= 16
        if flags & RST:
            self.completeness |= 32

    # Copies.

    def _take_copied(self, half: Half, segment: Segment, time: TimeNs, packet_id: PacketId, said: int) -> None:
        """On a connection that is seen in several places, let packets to the client wait for the copy nearest to it."""
        if self.client_half is not None and half is not self.client_half:
            self._flush(time - COPY_NS)
            self._held.append(Held(identify(segment), segment, time, packet_id))
            return
        self._flush(None)
        self._effective(half, segment, time, packet_id, said, None)

    def _hold_again(self, segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
        identity = identify(segment)
        for held in self._held:
            if held.identity == identity:
                held.time, held.packet_id = time, packet_id

    def _flush(self, before: TimeNs | None) -> None:
        """Process held packets: all, or those first seen before a time."""
        while self._held and (before is None or self._held[0].first < before):
            held = self._held.pop(0)
            half = self.client_half.other if self.client_half is not None else self._first
            self._effective(half, held.segment, held.time, held.packet_id, 0, None)

    # What a segment means, copies aside.

    def _effective(self, half: Half, segment: Segment, time: TimeNs, packet_id: PacketId, said: int, highest: int | None) -> None:
        flags, seq, size = segment.flags, segment.seq, segment.size
        other = half.other
        stream, back = half.stream, other.stream
        if flags & SYN:
            self._opening(half, segment, time)
            seq = (seq + 1) & MASK
        elif self.client_half is None:
            self._guess_client(half, size)
        if not stream.started:
            stream.start(seq)
        if flags & ACK:
            if not back.started and not flags & RST:
                back.start(segment.ack)
            self._acknowledges(half, segment, time)
        if size and not said & analysis.KEEP_ALIVE:
            self._payload(half, segment, seq, time, packet_id, highest)
        if flags & (FIN | RST) and self.closer is None:
            self.closer = closed_by(self, half, segment, time)
        if flags & RST:
            # A reset may be forged, or late: what follows in order is still read, and the streams end with the connection.
            self.ended = End.RST
        elif flags & FIN:
            self._fin(half, stream.position(seq) + size)

    def _opening(self, half: Half, segment: Segment, time: TimeNs) -> None:
        if segment.options:
            offered = mss(segment.options)
            if offered:
                self.mss = min(self.mss, offered) if self.mss else offered
        if segment.flags & ACK:
            if self.client_half is None:
                self._set_client(half.other, "syn-ack")
            if half is not self.client_half:
                if self.syn_ack_ns is None:
                    self.syn_ack_ns, self.syn_ack_seq = time, segment.seq
                    self.whole_start = True
                    if self.syn_ns is not None and not self.syn_repeated and segment.ack == (self.syn_seq or 0) + 1 & MASK:
                        half.other.stream.rtt_ns = time - self.syn_ns
                else:
                    self.syn_ack_repeated = True
                    if self.established_ns is None:
                        self.syn_ack_ns = time
            return
        if self.client_half is None:
            self._set_client(half, "syn")
        if half is self.client_half:
            if self.syn_ns is None:
                self.syn_ns, self.syn_seq = time, segment.seq
                self.whole_start = True
                if self.on_syn is not None:
                    self.on_syn(self)
            else:
                self.syn_repeated = True

    def _set_client(self, half: Half, rule: str) -> None:
        self.client_half, self.client_rule = half, rule

    def _guess_client(self, half: Half, size: int) -> None:
        known = [port in WELL_KNOWN_PORTS for port in self.ports]
        if known[0] != known[1]:
            self._set_client(self._first.other if known[0] else self._first, "port")
        elif size:
            self._set_client(half, "first-payload")

    def _acknowledges(self, half: Half, segment: Segment, time: TimeNs) -> None:
        other, ack = half.other, segment.ack
        stream = other.stream
        if half is self.client_half and self.established_ns is None and self.syn_ack_ns is not None and not segment.flags & (SYN | RST):
            if self.syn_ack_seq is not None and (ack - self.syn_ack_seq - 1) & MASK < HALF:
                self.established_ns = time
                if not self.syn_ack_repeated and stream.rtt_ns is None:
                    stream.rtt_ns = time - self.syn_ack_ns
        if segment.flags & RST:
            return
        self.acknowledged(other, ack, time)
        offset = stream.position(ack)
        if stream.fin_offset is not None:
            offset = min(offset, stream.fin_offset)
        if stream.offset < offset < stream.offset + MOST_ACKED_UNSEEN:
            since = self._acked_unseen.setdefault(other, time)
            if segment.size or time - since > LATE_NS:
                stream.close_gap(offset)
        if stream.offset >= offset:
            self._acked_unseen.pop(other, None)

    def _payload(self, half: Half, segment: Segment, seq: int, time: TimeNs, packet_id: PacketId, highest: int | None) -> None:
        stream = half.stream
        size = segment.size
        start = stream.position(seq)
        if highest is not None and start < stream.position(highest):
            half.probe_time = 0  # Karn: a repeat tells nothing about the round trip
        if start < stream.offset:
            stream.repeat(max(start, 0), min(start + size, stream.offset), time)
        elif not half.probe_time and start == stream.offset:
            half.probe_time, half.probe_seq = time, (seq + size) & MASK
        self.last_seen_ack = half.other.stream.position(segment.ack)
        stream.receive(seq, segment.data, segment.start, size, segment.captured, time, packet_id)

    def _claim(self, stream: Stream, opener: Opener, claim: Claim) -> bool:
        """Let an opener take the connection over; False where that contradicts who opened it."""
        half = stream.half
        client = half if claim is Claim.REQUEST else half.other
        if self.client_half is not client:
            if self.client_rule in ("syn", "syn-ack"):
                return False
            self._set_client(client, "request")
        self.protocol = opener.name
        sinks = opener.open(self, client.stream, client.other.stream)
        client.stream.attach(sinks[0])
        client.other.stream.attach(sinks[1])
        return True

    # Closing.

    def _fin(self, half: Half, end: int) -> None:
        stream = half.stream
        if stream.fin_offset is None:
            stream.fin_offset = end
        if stream.offset >= stream.fin_offset:
            stream.finish(End.FIN)
            if half.other.stream.finished:
                self._end(End.FIN)

    def _end(self, how: End) -> None:
        self.ended = self.ended or how
        for half in self.halves:
            half.stream.finish(self.ended)

    def finish(self) -> None:
        """Deliver and settle what is open at the end of the capture."""
        for half in self.halves:
            half.stream.sync()
            half.quiet = False
        self._flush(None)
        self._end(End.OPEN)
