"""The rules about the transport on real captures: what each must say, what it may say, and what it must not."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.findings.registry import rules
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.pipeline import read

CODES = (
    "cold-connection",
    "connection-not-reused",
    "idle-connection-closed",
    "stale-connection",
    "syn-retransmitted",
    "packet-loss-stall",
    "zero-window",
    "slow-dns",
)
PLAIN = (
    "any-sll1",
    "cold-start-http",
    "conditional-errors",
    "filter-fixed-http",
    "filter-scan-http",
    "idle-blackhole-boto3",
    "idle-reset-js3",
    "imds-hoplimit1-plain-http-js2",
    "large-upload",
    "loopback",
    "loss-5pct",
    "midstream-http",
    "request-loss",
    "service-pause",
    "snaplen-128",
    "throttle-retry-http",
)
"""Captures whose calls can be read without keys."""
OTHERS = (
    "connect-timeout",
    "dns-query-lost",
    "idle-probe-js3",
    "imds-hoplimit1-boto3",
    "imds-not-on-ec2-blackhole-js3",
    "imds-slow-put",
    "js2-no-keepalive",
    "loss-2pct",
    "mixed",
    "pool-queue-aio",
    "reordering",
    "router-raw-ip",
    "server-side",
    "slow-dns",
    "slow-receiver",
    "syn-loss",
    "syn-loss-node",
)
"""Captures of which only connections, lookups or credential endpoints can be read, look-alikes most of them."""
MUST = (
    ("cold-start-http", "cold-connection"),
    ("cold-start-http", "idle-connection-closed"),
    ("connect-timeout", "syn-retransmitted"),
    ("dns-query-lost", "slow-dns"),
    ("idle-blackhole-boto3", "stale-connection"),
    ("idle-reset-js3", "stale-connection"),
    ("loss-5pct", "packet-loss-stall"),
    ("request-loss", "packet-loss-stall"),
    ("slow-dns", "slow-dns"),
    ("slow-receiver", "zero-window"),
    ("syn-loss", "syn-retransmitted"),
    ("syn-loss-node", "syn-retransmitted"),
)


def captures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng"))


@cache
def answer(path: Path) -> tuple[Analysis, tuple[Finding, ...]]:
    """An answer, and what these rules say of it in the order in which they are charged."""
    about = read(path)
    view = View(about)
    mine = sorted((loaded for loaded in rules() if loaded.rule.code in CODES), key=lambda loaded: (loaded.rule.rank, loaded.rule.code))
    return about, tuple(row for loaded in mine for row in loaded.check(view))


def only(path: Path, code: str) -> Finding:
    (row,) = (row for row in answer(path)[1] if row.code == code)
    return row


@cache
def expectations(shared: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((shared / "expected-findings.json").read_text())
    return parsed


@cache
def truth(folder: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return parsed


@pytest.mark.parametrize("name", PLAIN + OTHERS)
def test_nothing_is_said_that_is_not_so(shared: Path, name: str) -> None:
    wanted = expectations(shared)[name]
    allowed = {*wanted["must"], *wanted["may"]}
    for path in captures(shared / name):
        about, told = answer(path)
        assert {row.code for row in told if row.severity != "info"} <= allowed, path.name
        assert sum(row.share or 0 for row in told) <= 1
        assert sum(row.cost_ns for row in told if row.share is not None) <= View(about).total_ns
        assert all(1 <= number <= about.capture.packets for row in told for number in row.packet_ids)
        assert all((row.decides is None) == (row.confidence == "proven") for row in told)


@pytest.mark.parametrize("name, code", MUST)
def test_what_must_be_said(shared: Path, name: str, code: str) -> None:
    wanted = expectations(shared)[name]
    assert code in [*wanted["must"], *wanted["may"]]
    for path in captures(shared / name):
        assert code in [row.code for row in answer(path)[1]], path.name


@pytest.mark.parametrize("name", sorted({name for name, _ in MUST}))
def test_wireshark_shows_the_proof(shared: Path, name: str, tshark: str) -> None:
    for path in captures(shared / name):
        for row in answer(path)[1]:
            run = [tshark, "-n", "-r", str(path), "-Y", row.display_filter, "-T", "fields", "-e", "frame.number"]
            shown = subprocess.run(run, capture_output=True, text=True, check=False)
            assert shown.returncode == 0, (row.display_filter, shown.stderr)
            frames = set(map(int, shown.stdout.split()))
            assert frames, row.display_filter
            assert set(row.packet_ids) <= frames, row.display_filter


def test_the_story_of_the_cold_start(bundled: Path) -> None:
    about, told = answer(bundled / "cold-start.pcap")
    assert [row.code for row in told] == ["idle-connection-closed", "cold-connection"]
    idle, cold = told
    assert (idle.calls, cold.calls) == ((10, 11), (0, 1))
    assert {85, 86} <= set(idle.packet_ids)
    assert idle.confidence == cold.confidence == "proven"
    calls = {row.call_id: row for row in about.calls}
    assert idle.cost_ns == sum(calls[number].dns_ns + calls[number].connect_ns for number in idle.calls)
    assert cold.cost_ns == sum(calls[number].dns_ns + calls[number].connect_ns for number in cold.calls)
    assert idle.summary.startswith(
        "2 of 20 Query calls opened a connection again (91.5 ms each) because the service had closed idle ones after 4"
    )
    assert cold.summary.startswith("2 of 20 Query calls were slow because each opened a connection (103 ms).")


def test_losses_are_those_of_the_path(shared: Path) -> None:
    lost = {
        number
        for number, call in enumerate(truth(shared / "loss-5pct")["calls"])
        for attempt in call["attempt_list"]
        if (packets := attempt.get("lost_packets")) and packets["c2s_data"] + packets["s2c_data"]
    }
    row = only(shared / "loss-5pct" / "loss-5pct.pcap", "packet-loss-stall")
    assert set(row.calls) == lost
    assert row.cost_ns <= sum(truth(shared / "loss-5pct")["calls"][number]["total_ms"] for number in lost) * 1_000_000


def test_a_lost_request_and_a_lost_answer_are_told_apart(shared: Path) -> None:
    calls = truth(shared / "request-loss")["calls"]
    usual = sorted(call["total_ms"] for call in calls)[len(calls) // 2]
    found = analyzer.read(shared / "request-loss" / "request-loss.pcap").findings
    asked, answered = (row for row in found if row.code == "packet-loss-stall")
    for row, lost in ((asked, "c2s_data"), (answered, "s2c_data")):
        (number,) = row.calls
        assert calls[number]["attempt_list"][0]["lost_packets"][lost] == 1
        assert row.cost_ns / 1e6 == pytest.approx(calls[number]["total_ms"] - usual, abs=5)
    assert "retransmission timeout (once" in asked.summary
    assert "an answer that was lost" in answered.summary


@pytest.mark.parametrize("name, how", [("idle-reset-js3", "reset (RST)"), ("idle-blackhole-boto3", "never acknowledged")])
def test_dead_connections_cost_the_try_the_pause_and_the_new_one(shared: Path, name: str, how: str) -> None:
    calls = truth(shared / name)["calls"]
    row = only(shared / name / f"{name}.pcap", "stale-connection")
    assert row.calls == (4,)
    assert calls[4]["attempts"] == 2
    usual = sorted(call["total_ms"] for call in calls)[len(calls) // 2]
    assert row.cost_ns / 1e6 == pytest.approx(calls[4]["total_ms"] - usual, abs=5)
    assert how in row.summary


@pytest.mark.parametrize(
    "name, code, cost_ms, connections",
    [
        ("syn-loss", "syn-retransmitted", 2 * 1_015, 2),
        ("syn-loss-node", "syn-retransmitted", 2 * 252, 4),
        ("connect-timeout", "syn-retransmitted", 2_001, 2),
        ("slow-dns", "slow-dns", 6 * 301, 6),
        ("dns-query-lost", "slow-dns", 5_005, 1),
    ],
)
def test_what_connections_and_lookups_alone_tell(shared: Path, name: str, code: str, cost_ms: int, connections: int) -> None:
    row = only(shared / name / f"{name}.pcap", code)
    assert row.cost_ns / 1e6 == pytest.approx(cost_ms, rel=0.01)
    assert len(row.connections) == connections
