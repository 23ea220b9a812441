"""Which view of a connection is its row, which lookups are one, and what is told of clocks and of losses between two points."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.between import note_lost
from analyzer.elsewhere import MOST_RECENT, Fold, one_view
from analyzer.model.analysis import Elsewhere
from analyzer.model.capture import CaptureFile, CaptureInfo
from analyzer.model.clocks import Clock
from analyzer.model.rows import Anomaly, Connection, Lookup
from analyzer.survey import note_clocks
from tests.factory import MS, START, connection, exchange, lookup

VIEW = 1 << 40


def test_of_two_views_the_one_that_is_no_copy_is_the_row() -> None:
    rows = [connection(0, packets_sent=1), connection(1), connection(VIEW, packets_sent=2)]
    fold = Fold([0, 1, VIEW], {0: VIEW}, {VIEW: 0})
    kept, away = fold.connections(rows)
    assert [(row.connection_id, row.packets_sent, row.copy_of) for row in kept] == [(0, 2, None), (1, 6, None)]
    assert [(row.connection_id, row.packets_sent, row.copy_of) for row in away] == [(0, 1, 0)]


def test_a_translated_copy_names_the_connection_of_the_nearest_view() -> None:
    # 0 and its view are copies of 1, whose client is nearer.
    fold = Fold([0, 1, VIEW], {0: 1, VIEW: 1}, {VIEW: 0})
    assert fold.copies == {0: 1}
    # 1 is a copy of the view: of connection 0.
    assert Fold([0, 1, VIEW], {0: VIEW, 1: VIEW}, {VIEW: 0}).copies == {1: 0}


def test_rows_of_views_are_kept_beside_the_tables() -> None:
    near, far = connection(0), connection(VIEW)
    asked = [exchange(0, near), exchange(1, far)]
    fold = Fold([0, VIEW], {VIEW: 0}, {VIEW: 0})
    rows = fold.rows([near, far], asked, [[], []], [], {"no keys": [(0, "a"), (VIEW, "b")]})
    assert [(row.exchange_id, row.connection_id, row.copy_of) for row in rows.exchanges] == [(0, 0, None)]
    assert [(one.connection.connection_id, [row.exchange_id for row in one.exchanges]) for one in rows.elsewhere] == [(0, [1])]
    assert [len(found) for found in rows.opaque.values()] == [1]
    assert fold.anomaly(Anomaly("x", 1, VIEW, "")).connection_id == 0
    assert fold.anomaly(Anomaly("x", 1, None, "")).connection_id is None
    assert list(fold.several([near])) == [0]


def asked(start: int, took: int | None = 10, **changes: Any) -> Lookup:
    begin = START + start * MS
    return lookup(start_ns=begin, end_ns=begin + took * MS if took is not None else None, packet_ids=(start + 1,), **changes)


def test_a_lookup_seen_twice_is_one_and_the_longer_view_is_kept() -> None:
    near, far = [asked(0, 10), asked(500, 10)], [asked(1, 8), asked(501, 12)]
    assert one_view([near, [*far, asked(900, 9)]], lambda row: False) == [near[0], near[1], asked(900, 9)]
    assert one_view([[asked(1, 8)], [asked(0, 10)]], lambda row: False) == [asked(0, 10)]


def test_the_view_that_leads_to_a_connection_counts() -> None:
    near, far = asked(0, 10, connection_ids=()), asked(1, 8, connection_ids=(7,))
    assert one_view([[near], [far]], lambda row: bool(row.connection_ids)) == [far]


@pytest.mark.parametrize("changes", [{"name": "other.example"}, {"type": "AAAA"}, {"rcode": "NXDOMAIN"}])
def test_other_lookups_stay(changes: dict[str, str]) -> None:
    assert len(one_view([[asked(0)], [asked(1, 8, **changes)]], lambda row: False)) == 2
    assert len(one_view([[asked(0)], [asked(300, 8)]], lambda row: False)) == 2


def test_what_loss_makes_of_lookups_at_the_far_point_is_none() -> None:
    near = [asked(at, 10) for at in (0, 400, 2000)]
    # The far point saw no answer to the first query of two, and takes the second for a retry.
    far = [asked(2001, 8), asked(1, 401, tries=2)]
    assert one_view([near, far], lambda row: False) == near


def test_very_many_of_one_name_are_not_compared_with_each_other() -> None:
    rows = [asked(0) for _ in range(40 * MOST_RECENT)]
    assert len(one_view([rows, []], lambda row: False)) == len(rows)


NEAR, FAR = connection(0, first_packet_id=1), connection(1, first_packet_id=50, client_address="9.9.9.9", copy_of=0)


def info(*clocks: Clock, last: int = 500) -> CaptureInfo:
    files = [
        CaptureFile(f"/data/{name}.pcap", first_ns=START + clock.shift_ns, last_ns=START + clock.shift_ns + last * MS, clock=clock)
        for name, clock in zip(("near", "far"), clocks, strict=True)
    ]
    return CaptureInfo(files=files, runs=[(1, 0, 1, 49), (50, 1, 1, 51)])


def lost(near: Any, far: Any, rows: tuple[Connection, Connection] = (NEAR, FAR), about: CaptureInfo | None = None) -> list[Anomaly]:
    found: list[Anomaly] = []
    note_lost(about or info(Clock(0), Clock(1, shift_ns=7)), rows, [row for row in (near, far) if row is not None], [], found.append)
    return found


SILENT = exchange(0, NEAR, outcome="no-response", response_start_ns=None, response_end_ns=None, status=None)
ANSWERED = exchange(1, FAR, outcome="undelivered", copy_of=0, response_start_packet_id=77)


def test_an_answer_that_one_point_saw_and_the_other_did_not() -> None:
    (row,) = lost(SILENT, ANSWERED)
    assert (row.code, row.packet_id, row.connection_id) == ("answer-lost-between", 77, 0)
    assert "passed far.pcap at 2026-11-18" in row.detail
    assert row.detail.endswith("and never reached near.pcap")


def test_a_request_that_did_not_come_as_far() -> None:
    (row,) = lost(SILENT, None, (NEAR, FAR._replace(bytes_sent=0)))
    assert (row.code, row.connection_id) == ("request-lost-between", 0)


@pytest.mark.parametrize(
    "changes",
    [{"syn_ns": None}, {"gap_bytes": 1448, "lost_before_capture": True}, {"cut_packets": 1}],
)
def test_nothing_is_said_where_the_capture_itself_may_lack_it(changes: dict[str, Any]) -> None:
    assert lost(SILENT, ANSWERED, (NEAR._replace(**changes), FAR)) == []
    assert lost(SILENT, ANSWERED, (NEAR, FAR._replace(**changes))) == []


def test_nothing_is_said_of_what_came_after_a_capture_ended_nor_of_one_point() -> None:
    assert lost(SILENT, ANSWERED, about=info(Clock(0), Clock(1), last=1)) == []
    assert lost(SILENT, ANSWERED, about=info(Clock(0), Clock(0))) == []
    assert lost(exchange(0, NEAR), ANSWERED) == []


def test_the_same_of_a_view_with_the_same_addresses() -> None:
    found: list[Anomaly] = []
    view = Elsewhere(FAR._replace(connection_id=0), (ANSWERED._replace(connection_id=0),))
    note_lost(info(Clock(0), Clock(1)), [NEAR], [SILENT], [view], found.append)
    assert [row.code for row in found] == ["answer-lost-between"]


@pytest.mark.parametrize(
    "clock, text",
    [
        (
            Clock(1, 0, 12_300_000, 12_300_000, 14, 40_000, apart=True),
            "far.pcap's clock is 12.3 ms ahead of near.pcap's (median of 14 shared connections, spread 40 µs); its times are shifted by "
            "that",
        ),
        (
            Clock(1, 0, -2_000_000_000, -2_000_000_000, 1, None, apart=True),
            "far.pcap's clock is 2000 ms behind near.pcap's (1 shared connection); its times are shifted by that",
        ),
        (
            Clock(1, 0, -20_000, 0, 3, 9_000),
            "the clocks of far.pcap and near.pcap agree: 20 µs apart (median of 3 shared connections, spread 9 µs)",
        ),
        (
            Clock(1, 0, 5_000_000, 5_000_000, 2, None, one_way=True, apart=True),
            "far.pcap's clock is 5.0 ms ahead of near.pcap's (median of 2 shared connections, one direction only: the delay between the "
            "two points is in it); its times are shifted by that",
        ),
    ],
)
def test_what_is_told_of_a_clock(clock: Clock, text: str) -> None:
    about = info(Clock(), Clock())
    note_clocks(about, [Clock(), clock], {})
    assert (about.remarks, about.notes) == ([text], [])
    assert [file.clock for file in about.files] == [Clock(), clock]


def test_whose_view_is_used() -> None:
    about = info(Clock(), Clock())
    clocks = [Clock(), Clock(1, 0, 0, 0, 3)]
    note_clocks(about, clocks, {0: 3})
    assert about.remarks[-1] == (
        "3 connections were captured at several points: times are those seen nearest to the client (near.pcap), the other views only prove"
    )
    note_clocks(about, clocks, {0: 3, 1: 1})
    assert "(3 in near.pcap and 1 in far.pcap)" in about.remarks[-1]


def test_files_of_the_same_time_that_cannot_be_aligned_warn() -> None:
    about = info(Clock(), Clock())
    for file in about.files:
        file.last_ns = START + 5000 * MS
    note_clocks(about, [Clock(), Clock()], {})
    assert about.notes == ["near.pcap and far.pcap cannot be aligned: no connection is in both"]
    about.files[1].first_ns = START + 4500 * MS  # the next file of a ring
    about.notes.clear()
    note_clocks(about, [Clock(), Clock()], {})
    assert about.notes == []


def test_files_with_the_same_name_are_told_by_their_folders() -> None:
    about = info(Clock(), Clock())
    about.files[1].name = "/other/near.pcap"
    note_clocks(about, [Clock(), Clock(1, 0, 0, 0, 3)], {})
    assert "of /other/near.pcap and /data/near.pcap agree" in about.remarks[0]
