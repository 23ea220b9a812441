"""Samples of two captures hold the same segments, and never more than they may."""

from __future__ import annotations

from random import Random
from struct import pack

import pytest

from analyzer.model.seams import Block, Packet
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import sample as module
from analyzer.tcp.sample import MOST_SIGHTINGS, RANKS, Sample, rank
from tests.tcp.script import START, Line, blocks, trace

SYN, ACK, PSH = 2, 16, 8


def sampled(lines: list[Line], files: int = 2) -> Sample:
    sample = Sample(LAYOUTS, Decoder().decode, files)
    for block in blocks(lines, range(0, len(lines), 500)):
        sample.feed(block)
    return sample


def data(number: int, seed: int) -> list[Line]:
    """Make segments with data whose sequence numbers are drawn."""
    random = Random(seed)
    return [Line(START + at * 1000, "C", ACK | PSH, random.getrandbits(32), 7, b"x", ip_id=at & 0xFFFF) for at in range(number)]


def test_syns_and_data_are_kept_and_nothing_else() -> None:
    text = "0 C S 0 0 ts=1\n1 S SA 0 1 ts=9:1\n2 C A 1 1\n3 C PA 1 1 10 ts=2:9\n4 S A 1 11\n5 S R 1 11\n6 C FA 11 1"
    sample = sampled(trace(text))
    assert [sorted(identity[:3] for identity in kept) for kept in sample.kept] == [
        [(1001, 5001, ACK)],
        [(1000, 0, SYN), (5000, 1001, SYN | ACK)],
    ]
    assert {identity[3] for identity in sample.kept[0]} == {pack(">II", 2, 9)}
    assert (sample.first_ns, sample.last_ns) == (START, START + 6_000_000)


def test_copies_within_5_ms_are_one_sighting_and_what_comes_later_is_another() -> None:
    sample = sampled(trace("0 C PA 1 1 9\n0.2 C PA 1 1 9 cli=9.9.9.9\n200 C PA 1 1 9"))
    (seen,) = sample.kept[0].values()
    assert [time - START for time, _ in seen] == [0, 200_000_000]


def test_one_number_on_two_connections_tells_them_not_apart() -> None:
    sample = sampled(trace("0 C S 0 0 to=80\n100 C S 0 0 to=81"))
    (seen,) = sample.kept[1].values()
    assert len(seen) > MOST_SIGHTINGS


def test_a_syn_ack_has_the_rank_of_its_syn() -> None:
    assert rank(0xFFFF_FFFF, 0, SYN) == rank(5, 0, SYN | ACK) == rank(0xFFFF_FFFF, 9, ACK) == RANKS - 1
    assert rank(0x0102_0304, 0, SYN) == 0x0403


def test_memory_and_work_are_bounded_and_the_samples_of_long_and_short_captures_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 4000)
    monkeypatch.setattr(module, "MOST_KEPT", 1200)
    decoded = 0
    decoder = Decoder()

    def decode(block: Block, index: int) -> Packet | None:
        nonlocal decoded
        decoded += 1
        return decoder.decode(block, index)

    shared, other = data(900, 1), data(60_000, 2)
    long = Sample(LAYOUTS, decode, 2)
    for block in blocks(sorted([*shared, *other], key=lambda line: line.time), range(0, 70_000, 500)):
        long.feed(block)
    short = sampled(shared)
    assert len(long.kept[0]) <= 600
    assert decoded < 15_000
    assert long.limits[0] < short.limits[0]
    both = long.kept[0].keys() & short.kept[0].keys()
    assert both == {identity for identity in short.kept[0] if rank(*identity[:3]) < long.limits[0]}
    assert len(both) > 0


def test_syns_of_a_scan_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 2000)
    monkeypatch.setattr(module, "MOST_KEPT", 1000)
    random = Random(3)
    scan = [Line(START + at * 1000, "C", SYN, random.getrandbits(32), 0, port=1024 + at % 60_000) for at in range(20_000)]
    assert len(sampled(scan).kept[1]) <= 500
    alike = [Line(START + at * 1000, "C", SYN, at << 16, 0, port=1024 + at % 60_000) for at in range(20_000)]
    assert len(sampled(alike).kept[1]) <= 500


def test_segments_without_a_layout_are_sampled_too() -> None:
    lines = trace("0 C S 0 0\n1 S SA 0 1\n2 C PA 1 1 9")
    sample = Sample({}, Decoder().decode)
    for block in blocks(lines):
        sample.feed(block)
    assert [len(kept) for kept in sample.kept] == [1, 2]
