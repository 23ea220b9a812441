"""Bytes that come twice with different content: the first copy is kept, and a row names both packets."""

from __future__ import annotations

from analyzer.model.seams import Block
from analyzer.packets import Decoder
from analyzer.tcp.conflicts import AT_HAND, Conflicts
from tests.tcp.script import Played, blocks, play, run, trace

OPEN = "0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n"


def conflicts(played: Played) -> list[tuple[int | None, int | None, str]]:
    return [(row.packet_id, row.connection_id, row.detail) for row in played.anomalies if row.code == "overlap-conflict"]


def test_a_repeat_with_other_bytes_is_told_and_changes_nothing() -> None:
    played = run(OPEN + "20 C PA 1 1 text=GOODNEWS\n30 C PA 1 1 text=GOODLUCK\n40 S A 1 9\n")
    assert played.up.bytes() == b"GOODNEWS"
    assert conflicts(played) == [(5, 0, "4 repeated bytes differ from those of packet 4, which came first and are kept")]


def test_the_same_bytes_again_are_no_conflict_however_they_are_cut() -> None:
    text = OPEN + "20 C PA 1 1 40\n21 C PA 41 1 40\n30 C PA 1 1 80\n31 C PA 21 1 70\n32 C PA 91 1 9\n33 C PA 60 1 1\n40 S A 1 100\n"
    played = run(text)
    assert conflicts(played) == []
    assert played.one.bytes_sent == 99


def test_an_overlap_in_part_is_compared_where_it_overlaps() -> None:
    played = run(OPEN + "20 C PA 1 1 text=GOOD\n21 C PA 3 1 text=XXXX\n40 S A 1 7\n")
    assert played.up.bytes() == b"GOODXX"
    assert conflicts(played) == [(5, 0, "2 repeated bytes differ from those of packet 4, which came first and are kept")]


def test_what_waits_behind_a_hole_came_first() -> None:
    played = run(OPEN + "20 C PA 5 1 text=LATE\n21 C PA 3 1 text=zzLAzz\n22 C PA 1 1 text=ABCD\n40 S A 1 9\n")
    assert played.up.bytes() == b"ABzzLATE"
    assert conflicts(played) == [
        (5, 0, "2 repeated bytes differ from those of packet 4, which came first and are kept"),
        (6, 0, "2 repeated bytes differ from those of packet 5, which came first and are kept"),
    ]


def test_of_three_copies_the_first_counts() -> None:
    played = run(OPEN + "20 C PA 1 1 text=one\n30 C PA 1 1 text=two\n40 C PA 1 1 text=two\n50 S A 1 4\n")
    assert [packet for packet, _, _ in conflicts(played)] == [5, 6]
    assert all("packet 4" in detail for _, _, detail in conflicts(played))


def test_over_the_wrap_of_sequence_numbers_and_in_a_syn() -> None:
    assert len(conflicts(run(OPEN + "20 C PA 1 1 text=GOOD\n30 C PA 1 1 text=EVIL\n", client=2**32 - 3))) == 1
    played = run("0 C S 0 0 text=GOOD\n1000 C S 0 0 text=GOOD\n1010 S SA 0 5\n1010.1 C A 5 1\n1020 C PA 1 1 text=EVIL\n")
    assert [packet for packet, _, _ in conflicts(played)] == [5]
    assert played.up.bytes() == b"GOOD"


def test_bytes_that_were_cut_off_are_not_compared() -> None:
    assert conflicts(run(OPEN + "20 C PA 1 1 text=GOODNEWS cap=4\n30 C PA 1 1 text=GOODLUCK\n")) == []
    assert conflicts(run(OPEN + "20 C PA 1 1 text=GOODNEWS\n30 C PA 1 1 text=GOODLUCK cap=4\n")) == []


def test_a_probe_with_a_byte_of_rubbish_is_no_conflict() -> None:
    assert conflicts(run(OPEN + "20 C PA 1 1 text=GOOD\n30 S A 1 5\n9000 C A 4 1 text=x\n9010 S A 1 5\n")) == []


def test_another_connection_on_the_same_ports_is_no_conflict() -> None:
    again = OPEN.replace("0 0\n", "0 0 isn=9000\n").replace("0 1\n", "0 1 isn=9000\n").replace("1 1\n", "1 1 isn=9000\n")
    assert conflicts(run(OPEN + "20 C PA 1 1 text=GOOD\n" + again.replace("0 C", "100 C") + "200 C PA 1 1 text=EVIL isn=9000\n")) == []


def test_what_lies_too_far_back_is_not_compared() -> None:
    lines = trace(OPEN + "20 C PA 1 1 text=GOOD\n30 C PA 1 1 text=EVIL\n")
    near, far = blocks(lines, [4]), blocks(lines, [4])
    filler = Block(bytes(AT_HAND + 1), [0], [40], [40], [lines[3].time], 1, 0, 5, 0, 5)
    far[1:] = [filler, far[1]._replace(first_packet_id=6)]
    assert len(conflicts(play(near))) == 1
    assert conflicts(play(far)) == []


def test_blocks_are_kept_up_to_a_bound() -> None:
    kept = Conflicts(Decoder().decode, lambda row: None)
    shared = bytes(AT_HAND // 4)
    for number in range(100):
        data = shared if 40 <= number < 60 else bytes(AT_HAND // 4)
        kept.enter(Block(data, [0], [40], [40], [0], 1, 0, number + 1, 0, number + 1))
        distinct = {id(block.data) for block in kept._blocks}
        assert len(distinct) <= 5
    assert 4 <= len(kept._blocks) <= 5
