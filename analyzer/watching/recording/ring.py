"""The packets of the last seconds, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.model.seams import Block
from analyzer.units import PacketId, TimeNs

PACKET_COST = 160
"""Bytes of memory that a packet costs beside its own: entries of four lists."""


class Kept(NamedTuple):
    """One packet."""

    packet_id: PacketId
    interface: int
    link_type: int
    time: TimeNs
    data: bytes
    wire_length: int


class Ring:
    """Keeps the latest blocks up to so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._blocks: deque[tuple[int, Block]] = deque()
        self.size = 0
        """Bytes that are kept, roughly."""

    def add(self, block: Block) -> None:
        """Keep a block; the oldest make room for it."""
        cost = len(block.data) + PACKET_COST * len(block.times)
        self._blocks.append((cost, block))
        self.size += cost
        while self.size > self._most and len(self._blocks) > 1:
            self.size -= self._blocks.popleft()[0]

    def between(self, first: TimeNs, last: TimeNs) -> Iterator[Kept]:
        """Yield the packets of a time, in the order in which they came."""
        for _, block in self._blocks:
            if max(block.times[0], block.times[-1]) < first and max(block.times) < first:
                continue
            for index, time in enumerate(block.times):
                if first <= time <= last:
                    start = block.starts[index]
                    data = block.data[start : start + block.lengths[index]]
                    yield Kept(block.first_packet_id + index, block.interface, block.link_type, time, data, block.wire_lengths[index])

    @property
    def oldest(self) -> TimeNs | None:
        """Time of the oldest packet that is kept; None where there is none."""
        return self._blocks[0][1].times[0] if self._blocks else None
