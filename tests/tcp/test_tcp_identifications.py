"""Packets that nobody saw: told by IPv4 identifications where their sender counts, and by nothing where it does not."""

from __future__ import annotations

import pytest

from tests.tcp.script import Played, blocks, play, run, trace

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
    assert lost([*range(500, 511), *range(512, 517), *range(518, 521), *range(522, 530)]) == 3


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
    two = text.replace("id=522", "id=523").replace("50 id=523\n4301", "50 id=524\n4301")
    assert run(two).one.unseen_packets == 1  # of two that were passed over one came
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


def test_what_the_loop_counted_may_be_joined_segments_where_any_frame_is_larger_than_one() -> None:
    # Four segments, of which the reader wants the last: a number was passed over somewhere in 2000 bytes.
    told = talk(COUNTING) + "4000 C PA 1001 501 100 id=23\n4020 S A 501 1101 id=520\n4090 S A 501 1101 1000 id=521\n"
    told += "4091 S A 1501 1101 1000 id=522\n4092 S A 2501 1101 1000 id=523\n4350 S PA 3501 1101 1000 id=525\n"
    for frame, unseen in (("", 1), ("4400 C PA 1 1 1400 port=41000\n", 1), ("4400 C PA 1 1 2000 port=41000\n", 0)):
        assert play(blocks(trace(told + frame)), wish={1500: 4499}).rows[0].unseen_packets == unseen


def test_more_bytes_than_the_packets_between_can_carry_were_joined() -> None:
    # Three packets that the loop counted: of 536 bytes at most, where nothing was joined.
    told = talk(COUNTING, mss="mss=536") + "4000 C PA 1001 501 100 id=23\n4020 S A 501 1101 id=520\n4090 S A 501 1101 100 id=521\n"
    for size, unseen in ((536, 1), (540, 0)):
        sent = [601 + size * number for number in range(4)]
        told_on = "".join(f"{4091 + number} S A {sent[number]} 1101 {size} id={522 + number}\n" for number in range(3))
        played = play(blocks(trace(told + told_on + f"4350 S PA {sent[3]} 1101 10 id=526\n")), wish={600: 600 + 3 * size})
        assert played.rows[0].unseen_packets == unseen


def test_resets_and_syns_are_numbered_otherwise() -> None:
    played: Played = run(talk(COUNTING) + "4000 S R 501 0 id=0\n")
    assert played.one.unseen_packets == 0


@pytest.mark.parametrize(
    "odd",
    [[9000, 9001, 17_000, 17_001, 25_000, 25_001], [400, 513, 401, 514, 402, 515]],
    ids=["far beyond", "of long ago"],
)
def test_a_few_numbers_that_contradict_the_rule_spoil_the_proof(odd: list[int]) -> None:
    counted = [*range(500, 505), *range(506, 513)]
    assert lost([*counted, *range(513, 519)]) == 1
    assert lost([*counted, *odd]) == 0


@pytest.mark.parametrize(
    "numbers",
    [
        [*range(500, 512), *range(515, 523)],
        [500 + number + number // 4 * 7 for number in range(20)],
        [*range(500, 509), 511, *range(515, 525)],
        [500 + number + number // 2 for number in range(20)],
    ],
    ids=["three went elsewhere in a pause", "seven in every second pause", "one and three", "one in every pause"],
)
def test_a_counter_of_the_whole_host_proves_nothing(numbers: list[int]) -> None:
    # A request of 100 bytes is acknowledged by one packet at most: what else was counted since it came went to other connections.
    assert lost(numbers) == 0


def test_every_second_number_elsewhere_is_no_loss_though_the_reader_skips_most_packets() -> None:
    text = OPEN + "30 C PA 1 1 100 id=3\n50 S A 1 101 id=500\n50.1 S PA 1 101 1000 id=502\n"
    for index in range(40):
        text += f"{51 + index} S A {1001 + 1000 * index} 101 1000 id={504 + 2 * index}\n"
    assert run(text, wish={1000: 1_000_000}).one.unseen_packets == 0


def test_acks_that_were_lost_on_their_way_are_told() -> None:
    text = talk(COUNTING)
    for index in range(6):
        text += f"{4000 + index} C A {1001 + 1000 * index} 501 1000 id={23 + index}\n"
    text += "4030 S A 501 7001 id=523\n4031 C A 7001 501 1000 id=29\n4120 S PA 501 8001 50 id=524\n4121 C A 8001 551 id=30\n"
    assert run(text).one.unseen_packets == 3


def test_an_answer_lost_with_its_first_repeats_is_told() -> None:
    text = talk(COUNTING) + "4000 C PA 1001 501 100 id=23\n4020 S A 501 1101 id=520\n"
    for waited, unseen in ((250, 1), (700, 2)):
        answer = f"{4090 + waited} S PA 501 1101 50 id={521 + unseen}\n{4091 + waited} C A 1101 551 id=24\n"
        assert run(text + answer).one.unseen_packets == unseen
    # Nothing sends eight copies within 250 ms.
    assert run(text + "4340 S PA 501 1101 50 id=529\n").one.unseen_packets == 0
