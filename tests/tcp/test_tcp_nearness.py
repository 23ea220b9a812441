"""The view nearest to the client, whatever the clocks say."""

from __future__ import annotations

import pytest

from analyzer.tcp import Flow
from analyzer.tcp.nearness import Nearness
from tests.tcp.script import blocks, play, trace

NEAR = "{0} C S 0 0 {2} ttl=64\n{1} S SA 0 1 {2} ttl=60"
FAR = "{0} C S 0 0 {2} ttl=63\n{1} S SA 0 1 {2} ttl=61"


def flow(text: str, point: int) -> Flow:
    (made,) = play(blocks(trace(text))).flows
    made.point = point
    made.connection_id = point
    return made


def first(*flows: Flow) -> list[int]:
    views = list(flows)
    Nearness([views]).sort()
    return [one.point for one in views]


@pytest.mark.parametrize("start", [-5000, 0, 5000])
def test_the_hop_count_decides_whatever_the_time(start: int) -> None:
    near, far = flow(NEAR.format(start + 9000, start + 9010, ""), 0), flow(FAR.format(9000, 9020, ""), 1)
    assert first(near, far) == first(far, near) == [0, 1]
    assert first(flow(FAR.format(0, 9, ""), 0), flow(NEAR.format(0, 9, ""), 1)) == [1, 0]


def test_the_longer_round_trip_to_the_server_decides_where_no_hop_lies_between() -> None:
    short, long = flow("100 C S 0 0\n101 S SA 0 1", 0), flow("900 C S 0 0\n920 S SA 0 1", 1)
    assert first(short, long) == [1, 0]
    # Also where the opening was not captured.
    short, long = flow("100 C PA 1 1 9\n101 S PA 1 10 9", 0), flow("900 C PA 1 1 9\n930 S PA 1 10 9", 1)
    assert first(short, long) == [1, 0]


def test_all_of_a_client_vote_so_that_a_jitter_does_not_tear_its_connections_apart() -> None:
    groups = []
    for number in range(5):
        took = (1000, 990) if number else (990, 1000)  # the first connection was a little slower at the far point
        text = "0 C S 0 0 port={0}\n{1} S SA 0 1 port={0}"
        groups.append([flow(text.format(number + 1, took[0] / 10, ""), 0), flow(text.format(number + 1, took[1] / 10, ""), 1)])
    Nearness(groups).sort()
    assert [[one.point for one in views] for views in groups] == [[0, 1]] * 5


def test_views_of_one_point_are_ordered_by_their_syns() -> None:
    one, other = flow("5 C S 0 0", 0), flow("4 C S 0 0 cli=9.9.9.9", 0)
    assert first(one, other) == [0, 0]
    views = [one, other]
    Nearness([views]).sort()
    assert views == [other, one]


def test_without_any_evidence_time_decides() -> None:
    assert first(flow("5 C S 0 0", 0), flow("4 C S 0 0", 1)) == [1, 0]
