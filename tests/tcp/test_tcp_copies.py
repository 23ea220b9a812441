"""Copies of packets: told by identity and place, counted, and seen once by readers and clocks."""

from __future__ import annotations

from analyzer.tcp.copies import MOST_HELD
from tests.tcp.script import START, Line, blocks, pattern, play, run, trace

TWICE = """
0     C S  0 0 id=1 if=0
0.1   C S  0 0 id=1 if=1
10    S SA 0 1 id=2 if=1
10.1  S SA 0 1 id=2 if=0
10.5  C A  1 1 id=3 if=0
10.6  C A  1 1 id=3 if=1
20    C PA 1 1 100 id=4 if=0
20.1  C PA 1 1 100 id=4 if=1
30    S PA 1 101 50 id=5 if=1
30.1  S PA 1 101 50 id=5 if=0
31    C A  101 51 id=6 if=0
31.1  C A  101 51 id=6 if=1
"""


def test_each_packet_is_seen_once_and_counted_as_wireshark_does() -> None:
    played = run(TWICE)
    assert (played.one.duplicates, played.one.packets_sent, played.one.packets_received) == (6, 8, 4)
    assert played.one.retransmissions > 0  # Wireshark's flags take copies for repeats
    assert (played.up.bytes(), played.down.bytes()) == (pattern("C", 1, 100), pattern("S", 1, 50))
    assert played.flows[0].first_half.stream.repeats() == []


def test_the_copy_nearest_to_the_client_counts() -> None:
    played = run(TWICE)
    # Of the client's packets the first copy (7), of those to it the last (10).
    assert played.up.asks == [(7, 7)]
    assert played.down.asks == [(10, 10)]
    row = played.one
    assert (row.syn_ns, row.established_ns) == (START, START + 10_500_000)
    assert row.connect_ns == 10_500_000
    assert row.min_rtt_ns == 10_100_000


def test_the_hop_limit_is_that_of_the_copy_nearest_to_the_client() -> None:
    text = TWICE.replace("30    S PA 1 101 50 id=5 if=1", "30    S PA 1 101 50 id=5 if=1 ttl=2").replace("id=5 if=0", "id=5 if=0 ttl=1")
    assert run(text).flows[0].packet_ttl == 1


def test_copies_by_ttl_alone() -> None:
    text = TWICE.replace("if=1", "ttl=63").replace("if=0", "")
    assert run(text).one.duplicates == 6


def test_the_same_place_again_is_a_repeat() -> None:
    played = run(TWICE.replace("if=1", ""))
    assert played.one.duplicates == 0


def test_after_five_milliseconds_it_is_a_repeat() -> None:
    assert run("0 C S 0 0 id=1\n5.1 C S 0 0 id=1 if=1").one.duplicates == 0
    assert run("0 C S 0 0 id=1\n4.9 C S 0 0 id=1 if=1").one.duplicates == 1


def test_another_identification_is_a_repeat() -> None:
    assert run("0 C S 0 0 id=1\n1 C S 0 0 id=2 if=1").one.duplicates == 0


def test_copies_that_begin_in_the_middle_are_found() -> None:
    start = "0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n"
    more = "".join(
        f"{20 + i} C PA {1 + 10 * i} 1 10 id={100 + i}\n{20.1 + i} C PA {1 + 10 * i} 1 10 id={100 + i} if=1\n" for i in range(10)
    )
    made = blocks(trace(start + more))
    # The identity of the first original, which passed the fast path, is not known.
    for fast, duplicates in ((True, 9), (False, 10)):
        played = play(made, fast=fast)
        assert played.one.duplicates == duplicates
        assert played.up.bytes() == pattern("C", 1, 100)


def test_a_reset_by_another_way_is_no_middlebox_where_copies_are_seen() -> None:
    assert run(TWICE + "40 S RA 51 101 id=9 ttl=63").one.closed_by == "server-reset"


def test_few_packets_are_held_for_their_copies() -> None:
    lines = trace(TWICE)
    for index in range(1000):
        lines.append(Line(lines[-1].time, "S", 0x18, 5051 + index, 1101, b"y", ip_id=1000 + index))
    played = run(lines)
    assert played.down.bytes() == pattern("S", 1, 50) + b"y" * 1000
    assert MOST_HELD < 1000
