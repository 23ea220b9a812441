"""Packets that nobody saw: told by IPv4 identifications where their sender counts, and by nothing where it does not."""

from __future__ import annotations

import pytest

from tests.tcp.script import Played, run

OPEN = "0 C S 0 0 id=1\n20 S SA 0 1 id=0\n20.1 C A 1 1 id=2\n"


def talk(numbers: list[int], *, sizes: dict[int, int] | None = None, mss: str = "") -> str:
    """Requests of 100 bytes every 300 ms, each acknowledged and answered with 50 bytes; `numbers` are those of the server's packets."""
    text = OPEN.replace("0 0 id=1", f"0 0 id=1 {mss}").replace("0 1 id=0", f"0 1 id=0 {mss}")
    sent, told, turn = 1, 1, 0
    left = list(numbers)
    while len(left) >= 2:
        at = 300 * (turn + 1)
        size = (sizes or {}).get(turn, 50)
        text += f"{at} C PA {sent} {told} 100 id={3 + 2 * turn}\n"
        sent += 100
        text += f"{at + 20} S A {told} {sent} id={left.pop(0)}\n{at + 90} S PA {told} {sent} {size} id={left.pop(0)}\n"
        told += size
        text += f"{at + 90.1} C A {sent} {told} id={4 + 2 * turn}\n"
        turn += 1
    return text


def lost(numbers: list[int]) -> int:
    return run(talk(numbers)).one.unseen_packets


COUNTING = list(range(500, 520))


def test_a_sender_that_counts_lost_nothing() -> None:
    row = run(talk(COUNTING)).one
    assert (row.unseen_packets, row.lost_before_capture) == (0, False)


def test_a_number_that_was_passed_over_is_a_lost_packet() -> None:
    row = run(talk([*COUNTING[:11], *range(512, 521)])).one
    assert (row.unseen_packets, row.lost_before_capture, row.gap_bytes) == (1, True, 0)


def test_several_losses_add_up() -> None:
    assert lost([*range(500, 511), *range(513, 518), *range(519, 523)]) == 3


def test_numbers_wrap() -> None:
    assert lost([number & 0xFFFF for number in range(65_530, 65_550)]) == 0
    assert lost([number & 0xFFFF for number in [*range(65_530, 65_540), *range(65_541, 65_551)]]) == 1


@pytest.mark.parametrize(
    "numbers",
    [
        [0] * 20,
        [(number * 31_337) % 65_536 for number in range(1, 21)],
        [500 + 3 * number for number in range(20)],
        [500 + number * number for number in range(20)],
        [500 - number for number in range(20)],
        [500, 502],
    ],
    ids=["zero", "random", "by three", "one counter for all connections", "downward", "too few"],
)
def test_numbers_that_do_not_count_prove_nothing(numbers: list[int]) -> None:
    row = run(talk(numbers)).one
    assert (row.unseen_packets, row.lost_before_capture) == (0, False)


def test_a_packet_that_comes_late_is_not_lost() -> None:
    text = talk(COUNTING)
    text += (
        "4000 S PA 501 1001 50 id=520\n4000.1 S PA 601 1001 50 id=522\n4000.2 S PA 551 1001 50 id=521\n4001 C A 1001 651 id=23\n"
        "4300 S PA 651 1001 50 id=523\n4301 C A 1001 701 id=24\n"
    )
    assert run(text).one.unseen_packets == 0
    gone = text.replace("4000.2 S PA 551 1001 50 id=521", "4250 S PA 551 1001 50 id=523").replace("50 id=523\n4301", "50 id=524\n4301")
    assert run(gone).one.unseen_packets == 1  # sent again with a new number: the old one never came


def test_copies_have_the_number_of_their_original() -> None:
    text = "".join(
        line + "\n" + line.replace(" ", ".05 ", 1).replace(".1.05", ".15") + " if=1\n" if line else ""
        for line in talk(COUNTING).split("\n")
    )
    row = run(text).one
    assert row.duplicates > 10
    assert row.unseen_packets == 0


def test_joined_segments_use_up_a_number_for_each_part() -> None:
    # 2896 bytes are two segments: the next number is two further.
    numbers = [*range(500, 506), *range(507, 521)]
    assert run(talk(numbers, sizes={2: 2896}, mss="mss=1460")).one.unseen_packets == 0
    assert run(talk(numbers, sizes={2: 400}, mss="mss=1460")).one.unseen_packets == 1


def test_resets_and_syns_are_numbered_otherwise() -> None:
    played: Played = run(talk(COUNTING) + "4000 S R 501 0 id=0\n")
    assert played.one.unseen_packets == 0
