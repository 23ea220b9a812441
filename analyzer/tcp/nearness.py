"""Which of several views of one connection is nearest to its client, told without any clock.

Each router takes one off the TTL (RFC 791 section 3.2), so that the client's packets have most of it where they are nearest to it; and the
round trip to the server is longest there. Single connections may lie (a jitter of microseconds turns the round trip around), so all that
have the same client at the same two points vote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cmp_to_key
from itertools import combinations
from typing import TypeAlias

from analyzer.tcp.flow import Flow
from analyzer.units import DurationNs

TTL_WEIGHT = 4
"""What a TTL counts against a round trip: it does not jitter."""

Place: TypeAlias = tuple[int, bytes]
"""Capture point, and the client's address there."""


class Nearness:
    """Orders the views of connections: the one nearest to the client first."""

    def __init__(self, groups: Iterable[list[Flow]]) -> None:
        self._groups = list(groups)
        self._votes: Counter[tuple[Place, Place]] = Counter()
        for views in self._groups:
            for one, other in combinations(views, 2):
                if one.point != other.point:
                    vote = _vote(one, other)
                    self._votes[_place(one), _place(other)] += vote
                    self._votes[_place(other), _place(one)] -= vote

    def sort(self) -> None:
        """Put the views of each connection in order, in place."""
        for views in self._groups:
            views.sort(key=cmp_to_key(self._compare))

    def _compare(self, one: Flow, other: Flow) -> int:
        """Return less than zero where `one` is nearer to the client: by the votes, else by time and number."""
        votes = self._votes[_place(one), _place(other)] if one.point != other.point else 0
        if votes:
            return -votes
        mine, theirs = _begin(one), _begin(other)
        return -1 if mine < theirs else 1


def _place(flow: Flow) -> Place:
    return flow.point, flow.client()[0]


def _begin(flow: Flow) -> tuple[int, int]:
    """Return when a view began and its number; at several points clocks agree only so far that the number of the point is as good."""
    return (flow.syn_ns if flow.syn_ns is not None else flow.first_ns), flow.connection_id


def _vote(one: Flow, other: Flow) -> int:
    """Return more than zero where `one` seems nearer to the client than `other`."""
    vote = 0
    ours, theirs = one.client_half, other.client_half
    if ours is not None and theirs is not None:
        if ours.seen and theirs.seen:
            vote += TTL_WEIGHT * _sign(ours.ttl - theirs.ttl)
        if ours.other.seen and theirs.other.seen:
            vote += TTL_WEIGHT * _sign(theirs.other.ttl - ours.other.ttl)
        mine, their = _round_trip(one), _round_trip(other)
        if mine is not None and their is not None:
            vote += _sign(mine - their)
    return vote


def _round_trip(flow: Flow) -> DurationNs | None:
    """Return the time from SYN to SYN-ACK; of a connection whose opening was not captured, the shortest round trip to the server."""
    if flow.syn_ns is not None and flow.syn_ack_ns is not None and flow.syn_again is None and not flow.syn_ack_repeated:
        return flow.syn_ack_ns - flow.syn_ns
    return flow.server_rtt_ns()


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
