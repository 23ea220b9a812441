"""Offsets between clocks, and which captures are of the same minute."""

from __future__ import annotations

import pytest

from analyzer.model.clocks import Clock
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Sample, clocks
from analyzer.tcp.clocks import Delta, compare, measure, median
from tests.tcp.script import Line, blocks, trace

MS = 1_000_000
HOUR = 3600 * 1000 * MS
OPENING = "{0} C S 0 0 {2}\n{1} S SA 0 1 {2}\n"
CALL = "0 C S 0 0 {0}\n20 S SA 0 1 {0}\n20.1 C A 1 1 {0}\n21 C PA 1 1 100 {0}\n50 S PA 1 101 300 {0}\n50.1 C A 101 301 {0}\n"


def sample(lines: list[Line]) -> Sample:
    made = Sample(LAYOUTS, Decoder().decode, 2)
    for block in blocks(sorted(lines, key=lambda line: line.time)):
        made.feed(block)
    return made


def moved(lines: list[Line], up: int, down: int, offset: int) -> list[Line]:
    """Return the packets as a point sees them that is `up` ns after the client's own and `down` ns before the server's."""
    return [Line(**{**vars(line), "time": line.time + offset + (up if line.who == "C" else -down)}) for line in lines]


def calls(number: int, more: str = "", *, gap: float = 100) -> list[Line]:
    """Make calls on a connection each, with numbers of their own."""
    out = []
    for at in range(number):
        text = CALL.format(f"port={40000 + at} {more}")
        lines = trace(text, client=at * 100_003 + 1, server=at * 70_001 + 9)
        out += [Line(**{**vars(line), "time": line.time + round(at * gap * MS)}) for line in lines]
    return out


@pytest.mark.parametrize("offset", [0, 3 * MS, -2000 * MS, HOUR])
@pytest.mark.parametrize("more", ["", "cli=10.0.1.50"])
def test_both_directions_tell_the_offset_whatever_the_delay(offset: int, more: str) -> None:
    near, far = sample(calls(5)), sample(moved(calls(5, more), 2 * MS, 2 * MS, offset))
    (pair,) = compare([near, far]).values()
    assert (pair.ahead_ns, pair.spread_ns, pair.connections, pair.one_way) == (offset, 0, 5, False)
    (back,) = compare([far, near]).values()
    assert back.ahead_ns == -offset


def test_unequal_delays_are_off_by_half_their_difference() -> None:
    (pair,) = compare([sample(calls(3)), sample(moved(calls(3), 3 * MS, MS, 0))]).values()
    assert pair.ahead_ns == MS


def test_the_median_shrugs_off_stray_connections() -> None:
    far = moved(calls(9), MS, MS, 5 * MS)
    wild = [Line(**{**vars(line), "time": line.time + (70 * MS if line.port in (40001, 40002) else 0)}) for line in far]
    (pair,) = compare([sample(calls(9)), sample(wild)]).values()
    assert (pair.ahead_ns, pair.spread_ns) == (5 * MS, 0)


def test_one_direction_alone_contains_the_delay() -> None:
    text = "".join(f"{at * 1000} C S 0 0 port={at + 1} isn={at * 7919} ts={at + 5}\n" for at in range(5))
    lines = trace(text)
    (pair,) = compare([sample(lines), sample(moved(lines, 2 * MS, 0, HOUR))]).values()
    assert (pair.ahead_ns, pair.one_way) == (HOUR + 2 * MS, True)


def test_a_segment_that_one_saw_twice_tells_nothing() -> None:
    lines = trace(CALL.format(""))
    again = [*lines, Line(**{**vars(lines[3]), "time": lines[3].time + 300 * MS})]
    (pair,) = compare([sample(lines), sample(again)]).values()
    assert pair.ahead_ns == 0


@pytest.mark.parametrize("stamp", ["", "ts=5"])
def test_what_was_sent_again_over_the_end_of_a_file_makes_no_pair(stamp: str) -> None:
    # A SYN and its answer, and the last request, are repeated in the next file of a ring.
    lines = calls(6)
    first = [*lines, *trace(f"700 C S 0 0 port=1 isn=99 {stamp}\n720 S SA 0 1 port=1\n", server=4242)]
    again = trace(f"1700 C S 0 0 port=1 isn=99 {stamp.replace('5', '1005')}\n1720 S SA 0 1 port=1\n", server=4242)
    later = [Line(**{**vars(line), "time": line.time + 2000 * MS, "port": line.port + 100, "seq": line.seq ^ 0x5A5A}) for line in lines]
    assert compare([sample(first), sample([*again, *later])]) == {}


def test_the_next_file_of_a_ring_is_of_the_same_point() -> None:
    parts = [sample(calls(3)), sample([Line(**{**vars(line), "time": line.time + 400 * MS, "seq": line.seq + 999}) for line in calls(3)])]
    assert clocks(parts, ["a", "a"]) == [Clock(), Clock()]


def test_other_traffic_of_the_same_time_is_of_the_same_point() -> None:
    other = [Line(**{**vars(line), "seq": line.seq ^ 0x1234567}) for line in calls(4)]
    assert [one.point for one in clocks([sample(calls(4)), sample(other)], ["a", "b"])] == [0, 0]


def test_shifts_are_against_the_first_file_also_over_a_third() -> None:
    # The first and the last share nothing with each other.
    whole = calls(8)
    early = [line for line in whole if line.port < 40004]
    late = [line for line in whole if line.port >= 40004]
    found = clocks([sample(early), sample(moved(late, 0, 0, HOUR)), sample(moved(whole, 0, 0, -2000 * MS))], ["a", "b", "c"])
    assert [one.shift_ns for one in found] == [0, HOUR, -2000 * MS]
    assert [one.against for one in found] == [None, 2, 0]
    assert found[1].ahead_ns == HOUR + 2000 * MS
    assert [one.point for one in found] == [0, 0, 1]


def test_clocks_that_cannot_be_told_apart_are_left_alone() -> None:
    found = clocks([sample(calls(4)), sample(moved(calls(4), 20_000, 0, 30_000))], ["a", "b"])
    assert (found[1].ahead_ns, found[1].shift_ns, found[1].apart) == (40_000, 0, False)
    found = clocks([sample(calls(4)), sample(moved(calls(4), 0, 0, 300_000))], ["a", "b"])
    assert (found[1].ahead_ns, found[1].shift_ns, found[1].apart) == (300_000, 300_000, True)


def test_parts_of_two_rings_go_to_their_own_points_by_their_names() -> None:
    parts = [calls(3), [Line(**{**vars(line), "time": line.time + 1000 * MS, "seq": line.seq + 500_000}) for line in calls(3)]]
    near = [sample(part) for part in parts]
    far = [sample(moved(part, MS, MS, HOUR)) for part in parts]
    found = clocks([near[0], far[0], near[1], far[1]], ["near", "far", "near", "far"])
    assert [one.point for one in found] == [0, 1, 0, 1]
    assert [one.shift_ns for one in found] == [0, HOUR, 0, HOUR]


def test_what_cannot_be_read_beforehand_is_left_out() -> None:
    found = clocks([None, sample(calls(2)), sample(calls(2))], ["-", "a", "b"])
    assert [(one.readable, one.point, one.against) for one in found] == [(False, 0, None), (True, 0, None), (True, 1, 1)]


def test_nothing_shared_tells_nothing() -> None:
    assert measure([]) is None
    assert compare([sample([]), sample(calls(1))]) == {}


def test_median() -> None:
    assert [median([5]), median([1, 4]), median([9, 1, 2])] == [5, 2, 2]


def test_groups_by_the_side_that_sees_both_directions() -> None:
    # One capture is of several interfaces, and sees answers before their addresses are translated back.
    up, down = bytes((1, 0, 0, 1, 2, 0, 0, 2, 0, 9, 0, 80)), bytes((2, 0, 0, 2, 1, 0, 0, 1, 0, 80, 0, 9))
    other = bytes((2, 0, 0, 2, 7, 0, 0, 7, 0, 80, 0, 9))
    shared: list[Delta] = [(up, up, 100), (down, other, 40)]
    found = measure(shared)
    assert found is not None
    assert (found.ahead_ns, found.one_way) == (70, False)
