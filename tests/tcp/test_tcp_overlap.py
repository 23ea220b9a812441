"""Views of connections that no SYN tells."""

from __future__ import annotations

import pytest

from analyzer.tcp import Flow, twins
from analyzer.tcp.overlap import MOST_ALIKE, overlaps
from tests.tcp.script import blocks, play, trace

OPEN = "0 C PA 1 1 100 {0}\n10 S PA 1 101 300 {0}\n10.1 C A 101 301 {0}\n50 C PA 101 301 80 {0}\n60 S PA 301 181 20 {0}"


def flows(near: str, far: str, *, client: int = 1000, server: int = 5000) -> list[Flow]:
    out = []
    for point, (text, isn, other) in enumerate(((near, 1000, 5000), (far, client, server))):
        (made,) = play(blocks(trace(text, client=isn, server=other))).flows
        made.point = made.connection_id = point
        out.append(made)
    return out


@pytest.mark.parametrize("more", ["", "cli=10.0.1.50", "cli=10.0.1.50 port=999", "srv=127.0.0.1 to=51679"])
def test_the_bytes_of_both_directions_tell(more: str) -> None:
    made = flows(OPEN.format(""), OPEN.format(more + " ttl=63"))
    assert [(one.point, other.point) for one, other in overlaps(made)][:1] == [(0, 1)]
    assert twins(made) == {1: 0}


def test_one_of_both_may_have_seen_the_opening() -> None:
    opened = "-20 C S 0 0\n-10 S SA 0 1\n-9.9 C A 1 1\n" + OPEN.format("")
    assert twins(flows(opened, OPEN.format("cli=10.0.1.50 ttl=63"))) == {1: 0}


def test_a_capture_that_ends_early_and_one_that_begins_late() -> None:
    lines = OPEN.format("").splitlines()
    early, late = "\n".join(lines[:4]), "\n".join(line + " cli=10.0.1.50 ttl=63" for line in lines[2:])
    assert twins(flows(early, late)) == {1: 0}


@pytest.mark.parametrize(
    "far, client, server",
    [
        (OPEN.format("cli=10.0.1.50"), 700_000, 5000),  # other bytes of the client
        (OPEN.format("cli=10.0.1.50"), 1000, 700_000),  # of the server
        (
            "\n".join(f"{9000 + at} {line.split(' ', 1)[1]}" for at, line in enumerate(OPEN.format("cli=10.0.1.50").splitlines())),
            1000,
            5000,
        ),
    ],
)
def test_what_is_no_view(far: str, client: int, server: int) -> None:
    assert overlaps(flows(OPEN.format(""), far, client=client, server=server)) == []


def test_views_of_one_point_and_those_with_syns_are_left_to_others() -> None:
    made = flows(OPEN.format(""), OPEN.format("cli=10.0.1.50"))
    made[1].point = 0
    assert overlaps(made) == []
    opened = "-20 C S 0 0\n-10 S SA 0 1\n-9.9 C A 1 1\n" + OPEN.format("")
    assert overlaps(flows(opened, opened)) == []


def test_very_many_alike_are_not_compared_with_each_other() -> None:
    made = []
    for number in range(200):
        (one,) = play(blocks(trace(OPEN.format("")))).flows
        one.point, one.connection_id = number % 2, number
        made.append(one)
    assert len(overlaps(made)) <= 200 * 2 * MOST_ALIKE
