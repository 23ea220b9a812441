"""Segments that wait behind a hole, and what all connections share: the bound on what they together let wait."""

from __future__ import annotations

from bisect import insort
from collections import deque
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from analyzer.model.seams import Block
from analyzer.tcp.conflicts import Conflicts
from analyzer.tcp.ranges import RangeSet
from analyzer.units import PacketId, TimeNs

MOST_PIECES: Final = 4096
MOST_BYTES: Final = 8 << 20
"""Bounds of what waits in one direction; beyond them its first hole is taken for a gap."""
MOST_ROOM: Final = 128 << 20
"""Bytes that all directions together let wait; beyond them whoever waited longest gives up."""
PIECE_COST: Final = 256
"""What a waiting segment costs beside its bytes."""


class Piece(NamedTuple):
    """A segment's payload that waits behind a hole."""

    offset: int
    size: int
    data: bytes
    """What the capture holds of it, and a reader may want; may be shorter than `size`."""
    time: TimeNs
    packet_id: PacketId

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.size


class Waiter(Protocol):
    """A direction in which segments wait."""

    def give_up(self) -> None:
        """Take every hole for a gap, so that nothing waits any more."""
        ...


class Room:
    """What all connections of a capture share: the bound on what waits, and the blocks at hand with which repeats are compared."""

    __slots__ = ("_waiters", "conflicts", "limit", "used")

    def __init__(self, conflicts: Conflicts | None = None, *, limit: int = MOST_ROOM) -> None:
        self.conflicts = conflicts
        self.limit = limit
        self.used = 0
        self._waiters: dict[Waiter, None] = {}

    def enter(self, block: Block) -> None:
        """Keep a block at hand."""
        if self.conflicts is not None:
            self.conflicts.enter(block)

    def take(self, waiter: Waiter, size: int) -> None:
        """Let `size` more bytes of a direction wait."""
        self.used += size
        self._waiters[waiter] = None

    def leave(self, waiter: Waiter, size: int, *, last: bool) -> None:
        """Take note that `size` bytes wait no more; `last`: nothing of this direction does."""
        self.used -= size
        if last:
            self._waiters.pop(waiter, None)

    def make(self) -> None:
        """Let those who waited longest give up until the rest fits."""
        while self.used > self.limit and self._waiters:
            waiter = next(iter(self._waiters))
            del self._waiters[waiter]
            waiter.give_up()


class Waiting:
    """What waits in one direction, disjoint and sorted by offset; of bytes that came twice the first copy is kept."""

    __slots__ = ("_arrivals", "_covered", "_pieces", "cost", "size")

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._covered = RangeSet()
        self._arrivals: deque[Piece] = deque()
        self.size = 0
        """Stream bytes that wait."""
        self.cost = 0
        """Bytes of memory, roughly."""

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, offset: int, size: int, data: bytes, time: TimeNs, packet_id: PacketId) -> int:
        """Let the parts of a segment wait that do not wait already; return what they cost."""
        cost = 0
        for start, end in self._covered.missing(offset, offset + size):
            piece = Piece(start, end - start, data[start - offset : end - offset], time, packet_id)
            insort(self._pieces, piece, key=attrgetter("offset"))
            self._arrivals.append(piece)
            self.size += piece.size
            cost += len(piece.data) + PIECE_COST
        self._covered.add(offset, offset + size)
        self.cost += cost
        return cost

    def holds(self, offset: int, end: int) -> bool:
        """Tell whether all bytes from `offset` to `end` wait already."""
        return not self._covered.missing(offset, end)

    def full(self) -> bool:
        """Tell whether more waits than may."""
        return len(self._pieces) > MOST_PIECES or self.cost > MOST_BYTES

    def next_offset(self) -> int:
        """Return where the first piece begins."""
        return self._pieces[0].offset

    def last_end(self) -> int:
        """Return where the last piece ends."""
        return self._pieces[-1].end

    def earliest(self, offset: int) -> Piece | None:
        """Return the piece at or beyond `offset` that came first, where any waits."""
        arrivals = self._arrivals
        while arrivals and arrivals[0].end <= offset:
            arrivals.popleft()
        return arrivals[0] if arrivals else None

    def pop(self) -> Piece:
        """Take the first piece out."""
        piece = self._pieces.pop(0)
        self._covered.remove(piece.offset, piece.end)
        self.size -= piece.size
        self.cost -= len(piece.data) + PIECE_COST
        return piece
