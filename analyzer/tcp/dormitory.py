"""Where connections rest that have ended (`resting`), until a late packet or the end of the capture wakes them.

A capture may hold millions of them. For a while after their end they linger as they are (`following`); then most of what they keep is let
go, and the rest is put to rest. When that is depends on no other connection. One that was woken stays awake: it was let go already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
Heap: TypeAlias = list[tuple[TimeNs, ConnectionId, Flow]]
"""Connections that have ended, by when they may be let go."""


class Dormitory:
    """The connections of one engine that are at rest."""

    __slots__ = ("_halves", "_made_with", "_rested", "_resting", "_succeeded")

    def __init__(self, halves: dict[bytes, Half], openers: tuple[Opener, ...], room: Room, opened: Callable[[Flow], None] | None) -> None:
        """Take the engine's directions by key, and what its connections are made with."""
        self._halves = halves
        self._made_with = openers, room, opened
        self._resting: dict[bytes, Resting] = {}
        """By the key of their first segment."""
        self._succeeded: list[Resting] = []
        """Those whose endpoints another connection has taken over, so that no packet will wake them."""
        self._rested = 0
        """How many were put to rest since `awake` was asked."""

    def let_go(self, flow: Flow) -> None:
        """Put a connection to rest that was let go, if possible."""
        resting = rest(flow) if may_rest(flow) else None
        if resting is None:
            return
        first, key, halves = flow.first_half, flow.key, self._halves
        back = turned(key)
        if halves.get(key) is first and (back in halves or back == key):
            del halves[key]
            halves.pop(back, None)  # gone already where a connection leads to itself
            self._resting[key] = resting
        else:
            self._succeeded.append(resting)
        self._rested += 1

    def wake(self, key: bytes, other: bytes, flows: list[Flow], segment: Segment | None = None) -> Half | None:
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


def _number(one: Flow | Resting) -> ConnectionId:
    return one.connection_id
