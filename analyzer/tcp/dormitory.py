"""Where connections rest that have ended (`resting`), until a late packet or the end of the capture wakes them.

A capture may hold millions of them. For a while after their end they linger as they are; then most of what they keep is let go, and the
rest is put to rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Final, TypeAlias

from analyzer.model.seams import Opener, Segment
from analyzer.tcp._half import Half
from analyzer.tcp.flow import Flow
from analyzer.tcp.points import turned
from analyzer.tcp.resting import Resting, dissolve, is_dissolved, may_rest, rest, wake
from analyzer.tcp.waiting import Room
from analyzer.units import SECOND, ConnectionId, DurationNs, TimeNs

LINGER_NS: Final[DurationNs] = 30 * SECOND
"""How long a connection that has ended is kept ready for late packets."""
MOST_LINGERING: Final = 8192
REST_NS: Final[DurationNs] = SECOND
"""Where more than so many linger, of 8 KB each, those rest that nobody reads and on which nothing came for so long: woken, they are as they
were. That is dearer than to let go first of what serves late packets only."""

Heap: TypeAlias = list[tuple[TimeNs, ConnectionId, Flow]]
"""Connections that have ended, by the time at which they are looked at again."""


class Dormitory:
    """The connections of one engine that are at rest."""

    __slots__ = ("_cleared", "_early", "_halves", "_lingering", "_made_with", "_rested", "_resting", "_succeeded")

    def __init__(self, halves: dict[bytes, Half], openers: tuple[Opener, ...], room: Room, opened: Callable[[Flow], None] | None) -> None:
        """Take the engine's directions by key, and what its connections are made with."""
        self._halves = halves
        self._made_with = openers, room, opened
        self._lingering: Heap = []
        """Connections by when they ended, that are not at rest yet."""
        self._resting: dict[bytes, Resting] = {}
        """By the key of their first segment."""
        self._succeeded: list[Resting] = []
        """Those whose endpoints another connection has taken over, so that no packet will wake them."""
        self._early: deque[Resting] = deque()
        """Those that were put to rest before they had lingered."""
        self._rested = 0
        """How many were put to rest since `awake` was asked."""
        self._cleared: TimeNs = 0
        """The latest time at which connections were let go."""

    def ended(self, flow: Flow, time: TimeNs) -> None:
        """Learn that a connection ended."""
        heappush(self._lingering, (time, flow.connection_id, flow))

    def hand_over(self, now: TimeNs, over: Heap) -> None:
        """Add those to `over` that have lingered, each with when that was; put those to rest before their time that are too many."""
        lingering = self._lingering
        while lingering and lingering[0][0] + (LINGER_NS if len(lingering) <= MOST_LINGERING else REST_NS) <= now:
            ended, number, flow = heappop(lingering)
            due, last = ended + LINGER_NS, flow.last_ns()
            if due > now and last + REST_NS <= now and may_rest(flow):
                self._rest(flow, max(due, last + LINGER_NS), lingers=True)
            else:
                heappush(over, (due, number, flow))
        early = self._early
        while early and early[0].due_ns <= now:
            early.popleft().late = None
        if now > self._cleared:
            self._cleared = now

    def let_go(self, flow: Flow, due: TimeNs) -> None:
        """Put a connection to rest that was let go at `due`, if possible."""
        if may_rest(flow):
            self._rest(flow, due, lingers=False)

    def wake(self, key: bytes, other: bytes, time: TimeNs, flows: list[Flow], segment: Segment | None = None) -> Half | None:
        """Wake the connection of `key`, turned `other`, and put it behind `flows`; return the direction of `key`.

        None where none is at rest, or the `segment` that comes begins a new one.
        """
        resting = self._resting.get(key)
        if resting is None:
            resting = self._resting.get(other)
            if resting is None:
                return None
        forward = resting.key == key
        del self._resting[resting.key]
        if segment is not None and resting.begins_anew(segment):
            self._succeeded.append(resting)
            return None
        flow = self._woken(resting)
        first, second = flow.halves
        half, back = (first, second) if forward else (second, first)
        self._halves[other] = back
        self._halves[key] = half
        flows.append(flow)
        if resting.due_ns <= self._cleared:
            flow.finish()
            flow.release()
        self.ended(flow, time)
        return half

    def awake(self, flows: list[Flow], *, most: int = 2) -> list[Flow]:
        """Return those of `flows` that are not at rest, by their numbers; the same list where fewer than one in `most` are."""
        if self._rested * most <= len(flows) and most:
            return flows
        self._rested = 0
        return sorted([flow for flow in flows if not is_dissolved(flow)], key=_number)

    def all(self, flows: list[Flow]) -> list[Flow | Resting]:
        """Return all connections: `flows` and those at rest."""
        return [*flows, *self._resting.values(), *self._succeeded]

    def each(self, flows: list[Flow]) -> Iterator[Flow]:
        """Yield all connections, settled, by their numbers: `flows` and those at rest. None is kept but what is left in `flows`.

        That are those whose identifications may tell of losses, once it is known whether segments were joined by offload.
        """
        every = self.all(flows)
        every.sort(key=_number, reverse=True)
        flows.clear()
        self._halves.clear()
        self._resting.clear()
        self._succeeded.clear()
        self._lingering.clear()
        self._early.clear()
        while every:
            one = every.pop()
            if isinstance(one, Resting):
                flow = self._woken(one)
                flow.finish()
            else:
                flow = one
            yield flow
            if any(half.numbers is not None and half.numbers.passed for half in flow.halves):
                flows.append(flow)
            else:
                dissolve(flow)

    def _woken(self, resting: Resting) -> Flow:
        openers, room, opened = self._made_with
        return wake(resting, openers, room, opened)

    def _rest(self, flow: Flow, due: TimeNs, *, lingers: bool) -> None:
        first = flow.first_half
        resting = rest(flow, due, lingers=lingers)
        if resting is None:
            return
        if lingers:
            self._early.append(resting)
        key, halves = flow.key, self._halves
        back = turned(key)
        if halves.get(key) is first and (back in halves or back == key):
            del halves[key]
            halves.pop(back, None)  # gone already where a connection leads to itself
            self._resting[key] = resting
        else:
            self._succeeded.append(resting)
        self._rested += 1


def _number(one: Flow | Resting) -> ConnectionId:
    return one.connection_id
