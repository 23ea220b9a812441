"""A connection that never ends: what is kept of it does not grow with its length."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from analyzer.model.seams import Block, Claim, Opener
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Engine
from analyzer.tcp.conflicts import Conflicts
from tests.tcp.script import START, Line, blocks, trace

MS = 1_000_000
TURNS = 1500
BODY = bytes(500)
MOST_KEPT = 60_000
"""Objects: 1 000 repeats with a dozen facts each, and the bounded lists of the two directions."""


class Thrower:
    """A reader that keeps nothing."""

    name = "thrower"

    def sniff(self, link: object, data: bytes, start: int, end: int) -> Claim:
        return Claim.REQUEST

    def open(self, link: object, client: object, server: object) -> tuple[object, object]:
        return Sink(), Sink()


class Sink:
    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        return offset + end - start

    def gap(self, offset: int, length: int) -> int:
        return offset + length

    def end(self, offset: int, how: object) -> None:
        return


def turns(kind: str, first: int, count: int) -> Iterator[Block]:
    """Go on with a connection for `count` turns of 500 bytes each way, from turn `first`."""
    for start in range(first, first + count, 500):
        lines = []
        for turn in range(start, start + 500):
            at, seq = START + turn * 100 * MS, 500 * turn
            up = ("C", 0x18, (1001 + seq) % 2**32, (5001 + seq) % 2**32)
            down = ("S", 0x18, (5001 + seq) % 2**32, (1501 + seq) % 2**32)
            ask = Line(at, *up, BODY, ip_id=2 * turn & 0xFFFF)
            answer = Line(at + 20 * MS, *down, BODY, ip_id=turn & 0xFFFF)
            if kind == "probes":
                lines += [Line(at, "C", 0x10, 1000, 5001, ip_id=turn & 0xFFFF), Line(at + MS, "S", 0x10, 5001, 1001)]
            elif kind == "repeats":
                again = Line(at + 10 * MS, *up, BODY, ip_id=2 * turn + 1 & 0xFFFF)
                lines += [ask, again, answer, Line(at + 60 * MS, *down, BODY, ip_id=turn & 0xFFFF)]
            elif kind == "holes":
                lines += [ask] if turn % 3 else [answer]
            elif kind == "lost numbers":
                lines += [Line(at, *up, BODY, ip_id=3 * turn & 0xFFFF), answer]
            elif kind == "closed windows":
                lines += [ask, answer, Line(at + 21 * MS, "C", 0x10, (1501 + seq) % 2**32, (5501 + seq) % 2**32, window=0)]
            else:
                lines += [ask, answer]
        yield from blocks(lines)


def reachable(thing: Any, seen: set[int]) -> int:
    """Count the objects that a connection keeps, without the blocks that are at hand for all connections."""
    waiting, found = [thing], 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, Conflicts | type) or callable(one):
            continue
        seen.add(id(one))
        found += 1
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | deque):
            waiting += one
        else:
            slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
            waiting += [getattr(one, name) for name in (*slots, *getattr(one, "__dict__", ())) if hasattr(one, name)]
    return found


@pytest.mark.parametrize("kind", ["talk", "repeats", "holes", "probes", "lost numbers", "closed windows"])
def test_its_state_is_bounded(kind: str) -> None:
    opener: Any = Thrower()
    openers: list[Opener] = [opener]
    engine = Engine(
        LAYOUTS, Decoder().decode, openers, lambda row: None, datagram=lambda datagram, time, packet_id: None, datagram_ports=frozenset()
    )
    for block in blocks(trace("0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n")):
        engine.feed(block)
    number, kept = 4, []
    for part in range(3):
        for block in turns(kind, TURNS * part, TURNS):
            engine.feed(block._replace(first_packet_id=number))
            number += len(block.times)
        (flow,) = engine.flows
        kept.append(reachable(flow, set()))
    assert number > 3 * TURNS
    assert kept[2] < MOST_KEPT
    if kind != "holes":  # the places of the first 16 384 gaps are remembered
        assert kept[2] - kept[1] < 200
