"""The flags of `tcp.analysis`: each row of the truth table observed with tshark 4.0.17, with a round trip of 10 ms."""

from __future__ import annotations

import pytest

from tests.tcp.script import run

FLAGS = (
    "retransmissions", "fast_retransmissions", "spurious_retransmissions", "out_of_order", "duplicate_acks", "keep_alives", "zero_windows",
    "lost_segments",
)  # fmt: skip
OPEN = """
0  C S  0 0
9  S SA 0 1
10 C A  1 1
20 C PA 1 1 100
30 S A  1 101
"""


def flags(lines: str) -> dict[str, int]:
    row = run(OPEN + lines).one
    return {name: getattr(row, name) for name in FLAGS if getattr(row, name)}


HOLE = "40 S A 1 101 100\n41 S A 201 101 100\n"  # 101 bytes are missing between
DUPLICATES = "42 C A 101 101\n43 C A 101 101\n44 C A 101 101\n45 C A 101 101\n"


@pytest.mark.parametrize(
    "lines, expected",
    [
        ("", {}),
        (HOLE, {"lost_segments": 1}),
        (HOLE + DUPLICATES, {"lost_segments": 1, "duplicate_acks": 3}),
        (
            HOLE + DUPLICATES + "50 S A 101 101 100",
            {"lost_segments": 1, "duplicate_acks": 3, "fast_retransmissions": 1, "retransmissions": 1},
        ),
        (HOLE + DUPLICATES + "70 S A 101 101 100", {"lost_segments": 1, "duplicate_acks": 3, "retransmissions": 1}),
        (HOLE + "42 C A 101 101\n43 C A 101 101\n48 S A 101 101 100", {"lost_segments": 1, "duplicate_acks": 1, "out_of_order": 1}),
        (HOLE + "42 S A 101 101 100", {"lost_segments": 1, "out_of_order": 1}),
        ("40 S PA 1 101 50\n45 S PA 1 101 50", {"retransmissions": 1}),
        ("40 S PA 1 101 50\n240 S PA 1 101 50", {"retransmissions": 1}),
        ("40 C PA 1 1 100", {"retransmissions": 1, "spurious_retransmissions": 1}),
        ("40 C A 100 1\n41 S A 1 101\n42 C A 100 1 1\n43 S A 1 101", {"keep_alives": 2}),
        ("40 S A 1 101 win=0\n240 C A 101 1 1\n241 S A 1 101 win=0\n300 S A 1 101", {"zero_windows": 2}),
        ("40 C PA 101 1 500\n41 C FA 601 1\n900 C FA 601 1", {"retransmissions": 1}),
        ("40 S A 1 900", {}),  # acknowledges what was never captured: a flag that is not counted
        ("40 S A 1 101", {"duplicate_acks": 1}),
        ("40 S A 1 101 win=600", {}),  # a window update
        ("40 C PA 100 1 50", {}),  # a longer segment that begins one byte early counts as new
        ("40 C PA 51 1 100", {"retransmissions": 1}),  # overlapping with new bytes
        # A reset never tells of a lost segment.
        ("40 C RA 500 1", {}),
    ],
)
def test_the_truth_table(lines: str, expected: dict[str, int]) -> None:
    assert flags(lines) == expected


def test_repeated_syn_and_syn_ack_are_retransmissions() -> None:
    row = run("0 C S 0 0\n1000 C S 0 0\n1010 S SA 0 1\n1200 S SA 0 1\n1201 C A 1 1").one
    assert row.retransmissions == 2


def test_without_a_round_trip_three_milliseconds_tell_reordering() -> None:
    start = "0 C PA 1 1 10\n1 C PA 21 1 10\n"
    assert run(start + "3.9 C PA 11 1 10").one.out_of_order == 1
    assert run(start + "4.1 C PA 11 1 10").one.retransmissions == 1


@pytest.mark.parametrize("repeat", ["50", "0 FIN"])
def test_an_ack_beyond_all_that_was_seen_counts_as_duplicates(repeat: str) -> None:
    # Observed: a repeat in the direction of such an ACK is called fast, though no ACK was repeated.
    kind, size = ("FA", "") if "FIN" in repeat else ("PA", "50")
    row = run(OPEN + f"40 S {kind} 1 101 {size}\n41 C PA 101 1 100\n42 S {kind} 1 301 {size}").one
    assert row.fast_retransmissions == 1


def test_an_ack_beyond_all_that_was_seen_behind_a_hole_counts_as_nothing() -> None:
    # Observed: so too where what makes the hole is a segment that begins before the end of another and goes beyond it.
    hole = "40 S PA 1 101 50\n41 C PA 201 1 100\n42 S PA 1 401 50\n"
    overlap = "35 C PA 101 1 50\n40 S PA 1 151 50\n41 C PA 131 1 50\n42 S PA 1 401 50\n"
    assert [flags(lines) for lines in (hole, overlap)] == [
        {"retransmissions": 1, "lost_segments": 1},
        {"retransmissions": 1, "out_of_order": 1},
    ]


def test_bytes_behind_a_fin_that_were_acknowledged_already_are_spurious() -> None:
    row = run(OPEN + "40 S FA 1 101 20\n50 C A 101 400\n51 C A 101 400\n60 S PA 22 101 30\n61 S PA 52 101 30\n").one
    assert (row.spurious_retransmissions, row.retransmissions) == (2, 2)


def test_an_ack_within_a_hole_is_told_once_and_counts_as_nothing() -> None:
    played = run(
        OPEN + "31 C PA 201 1 100\n32 S A 1 201\n33 S A 1 301\n34 C PA 301 1 100\n35 S A 1 401\n36 C PA 401 1 100\n"
        "37 S PA 1 501 100\n38 S PA 1 501 100"
    )
    assert (played.one.fast_retransmissions, played.one.retransmissions) == (0, 1)
    assert played.flows[0].first_half.hole_at is None


def test_duplicates_are_forgotten_when_the_loop_sees_a_new_ack() -> None:
    # The ACK of new bytes between the duplicates and the repeat is taken by the fast path.
    data = "40 S A 1 101 100\n40.1 S A 101 101 100\n40.2 S A 201 101 100\n"
    row = run(OPEN + data + "42 C A 101 101\n43 C A 101 101\n44 C A 101 101\n45 C A 101 201\n46 S A 201 101 100").one
    assert (row.duplicate_acks, row.fast_retransmissions, row.retransmissions) == (2, 0, 1)


def test_data_after_a_keep_alive_ends_the_probing() -> None:
    # The last ACK answers the data, not the keep-alive, and is a duplicate.
    assert flags("40 C A 100 1\n41 C PA 101 1 10\n42 S A 1 101") == {"keep_alives": 1, "duplicate_acks": 1}


def test_flags_across_the_wrap() -> None:
    isn = 2**32 - 150
    row = run(OPEN + "40 C PA 101 1 100\n41 C PA 301 1 100\n42 C PA 201 1 100\n43 S A 1 401", client=isn).one
    assert (row.lost_segments, row.out_of_order, row.retransmissions, row.bytes_sent) == (1, 1, 0, 400)
