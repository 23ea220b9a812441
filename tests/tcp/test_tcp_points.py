"""Several capture points in one engine: Wireshark's numbers and flags over all packets, and each connection followed at each point."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.model.rows import Connection
from analyzer.model.seams import Block
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Engine, Points, over_all, row, twins
from tests.pipeline.points import beyond
from tests.pipeline.traffic import Net
from tests.tcp.script import blocks, play, trace

MERGED = (
    "packets_sent", "packets_received", "retransmissions", "fast_retransmissions", "spurious_retransmissions", "out_of_order",
    "duplicate_acks", "keep_alives", "zero_windows", "lost_segments", "completeness", "first_packet_id", "last_packet_id",
    "initial_rtt_ns",
)  # fmt: skip
"""Columns that are Wireshark's over all packets of a connection."""


def engine(points: Points | None) -> Engine:
    return Engine(
        LAYOUTS, Decoder().decode, (), lambda row: None, datagram=lambda *_: None, datagram_ports=frozenset(), points=points
    )  # fmt: skip


def one_by_one(packets: Sequence[tuple[int, bytes, int]], shifts: Sequence[int] = (0, 0)) -> list[Block]:
    """Make a block of each packet (time, bytes, file), its time on the common clock."""
    return [
        Block(data, [0], [len(data)], [len(data)], [time - shifts[file]], 1, file, number, file, number)
        for number, (time, data, file) in enumerate(packets, 1)
    ]


def both(packets: Sequence[tuple[int, bytes, int]], shifts: Sequence[int] = (0, 0)) -> tuple[list[Connection], list[Connection], Engine]:
    """Return the rows of an engine that knows of no points, and those of one with a point a file; and that engine."""
    plain, points = engine(None), Points([0, 1], shifts)
    apart = engine(points)
    for block in one_by_one(packets):
        plain.feed(block)
    for block in one_by_one(packets, shifts):
        apart.feed(block)
    plain.finish()
    apart.finish()
    views: dict[int, list[int]] = {}
    for at, flow in enumerate(apart.flows):
        views.setdefault(points.streams.get(flow.connection_id, flow.connection_id), []).append(at)
    rows = [over_all(row(apart.flows[found[0]]), [apart.flows[at] for at in found]) for _, found in sorted(views.items())]
    return [row(flow) for flow in plain.flows], rows, apart


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), offset=st.sampled_from((0, 7_000, -400_000, 3_000_000, 900_000_000, 10**13)))
def test_what_wireshark_counts_does_not_depend_on_points(seed: int, offset: int) -> None:
    frames = Net(seed, calls=6).frames
    there = beyond(frames, offset=offset, lost=lambda index, _: (index + seed) % 31 == 0)
    packets = sorted([(one.time, one.data, 0) for one in frames] + [(one.time, one.data, 1) for one in there], key=lambda one: one[0])
    plain, rows, _ = both(packets, (0, offset))
    assert [[getattr(one, name) for name in MERGED] for one in rows] == [[getattr(one, name) for name in MERGED] for one in plain]
    assert [one.connection_id for one in rows] == list(range(len(rows)))


def test_each_point_sees_its_own_round_trip_and_no_repeats() -> None:
    near = trace("0 C S 0 0\n20 S SA 0 1\n20.1 C A 1 1\n21 C PA 1 1 100\n41 S PA 1 101 50\n41.1 C A 101 51")
    far = trace("10 C S 0 0\n10.2 S SA 0 1\n30.1 C A 1 1\n31 C PA 1 1 100\n31.2 S PA 1 101 50\n51.1 C A 101 51")
    packets = sorted(
        [(line.time, line.frame(), 0) for line in near] + [(line.time, line.frame(), 1) for line in far], key=lambda one: one[0]
    )
    _, merged, apart = both(packets)
    assert len(merged) == 1
    assert [row(flow).min_rtt_ns for flow in apart.flows] == [20_000_000, 200_000]
    assert [row(flow).retransmissions for flow in apart.flows] == [0, 0]
    assert merged[0].retransmissions > 0
    assert (merged[0].duplicates, merged[0].packets_sent, merged[0].packets_received) == (6, 8, 4)


def test_a_port_used_again_is_another_connection_at_both_points() -> None:
    text = "0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C FA 1 1\n4 S FA 1 2\n100 C S 0 0 isn=777\n101 S SA 0 0\n102 C A 0 1"
    near = [(line.time, line.frame(), 0) for line in trace(text)]
    for offset in (50_000, 50_000_000, 10**13):
        far = [(time + offset, data, 1) for time, data, _ in near]
        plain, merged, apart = both(sorted([*near, *far], key=lambda one: one[0]), (0, offset))
        assert [one.connection_id for one in plain] == [one.connection_id for one in merged]
        assert sorted(twins(apart.flows, apart._points.streams if apart._points is not None else {}).values()) == [0, 1]


def test_of_copies_with_the_same_addresses_the_first_is_nearest_to_the_client() -> None:
    near = trace("0 C S 0 0\n20 S SA 0 1\n20.1 C A 1 1\n21 C PA 1 1 100\n41 S PA 1 101 50")
    far = trace("0 C S 0 0 ttl=63\n10 S SA 0 1 ttl=65\n20.1 C A 1 1 ttl=63\n21 C PA 1 1 100 ttl=63\n41 S PA 1 101 50 ttl=65")
    packets = [(line.time, line.frame(), 1) for line in near] + [(line.time + 5, line.frame(), 0) for line in far]
    _, _, apart = both(sorted(packets, key=lambda one: one[0]))
    streams = apart._points.streams if apart._points is not None else {}
    (pair,) = twins(apart.flows, streams).items()
    points = {flow.connection_id: flow.point for flow in apart.flows}
    assert (points[pair[0]], points[pair[1]]) == (0, 1)


@pytest.mark.parametrize("text", ["0 C S 0 0\n1 S SA 0 1", "0 C PA 1 1 9\n1 S PA 1 10 9"])
def test_one_point_is_as_if_there_were_none(text: str) -> None:
    made = blocks(trace(text))
    points = engine(Points([0], [0]))
    for block in made:
        points.feed(block)
    points.finish()
    assert [row(flow) for flow in points.flows] == [one._replace(protocol=None) for one in play(made).rows]
