"""Curves: profiles hold every row once, pools keep their peaks."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import analyzer
from analyzer.report import series
from analyzer.report.calls import CallLedger
from analyzer.report.series import pool_curves, profile
from tests.factory import analysis, call, connection


@given(st.lists(st.integers(1, 10**9), max_size=300), st.integers(1, 60))
def test_a_profile_holds_every_row_once_in_order(lengths: list[int], slices: int) -> None:
    rows = [call(n, duration_ns=took, connect_ns=took, client_ns=0, send_ns=0, wait_ns=0, receive_ns=0) for n, took in enumerate(lengths)]
    ledger = CallLedger(analysis([connection()], calls=rows))
    made = profile(ledger, rows, slices)
    assert sum(part.rows for part in made) == len(rows)
    at = 0
    for part in made:
        assert part.first == at
        at += part.rows
        assert abs(sum(part.spent) - part.total_ns) < 1
    assert [part.total_ns for part in made] == sorted(part.total_ns for part in made)
    if made:
        assert made[-1].rows == 1
        assert made[-1].total_ns == max(lengths)


def test_pools_are_those_of_the_answer(bundled: Path) -> None:
    about = analyzer.read(bundled / "cold-start.pcap")
    (curve,) = pool_curves(about)
    (pool,) = about.pool()
    assert curve.name == "dynamodb.us-east-1.amazonaws.com:80"
    assert max(curve.open) == pool.most_open == 2
    assert max(curve.busy) == pool.most_busy
    assert curve.binned_ns == 0
    assert curve.times_ns == sorted(curve.times_ns)


def test_an_answer_made_by_hand_has_no_pools() -> None:
    assert pool_curves(analysis()) == []


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=400), st.integers(0, 10**6))
def test_of_many_changes_the_highest_values_are_kept(changes: list[tuple[int, int, int]], end: int) -> None:
    changes = sorted({change[0]: change for change in changes}.values())
    times, opens, busies = map(list, zip(*changes, strict=True))
    kept, kept_open, kept_busy, length = series._highest(times, opens, busies, end)
    assert max(kept_open) == max(opens)
    assert max(kept_busy) == max(busies)
    assert kept[0] == times[0]
    assert kept == sorted(kept)
    assert len(kept) == len(kept_open) == len(kept_busy) == series.MOST_STEPS + 1
    assert length >= 1
    for time, high in zip(times, opens, strict=True):
        inside = (time - times[0]) // length
        assert kept_open[inside] >= high
    assert kept_open[-1] == opens[-1]
