"""Lost and repeated packets joined to the exchanges that they held up, by made-up rows and against what really was dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Repeated, Stall
from analyzer.repeating import with_costs, with_unseen
from tests.factory import MS, connection, exchange, later


def repeat(packet: int, cause: str = "timeout", sender: str = "client", after: int | None = 250 * MS) -> Repeated:
    return Repeated(packet, sender, "retransmission", cause, "elapsed", None, after, True)


def test_a_repeat_belongs_to_the_exchange_under_way_and_costs_its_stall() -> None:
    under = connection(0, repeats=(repeat(6), repeat(26)))
    first = exchange(0, under, stalls=(Stall("request-repeated", 0, 240 * MS, 6),))
    second = later(1, under, 1, first_packet_id=24, stalls=(Stall("request-repeated", 0, 99 * MS, 27),))
    (row,) = with_costs([under], [second, first])
    assert [(one.packet_id, one.exchange_id, one.cost_ns) for one in row.repeats] == [(6, 0, 240 * MS), (26, 1, 0)]


def test_syns_belong_to_the_first_exchange_and_cost_until_one_was_answered() -> None:
    syns = (repeat(2, "syn-timer", after=1000 * MS), repeat(3, "syn-timer", after=2000 * MS), repeat(5, "syn-timer", "server"))
    under = connection(0, repeats=syns, syn_stall_ns=1000 * MS, syn_retransmissions=2)
    (row,) = with_costs([under], [exchange(0, under)])
    assert [(one.exchange_id, one.cost_ns) for one in row.repeats] == [(0, 1000 * MS), (0, 0), (0, 0)]
    reused = exchange(0, under, index_on_connection=1)
    assert [one.exchange_id for one in with_costs([under], [reused])[0].repeats] == [None, None, None]


def test_repeats_before_any_exchange_belong_to_none() -> None:
    under = connection(0, repeats=(repeat(2),))
    assert [one.exchange_id for one in with_costs([under], [])[0].repeats] == [None]
    assert with_costs([connection(1)], []) == [connection(1)]


def test_unseen_packets_go_to_the_response_that_showed_them() -> None:
    rows = [exchange(0), exchange(1)]
    assert rows[0].response_start_packet_id == 7
    assert [row.unseen_before_response for row in with_unseen(rows, {7: 2, 9: 1})] == [2, 0]
    cut = exchange(0, request_start_ns=None)
    assert with_unseen([cut], {7: 1}) == [cut]
    assert with_unseen(rows, {}) is rows


def read(shared: Path, name: str) -> tuple[Analysis, dict[tuple[str, str], int]]:
    folder = shared / name
    events = json.loads((folder / "truth.json").read_text())["wire_events"]
    dropped: dict[tuple[str, str], int] = {}
    for event in events:
        key = (event["why"], event["dir"])
        dropped[key] = dropped.get(key, 0) + 1
    return analyzer.read(folder / f"{name}.pcap"), dropped


@pytest.mark.parametrize("name, why", [("loss-5pct", "random"), ("request-loss", "rule")])
def test_as_many_packets_were_lost_as_the_path_dropped(shared: Path, name: str, why: str) -> None:
    analysis, dropped = read(shared, name)
    assert [row.unseen_packets for row in analysis.connections] == [dropped[why, "s2c"]]
    assert all(row.lost_before_capture for row in analysis.connections)


def test_of_joined_segments_no_more_are_told_than_were_lost(shared: Path) -> None:
    analysis, dropped = read(shared, "loss-2pct")
    assert 0 < sum(row.unseen_packets for row in analysis.connections) <= dropped["random", "s2c"]


def test_what_came_out_of_order_was_not_lost(shared: Path) -> None:
    analysis, dropped = read(shared, "reordering")
    (row,) = analysis.connections
    assert (row.unseen_packets, row.lost_before_capture) == (0, False)
    told = [one.cause for one in row.repeats]
    assert told.count("reordered") == len(told) - told.count("spurious")
    assert 0 < told.count("reordered") <= dropped["reordered", "s2c"]


def test_the_lost_answer_is_that_of_one_call(shared: Path) -> None:
    analysis, _ = read(shared, "request-loss")
    assert [row.unseen_before_response for row in analysis.exchanges if row.unseen_before_response] == [1]
    codes = [finding.code for finding in analysis.findings]
    assert codes.count("packet-loss-stall") == 2
    assert "slow-server" not in codes
    ((repeated,),) = [row.repeats for row in analysis.connections]
    assert (repeated.cause, repeated.sender, repeated.exchange_id) == ("timeout", "client", 2)
    assert repeated.cost_ns == analysis.exchanges[2].stall_ns


def test_captures_in_which_nothing_was_lost_say_so(shared: Path) -> None:
    for name in ("connect-timeout", "dns-query-lost", "loopback", "large-upload", "cold-start-http"):
        analysis, _ = read(shared, name)
        assert [row.unseen_packets for row in analysis.connections if row.unseen_packets] == [], name


@pytest.mark.parametrize(
    "name", ["zeek__http__100-continue.trace", "derived__tsresol-2pow20-be.pcapng", "wireshark__many_interfaces.pcapng.1"]
)
def test_numbers_that_a_host_shares_among_its_connections_prove_no_loss(shared: Path, name: str) -> None:
    analysis = analyzer.read(shared / "public" / name)
    assert [row.unseen_packets for row in analysis.connections if row.unseen_packets] == []
    assert "lost-before-capture" not in {row.code for row in analysis.anomalies}
