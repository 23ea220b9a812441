"""Small segments that waited for a delayed ACK: seen from either end, and what only looks like it."""

from __future__ import annotations

import pytest

from analyzer.model.stalls import Held
from tests.tcp.script import START, blocks, play, run, trace

OPEN = "0 C S 0 mss=1460\n20 S SA 0 1 mss=1460\n20.1 C A 1 1\n"
ASKED = OPEN + "21 C PA 1 1 100\n41 S A 1 101\n"


def held(sender: str, sent: float, acked: float, end: float, delay: float, ack: int, packet: int) -> Held:
    first, second, third = (START + round(ms * 1_000_000) for ms in (sent, acked, end))
    return Held(sender, first, second, third, round(delay * 1_000_000), ack, packet)


def test_the_body_of_a_request_waits_for_the_ack_of_its_head() -> None:
    # 20 ms away, captured at the client: the server's ACK comes 40 ms later than a round trip, and the body right after it.
    flow = run(ASKED + "50 C PA 101 1 200\n110 S A 1 301\n110.2 C PA 301 1 300\n130.2 S PA 1 601 50").flows[0]
    assert flow.request_held(0, 600) == [held("client", 50, 110, 110.2, 40, 7, 8)]
    assert flow.request_held(0, 300) == []
    assert flow.request_held(300, 301) == flow.request_held(0, 600)
    assert flow.response_held(0, 50) == []


def test_without_the_fast_path_it_is_told_alike() -> None:
    lines = trace(ASKED + "50 C PA 101 1 200\n110 S A 1 301\n110.2 C PA 301 1 300\n130.2 S PA 1 601 50")
    assert play(blocks(lines), fast=False).flows[0].request_held(0, 600) == [held("client", 50, 110, 110.2, 40, 7, 8)]


def test_the_rest_of_an_answer_waits_for_our_own_ack() -> None:
    flow = run(ASKED + "50 S PA 1 101 300\n90 C A 101 301\n110.3 S PA 301 101 200\n110.4 C A 101 501").flows[0]
    assert flow.response_held(0, 500) == [held("server", 50, 90, 110.3, 39.9, 7, 8)]
    assert flow.request_held(0, 600) == []


def test_a_tail_behind_full_segments_holds_up_what_follows() -> None:
    text = ASKED + "50 S A 1 101 1460\n50.1 S PA 1461 101 40\n50.2 C A 101 1461\n90.2 C A 101 1501\n110.3 S PA 1501 101 200"
    assert run(text).flows[0].response_held(0, 2000) == [held("server", 50.1, 90.2, 110.3, 40, 9, 10)]


def test_captured_at_the_server_the_answer_waits_as_long() -> None:
    opened = "0 C S 0 mss=1460\n0.1 S SA 0 1 mss=1460\n20 C A 1 1\n21 C PA 1 1 100\n21.1 S A 1 101\n"
    flow = run(opened + "30 S PA 1 101 300\n90 C A 101 301\n90.2 S PA 301 101 200").flows[0]
    assert flow.response_held(0, 500) == [held("server", 30, 90, 90.2, 40.1, 7, 8)]


@pytest.mark.parametrize(
    "rest",
    [
        "50 C PA 101 1 200\n70 S A 1 301\n70.1 C PA 301 1 300",  # a round trip: the ACK was not delayed
        "50 C PA 101 1 200\n110 S A 1 301\n118 C PA 301 1 300",  # too long after the ACK: the program was not ready
        "50 C PA 101 1 200\n110 S PA 1 301 25\n110.1 C PA 301 26 300",  # an answer (100 Continue), not a bare ACK
        "50 C PA 101 1 200\n110 S A 1 301\n110.1 S PA 1 301 25\n110.2 C PA 301 26 300",
        "50 C PA 101 1 200\n110 S A 1 301\n110.1 C A 301 1 1460",  # a full segment: Nagle lets it out
        "50 C PA 101 1 200\n110 S A 1 301\n110.1 C A 301 1 1448",  # a full one with a timestamp
        "50 C PA 101 1 200\n51 C PA 101 1 200\n111 S A 1 301\n111.1 C PA 301 1 300",  # a repeat: a small congestion window waits too
        "50 C PA 101 1 200\n80 C PA 301 1 200\n130 S A 1 301\n130.1 C PA 501 1 300",  # more was under way, nothing was held
        "50 C PA 101 1 200\n650 S A 1 301\n650.1 C PA 301 1 300",  # longer than any ACK is delayed
        "50 C PA 101 1 200\n110 S A 1 301\n110.1 C PA 101 1 200\n110.2 C PA 301 1 300",  # a repeat first
        "50 C PA 101 1 200\n70 S A 1 301\n110 S A 1 301 win=600\n110.1 C PA 301 1 300",  # a window update, not a new ACK
        "50 S PA 1 101 300\n90 C A 101 301\n95 S PA 301 101 200",  # sooner than the ACK can have got there
        "50 S PA 1 101 300\n90 C A 101 301\n125 S PA 301 101 200",  # later
        "50 S PA 1 101 300\n90 C PA 101 301 80\n110.3 S PA 301 181 200",  # the next request
    ],
)
def test_what_looks_like_it(rest: str) -> None:
    flow = run(ASKED + rest).flows[0]
    assert flow.request_held(0, 10_000) == flow.response_held(0, 10_000) == []


def test_an_answer_ends_the_suspicion() -> None:
    text = ASKED + "50 C PA 101 1 200\n110 S A 1 301\n150 S PA 1 301 500\n150.1 C A 301 501\n150.2 C PA 301 501 9\n170.2 S A 501 310"
    flow = run(text).flows[0]
    assert all(half.late_ack is None for half in flow.halves)


def test_what_was_held_is_forgotten_with_its_exchange() -> None:
    flow = run(ASKED + "50 C PA 101 1 200\n110 S A 1 301\n110.2 C PA 301 1 300\n130.2 S PA 1 601 50").flows[0]
    assert flow.troubled()
    flow.forget(300, 0)
    assert len(flow.request_held(0, 600)) == 1  # it begins the next one
    flow.forget(600, 50)
    assert not flow.troubled()
