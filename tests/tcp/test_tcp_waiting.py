"""What waits behind holes, in one direction and on all connections together."""

from __future__ import annotations

import tracemalloc

from analyzer.model.seams import Segment
from analyzer.tcp import Engine, row
from analyzer.tcp.waiting import PIECE_COST, Room, Waiting
from tests.tcp.script import START


def test_first_copies_stay_and_come_out_in_order() -> None:
    waiting = Waiting()
    waiting.add(20, 5, b"bbbbb", 2, 12)
    waiting.add(10, 5, b"aaaaa", 1, 11)
    waiting.add(8, 20, b"c" * 20, 3, 13)
    assert (waiting.size, waiting.next_offset(), waiting.last_end()) == (20, 8, 28)
    assert waiting.earliest(0) == (20, 5, b"bbbbb", 2, 12)
    out = [waiting.pop() for _ in range(len(waiting))]
    assert b"".join(piece.data for piece in out) == b"ccaaaaacccccbbbbbccc"
    assert (waiting.size, waiting.cost) == (0, 0)


def test_a_cut_segment_waits_with_what_it_has() -> None:
    waiting = Waiting()
    waiting.add(10, 10, b"abc", 1, 1)
    piece = waiting.pop()
    assert (piece.size, piece.data) == (10, b"abc")


class Holder:
    def __init__(self, room: Room) -> None:
        self.room, self.gave_up = room, 0

    def give_up(self) -> None:
        self.gave_up += 1
        self.room.leave(self, 60, last=True)


def test_who_waited_longest_gives_up_first() -> None:
    room = Room(limit=100)
    first, second = Holder(room), Holder(room)
    room.take(first, 60)
    room.make()
    assert first.gave_up == 0
    room.take(second, 60)
    room.make()
    assert (first.gave_up, second.gave_up, room.used) == (1, 0, 60)


def engine() -> Engine:
    return Engine({}, lambda block, index: None, [], lambda row: None, datagram=lambda *_: None, datagram_ports=frozenset())


def give(to: Engine, number: int, who: str, seq: int, ack: int, flags: int, data: bytes = b"", time: int = START) -> None:
    ends = number.to_bytes(4, "big"), b"\x0a\0\0\1"
    key = ends[0] + ends[1] + b"\x90\0\x01\xbb" if who == "C" else ends[1] + ends[0] + b"\x01\xbb\x90\0"
    to._segment(Segment(key, seq, ack, flags, 500, data, 0, len(data), len(data), b"", number & 0xFFFF, 64, 0), time, number + 1)


def test_nothing_is_left_of_the_room_after_the_end() -> None:
    tested = engine()
    for number in range(50):
        give(tested, number, "C", 0, 0, 2)
        give(tested, number, "C", 1, 1, 16, b"a")
        give(tested, number, "C", 10, 1, 16, b"b")
    assert tested._room.used == 50 * PIECE_COST  # nobody reads: no bytes are kept
    tested.finish()
    assert tested._room.used == 0
    assert {row(flow).gap_bytes for flow in tested.flows} == {8}


def test_the_bound_on_all_connections_holds() -> None:
    tested = engine()
    tested._room.limit = 10 * PIECE_COST
    for number in range(50):
        give(tested, number, "C", 0, 0, 2)
        give(tested, number, "C", 1, 1, 16, b"a")
        give(tested, number, "C", 10, 1, 16, b"b")
        assert tested._room.used <= tested._room.limit
    # Those who gave up count their hole as a gap, the others still wait.
    assert [row(flow).gap_bytes for flow in tested.flows] == [8] * 40 + [0] * 10


def test_memory_of_a_flood_of_connections_is_small() -> None:
    tested = engine()
    tracemalloc.start()
    for number in range(2000):
        give(tested, number, "C", 0, 0, 2)
    each = tracemalloc.get_traced_memory()[0] / 2000
    tracemalloc.stop()
    assert each < 3000


def test_connections_that_are_over_let_go() -> None:
    tested = engine()
    for number in range(40):
        time = START + number * 10_000_000_000
        give(tested, number, "C", 0, 0, 2, time=time)
        give(tested, number, "S", 0, 1, 18, time=time)
        give(tested, number, "C", 1, 1, 16, b"a", time=time)
        give(tested, number, "C", 2, 1, 20, time=time)
    kept = [flow.connection_id for flow in tested.flows if flow.first_half.stream.sink is not None or flow.first_half.sightings is not None]
    assert kept == [37, 38, 39]
    # A late packet still counts.
    give(tested, 0, "C", 2, 1, 16, b"late", time=START + 500_000_000_000)
    assert row(tested.flows[0]).bytes_sent == 5
