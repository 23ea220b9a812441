"""The packet loop: blocks in, connections and byte streams out.

One `struct` call reads a plain TCP segment (compiled, `words` does), one dictionary look-up finds its direction. A usual segment, the
next one in order of a direction in which nothing is unusual, changes a few numbers and is done; payload that no reader needs is only
counted. Two predicates prove that such a segment has no `tcp.analysis` flag: it begins at the highest sequence number seen, and it
carries data or acknowledges something new. Everything else goes through `Flow.take` in plain code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from gc import collect
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from analyzer.model.rows import Anomaly
from analyzer.model.seams import Block, Datagram, Emit, IcmpError, Layout, Oddity, Opener, Packet, Segment
from analyzer.model.sharing import Moment, Share
from analyzer.tcp._half import Half
from analyzer.tcp.acks import acknowledged, acknowledged_unseen
from analyzer.tcp.choosing import Header, choose
from analyzer.tcp.conflicts import Conflicts
from analyzer.tcp.crowd import MOST_UNANSWERED, crowded, drop, told
from analyzer.tcp.flow import Flow
from analyzer.tcp.holding import LATE_NS, acknowledged_late, went_on
from analyzer.tcp.icmp import describe, says_lost
from analyzer.tcp.identifications import JOINED_FRAME, look, settle, unseen
from analyzer.tcp.points import Points, turned
from analyzer.tcp.seq import HALF, MASK
from analyzer.tcp.waiting import Room
from analyzer.units import SECOND, ConnectionId, DurationNs, PacketId, TimeNs
from analyzer.words import NATIVE, u16, u32

if TYPE_CHECKING:
    from mypy_extensions import i64

FLAGS: Final = 0x17
SYN: Final = 0x02
ACK_ALONE: Final = 0x10
"""Flags that are looked at (PSH, URG, ECE and CWR change nothing), and what a usual segment has of them."""
LEAST_BITS: Final = 0x5000
"""The smallest data offset of a TCP header, where `Layout.header` has it."""
TCP: Final = 6
UDP: Final = 17
IP4_KEY: Final = 12
"""Bytes of addresses and ports; the TTL stands 4 bytes before them, the hop limit of IPv6 one byte."""
IP6_ADDRESSES: Final = 8
"""Where the addresses of IPv6 begin in its header; those of IPv4 begin as many bytes into theirs as `IP4_KEY` has."""
LINGER_NS: Final[DurationNs] = 30 * SECOND
"""How long a connection that has ended is kept ready for late packets."""
SHARED_PORT: Final = 53
"""Connections to this port are read in every share: what DNS says over TCP names servers of any."""
ENDING: Final = 0
CLEARING: Final = 1
TAKING: Final = 2
"""Steps within a packet, in their order: its predecessor on the same endpoints ends, others are let go, it is taken itself."""
USUAL: Final = (TAKING, 0, 0)
AFTER_ALL: Final = 1 << 62
"""Stands for a packet behind the last one."""


class Engine:
    """Follows every TCP connection of a capture."""

    def __init__(
        self,
        layouts: Mapping[int, Sequence[Layout]],
        decode: Callable[[Block, int], Packet | None],
        openers: Sequence[Opener],
        emit: Emit,
        *,
        datagram: Callable[[Datagram, TimeNs, PacketId], None],
        datagram_ports: frozenset[int],
        opened: Callable[[Flow], None] | None = None,
        points: Points | None = None,
        share: Share | None = None,
        listeners: Sequence[Opener] = (),
    ) -> None:
        """Follow the connections of `share` only, None all; `listeners` read what is said to SHARED_PORT on the others."""
        self._share = share
        self._listeners = tuple(listeners)
        self._at: PacketId = 0
        self._step: tuple[int, int, int] = USUAL
        self._layouts = layouts
        self._decode = decode
        self._openers = tuple(openers)
        self._emit = emit
        self._datagram = datagram
        self._heard = bytes(port in datagram_ports for port in range(1 << 16))
        """For each port whether its datagrams are wanted."""
        self._opened = opened
        self._halves: dict[bytes, Half] = {}
        self._room = Room(Conflicts(decode, emit))
        self._over: list[tuple[TimeNs, ConnectionId, Flow]] = []
        """Connections that have ended, by when they may be let go (a heap)."""
        self._unknown_links: set[int] = set()
        self._dropped = 0
        """Connections that were dropped since what is left of such was collected."""
        self._points = points
        self._opened_so_far = 0
        self._joined = False
        """Whether any packet was larger than an ordinary frame."""
        self.flows: list[Flow] = []
        """All connections, by `connection_id`; without those that were forgotten."""

    def feed(self, block: Block) -> None:
        """Take the packets of a block, in order."""
        if self._points is not None:
            self._halves, self._over = self._points.enter(block.file)
        self._room.enter(block)
        data, starts, lengths, wire_lengths, times, _, _, first_id, _, _, _ = block
        if not self._joined and wire_lengths and max(wire_lengths) > JOINED_FRAME:
            self._joined = True
        layout = choose(self._layouts.get(block.link_type), block)
        if layout is None:
            for index, time in enumerate(times):
                self._slow(block, index, time, first_id + index)
            self._at = first_id + len(times) - 1
            return
        if lengths != wire_lengths:  # packets cut by the snapshot length leave the fast path
            lengths = [have if have >= wire else 0 for have, wire in zip(lengths, wire_lengths, strict=True)]
        header, guard, check_mask, check_want, lane_mask, lane_want, key_from, key_to, ip_header, tcp_at = layout
        unpack: Header = header.unpack_from
        halves = self._halves
        slow = self._slow
        ip4 = key_to - key_from == IP4_KEY
        ports_at: i64 = key_to - 4
        ttl_at: i64 = key_from - (4 if ip4 else 1)
        number_at = ttl_at - 4
        body_at: i64 = tcp_at - ip_header
        ip_at: i64 = key_from - (IP4_KEY if ip4 else IP6_ADDRESSES)
        size_at: i64 = ip_at + (2 if ip4 else 4)
        native = NATIVE
        # `check` ends with the first two bytes of the IP header; `lane` begins six bytes further on, and of IPv6 takes but two.
        near_mask: i64 = check_mask & MASK
        near_want: i64 = check_want & MASK
        far_mask: i64 = check_mask >> 32
        far_want: i64 = check_want >> 32
        lanes: i64 = lane_mask if ip4 or not native else lane_mask << 16
        tcp_want: i64 = lane_want if ip4 or not native else lane_want << 16
        udp_want: i64 = tcp_want // TCP * UDP
        check: int  # of up to 64 bits
        lane: i64
        size: i64
        seq: i64
        ack: i64
        bits: i64
        window: i64
        start: i64
        length: i64
        at: i64
        heard = self._heard
        late = LATE_NS
        packet_id = first_id - 1
        for start, length, time in zip(starts, lengths, times):  # noqa: B905 - compiled, only the plain form is a loop without objects
            packet_id += 1
            if length < guard:
                slow(block, packet_id - first_id, time, packet_id)
                continue
            if native:
                at = start + ip_at
                fits = u32(data, at - 2) & near_mask == near_want and (not far_mask or u32(data, at - 6) & far_mask == far_want)
                lane = u32(data, at + 6) & lanes
                size = u16(data, start + size_at) + body_at
                at = start + tcp_at
                seq = u32(data, at + 4)
                ack = u32(data, at + 8)
                bits = u16(data, at + 12)
                window = u16(data, at + 14)
            else:
                check, size, lane, seq, ack, bits, window = unpack(data, start)
                fits = check & check_mask == check_want
                lane &= lanes
                size += body_at
            if not fits or lane != tcp_want:
                if fits and lane == udp_want:
                    at = start + ports_at
                    if not heard[data[at] << 8 | data[at + 1]] and not heard[data[at + 2] << 8 | data[at + 3]]:
                        continue
                slow(block, packet_id - first_id, time, packet_id)
                continue
            half = halves.get(data[start + key_from : start + key_to])
            if (
                half is None
                or seq != half.next_seq
                or not half.quiet
                or bits & FLAGS != ACK_ALONE
                or bits < LEAST_BITS
                or not window
                or size > length
            ):
                if half is not None and half.elsewhere and not bits & SYN:
                    continue
                slow(block, packet_id - first_id, time, packet_id)
                continue
            header_size = bits >> 12 << 2
            size -= tcp_at + header_size
            if size < 2 and (size or not half.acked or (ack == half.last_ack and window == half.window)):
                slow(block, packet_id - first_id, time, packet_id)
                continue
            if ack != half.last_ack:
                other = half.other
                if ack != other.next_seq and (other.next_seq - ack) & MASK >= HALF:
                    acknowledged_unseen(other)
                    slow(block, packet_id - first_id, time, packet_id)
                    continue
                if other.probe_time:
                    acknowledged(other, ack, time)
                if not size and time - other.next_time > late:
                    acknowledged_late(other, ack, time, packet_id)
                half.last_ack = ack
                half.dup_acks = 0
            if size:
                skip = half.skip
                if size <= skip:
                    half.skip = skip - size
                    if half.asks:
                        half.stream.passed(seq, size, time, packet_id)
                    if not half.probe_time:
                        half.probe_time = time
                        half.probe_seq = seq + size & MASK
                else:
                    payload = start + tcp_at + header_size
                    flow = half.flow
                    flow.last_seen_ack = ack
                    flow.packet_ttl = data[start + ttl_at]
                    self._at = packet_id
                    if half.step >= 0 and time - half.next_time > late:
                        at = start + number_at
                        number = data[at] << 8 | data[at + 1]
                        look(half, number, seq, seq + size & MASK, size, header_size, half.packets + 1, time, packet_id)
                    half.skip = half.stream.take(data, payload, payload + size, seq, time, packet_id)
                    if half.other.late_ack is not None:
                        went_on(half)
                half.next_seq = seq + size & MASK
                half.next_time = time
            half.packets += 1
            half.window = window
            half.last_time = time
            half.last_id = packet_id
        self._at = packet_id

    @property
    def joined(self) -> bool:
        """Whether any packet so far was larger than an ordinary frame; after `finish`, whether any segment was joined by offload."""
        return self._joined

    def moment(self) -> Moment:
        """Return the place in the order of the pass that was reached."""
        stage, due, number = self._step
        return self._at, stage, due, number

    def finish(self) -> None:
        """Deliver and settle what is open at the end of the capture."""
        self._at = AFTER_ALL
        for flow in self.flows:
            self._step = (TAKING, 0, flow.connection_id)
            flow.finish()
        self._joined = settle((half for flow in self.flows for half in flow.halves), joined=self._joined)

    def join(self) -> list[Flow]:
        """Learn, after `finish`, that segments were joined by offload on connections of other shares; return those that changes."""
        doubted = [flow for flow in self.flows if any(unseen(half) for half in flow.halves)]
        settle((half for flow in doubted for half in flow.halves), joined=True)
        return doubted

    def forget(self, flows: Iterable[Flow]) -> None:
        """Settle connections and forget them: a pass without end keeps no rows. A later packet of theirs begins a new connection."""
        gone = set()
        for flow in flows:
            flow.finish()
            flow.release()
            gone.add(flow.connection_id)
            for key, half in zip((flow.key, turned(flow.key)), flow.halves, strict=True):
                if self._halves.get(key) is half:
                    del self._halves[key]
        if gone:
            self.flows = [flow for flow in self.flows if flow.connection_id not in gone]

    def _slow(self, block: Block, index: int, time: TimeNs, packet_id: PacketId) -> None:
        """Take one packet through the full decoders."""
        self._at = packet_id
        packet = self._decode(block, index)
        if packet is None:
            return
        if type(packet) is Segment:
            self._segment(packet, time, packet_id)
        elif type(packet) is Datagram:
            self._datagram(packet, time, packet_id)
        elif type(packet) is IcmpError:
            self._icmp(packet, time, packet_id)
        elif type(packet) is Oddity:
            if packet.code == "unknown-link-type":
                if block.link_type in self._unknown_links:
                    return
                self._unknown_links.add(block.link_type)
            self._emit(Anomaly(packet.code, packet_id, None, packet.detail))

    def _segment(self, segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
        key = segment.key
        half = self._halves.get(key)
        if half is None or half.flow.starts_anew(half, segment):
            if half is not None and not half.flow.elsewhere:
                self._step = (ENDING, 0, 0)
                half.flow.finish()
                half.flow.release()
            self._clear(time)
            flow = self._begin(segment, time, packet_id)
            half, other = flow.halves
            self._halves[turned(key)] = other
            self._halves[key] = half
        elif half.elsewhere and not segment.flags & SYN:
            return
        flow = half.flow
        over = flow.ended
        flow.take(half, segment, time, packet_id)
        if flow.elsewhere:
            if not flow.heard:
                flow.leave()
        elif over is None and flow.ended is not None:
            heappush(self._over, (time + LINGER_NS, flow.connection_id, flow))

    def _begin(self, segment: Segment, time: TimeNs, packet_id: PacketId) -> Flow:
        """Number a connection, and follow it if it is of this share."""
        number = self._opened_so_far if self._points is None else self._points.number(segment)
        self._opened_so_far += 1
        if crowded(number) and self._points is None:
            self._drop(number)
        if self._share is not None and not self._share.owns(number):
            heard = SHARED_PORT in (int.from_bytes(segment.key[-4:-2], "big"), int.from_bytes(segment.key[-2:], "big"))
            flow = Flow(number, segment.key, self._listeners if heard else (), self._room, time, packet_id, self._opened)
            flow.elsewhere, flow.heard = True, heard
            return flow
        flow = Flow(number, segment.key, self._openers, self._room, time, packet_id, self._opened)
        if self._points is not None:
            self._points.opened(flow)
        self.flows.append(flow)
        return flow

    def _drop(self, number: ConnectionId) -> None:
        """Drop the connections that nobody answered, if there are too many."""
        gone = drop(self._halves, number)
        for flow in gone:
            if not flow.elsewhere:
                self._step = (CLEARING, AFTER_ALL, flow.connection_id)
                flow.finish()
                self._emit(told(flow))
        self._step = USUAL
        if gone:
            numbers = {flow.connection_id for flow in gone}
            self.flows = [flow for flow in self.flows if flow.connection_id not in numbers]
            self._dropped += len(gone)
            if self._dropped >= MOST_UNANSWERED:
                # Their parts refer to each other, and nothing else looks for such while a capture is read.
                self._dropped = 0
                gone.clear()
                collect()

    def _clear(self, now: TimeNs) -> None:
        """Let go of what connections keep that have ended long ago: a capture may hold millions.

        When that is does not depend on any other connection, so that each is let go of at the same packet however they are shared out.
        """
        over = self._over
        while over and over[0][0] <= now:
            due, number, flow = heappop(over)
            later = max(half.last_time for half in flow.halves) + LINGER_NS
            if later > now:
                heappush(over, (later, number, flow))
                continue
            self._step = (CLEARING, due, number)
            flow.finish()
            flow.release()
        self._step = USUAL

    def _icmp(self, error: IcmpError, time: TimeNs, packet_id: PacketId) -> None:
        """Join an ICMP error to the connection and packet that it quotes."""
        half = self._halves.get(error.quoted_key) if error.quoted_protocol == TCP else None
        quoted = None
        connection_id = None
        if half is not None and half.flow.elsewhere:
            return
        if half is not None:
            half.flow.icmp_errors += 1
            if half.icmp_ns is None and says_lost(error):
                half.icmp_ns = time
            connection_id = half.flow.connection_id
            if error.quoted_seq is not None:
                half.stream.sync()
                quoted = half.stream.packet_of(error.quoted_seq)
        self._emit(describe(error, quoted, packet_id, connection_id))
