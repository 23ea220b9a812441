"""What a page draws is what the tables and `explain` say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.report.explain import explain
from analyzer.report.ledger import PHASES
from analyzer.report.page import facts as module
from analyzer.report.page.detail import Details
from analyzer.report.page.facts import facts, sample
from analyzer.report.page.pack import Pack, unpacked
from analyzer.report.requests import timed
from tests.factory import MS, START, analysis, call, connection, exchange, finding, spans
from tests.report.made import waited

CAPTURES = ("cold-start.pcap", "filter-scan.pcap", "imds-hop-limit-container.pcap", "imds-hop-limit-uplink.pcap")


def packed(about: Analysis, most: int = module.MOST_ROWS) -> tuple[dict[str, Any], dict[str, list[int]]]:
    pack = Pack()
    made = facts(about, pack, captures="x.pcap", most=most)
    return made, unpacked(pack)


@pytest.mark.parametrize("name", CAPTURES)
def test_rows_and_pieces_are_the_calls(bundled: Path, name: str) -> None:
    about = analyzer.read(bundled / name)
    made, columns = packed(about)
    first = int(made["firstNs"])
    assert columns["id"] == [row.call_id for row in about.calls]
    assert [start + first for start in columns["start"]] == [row.start_ns for row in about.calls]
    assert columns["total"] == [row.duration_ns for row in about.calls]
    assert columns["firstPacket"] == [row.first_packet_id for row in about.calls]
    assert columns["lastPacket"] == [row.last_packet_id for row in about.calls]
    at = 0
    for row, pieces in zip(about.calls, columns["pieces"], strict=True):
        sums = dict.fromkeys(PHASES, 0)
        for phase, took in zip(columns["phase"][at : at + pieces], columns["took"][at : at + pieces], strict=True):
            sums[PHASES[phase]] += took
        at += pieces
        assert sum(sums.values()) == row.duration_ns
        assert {name: sums[name] for name in ("connect", "tls", "send", "receive", "failed", "backoff", "credentials", "dns")} == {
            name: getattr(row, f"{name}_ns") for name in ("connect", "tls", "send", "receive", "failed", "backoff", "credentials", "dns")
        }
        assert sums["stall"] + sums["network"] + sums["server"] + sums["wait"] == row.wait_ns
        if row.server_ns is not None and row.wait_ns:
            assert sums["server"] == row.server_ns


@pytest.mark.parametrize("name", CAPTURES)
def test_a_part_of_the_answer_explains_a_call_as_the_whole_does(bundled: Path, name: str) -> None:
    about = analyzer.read(bundled / name)
    details = Details(about)
    for row in about.calls:
        whole, part = explain(about, row.call_id), details.explain(row)
        assert part.head == whole.head
        assert part.steps == whole.steps
        told = details.told(row)
        assert sum(step["took"] for step in told["steps"]) == row.duration_ns


RETRIES = ("throttle-retry-js3", "throttle-retry-boto3-legacy", "imds-hoplimit1-boto3", "imds-throttled-js2", "connect-timeout")


@pytest.mark.parametrize("name", RETRIES)
def test_calls_with_retries_are_explained_alike(shared: Path, name: str) -> None:
    path = next(path for path in sorted((shared / name).iterdir()) if path.suffix in (".pcap", ".pcapng"))
    about = analyzer.read(path)
    details = Details(about)
    for row in list(about.calls)[:40]:
        whole, part = explain(about, row.call_id), details.explain(row)
        assert (part.head, part.steps) == (whole.head, whole.steps)


def test_a_long_chain_is_not_looked_at_for_each_of_its_pages() -> None:
    rows = [call(number, chain_id=1) for number in range(600)]
    details = Details(analysis([connection()], calls=rows))
    assert [row.call_id for row in rows if not details.too_long(row)] == list(range(10))


def test_a_paginated_operation_knows_its_other_pages() -> None:
    rows = [call(number, connection(number), chain_id=7) for number in range(3)]
    parts = [span for number, row in enumerate(rows) for span in spans(row, first=10 * number)]
    about = analysis([connection(number) for number in range(3)], calls=rows, spans=parts)
    for row in rows:
        assert Details(about).explain(row).head == explain(about, row.call_id).head
        assert any(" of 3 of one " in line for line in Details(about).explain(row).head)


def test_of_many_calls_the_slowest_and_those_of_findings_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TOLD", 6)
    rows = [call(number, duration_ns=20 * MS + number) for number in range(40)]
    about = analysis(
        [connection()], calls=rows, spans=[one for row in rows for one in spans(row)], check=lambda _: [finding(calls=(3, 4, 5))]
    )
    told = module._details(about, {row.call_id for row in rows})
    assert {"39", "38", "37", "36"} <= set(told)
    assert len(told) <= 6


def test_lines_of_all_calls_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINES", 9)
    rows = [call(number) for number in range(10)]
    about = analysis([connection()], calls=rows, spans=[one for row in rows for one in spans(row)])
    assert 0 < len(module._details(about, {row.call_id for row in rows})) < 10


def test_a_sample_keeps_the_slowest_and_says_so() -> None:
    rows = [call(number, duration_ns=20 * MS + number * 37 % 1000) for number in range(1000)]
    about = analysis([connection()], calls=rows)
    assert sample(about, 1000) is None
    kept = sample(about, 100)
    assert kept is not None
    slowest = sorted(rows, key=lambda row: -row.duration_ns)[:50]
    assert {row.call_id for row in slowest} <= kept
    assert 80 <= len(kept) <= 100
    made, columns = packed(about, 100)
    assert len(columns["id"]) == len(kept)
    assert made["rows"] == 1000
    assert made["profiles"][0]["rows"] == 1000, "curves are over all"


def test_requests_are_drawn_where_there_are_no_calls() -> None:
    roads = [connection(0, service=None), connection(1, service=None)]
    about = analysis(roads, [exchange(n, row, service=None, operation=None) for n, row in enumerate(roads)])
    made, columns = packed(about)
    assert made["noun"] == "request"
    assert columns["total"] == [row.parts.total_ns for row in timed(about)]
    assert sum(columns["took"]) == sum(columns["total"])


def test_findings_name_their_rows_as_runs() -> None:
    made, _ = packed(
        analysis([connection()], calls=[call()], check=lambda _: [finding(calls=(1, 2, 3, 9)), finding(code="capture-incomplete")])
    )
    assert [found["calls"] for found in made["findings"]] == [[(1, 3), (9, 9)]]


def test_an_empty_answer_has_facts() -> None:
    made, columns = packed(analysis([], []))
    assert columns["id"] == []
    assert made["profiles"] == [{"name": "all", "rows": 0, "slices": []}]
    assert made["spanNs"] >= 0


def test_times_count_from_the_start_of_the_capture() -> None:
    made, columns = packed(waited())
    assert int(made["firstNs"]) == START
    assert min(columns["start"]) >= 0
    assert made["spanNs"] >= max(start + took for start, took in zip(columns["start"], columns["total"], strict=True))
