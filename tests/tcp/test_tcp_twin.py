"""The engine against its slow twin, on traces that nobody thought of; and what must not depend on how a capture is cut into blocks."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.reference.tcp import follow
from tests.tcp.script import START, Line, Played, blocks, pattern, play, trace

FLAGS = {
    "retransmissions": "retransmission", "fast_retransmissions": "fast_retransmission",
    "spurious_retransmissions": "spurious_retransmission",
    "out_of_order": "out_of_order", "duplicate_acks": "duplicate_ack", "keep_alives": "keep_alive", "zero_windows": "zero_window",
    "lost_segments": "lost_segment",
}  # fmt: skip
ISNS = st.sampled_from([0, 1000, 2**31 - 100, 2**31, 2**32 - 120, 2**32 - 1])
GAPS = st.sampled_from([0, 1_000, 500_000, 2_000_000, 5_000_000, 15_000_000, 60_000_000, 300_000_000])
NEAR = st.integers(0, 200)
OPEN = "0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n"


def told(played: Played) -> Any:
    return (
        played.rows,
        played.anomalies,
        {number: [(side.bytes(), side.gaps(), side.ended()) for side in pair] for number, pair in played.readers.items()},
    )


def agree(lines: list[Line], *, bytes_too: bool) -> None:
    played = play(blocks(lines))
    twins = follow(lines)
    assert len(played.rows) == len(twins)
    for row, twin in zip(played.rows, twins, strict=True):
        assert {name: getattr(row, name) for name in FLAGS} == {name: twin.counts[flag] for name, flag in FLAGS.items()}
        up, down = ("C", "S") if row.client_address == "10.0.0.1" else ("S", "C")
        assert (row.packets_sent, row.packets_received) == (twin.sides[up].packets, twin.sides[down].packets)
        assert row.initial_rtt_ns == twin.initial_rtt
        if bytes_too:
            assert (row.bytes_sent, row.bytes_received) == (len(twin.sides[up].content), len(twin.sides[down].content))
            for who, reader in zip((up, down), played.readers.get(row.connection_id, ()), strict=False):
                for kind, offset, what in reader.events:
                    if kind == "feed" and isinstance(what, bytes):
                        assert what == bytes(twin.sides[who].content[offset + i] for i in range(len(what)))


@st.composite
def wild(draw: st.DrawFn) -> list[Line]:
    """Any packets at all, near each other in sequence space."""
    isn = {"C": draw(ISNS), "S": draw(ISNS)}
    lines, time = [], START
    for _ in range(draw(st.integers(1, 40))):
        time += draw(GAPS)
        who = draw(st.sampled_from("CS"))
        flags = draw(st.sampled_from([0x10, 0x10, 0x10, 0x18, 0x18, 0x18, 0x11, 0x02, 0x12, 0x04, 0x14, 0x00, 0x29]))
        seq = isn[who] + draw(NEAR)
        ack = isn["S" if who == "C" else "C"] + draw(NEAR) if flags & 0x10 else 0
        size = draw(st.sampled_from([0, 0, 0, 1, 2, 10, 50])) if not flags & 2 else 0
        window = draw(st.sampled_from([500, 500, 500, 0, 501]))
        lines.append(
            Line(time, who, flags, seq % 2**32, ack % 2**32, b"x" * size, window, port=draw(st.sampled_from([40000, 40000, 40001])))
        )
    return lines


@st.composite
def conversation(draw: st.DrawFn, *, other_content: bool = False) -> list[Line]:
    """One connection whose packets are lost in the capture, repeated, swapped and cut anew; acknowledged is only what was sent.

    With `other_content`, what comes again may have other bytes.
    """
    client, server = draw(ISNS), draw(ISNS)
    lines = trace(OPEN, client=client, server=server) if draw(st.booleans()) else []
    time = START + 20_000_000
    sent = {"C": 0, "S": 0}
    isn = {"C": client, "S": server}
    for _ in range(draw(st.integers(1, 40))):
        time += draw(GAPS)
        who = draw(st.sampled_from("CCS"))
        peer = "S" if who == "C" else "C"
        back = draw(st.sampled_from([0, 0, 0, 0, 5, 17, 40]))
        start = max(0, sent[who] - back)
        size = draw(st.sampled_from([0, 1, 3, 20, 45]))
        shift = draw(st.sampled_from([0, 1])) if other_content and back else 0
        ack = isn[peer] + 1 + draw(st.integers(0, sent[peer]))
        sent[who] = max(sent[who], start + size)
        if not draw(st.integers(0, 5)):
            continue  # never captured
        flags = 0x18 if size else 0x10
        lines.append(
            Line(
                time,
                who,
                flags,
                (isn[who] + 1 + start) % 2**32,
                ack % 2**32,
                pattern(who, start + shift, size),
                draw(st.sampled_from([500, 500, 501, 0])),
            )
        )
        if not draw(st.integers(0, 4)):
            lines.append(lines[-1])
    at = draw(st.lists(st.integers(3, max(3, len(lines) - 2)), max_size=5))
    for index in at:
        if index + 1 < len(lines):
            lines[index], lines[index + 1] = lines[index + 1], lines[index]
    return lines


@given(wild())
def test_flags_and_numbers_of_any_packets(lines: list[Line]) -> None:
    agree(lines, bytes_too=False)


@given(conversation())
def test_flags_bytes_and_numbers_of_a_lossy_conversation(lines: list[Line]) -> None:
    agree(lines, bytes_too=True)


@given(conversation(other_content=True))
def test_of_bytes_that_come_twice_with_other_content_the_first_copy_counts(lines: list[Line]) -> None:
    agree(lines, bytes_too=True)


@given(st.one_of(wild(), conversation()), st.lists(st.integers(0, 40), max_size=6))
def test_blocks_and_paths_change_nothing(lines: list[Line], splits: list[int]) -> None:
    whole = told(play(blocks(lines)))
    assert told(play(blocks(lines, splits))) == whole
    assert told(play(blocks(lines), fast=False)) == whole


@given(ISNS, st.lists(st.integers(1, 60), min_size=1, max_size=20), st.data())
def test_any_order_of_segments_gives_the_same_bytes(isn: int, sizes: list[int], data: st.DataObject) -> None:
    lines = trace(OPEN, client=isn)
    segments, at = [], 0
    for size in sizes:
        extra = data.draw(st.integers(0, 30))  # reaches into the next one
        segments.append((at, pattern("C", at, size + (extra if size != sizes[-1] else 0))))
        at += size
    total = max(start + len(content) for start, content in segments)
    order = data.draw(st.permutations(segments + segments[: data.draw(st.integers(0, 5))]))
    for index, (start, content) in enumerate(order):
        lines.append(Line(START + 20_000_000 + index * 1000, "C", 0x18, (isn + 1 + start) % 2**32, 5001, content))
    lines.append(Line(START + 30_000_000, "S", 0x10, 5001, (isn + 1 + total) % 2**32))
    played = play(blocks(lines))
    assert played.up.bytes() == pattern("C", 0, total)
    assert (played.one.bytes_sent, played.one.gap_bytes) == (total, 0)
