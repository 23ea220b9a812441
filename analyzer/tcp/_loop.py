"""The packet loop: blocks in, connections and byte streams out.

One `struct` call reads a plain TCP segment (compiled, `words` does), one dictionary look-up finds its direction. A usual segment, the
next one in order of a direction in which nothing is unusual, changes a few numbers and is done; payload that no reader needs is only
counted. Two predicates prove that such a segment has no `tcp.analysis` flag: it begins at the highest sequence number seen, and it
carries data or acknowledges something new. Everything else goes through `Flow.take` in plain code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.model.seams import Block
from analyzer.tcp.acks import acknowledged, acknowledged_unseen
from analyzer.tcp.choosing import Header, choose
from analyzer.tcp.following import Following
from analyzer.tcp.holding import LATE_NS, acknowledged_late, went_on
from analyzer.tcp.identifications import JOINED_FRAME, look
from analyzer.tcp.seq import HALF, MASK
from analyzer.words import NATIVE, u16, u32

if TYPE_CHECKING:
    from mypy_extensions import i64

TCP: Final = 6
UDP: Final = 17
IP4_KEY: Final = 12
"""Bytes of addresses and ports; the TTL stands 4 bytes before them, the hop limit of IPv6 one byte."""
IP6_ADDRESSES: Final = 8
"""Where the addresses of IPv6 begin in its header; those of IPv4 begin as many bytes into theirs as `IP4_KEY` has."""
FLAGS: Final = 0x17
SYN: Final = 0x02
ACK_ALONE: Final = 0x10
"""Flags that are looked at (PSH, URG, ECE and CWR change nothing), and what a usual segment has of them."""
LEAST_BITS: Final = 0x5000
"""The smallest data offset of a TCP header, where `Layout.header` has it."""


class Engine(Following):
    """Follows every TCP connection of a capture."""

    def feed(self, block: Block) -> None:
        """Take the packets of a block, in order."""
        if self._points is not None:
            self._halves, self._over = self._points.enter(block.file)
        self._room.enter(block)
        data, starts, lengths, wire_lengths, times, _, _, first_id, _, _, _ = block
        layout = choose(self._layouts.get(block.link_type), block)
        if (layout is None or wire_lengths is not lengths) and max(wire_lengths, default=0) > JOINED_FRAME:
            self._joined = True
        if layout is None:
            for index, time in enumerate(times):
                self._slow(block, index, time, first_id + index)
            self._at = first_id + len(times) - 1
            return
        if wire_lengths is not lengths and wire_lengths != lengths:  # packets cut by the snapshot length leave the fast path
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
        zero: i64 = 0
        start = length = at = lane = size = seq = ack = bits = window = zero
        heard = self._heard
        late = LATE_NS
        packet_id = first_id - 1
        for start, length, time in zip(starts, lengths, times):  # noqa: B905 - compiled, only the plain form is a loop without objects
            packet_id += 1
            if length > JOINED_FRAME:
                self._joined = True
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
