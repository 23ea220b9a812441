"""What is remembered of repairs: bounded, and the latest always among it."""

from __future__ import annotations

from analyzer.tcp.trail import MOST_EVENTS, Marks, Trail


def marked(*marks: tuple[int, int, int, int], most: int = 8) -> Marks:
    kept = Marks(most)
    for mark in marks:
        kept.add(*mark)
    return kept


def test_beyond_the_bound_the_oldest_repeats_go() -> None:
    trail = Trail()
    marks = Marks()
    for number in range(MOST_EVENTS + 44):
        trail.repeat(number, number + 1, 0, number, number, marks)
    assert len(trail.repeats) == trail.open_repeats == MOST_EVENTS
    assert trail.repeats[-1].time == MOST_EVENTS + 43
    trail.acknowledge(MOST_EVENTS + 44, 1000)
    assert trail.open_repeats == 0


def test_a_repeat_knows_when_its_last_byte_was_first_sent() -> None:
    trail = Trail()
    marks = marked((0, 10, 100, 1), (10, 20, 200, 2), (20, 30, 300, 3))
    trail.repeat(10, 20, 300, 900, 4, marks)
    assert (trail.repeats[0].first_sent, trail.repeats[0].time) == (200, 900)


def test_a_byte_is_found_in_the_last_packet_that_carried_it() -> None:
    marks = marked((0, 10, 100, 1), (10, 20, 200, 2), (10, 20, 300, 3))
    assert [marks.packet_of(offset) for offset in (0, 15, 20)] == [1, 3, None]


def test_forgetting_leaves_what_is_still_to_come() -> None:
    trail = Trail()
    trail.repeat(0, 10, 0, 1, 1, Marks())
    trail.hole(30, 40, 1, 2, 2)
    assert trail.forget(20)
    assert (trail.repeats, trail.open_repeats, len(trail.holes)) == ([], 0, 1)
    assert not trail.forget(50)


def test_the_last_packets_are_remembered_in_their_order_also_when_more_are_from_then_on() -> None:
    marks = marked(*((number, number + 1, number, number) for number in range(7)), most=3)
    assert [mark.packet_id for mark in marks.oldest_first()] == [4, 5, 6]
    assert [marks.packet_of(number) for number in (3, 4, 6)] == [None, 4, 6]
    marks.widen(5)
    for number in range(7, 11):
        marks.add(number, number + 1, number, number)
    assert [mark.packet_id for mark in marks.oldest_first()] == [6, 7, 8, 9, 10]
