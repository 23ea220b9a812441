"""Why segments were sent again: each cause by a trace that shows it, and look-alikes."""

from __future__ import annotations

from struct import pack

import pytest

from analyzer.model.rows import Repeated
from analyzer.tcp.options import sack_blocks
from tests.tcp.script import START, Line, blocks, play, run, trace

OPEN = "0 C S 0 0\n40 S SA 0 1\n40.1 C A 1 1\n100 C PA 1 1 100\n140 S A 1 101\n"


def causes(text: str) -> list[tuple[int, str, str | None, str | None, bool]]:
    return [(one.packet_id, one.sender, one.cause, one.proof, one.seen_before) for one in run(text).one.repeats]


def only(text: str) -> Repeated:
    (one,) = run(text).one.repeats
    return one


def test_nothing_was_repeated() -> None:
    assert causes(OPEN + "200 C PA 101 1 100\n240 S PA 1 201 50\n") == []


def test_a_timeout_and_the_next_one() -> None:
    text = OPEN + "200 C PA 101 1 100\n450 C PA 101 1 100\n1000 C PA 101 1 100\n1040 S A 1 201\n"
    rows = run(text).one.repeats
    assert [(row.cause, row.proof, row.original_packet_id, row.after_ns) for row in rows] == [
        ("timeout", "elapsed", 6, 250_000_000),
        ("repeated-timeout", "elapsed", 7, 550_000_000),
    ]
    assert [(row.flag, row.sender, row.exchange_id, row.cost_ns) for row in rows] == [("retransmission", "client", None, 0)] * 2


def test_a_tail_loss_probe_comes_before_the_timeout() -> None:
    one = only(OPEN + "200 C A 101 1 100\n200.1 C PA 201 1 100\n290 C PA 201 1 100\n330 S A 1 301\n")
    assert (one.cause, one.proof, one.original_packet_id) == ("tail-loss-probe", "elapsed", 7)


def test_a_timeout_is_a_repeated_one_only_behind_another() -> None:
    sent = OPEN + "200 C PA 101 1 100\n"
    # Linux: the probe comes after two round trips, the first timeout 240 ms after it, the next ones after twice as long.
    probed = causes(sent + "290 C PA 101 1 100\n530 C PA 101 1 100\n1010 C PA 101 1 100\n")
    assert [one[2] for one in probed] == ["tail-loss-probe", "timeout", "repeated-timeout"]
    # A timer need not double: some senders keep it for the first repeats.
    assert [one[2] for one in causes(sent + "450 C PA 101 1 100\n740 C PA 101 1 100\n")] == ["timeout", "repeated-timeout"]


def test_duplicate_acks_prove_only_what_they_let_out() -> None:
    # Captured at the receiver, 40 ms from the sender: its answer to an ACK is there within 65 ms.
    hole = "300 S A 1 101 100\n300.1 S A 201 101 100\n300.2 C A 101 101\n"
    hole += "".join(f"{300 + at} S A {201 + 100 * at} 101 100\n{300.1 + at} C A 101 101\n" for at in (1, 2))
    for at, proof in ((365, "duplicate-acks"), (366, "elapsed")):
        assert causes(OPEN + hole + f"{at} S A 101 101 100\n")[0][2:4] == ("fast-retransmit", proof)


def test_one_sign_of_loss_is_enough_for_what_is_repeated_at_once() -> None:
    data = "".join(f"{200 + at / 10} C A {101 + 100 * at} 1 100\n" for at in range(5))
    again = "240.5 C A 101 1 100\n"
    assert causes(OPEN + data + "240 S A 1 101\n" + again)[0][2:4] == ("fast-retransmit", "duplicate-acks")
    sack = pack(">BBBBII", 1, 1, 5, 10, 1000 + 301, 1000 + 401).hex()
    behind = again.replace(" 101 ", " 201 ")
    assert causes(OPEN + data + f"240 S A 1 201 opt={sack}\n" + behind)[0][2:4] == ("fast-retransmit", "sack")
    assert causes(OPEN + data + "240 S A 1 201\n" + behind)[0][2:4] == (None, None)


def test_three_duplicate_acks() -> None:
    data = "".join(f"{200 + at / 10} C A {101 + 100 * at} 1 100\n" for at in range(5))
    acks = "240 S A 1 101\n240.1 S A 1 101\n240.2 S A 1 101\n240.3 S A 1 101\n"
    assert causes(OPEN + data + acks + "240.5 C A 101 1 100\n")[0][2:4] == ("fast-retransmit", "duplicate-acks")
    # The same bytes 210 ms after the last of them: nothing answered those ACKs any more.
    assert causes(OPEN + data + acks + "450.5 C A 101 1 100\n")[0][2:4] == ("timeout", "elapsed")


def test_what_a_sender_far_away_repeats_after_our_acks() -> None:
    # Captured at the receiver: the hole is filled one round trip later.
    hole = "300 S A 1 101 100\n300.1 S A 201 101 100\n300.2 C A 101 101\n300.3 S A 301 101 100\n300.4 C A 101 101\n"
    assert causes(OPEN + hole + "341 S A 101 101 100\n") == [(11, "server", "fast-retransmit", "elapsed", False)]
    assert causes(OPEN + hole + "700 S A 101 101 100\n")[0][2] == "timeout"
    assert causes(OPEN + hole + "300.9 S A 101 101 100\n")[0][2:4] == ("reordered", "elapsed")


def test_an_overtaken_original_is_told_by_its_number() -> None:
    text = OPEN + "".join(
        f"{200 + 50 * at} S PA {1 + 10 * at} 101 10 id={900 + at}\n{201 + 50 * at} C A 101 {11 + 10 * at}\n" for at in range(6)
    )
    text = text.replace("140 S A 1 101", "140 S A 1 101 id=899")
    late = "600 S PA 71 101 10 id=907\n{} S PA 61 101 10 id={}\n"
    assert causes(text + late.format(650, 906))[0][2:4] == ("reordered", "identification")  # though it comes 50 ms late
    assert causes(text + late.format(601, 908))[0][2] == "fast-retransmit"  # though it comes at once


def test_syns_have_a_timer_of_their_own() -> None:
    text = "0 C S 0 0\n1000 C S 0 0\n3000 C S 0 0\n3040 S SA 0 1\n3040.1 C A 1 1\n"
    assert [(one[0], *one[2:]) for one in causes(text)] == [(2, "syn-timer", "flags", True), (3, "syn-timer", "flags", True)]
    assert causes("0 C S 0 0\n40 S SA 0 1\n1040 S SA 0 1\n1040.1 C A 1 1\n")[0][:3] == (3, "server", "syn-timer")


def test_what_was_acknowledged_need_not_come_again() -> None:
    one = only(OPEN + "400 C PA 1 1 100\n")
    assert (one.flag, one.cause, one.proof) == ("spurious_retransmission", "spurious", "acknowledged")


def sack(*blocks: tuple[int, int], isn: int = 1000) -> bytes:
    return b"\x01\x01" + bytes((5, 2 + 8 * len(blocks))) + b"".join(pack(">II", low + isn, high + isn) for low, high in blocks)


def with_options(text: str, packet: int, options: bytes) -> list[Line]:
    lines = trace(text)
    lines[packet - 1].options = options
    return lines


REPEATED = OPEN + "200 C PA 101 1 100\n450 C PA 101 1 100\n451 S A 1 201\n490 S A 1 201\n"


def test_a_duplicate_ack_with_dsack_says_that_both_copies_came() -> None:
    played = run(with_options(REPEATED, 9, sack((101, 201))))
    assert [(one.cause, one.proof) for one in played.one.repeats] == [("spurious", "dsack")]
    assert [one.cause for one in run(REPEATED).one.repeats] == ["timeout"]
    beyond = run(with_options(REPEATED, 9, sack((301, 401))))
    assert [one.cause for one in beyond.one.repeats] == ["timeout"]


@pytest.mark.parametrize("echo, cause", [(700, "spurious"), (950, "timeout")])
def test_timestamps_tell_which_copy_was_acknowledged(echo: int, cause: str) -> None:
    text = OPEN + f"200 C PA 101 1 100 ts=700:1\n450 C PA 101 1 100 ts=950:1\n460 S A 1 201 ts=5:{echo}\n"
    one = only(text)
    assert one.cause == cause
    assert one.proof == ("timestamps" if cause == "spurious" else "elapsed")


def test_they_tell_it_also_of_a_connection_that_nobody_reads() -> None:
    lines = trace(OPEN + "200 C PA 101 1 100 ts=700:1\n450 C PA 101 1 100 ts=950:1\n460 S A 1 201 ts=5:700\n")
    for fast in (True, False):
        (one,) = play(blocks(lines), fast=fast, openers=[]).one.repeats
        assert (one.cause, one.proof) == ("spurious", "timestamps")


def test_a_copy_at_another_place_is_no_repeat() -> None:
    text = OPEN.replace("0 C S 0 0\n", "0 C S 0 0 id=1\n0.1 C S 0 0 id=1 if=1\n", 1)
    rows = causes(text + "200 C PA 101 1 100 id=9\n200.2 C PA 101 1 100 id=9 if=1\n")
    assert rows == [(2, "client", "copy", "path", True), (8, "client", "copy", "path", True)]


def test_the_rest_of_a_flight_goes_with_the_repair_of_its_timeout() -> None:
    data = "200 C A 101 1 100\n200.1 C A 201 1 100\n200.2 C A 301 1 100\n"
    text = OPEN + data + "460 C A 101 1 100\n500 S A 1 201\n500.1 C A 201 1 100\n500.2 C A 301 1 100\n"
    assert [one[2] for one in causes(text)] == ["timeout", "timeout-recovery", "timeout-recovery"]


def test_repeats_are_bounded() -> None:
    text = OPEN + "".join(f"{1000 + at} C PA 1 1 100\n" for at in range(1_100))
    row = run(trace(text)).one
    assert row.retransmissions == 1_100
    assert len(row.repeats) == 1_000
    assert row.first_ns == START


@pytest.mark.parametrize(
    "options, blocks",
    [
        (b"", []),
        (sack((1, 2)), [(1001, 1002)]),
        (sack((1, 2), (5, 9)), [(1001, 1002), (1005, 1009)]),
        (sack((1, 2), (5, 9))[:-3], [(1001, 1002)]),
        (b"\x05\x00" + bytes(8), []),
        (b"\x05\x01", []),
        (b"\x00" + sack((1, 2)), []),
        (b"\x05", []),
    ],
)
def test_sack_blocks_are_read_as_far_as_they_are_whole(options: bytes, blocks: list[tuple[int, int]]) -> None:
    assert sack_blocks(options) == blocks
