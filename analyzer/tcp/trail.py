"""What happened to the bytes of one direction: which packets carried the last ones, what was sent again, which holes were filled, when
the receiver's window was closed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.model.stalls import Held
from analyzer.units import PacketId, TimeNs

MOST_MARKS: Final = 32
"""Packets of one direction that are remembered: as many as an ICMP error or a repeat may lag behind."""
MOST_UPLOADED: Final = 512
"""The same while a client sends a large body: what may be under way at once."""
MOST_EVENTS: Final = 256
"""Bound of the repeats, of the holes and of the closed windows that are remembered for the exchange under way."""


class Mark:
    """A packet and the stream offsets that it carried."""

    __slots__ = ("end", "packet_id", "start", "time")

    def __init__(self, start: int, end: int, time: TimeNs, packet_id: PacketId) -> None:
        self.start, self.end, self.time, self.packet_id = start, end, time, packet_id


class Marks:
    """The last packets of one direction. The oldest is written anew for the next one: this runs for every packet that is read."""

    __slots__ = ("_kept", "_next", "most")

    def __init__(self, most: int = MOST_MARKS) -> None:
        self.most = most
        self._kept: list[Mark] = []
        self._next = 0
        """Where the oldest stands, once there are `most`."""

    def add(self, start: int, end: int, time: TimeNs, packet_id: PacketId) -> None:
        """Remember a packet."""
        kept = self._kept
        if len(kept) < self.most:
            kept.append(Mark(start, end, time, packet_id))
            return
        at = self._next
        mark = kept[at]
        mark.start, mark.end, mark.time, mark.packet_id = start, end, time, packet_id
        self._next = at + 1 if at + 1 < self.most else 0

    def widen(self, most: int) -> None:
        """Remember more of them from now on."""
        self._kept, self._next, self.most = self.oldest_first(), 0, most

    def oldest_first(self) -> list[Mark]:
        """Return them in the order in which they came; good until the next is added."""
        return self._kept[self._next :] + self._kept[: self._next]

    def packet_of(self, offset: int) -> PacketId | None:
        """Return the last packet that carried the byte at `offset`, if it is remembered."""
        for mark in reversed(self.oldest_first()):
            if mark.start <= offset < mark.end:
                return mark.packet_id
        return None


NO_MARKS: Final = Marks(0)
"""Of a direction that nobody reads: nothing may be added."""


class Repeat:
    """Bytes that were sent again by a packet, and when they were acknowledged."""

    __slots__ = ("acked", "end", "first_sent", "needless", "packet_id", "start", "time")

    def __init__(self, start: int, end: int, first_sent: TimeNs, time: TimeNs, packet_id: PacketId, *, needless: bool) -> None:
        self.start, self.end, self.first_sent, self.time, self.packet_id = start, end, first_sent, time, packet_id
        self.needless = needless
        """Whether the bytes had been acknowledged before."""
        self.acked: TimeNs | None = time if needless else None


class Hole(NamedTuple):
    """A hole that was filled: when the first segment beyond it came, and the filling one."""

    start: int
    end: int
    beyond: TimeNs
    filled: TimeNs
    packet_id: PacketId
    """The filling one."""


class Closed(NamedTuple):
    """A time in which the receiver's window was closed: since it was filled, and when an update opened it."""

    offset: int
    """Up to where the sender had been allowed to send."""
    filled: TimeNs
    opened: TimeNs
    packet_id: PacketId
    """The update."""


class Trail:
    """What held up the bytes of one direction, as far as it concerns the exchange under way. Most connections never have one."""

    __slots__ = ("closed", "held", "holes", "open_repeats", "repeats")

    def __init__(self) -> None:
        self.repeats: list[Repeat] = []
        self.open_repeats = 0
        """Repeats that no ACK has covered yet."""
        self.holes: list[Hole] = []
        self.closed: list[Closed] = []
        self.held: list[tuple[int, Held]] = []
        """Segments that were held back, each with its offset."""

    def repeat(
        self, start: int, end: int, sent: TimeNs, time: TimeNs, packet_id: PacketId, marks: Marks, *, needless: bool = False
    ) -> None:
        """Note that bytes were sent again at `time`; `sent` is the best guess of the first time where no mark tells it.

        `needless` where they had been acknowledged before.
        """
        if len(self.repeats) >= MOST_EVENTS:  # the oldest go: the last needed copy is what a wait ends with
            self.open_repeats -= self.repeats.pop(0).acked is None
        for mark in marks.oldest_first():
            if mark.start < end <= mark.end:
                sent = mark.time
                break
        self.repeats.append(Repeat(start, end, min(sent, time), time, packet_id, needless=needless))
        self.open_repeats += not needless

    def hole(self, start: int, end: int, beyond: TimeNs, filled: TimeNs, packet_id: PacketId) -> None:
        """Note that a hole was filled."""
        if len(self.holes) >= MOST_EVENTS:
            del self.holes[0]
        self.holes.append(Hole(start, end, beyond, filled, packet_id))

    def window_closed(self, offset: int, filled: TimeNs, opened: TimeNs, packet_id: PacketId) -> None:
        """Note that the receiver's window was closed and opened again."""
        if len(self.closed) >= MOST_EVENTS:
            del self.closed[0]
        self.closed.append(Closed(offset, filled, opened, packet_id))

    def hold(self, offset: int, held: Held) -> None:
        """Note that the bytes from `offset` on were held back until a late ACK."""
        if len(self.held) >= MOST_EVENTS:
            del self.held[0]
        self.held.append((offset, held))

    def acknowledge(self, offset: int, time: TimeNs) -> None:
        """Settle the repeats that an ACK up to `offset` covers."""
        for repeat in self.repeats:
            if repeat.acked is None and repeat.end <= offset:
                repeat.acked = time
                self.open_repeats -= 1

    def forget(self, offset: int) -> bool:
        """Drop the events of bytes before `offset`; tell whether any are left."""
        if self.repeats:
            self.repeats = [repeat for repeat in self.repeats if repeat.end > offset]
            self.open_repeats = sum(repeat.acked is None for repeat in self.repeats)
        if self.holes:
            self.holes = [hole for hole in self.holes if hole.end > offset]
        if self.closed:
            self.closed = [window for window in self.closed if window.offset > offset]
        if self.held:
            self.held = [one for one in self.held if one[0] >= offset]
        return bool(self.repeats or self.holes or self.closed or self.held)
