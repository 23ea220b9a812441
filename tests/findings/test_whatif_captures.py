"""What-ifs on the bundled captures: what holds of every change, and of all of them together."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from analyzer.findings.view import View
from analyzer.findings.whatif import worthwhile
from analyzer.findings.whatif.changes import EVERY
from analyzer.findings.whatif.replay import replay
from analyzer.findings.whatif.scene import Scene
from analyzer.model.analysis import Analysis
from analyzer.model.whatif import Wishes
from analyzer.narrow import Filter, apply
from analyzer.units import MILLISECOND

NAMES = ("cold-start", "filter-scan", "imds-hop-limit-container", "imds-hop-limit-uplink")
MORE = [Wishes(credentials="agent"), Wishes(pool=1), Wishes(pool=100), Wishes(rtt_ns=0), Wishes(rtt_ns=500 * MILLISECOND)]
ALL = Wishes(
    keep_alive=True, tls13=True, resumption=True, hop_limit=True, credentials="ready", no_loss=True, no_filter_scan=True, rtt_ns=0
)  # fmt: skip


@pytest.fixture(scope="module", params=NAMES)
def capture(request: pytest.FixtureRequest, bundled: Path) -> Analysis:
    return analyzer.read(bundled / f"{request.param}.pcap")


def test_the_parts_of_a_call_are_all_of_it(capture: Analysis) -> None:
    calls = list(capture.calls)
    scene = Scene(View(capture), calls)
    assert calls
    for call in calls:
        parts = scene.parts(call)
        assert sum(part.likely for part in parts) == call.duration_ns
        assert all(part.low == part.likely == part.high == part.end - part.start for part in parts)


@pytest.mark.parametrize("wishes", [*EVERY, *MORE, ALL], ids=str)
def test_ranges_hold_what_they_are_of(capture: Analysis, wishes: Wishes) -> None:
    made = replay(capture, wishes)
    for row in made.changes:
        assert row.total_low_ns <= row.total_ns <= row.total_high_ns
        assert row.gain_ns == row.total_before_ns - row.total_ns
        for name in ("p50", "p95", "p99"):
            low, likely, high = (getattr(row, f"{name}{what}_ns") for what in ("_low", "", "_high"))
            assert 0 <= low <= likely <= high
        assert row.applies or row.note
        assert row.applies or row.gain_ns == 0
    for one in made.calls:
        if one.after_ns is not None:
            assert one.low_ns is not None
            assert one.high_ns is not None
            assert 0 <= one.low_ns <= one.after_ns <= one.high_ns
    last = made.changes[-1]
    assert last.total_ns == sum(one.after_ns or 0 for one in made.calls)


def test_together_gains_no_less_than_each_and_no_more_than_all(capture: Analysis) -> None:
    made = replay(capture, ALL)
    together, single = made.changes[-1], list(made.changes)[:-1]
    assert together.gain_ns >= max(row.gain_ns for row in single)
    assert together.gain_ns <= sum(row.gain_ns for row in single), "no nanosecond is removed twice"
    assert together.total_ns > 0


def test_a_part_of_a_capture_is_replayed_alone(capture: Analysis) -> None:
    whole = capture.whatif(rtt="1ms").changes[0]
    first = next(row.connection_id for row in capture.calls if row.service == "dynamodb" and row.connection_id is not None)
    part = apply(capture, Filter(frozenset(), frozenset(), None, None, frozenset({first}))).whatif(rtt="1ms").changes[0]
    assert part.applies
    assert part.calls <= whole.calls
    assert part.total_before_ns <= whole.total_before_ns


def test_a_report_names_what_gains_most(bundled: Path) -> None:
    found = {name: [row.change for row in worthwhile(analyzer.read(bundled / f"{name}.pcap"), 0.05, 3)] for name in NAMES}
    assert found == {
        "cold-start": ["rtt 1.0 ms", "warm-pool"],
        "filter-scan": ["no-filter-scan"],
        "imds-hop-limit-container": ["hop-limit"],
        "imds-hop-limit-uplink": ["hop-limit"],
    }


def test_what_gains_too_little_is_not_named(bundled: Path) -> None:
    assert worthwhile(analyzer.read(bundled / "cold-start.pcap"), 0.99, 3) == []


def test_distance_alone(bundled: Path) -> None:
    # 16 calls on open connections, one round trip of 90 ms each; with 1 ms a call is its server time and 1 ms.
    row = analyzer.read(bundled / "cold-start.pcap").whatif(rtt="1ms").changes[0]
    assert row.p50_before_ns is not None
    assert row.p50_ns is not None
    assert row.p50_before_ns - row.p50_ns == pytest.approx(89 * MILLISECOND, rel=0.02)
