"""Connections as pools: counts over time, who closes idle ones and after what timer, what opening cost; made-up rows and real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.errors import UsageError
from analyzer.findings.pool import Levels, Member, levels, needed, pools
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange, Handshake
from analyzer.model.table import Table
from analyzer.narrow import Filter, apply
from analyzer.pipeline import read
from tests.factory import MS, START, analysis, connection, exchange, info


def rows(number: int, opened: int, closed: int | None, *busy: tuple[int, int], **changes: Any) -> tuple[Connection, list[Exchange]]:
    """A connection that was open and busy from and to so many ms after START; `closed` None: left open."""
    under = connection(
        number, first_ns=START + (opened - 10) * MS, syn_ns=START + (opened - 10) * MS, established_ns=START + opened * MS,
        closed_ns=None if closed is None else START + closed * MS, last_ns=START + (closed if closed is not None else busy[-1][1]) * MS,
        closed_by="open" if closed is None else "client", exchanges=len(busy),
    )._replace(**changes)  # fmt: skip
    asked = [
        exchange(100 * number + at, under, request_start_ns=START + start * MS, response_end_ns=START + end * MS)
        for at, (start, end) in enumerate(busy)
    ]
    return under, asked


def about(*parts: tuple[Connection, list[Exchange]], end: int = 2000) -> Analysis:
    made = analysis([part[0] for part in parts], [one for part in parts for one in part[1]], capture=info(last_ns=START + end * MS))
    made.pooled = pools
    return made


def test_what_was_open_and_busy() -> None:
    found = about(rows(0, 10, 900, (10, 110), (200, 300)), rows(1, 50, 950, (60, 160)), rows(2, 400, None, (400, 500))).pool()
    (pool,) = found
    assert (pool.client_address, pool.server, pool.server_port) == ("10.0.1.23", "dynamodb.us-east-1.amazonaws.com", 80)
    assert (pool.service, pool.opened, pool.already_open, pool.most_open, pool.most_busy) == ("dynamodb", 3, 0, 3, 2)
    assert (pool.start_ns, pool.span_ns) == (START + 10 * MS, 1990 * MS)
    assert (pool.requests, pool.took_ns) == (4, 100 * MS)
    assert pool.mean_busy == pytest.approx(400 / 1990)
    assert pool.mean_open == pytest.approx((890 + 900 + 1600) / 1990)
    assert (pool.idle_p50_ns, pool.idle_p90_ns, pool.idle_max_ns) == (90 * MS, 90 * MS, 90 * MS)
    assert (pool.closed_by_client, pool.closed_by_server, pool.closed_by_reset, pool.left_open) == (2, 0, 0, 1)
    assert (pool.idle_closer, pool.idle_closed, pool.idle_close_ns, pool.idle_close_timer) == (None, 0, None, None)
    assert (pool.full_ns, pool.followed_at_once) == (50 * MS, 0)
    assert (pool.connect_ns, pool.handshakes_full, pool.handshakes_resumed, pool.handshake_ns) == (30 * MS, 0, 0, 0)
    assert pool.connection_ids == (0, 1, 2)
    assert [(round((row.time_ns - START) / MS), row.open, row.busy, row.idle) for row in found.changes] == [
        (10, 1, 1, 0), (50, 2, 1, 1), (60, 2, 2, 0), (110, 2, 1, 1), (160, 2, 0, 2), (200, 2, 1, 1), (300, 2, 0, 2), (400, 3, 1, 2),
        (500, 3, 0, 3), (900, 2, 0, 2), (950, 1, 0, 1), (2000, 0, 0, 0),
    ]  # fmt: skip


def test_requests_that_follow_at_once_where_no_connection_is_idle() -> None:
    busy = ((10, 110), (111, 210), (212, 310))
    (pool,) = about(rows(0, 10, 400, *busy), rows(1, 10, 400, (10, 150), (151, 260), (261, 399))).pool()
    assert (pool.followed_at_once, pool.full_ns) == (4, (100 + 39 + 59 + 48 + 49) * MS)
    (pool,) = about(rows(0, 10, 400, *busy), rows(1, 10, 400, (10, 150), (151, 260), (261, 399)), rows(2, 5, 400, (5, 9))).pool()
    assert pool.followed_at_once == 0  # one was idle all the time
    (pool,) = about(rows(0, 10, 400, *busy)).pool()
    assert pool.followed_at_once == 0  # a loop, or a queue: nobody can tell


@pytest.mark.parametrize(
    "by, who, told",
    [
        ("server", "server", "a timer of 20 s"),
        ("client", "client", "a timer of 20 s"),
        ("server-reset", "reset", "a timer of 20 s"),
    ],
)
def test_who_closes_idle_ones_and_after_what_timer(by: str, who: str, told: str | None) -> None:
    parts = [rows(number, 10, 110 + 20_003 + number, (10, 110 + number), closed_by=by) for number in range(3)]
    (pool,) = about(*parts, rows(3, 10, 111, (10, 110), closed_by="client"), end=30_000).pool()
    assert (pool.idle_closer, pool.idle_closed, pool.idle_close_ns) == (who, 3, 20_003 * MS)
    assert pool.idle_close_timer == told


def test_idle_times_that_differ_are_no_timer() -> None:
    parts = [rows(number, 10, 5000 + 3000 * number, (10, 110), closed_by="server") for number in range(3)]
    (pool,) = about(*parts, end=30_000).pool()
    assert (pool.idle_closer, pool.idle_closed, pool.idle_close_timer) == ("server", 3, None)


def test_pools_are_told_apart_and_the_most_used_comes_first() -> None:
    found = about(
        rows(0, 10, 100, (10, 20)),
        rows(1, 10, 100, (10, 20), (30, 40), server_name="other.example"),
        rows(2, 10, 100, (10, 20), server_port=443),
        rows(3, 10, 100, (10, 20), client_address="10.0.1.24"),
        rows(4, 10, 100, (10, 20), server_name=None, service=None),
    ).pool()
    assert [(row.client_address, row.server, row.server_port) for row in found] == [
        ("10.0.1.23", "other.example", 80),
        ("10.0.1.23", "3.218.180.10", 80),
        ("10.0.1.23", "dynamodb.us-east-1.amazonaws.com", 80),
        ("10.0.1.23", "dynamodb.us-east-1.amazonaws.com", 443),
        ("10.0.1.24", "dynamodb.us-east-1.amazonaws.com", 80),
    ]
    assert {row.server for row in found.changes.where(server_port=443)} == {"dynamodb.us-east-1.amazonaws.com"}


def test_what_is_left_out() -> None:
    assert not about(
        rows(0, 10, 100, (10, 20), copy_of=7),
        rows(1, 10, 100, (10, 20), established_ns=None),
        rows(2, 10, 100, (10, 20), protocol=None),
    ).pool()


def test_what_was_open_before_the_capture() -> None:
    (pool,) = about(rows(0, 10, None, (15, 30), syn_ns=None, established_ns=None, first_ns=START + 12 * MS)).pool()
    assert (pool.opened, pool.already_open, pool.start_ns, pool.left_open) == (0, 1, START + 12 * MS, 1)


def test_a_request_without_an_answer_keeps_its_connection_until_it_is_closed() -> None:
    under, asked = rows(0, 10, 510, (10, 20))
    (pool,) = about((under, [asked[0]._replace(response_start_ns=None, response_end_ns=None)])).pool()
    assert pool.took_ns == 500 * MS


def test_handshakes_cost() -> None:
    made = about(*(rows(number, 10, 100, (60, 70)) for number in range(3)))
    shake = Handshake(0, START, START + 20 * MS, 20 * MS, "TLS 1.3", None, None, None, False, 1, None, False)
    made.handshakes = Table("handshakes", Handshake, [shake, shake._replace(connection_id=2, resumed=True, duration_ns=11 * MS)])
    (pool,) = made.pool()
    assert (pool.handshakes_full, pool.handshakes_resumed, pool.handshake_ns) == (1, 1, 31 * MS)


@pytest.mark.parametrize(
    "busy, count",
    [
        ([(0, 100)], 1),
        ([(0, 0)], 0),
        ([], 0),
        ([(0, 500), (0, 500), (0, 500)], 3),  # shorter than a second: of that time
        ([(0, 100), (900, 1000), (1000, 1100), (1100, 1900), (1100, 1900)], 2),  # 1.7 in the second from 1000 on
        ([(0, 4000)] * 5, 5),
        ([(0, 400), (600, 1000), (2000, 2001)], 1),
    ],
)
def test_how_many_the_busiest_second_needed(busy: Sequence[tuple[int, int]], count: int) -> None:
    group = [Member(connection(), START, START + 10_000 * MS, [(START + a * MS, START + b * MS)]) for a, b in busy]
    assert needed(levels(group)) == count


TIMES = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 1500)), max_size=12)


@given(TIMES)
@example([(0, 0), (1, 1), (1, 999)])
@example([(0, 0), (1000, 0)])
def test_no_second_needs_more_than_were_busy(times: list[tuple[int, int]]) -> None:
    group = [Member(connection(), START, START + 10_000 * MS, [(START + a * MS, START + (a + b) * MS)]) for a, b in times]
    level = levels(group) if group else Levels([], [], [])
    slow = 0
    for begin in sorted({a for a, _ in times} | {a + b - 1000 for a, b in times}):
        slow = max(slow, sum(max(0, min(a + b, begin + 1000) - max(a, begin)) for a, b in times))
    at_work = [(a, b) for a, b in times if b]
    span = max((a + b for a, b in at_work), default=0) - min((a for a, _ in at_work), default=0)
    if span >= 1000:
        assert needed(level) == -(-slow // 1000)
    else:
        assert needed(level) <= len(at_work)
    assert all(0 <= busy <= len(group) for busy in level.busy)


def test_an_answer_made_by_hand_has_none() -> None:
    with pytest.raises(UsageError, match="without pools"):
        analysis().pool()


def test_a_part_has_its_own_pools() -> None:
    whole = about(rows(0, 10, 100, (10, 20)), rows(1, 10, 100, (10, 20), server_name="other.example"))
    part = apply(whole, Filter(frozenset(), frozenset({"other.example"}), None, None, frozenset()))
    assert [row.server for row in part.pool()] == ["other.example"]


@pytest.mark.parametrize(
    "name", ["pool-queue-aio", "tls-churn", "cold-start-http", "boto3-keepalive", "js2-no-keepalive", "service-closes", "idle-probe-js3"]
)
def test_real_pools_agree_with_what_the_service_saw(shared: Path, name: str) -> None:
    folder = shared / name
    truth = json.loads((folder / "truth.json").read_text())
    keys = folder / "keys.log"
    found = read(folder / f"{name}.pcap", keys=keys if keys.exists() else None)
    (pool,) = (row for row in found.pool() if row.service == "dynamodb")
    assert pool.opened == truth["counts"]["connections_opened"]
    calls = [(call["start_ns"], call["start_ns"] + round(call["total_ms"] * MS)) for call in truth["calls"] if "start_ns" in call]
    at_once = max((sum(start <= at < end for start, end in calls) for at, _ in calls), default=pool.most_busy)
    assert pool.most_busy <= max(1, at_once)
    assert pool.needed <= pool.most_busy <= pool.most_open <= pool.opened
    changes = list(found.pool().changes)
    assert max(row.open for row in changes) == pool.most_open
    assert all(row.idle == row.open - row.busy >= 0 for row in changes)
    assert changes[-1].open == 0


def test_the_service_closes_idle_ones_after_four_seconds(bundled: Path) -> None:
    (pool,) = read(bundled / "cold-start.pcap").pool()
    assert (pool.idle_closer, pool.idle_closed, pool.idle_close_timer) == ("server", 2, "a timer of 4 s")
    assert pool.needed == 1
    assert pool.opened == 4


def test_its_frame_has_times_and_numbers(bundled: Path) -> None:
    frame = read(bundled / "cold-start.pcap").pool().to_pandas()
    assert str(frame["start_ns"].dtype) == "datetime64[ns, UTC]"
    assert str(frame["idle_close_ns"].dtype) == "timedelta64[ns]"
    assert str(frame["mean_busy"].dtype) == "Float64"
