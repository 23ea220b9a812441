"""delayed-ack-stall and expect-continue-wait on real traffic, against tshark; and silent on all other captures."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

import pytest

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.pipeline import read
from analyzer.report.explained import Explanation
from tests.factory import MS
from tests.findings.test_service_rules_captures import packets

HERE = Path(__file__).parent / "captures"
CODES = ("delayed-ack-stall", "expect-continue-wait")


@cache
def answer(name: str) -> Analysis:
    return read(HERE / f"{name}.pcap")


def found(name: str) -> list[Finding]:
    return [row for row in answer(name).findings if row.code in CODES]


def shown(tshark: str, path: Path, display_filter: str, *fields: str) -> list[list[str]]:
    options = [option for field in fields for option in ("-e", field)]
    done = subprocess.run([tshark, "-r", path, "-Y", display_filter, "-T", "fields", *options], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name, sender, port", [("nagle-client", "client", 80), ("nagle-server", "server", 0)])
def test_the_late_acks_are_those_that_wireshark_times(tshark: str, name: str, sender: str, port: int) -> None:
    (row,) = found(name)
    held = [one for exchange in answer(name).exchanges for one in exchange.held]
    assert {one.sender for one in held} == {sender}
    side = "tcp.srcport == 80" if sender == "client" else "tcp.dstport == 80"
    late = shown(
        tshark, HERE / f"{name}.pcap", f"{side} && tcp.len == 0 && tcp.analysis.ack_rtt >= 0.035", "frame.number", "tcp.analysis.ack_rtt"
    )
    assert [str(one.ack_packet_id) for one in held] == [number for number, _ in late]
    for one, (_, rtt) in zip(held, late, strict=True):
        assert one.acked_ns - one.start_ns == pytest.approx(float(rtt) * 1e9, abs=2000)
    assert (row.code, row.confidence, row.calls) == ("delayed-ack-stall", "proven", tuple(range(1, 8)))
    assert {*row.packet_ids} == packets(tshark, HERE / f"{name}.pcap", row.display_filter)
    assert "That is Linux' delayed ACK (40 ms)." in row.summary
    assert row.share is not None
    assert 0.5 < row.share < 0.9


def test_without_the_delay_the_calls_are_as_quick_as_the_same_without_nagle() -> None:
    (row,) = found("nagle-client")
    slow, quick = answer("nagle-client").calls, answer("nodelay-client").calls
    left = sum(call.duration_ns for call in slow) - row.cost_ns
    assert left == pytest.approx(sum(call.duration_ns for call in quick), rel=0.25)


def test_with_nodelay_nothing_is_held_back() -> None:
    assert not any(row.held for row in answer("nodelay-client").exchanges)
    assert found("nodelay-client") == []


def test_the_ledger_stays_closed_and_names_the_timer() -> None:
    for name in ("nagle-client", "nagle-server", "expect-continue", "expect-in-vain"):
        about = answer(name)
        for call in about.calls:
            mine = [span for span in about.spans if span.call_id == call.call_id]
            assert sum(span.end_ns - span.start_ns for span in mine) == call.duration_ns
    for name, phase in (("nagle-client", "send"), ("nagle-server", "receive")):
        causes = {span.phase: span.causes for span in answer(name).spans if span.call_id == 3}
        assert causes[phase] == ("delayed-ack", "timer:delayed-ack-40")
        text = " ".join(str(Explanation(answer(name), 3)).split())
        assert "small data was held back until a delayed ACK came (Nagle); timer: Linux' delayed ACK (40 ms)" in text


def test_a_hundred_continue_costs_a_round_trip(tshark: str) -> None:
    (row,) = found("expect-continue")
    said = shown(tshark, HERE / "expect-continue.pcap", "http.response.code == 100", "frame.number")
    assert len(row.exchanges) == len(said) == 5
    assert (row.confidence, row.severity) == ("proven", "warning")
    trip = min(connection.min_rtt_ns or 0 for connection in answer("expect-continue").connections)
    assert 5 * trip <= row.cost_ns <= 5 * (trip + 6 * MS)


def test_a_hundred_continue_that_never_came() -> None:
    (row,) = found("expect-in-vain")
    assert row.confidence == "likely"
    assert row.cost_ns == pytest.approx(2 * 1001 * MS, rel=0.01)
    assert "That is the wait for 100 Continue of botocore, Ruby, Go, curl, .NET (1 s)." in row.summary
    waits = [span for span in answer("expect-in-vain").spans if "expect-continue" in span.causes]
    assert [span.causes for span in waits] == [("expect-continue", "timer:continue-1000")] * 2


def test_they_are_silent_where_nobody_waits_so(shared: Path) -> None:
    expected = json.loads((shared / "expected-findings.json").read_text())
    names = ("loss-2pct", "loss-5pct", "request-loss", "large-upload", "slow-link", "slow-receiver", "reordering", "conditional-errors")
    for name in names:
        assert name in expected
        for path in (path for path in (shared / name).iterdir() if path.suffix in (".pcap", ".pcapng")):
            assert not [row.code for row in read(path).findings if row.code in CODES], path.name
