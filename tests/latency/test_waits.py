"""What a wait consists of: design sections 2.1 to 2.3, each rule by numbers that were worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.latency import Wait, split
from analyzer.latency.waits import UNKNOWN, covered
from analyzer.model.http import HttpExchange, Request
from analyzer.model.rows import Held, Stall
from analyzer.model.seams import Repair
from analyzer.units import TimeNs

Interval = tuple[TimeNs, TimeNs]


class Network:
    """Answers what `split` asks: the request lies at 100 to 200 of the client's bytes, the response at 300 to 400 of the server's."""

    def __init__(self, repeats: list[Interval], holes: list[Interval], up: list[Interval], down: list[Interval]) -> None:
        self.repeats, self.filled, self.blocked_up, self.blocked_down = repeats, holes, up, down
        self.up_held: list[Held] = []
        self.down_held: list[Held] = []

    def troubled(self) -> bool:
        return True

    def needed_repeats(self, start: int, end: int) -> list[Repair]:
        assert (start, end) == (100, 200)
        return [(*interval, 7) for interval in self.repeats]

    def holes(self, start: int, end: int) -> list[Repair]:
        assert (start, end) == (300, 400)
        return [(*interval, 8) for interval in self.filled]

    def request_held(self, start: int, end: int) -> list[Held]:
        assert (start, end) == (100, 200)
        return self.up_held

    def response_held(self, start: int, end: int) -> list[Held]:
        assert (start, end) == (300, 400)
        return self.down_held

    def request_blocked(self, start: int, end: int) -> list[Repair]:
        assert (start, end) == (100, 200)
        return [(*interval, 9) for interval in self.blocked_up]

    def response_blocked(self, start: int, end: int) -> list[Repair]:
        assert (start, end) == (300, 400)
        return [(*interval, 10) for interval in self.blocked_down]


def exchange(
    sent: TimeNs | None,
    first: TimeNs | None,
    *,
    rtt: int | None = 40,
    repeats: list[Interval] | None = None,
    holes: list[Interval] | None = None,
    up: list[Interval] | None = None,
    down: list[Interval] | None = None,
    acked: TimeNs | None = None,
    previous: TimeNs | None = None,
    complete: bool = True,
) -> HttpExchange:
    made = HttpExchange(0, Network(repeats or [], holes or [], up or [], down or []))  # type: ignore[arg-type]
    made.request = Request("POST", b"/", {}, b"")
    made.request_end = None if sent is None else (sent, 1)
    made.response_start = None if first is None else (first, 2)
    made.request_offset, made.request_end_offset, made.response_offset, made.response_end_offset = 100, 200, 300, 400
    made.rtt_ns, made.request_acked_ns, made.previous_end_ns, made.request_complete = rtt, acked, previous, complete
    return made


def test_a_round_trip_and_the_server() -> None:
    assert split(exchange(1000, 1100)) == Wait(0, 40, 60, 0)


def test_an_answer_faster_than_the_smallest_round_trip_leaves_nothing_to_the_server() -> None:
    assert split(exchange(1000, 1030)) == Wait(0, 30, 0, 0)


def test_the_shortest_wait_is_split_too() -> None:
    assert split(exchange(1000, 1001))[:4] == (0, 1, 0, 0)


def test_without_a_round_trip_nothing_is_split() -> None:
    assert split(exchange(1000, 1100, rtt=None)) == Wait(0, None, None, 0)


@pytest.mark.parametrize("first", [1000, 990])
def test_an_answer_before_the_end_of_the_request_leaves_no_wait(first: int) -> None:
    assert split(exchange(1000, first)) == Wait(0, 0, 0, 0)


def test_a_repeat_that_was_needed() -> None:
    # Sent at 990 and 1000; the copy sent at 1250 was the one that arrived.
    assert split(exchange(1000, 1350, repeats=[(990, 1250)]))[:4] == (250, 40, 60, 260)


def test_the_last_of_several_needed_repeats_counts_and_overlaps_count_once() -> None:
    repeats = [(990, 1200), (1000, 1250), (1240, 1260)]
    assert split(exchange(1000, 1400, repeats=repeats))[:4] == (260, 40, 100, 270)


def test_a_repeat_within_the_sending_costs_no_wait() -> None:
    assert split(exchange(1000, 1100, repeats=[(700, 950)]))[:4] == (0, 40, 60, 250)


def test_a_repeat_after_the_answer_began_is_no_part_of_the_wait_beyond_it() -> None:
    assert split(exchange(1000, 1100, repeats=[(1000, 1200)]))[:4] == (100, 0, 0, 200)


def test_a_hole_after_the_first_packet_of_the_answer_is_a_stall_but_no_wait() -> None:
    assert split(exchange(1000, 1100, holes=[(1100, 1300), (1250, 1320)]))[:4] == (0, 40, 60, 220)


def test_a_hole_before_the_first_packet_of_the_answer_is_both() -> None:
    assert split(exchange(1000, 1100, holes=[(1020, 1050)]))[:4] == (30, 40, 30, 30)


def test_a_hole_and_a_repeat_at_once_count_once() -> None:
    assert split(exchange(1000, 1100, repeats=[(990, 1030)], holes=[(1020, 1050)]))[:4] == (50, 40, 10, 60)


def test_a_long_request_is_under_way_until_its_last_byte_is_acknowledged() -> None:
    assert split(exchange(1000, 1200, acked=1090)) == Wait(0, 90, 110, 0)


def test_an_acknowledgment_within_the_round_trip_or_after_the_answer_changes_nothing() -> None:
    assert split(exchange(1000, 1200, acked=1020)) == Wait(0, 40, 160, 0)
    assert split(exchange(1000, 1200, acked=1200)) == Wait(0, 40, 160, 0)
    assert split(exchange(1000, 1200, acked=1300)) == Wait(0, 40, 160, 0)


def test_repair_is_not_counted_again_as_network() -> None:
    # Needed copy at 1100, acknowledged at 1160: 100 of repair, 60 under way.
    assert split(exchange(1000, 1200, repeats=[(990, 1100)], acked=1160))[:4] == (100, 60, 40, 110)


def test_behind_another_answer_the_server_is_unknown() -> None:
    assert split(exchange(1000, 1200, previous=1150)) == Wait(0, None, None, 0)
    assert split(exchange(1000, 1200, previous=1000)) == Wait(0, 40, 160, 0)  # that one had ended before the wait began


def test_a_request_whose_end_was_not_captured_tells_nothing_of_the_server() -> None:
    assert split(exchange(1000, 1200, complete=False)) == Wait(0, None, None, 0)
    assert split(exchange(1000, 1000, complete=False)) == Wait(0, 0, 0, 0)


def test_half_an_exchange_has_no_wait() -> None:
    assert split(exchange(1000, None)) == UNKNOWN
    assert split(exchange(None, 1000)) == UNKNOWN
    without = exchange(1000, 1100)
    without.request = None
    assert split(without) == UNKNOWN


def test_stalls_are_told_one_by_one_in_order_of_time() -> None:
    wait = split(exchange(1000, 1400, repeats=[(990, 1200)], holes=[(1450, 1500)], up=[(950, 960)], down=[(1420, 1460)]))
    assert wait.stalls == (
        Stall("zero-window", 950, 960, 9),
        Stall("request-repeated", 990, 1200, 7),
        Stall("zero-window", 1420, 1460, 10),
        Stall("response-hole", 1450, 1500, 8),
    )
    assert wait.stall_ns == 10 + 210 + 80


def test_a_closed_window_is_a_stall_but_no_wait() -> None:
    assert split(exchange(1000, 1100, up=[(700, 950)], down=[(1150, 1250)]))[:4] == (0, 40, 60, 350)


def test_without_trouble_nothing_is_asked() -> None:
    made = exchange(1000, 1100, repeats=[(990, 1030)])
    made.troubled = False
    assert split(made) == Wait(0, 40, 60, 0)
    assert split(made).stalls is UNKNOWN.stalls


@pytest.mark.parametrize(
    "intervals, wanted",
    [
        ([], 0),
        ([(1, 4)], 3),
        ([(1, 4), (2, 3)], 3),
        ([(5, 9), (1, 4)], 7),
        ([(1, 4), (4, 6)], 5),
        ([(4, 1), (2, 3)], 1),
        ([(1, 2), (1, 9), (3, 4)], 8),
    ],
)
def test_overlaps_count_once(intervals: list[Interval], wanted: int) -> None:
    assert covered(intervals) == wanted


TIMES = st.integers(0, 500)
INTERVALS = st.lists(st.tuples(TIMES, TIMES), max_size=6)


@given(INTERVALS)
def test_the_union_is_that_of_its_points(intervals: list[Interval]) -> None:
    assert covered(intervals) == len({point for start, end in intervals for point in range(start, end)})


@given(TIMES, TIMES, st.none() | TIMES, INTERVALS, INTERVALS, INTERVALS, st.none() | TIMES, st.none() | TIMES, st.booleans())
def test_the_parts_add_up_and_are_never_negative(
    sent: int,
    first: int,
    rtt: int | None,
    repeats: list[Interval],
    holes: list[Interval],
    down: list[Interval],
    acked: int | None,
    previous: int | None,
    complete: bool,
) -> None:
    wait = split(exchange(sent, first, rtt=rtt, repeats=repeats, holes=holes, down=down, acked=acked, previous=previous, complete=complete))
    assert wait.wait_stall_ns is not None
    assert 0 <= wait.wait_stall_ns <= max(0, first - sent)
    assert (wait.network_ns is None) == (wait.server_ns is None)
    if wait.network_ns is not None and wait.server_ns is not None:
        assert min(wait.network_ns, wait.server_ns) >= 0
        assert wait.wait_stall_ns + wait.network_ns + wait.server_ns == max(0, first - sent)
    assert wait.stall_ns == covered([(stall.start_ns, stall.end_ns) for stall in wait.stalls])
    assert len(wait.stalls) == len(repeats) + len(holes) + len(down)


@pytest.mark.parametrize("first, known", [(106, False), (129, False), (130, True), (141, True)])
def test_what_comes_sooner_than_there_and_back_is_no_answer_to_split(first: TimeNs, known: bool) -> None:
    guessed = exchange(105, first)
    guessed.request, guessed.evidence = None, "inferred"
    guessed.request_start = (100, 0)
    told = split(guessed)
    assert (told.network_ns is not None, told.server_ns is not None) == (known, known)
    read = exchange(105, first)
    read.request_start = (100, 0)
    assert split(read).network_ns is not None or first <= 105, "what was read is an answer whenever it comes"
