"""The rules on real captures: what each must say, what it may say, and what it must not."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.findings.setup import service_time
from analyzer.model.analysis import Analysis
from analyzer.pipeline import read

RULES = frozenset({"cold-connection", "connection-not-reused", "capture-incomplete"})
PLAIN = [
    "cold-start-http",
    "filter-scan-http",
    "filter-fixed-http",
    "throttle-retry-http",
    "midstream-http",
    "snaplen-128",
    "router-raw-ip",
    "loopback",
    "mixed",
    "imds-ecs-task-role-js2",
    "imds-hoplimit1-plain-http-js2",
]
"""Captures in the clear, or such that the capture alone (not what is in it) decides."""


def captures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng"))


@cache
def answer(path: Path) -> Analysis:
    return read(path)


@cache
def expectations(shared: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((shared / "expected-findings.json").read_text())
    return parsed


@pytest.mark.parametrize("name", PLAIN)
def test_no_finding_that_is_not_expected(shared: Path, name: str) -> None:
    wanted = expectations(shared)[name]
    for path in captures(shared / name):
        found = {row.code for row in answer(path).findings} & RULES
        assert found <= {*wanted["must"], *wanted["may"]}, path.name


@pytest.mark.parametrize(
    "name, code",
    [
        ("cold-start-http", "cold-connection"),
        ("midstream-http", "capture-incomplete"),
        ("midstream-https", "capture-incomplete"),
        ("snaplen-128", "capture-incomplete"),
    ],
)
def test_what_must_be_found(shared: Path, name: str, code: str) -> None:
    assert code in expectations(shared)[name]["must"]
    for path in captures(shared / name):
        assert code in [row.code for row in answer(path).findings], path.name


@pytest.mark.parametrize("name", PLAIN)
def test_shares_and_charges(shared: Path, name: str) -> None:
    for path in captures(shared / name):
        about = answer(path)
        set_up = [row for row in about.findings if row.code != "capture-incomplete"]
        charged = [number for row in set_up for number in row.exchanges]
        assert len(charged) == len(set(charged))
        assert sum(row.cost_ns for row in set_up) <= service_time(about)
        assert sum(row.share or 0 for row in set_up) <= 1
        packets = about.capture.packets
        assert all(1 <= number <= packets for row in about.findings for number in row.packet_ids)


def test_cold_connections_cost_what_the_wire_says(shared: Path) -> None:
    about = answer(shared / "cold-start-http" / "cold-start-http.pcap")
    (row,) = [row for row in about.findings if row.code == "cold-connection"]
    assert row.exchanges == (0, 1, 10, 11)
    assert row.cost_ns == sum(connection.connect_ns or 0 for connection in about.connections)
    assert row.share == pytest.approx(0.16, abs=0.01)
