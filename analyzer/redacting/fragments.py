"""Pieces of datagrams that came in IP fragments: disguised as a whole, and cut into the same pieces again."""

from __future__ import annotations

import os

from analyzer import capture
from analyzer.model.seams import Block, Oddity
from analyzer.packets._walk import IPV4, Step, Walk
from analyzer.packets.decoder import LAYERS, MAX_LAYERS
from analyzer.packets.fragments import MAX_DATAGRAMS
from analyzer.packets.link import LINKS
from analyzer.packets.rare import rare
from analyzer.redacting.packets import Packets
from analyzer.units import PacketId

IP4_IN_IP, FRAGMENT_6 = 4, 44
MOST_PIECES = 128
MOST_BYTES = 256 << 20
"""Disguised pieces that are kept; what is beyond becomes zeros."""


def fragments(path: str | os.PathLike[str], packets: Packets) -> dict[PacketId, bytes]:
    """Return what stands in place of the payload of each fragment whose datagram is whole."""
    reading = _Reading(packets)
    for block in capture.open_captures([path]).blocks():
        for index in range(len(block.times)):
            reading.packet(block, index)
    return reading.pieces


class _Reading:
    def __init__(self, packets: Packets) -> None:
        self._packets = packets
        self._walk = Walk()
        self._pending: dict[tuple[bytes, int], list[tuple[PacketId, int, int]]] = {}
        self._size = 0
        self.pieces: dict[PacketId, bytes] = {}

    def packet(self, block: Block, index: int) -> None:
        """Take one packet; most are no fragments."""
        link = LINKS.get(block.link_type) or rare(block.link_type)
        if link is None:
            return
        walk = self._walk
        start, size = block.starts[index], block.lengths[index]
        data = walk.data = bytes(block.data[start : start + size])
        walk.at, walk.end, walk.wire_end = 0, size, max(size, block.wire_lengths[index])
        walk.path, walk.time, walk.addresses = block.interface << 12, block.times[index], b""
        step: Step = link(walk) if block.link_type != 228 else IPV4
        place: tuple[PacketId, int, int] | None = None
        for _ in range(MAX_LAYERS):
            if not isinstance(step, int) or (reader := LAYERS.get(step)) is None:
                break
            at, kind = walk.at, step
            step = reader(walk)
            offset = _offset(data, at, kind)
            if offset is not None:
                header = ((data[at] & 15) << 2) if kind != FRAGMENT_6 else 8
                length = (walk.end if walk.data is data else len(data)) - at - header
                place = (block.first_packet_id + index, offset, length)
                break
        if place is None:
            return
        key = walk.addresses, walk.ip_id or 0
        known = self._pending.setdefault(key, [])
        known.append(place)
        if walk.data is not data and isinstance(step, int):
            self._whole(step, walk.data, walk.addresses, self._pending.pop(key), block.first_packet_id + index)
        elif isinstance(step, Oddity) or len(known) > MOST_PIECES:
            self._pending.pop(key, None)
        elif len(self._pending) > MAX_DATAGRAMS:
            del self._pending[next(iter(self._pending))]

    def _whole(self, protocol: int, data: bytes, addresses: bytes, places: list[tuple[PacketId, int, int]], packet_id: PacketId) -> None:
        new = self._packets.transport(protocol, data, addresses, packet_id)
        for number, offset, length in places:
            if self._size < MOST_BYTES:
                piece = self.pieces[number] = new[offset : offset + length]
                self._size += len(piece)


def _offset(data: bytes, at: int, kind: int) -> int | None:
    """Return where in its datagram the payload behind a header begins; None where the packet is no fragment."""
    if kind in (IPV4, IP4_IN_IP) and at + 8 <= len(data) and data[at] >> 4 == 4:
        bits = data[at + 6] << 8 | data[at + 7]
        return (bits & 0x1FFF) << 3 if bits & 0x3FFF else None
    if kind == FRAGMENT_6 and at + 4 <= len(data):
        bits = data[at + 2] << 8 | data[at + 3]
        return bits & 0xFFF8 if bits & 0xFFF9 else None
    return None
