"""The packet loop: blocks in, connections and byte streams out.

One `struct` call reads a plain TCP segment, one dictionary look-up finds its direction. A usual segment, the next one in order of a
direction in which nothing is unusual, changes a few numbers and is done; payload that no reader needs is only counted. Two predicates
prove that such a segment has no `tcp.analysis` flag: it begins at the highest sequence number seen, and it carries data or acknowledges
something new. Everything else goes through `Flow.take` in plain code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from analyzer.model.rows import Anomaly
from analyzer.model.seams import Block, Datagram, Emit, IcmpError, Layout, Oddity, Opener, Packet, Segment
from analyzer.tcp._half import Half
from analyzer.tcp.acks import acknowledged, acknowledged_unseen
from analyzer.tcp.flow import Flow
from analyzer.tcp.holding import LATE_NS, acknowledged_late
from analyzer.tcp.icmp import describe, says_lost
from analyzer.tcp.identifications import JOINED_FRAME, look, settle
from analyzer.tcp.points import Points, turned
from analyzer.tcp.seq import HALF, MASK
from analyzer.tcp.waiting import Room
from analyzer.units import SECOND, DurationNs, PacketId, TimeNs

FLAGS: Final = 0x17
ACK_ALONE: Final = 0x10
"""Flags that are looked at (PSH, URG, ECE and CWR change nothing), and what a usual segment has of them."""
LEAST_BITS: Final = 0x5000
"""The smallest data offset of a TCP header, where `Layout.header` has it."""
Header: TypeAlias = Callable[[bytes, int], tuple[int, int, int, int, int, int, int]]
TCP: Final = 6
UDP: Final = 17
IP4_KEY = 12
"""Bytes of addresses and ports; the TTL stands 4 bytes before them, the hop limit of IPv6 one byte."""
SAMPLES = 16
"""Packets of a block that are looked at to choose its fast path."""
LINGER_NS: DurationNs = 30 * SECOND
"""How long a connection that has ended is kept ready for late packets."""
MOST_CLEARED = 4
"""Ended connections that are looked at for each new one: more than can end meanwhile."""


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
    ) -> None:
        self._layouts = layouts
        self._decode = decode
        self._openers = tuple(openers)
        self._emit = emit
        self._datagram = datagram
        self._ports = frozenset(port.to_bytes(2, "big") for port in datagram_ports)
        self._opened = opened
        self._halves: dict[bytes, Half] = {}
        self._room = Room()
        self._over: deque[Flow] = deque()
        self._unknown_links: set[int] = set()
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
        data, starts, lengths, wire_lengths, times, _, _, first_id, _, _ = block
        if not self._joined and wire_lengths and max(wire_lengths) > JOINED_FRAME:
            self._joined = True
        layout = self._choose(block)
        if layout is None:
            for index, time in enumerate(times):
                self._slow(block, index, time, first_id + index)
            return
        if lengths != wire_lengths:  # packets cut by the snapshot length leave the fast path
            lengths = [have if have >= wire else 0 for have, wire in zip(lengths, wire_lengths, strict=True)]
        header, guard, check_mask, check_want, lane_mask, lane_want, key_from, key_to, ip_header, tcp_at = layout
        unpack: Header = header.unpack_from
        halves = self._halves
        slow = self._slow
        udp_want = lane_want ^ TCP ^ UDP
        ports_at = key_to - 4
        ttl_at = key_from - (4 if key_to - key_from == IP4_KEY else 1)
        number_at = ttl_at - 4
        body_at = tcp_at - ip_header
        ports = self._ports
        late = LATE_NS
        packet_id = first_id - 1
        for start, length, time in zip(starts, lengths, times):  # noqa: B905 - compiled, only the plain form is a loop without objects
            packet_id += 1
            if length < guard:
                slow(block, packet_id - first_id, time, packet_id)
                continue
            check, size, lane, seq, ack, bits, window = unpack(data, start)
            if check & check_mask != check_want or lane & lane_mask != lane_want:
                if check & check_mask == check_want and lane & lane_mask == udp_want:
                    at = start + ports_at
                    if data[at : at + 2] not in ports and data[at + 2 : at + 4] not in ports:
                        continue
                slow(block, packet_id - first_id, time, packet_id)
                continue
            half = halves.get(data[start + key_from : start + key_to])
            size += body_at
            if (
                half is None
                or seq != half.next_seq
                or not half.quiet
                or bits & FLAGS != ACK_ALONE
                or bits < LEAST_BITS
                or not window
                or size > length
            ):
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
                    if half.step >= 0 and time - half.next_time > late:
                        at = start + number_at
                        number = data[at] << 8 | data[at + 1]
                        look(half, number, seq, seq + size & MASK, size, header_size, half.packets + 1, time, packet_id)
                    half.skip = half.stream.take(data, payload, payload + size, seq, time, packet_id)
                half.next_seq = seq + size & MASK
                half.next_time = time
            half.packets += 1
            half.window = window
            half.last_time = time
            half.last_id = packet_id

    def finish(self) -> None:
        """Deliver and settle what is open at the end of the capture."""
        for flow in self.flows:
            flow.finish()
        settle((half for flow in self.flows for half in flow.halves), joined=self._joined)

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

    def _choose(self, block: Block) -> Layout | None:
        """Return the fast path that fits most packets of a block, judged by a few of them."""
        layouts = self._layouts.get(block.link_type)
        if not layouts:
            return None
        if len(layouts) == 1:
            return layouts[0]
        data, starts, lengths = block.data, block.starts, block.lengths
        best, most = layouts[0], 0
        step = max(1, len(starts) // SAMPLES)
        looked_at = range(0, len(starts), step)
        for layout in layouts:
            unpack: Header = layout.header.unpack_from
            fits = 0
            for index in looked_at:
                if lengths[index] >= layout.guard:
                    check, _, lane, _, _, _, _ = unpack(data, starts[index])
                    fits += check & layout.check_mask == layout.check_want and lane & layout.lane_mask == layout.lane_want
            if fits > most:
                best, most = layout, fits
                if fits == len(looked_at):
                    break
        return best

    def _slow(self, block: Block, index: int, time: TimeNs, packet_id: PacketId) -> None:
        """Take one packet through the full decoders."""
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
            if half is not None:
                half.flow.finish()
                half.flow.release()
            self._clear(time)
            number = self._opened_so_far if self._points is None else self._points.number(segment)
            flow = Flow(number, key, self._openers, self._room, time, packet_id, self._opened)
            self._opened_so_far += 1
            if self._points is not None:
                self._points.opened(flow)
            self.flows.append(flow)
            half, other = flow.halves
            self._halves[turned(key)] = other
            self._halves[key] = half
        flow = half.flow
        over = flow.ended
        flow.take(half, segment, time, packet_id)
        if over is None and flow.ended is not None:
            self._over.append(flow)

    def _clear(self, now: TimeNs) -> None:
        """Let go of what connections keep that have ended long ago: a capture may hold millions."""
        over = self._over
        for _ in range(min(len(over), MOST_CLEARED)):
            flow = over.popleft()
            if abs(now - max(half.last_time for half in flow.halves)) < LINGER_NS:
                over.append(flow)
            else:
                flow.finish()
                flow.release()

    def _icmp(self, error: IcmpError, time: TimeNs, packet_id: PacketId) -> None:
        """Join an ICMP error to the connection and packet that it quotes."""
        half = self._halves.get(error.quoted_key) if error.quoted_protocol == TCP else None
        quoted = None
        connection_id = None
        if half is not None:
            half.flow.icmp_errors += 1
            if half.icmp_ns is None and says_lost(error):
                half.icmp_ns = time
            connection_id = half.flow.connection_id
            if error.quoted_seq is not None:
                half.stream.sync()
                quoted = half.stream.packet_of(error.quoted_seq)
        self._emit(describe(error, quoted, packet_id, connection_id))
