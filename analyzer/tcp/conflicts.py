"""Bytes that came twice with different content: the first copy is kept, and a row says so (Wireshark: `tcp.segment.overlap.conflict`).

Payload is not kept once it was read. A repeated segment is compared with its first copy while the block that holds it is still at hand,
which the last blocks are; what was only counted, because no reader needed it, is not compared.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from operator import attrgetter, ne
from typing import TYPE_CHECKING, Final

from analyzer.model.rows import Anomaly
from analyzer.model.seams import Block, Emit, Packet, Segment
from analyzer.tcp.analysis import SYN
from analyzer.units import ConnectionId, PacketId

if TYPE_CHECKING:
    from analyzer.tcp.stream import Stream

AT_HAND: Final = 1 << 20
"""Bytes of captured packets that are kept beside the last block; a retransmission follows its original within far less."""


class Conflicts:
    """Compares repeated segments with their first copies."""

    def __init__(self, decode: Callable[[Block, int], Packet | None], emit: Emit) -> None:
        self._decode = decode
        self._emit = emit
        self._blocks: list[Block] = []
        self._held = 0

    def enter(self, block: Block) -> None:
        """Keep a block, and as many before it as the bound allows."""
        blocks = self._blocks
        if blocks and block.data is not blocks[-1].data:
            self._held += len(blocks[-1].data)
        blocks.append(block)
        gone = 0
        while self._held > AT_HAND:
            if blocks[gone].data is not blocks[gone + 1].data:
                self._held -= len(blocks[gone].data)
            gone += 1
        if gone:
            del blocks[:gone]

    def compare(self, connection_id: ConnectionId, stream: Stream, segment: Segment, start: int, packet_id: PacketId) -> None:
        """Compare a segment, whose payload begins at offset `start` of `stream`, with the first copies of its bytes."""
        at, end = start, start + segment.captured
        different, first = 0, None
        for mark in stream.marks.oldest_first():
            low, high, number = mark.start, mark.end, mark.packet_id
            there = self.find(number) if low < end and high > at and number != packet_id else None
            if there is None:
                continue
            low, high = max(low, at), min(low + there.captured, end)
            if high <= low:  # the capture holds none of the bytes in question: the snapshot length cut the first copy
                continue
            begins = there.start - stream.position(there.seq) - (there.flags & SYN) // SYN
            before, again = (
                there.data[begins + low : begins + high],
                segment.data[segment.start + low - start : segment.start + high - start],
            )
            if before != again:
                different += sum(map(ne, before, again))
                first = number if first is None else first
            at = max(at, high)  # of bytes that came more than twice the first copy counts
        if first is not None:
            text = f"{different} repeated bytes differ from those of packet {first}, which came first and are kept"
            self._emit(Anomaly("overlap-conflict", packet_id, connection_id, text))

    def find(self, packet_id: PacketId) -> Segment | None:
        """Decode a packet of the last blocks again; None where it is not at hand, or was put together of fragments."""
        at = bisect_right(self._blocks, packet_id, key=attrgetter("first_packet_id")) - 1
        if at < 0:
            return None
        block = self._blocks[at]
        index = packet_id - block.first_packet_id
        packet = self._decode(block, index) if index < len(block.times) else None
        return packet if isinstance(packet, Segment) else None
