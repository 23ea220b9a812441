"""Connections seen at two capture points of which one or both did not see the opening: the bytes that both carried tell.

Two captures that hold a connection to its end have the same last sequence numbers of both directions; otherwise the numbers that each saw
overlap in both directions, on the same ports at both points.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from analyzer.tcp._half import Half
from analyzer.tcp.flow import Flow
from analyzer.tcp.seq import MASK
from analyzer.units import SECOND, DurationNs

SLACK_NS: DurationNs = SECOND
"""How far aligned clocks may be off."""
MOST_ALIKE = 8
"""Connections with the same ports, or the same last numbers, that are compared with each; more tell nothing."""
LONGEST = 1 << 31
"""Bytes of a direction beyond which its sequence numbers overlap with everything."""

Pairs: TypeAlias = list[tuple[Flow, Flow]]


def overlaps(flows: Sequence[Flow]) -> Pairs:
    """Return pairs of views of one connection at different points, of which at least one lacks the SYN."""
    alike: dict[tuple[str, int, int], list[tuple[Flow, Half]]] = defaultdict(list)
    found: Pairs = []
    for flow in flows:
        client = flow.client_half
        if client is None or not (client.seen or client.other.seen):
            continue
        for half in (client, client.other):
            half.stream.sync()
        for key in (("ports", flow.client()[1], flow.server()[1]), ("ends", client.next_seq, client.other.next_seq)):
            known = alike[key]
            found += [(other, flow) for other, theirs in known[-MOST_ALIKE:] if _same(other, theirs, flow, client)]
            known.append((flow, client))
    return found


def _same(one: Flow, ours: Half, other: Flow, theirs: Half) -> bool:
    """Tell whether two connections, each given with its client's direction, are one."""
    if one.point == other.point or (one.syn_ns is not None and other.syn_ns is not None):
        return False
    last_one, last_other = max(half.last_time for half in one.halves), max(half.last_time for half in other.halves)
    if one.first_ns > last_other + SLACK_NS or other.first_ns > last_one + SLACK_NS:
        return False
    return _meet(ours, theirs) and _meet(ours.other, theirs.other)


def _meet(one: Half, other: Half) -> bool:
    """Tell whether two views of a direction carried, or acknowledged, the same sequence numbers."""
    mine, theirs = one.stream, other.stream
    if not mine.started or not theirs.started or max(mine.offset, theirs.offset) >= LONGEST:
        return False
    start, their_start = (mine.seq - mine.offset) & MASK, (theirs.seq - theirs.offset) & MASK
    return (their_start - start) & MASK <= mine.offset or (start - their_start) & MASK <= theirs.offset
