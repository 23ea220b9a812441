"""The tool says of each bundled capture what the index says: tshark counted the same, and the client logged the rest."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.model.analysis import Analysis
from analyzer.model.timing import timing
from analyzer.pipeline import read

FOLDER = Path(__file__).resolve().parents[2] / "captures"
INDEX = tomllib.loads((FOLDER / "index.toml").read_text())["capture"]
capture = pytest.mark.parametrize("fact", INDEX, ids=[fact["file"] for fact in INDEX])


@cache
def answer(name: str) -> Analysis:
    keys = (FOLDER / name).with_suffix(".keys")
    return read(FOLDER / name, keys=keys if keys.exists() else None)


@capture
def test_packets_and_place(fact: dict[str, Any]) -> None:
    about = answer(fact["file"])
    assert about.capture.packets == fact["packets"]
    assert about.capture.complete
    assert about.capture.notes == []
    assert {interface.link_type for interface in about.capture.interfaces} == {{"Ethernet": 1}[fact["link_type"]]}
    # Round trips tell the place only where one side is far; on the uplink both are within the host.
    assert about.vantage == (None if fact["vantage"] == "between" else fact["vantage"])


@capture
def test_connections(fact: dict[str, Any]) -> None:
    rows = answer(fact["file"]).connections
    assert len(rows) == fact["connections"]
    assert {row.client_address for row in rows} == {fact["client"]}
    assert sum(row.service == "dynamodb" and row.connect_ns is not None for row in rows) == fact["opened"]
    assert sum(row.retransmissions for row in rows) == fact["retransmissions"]
    assert [row.connection_id for row in rows] == list(range(len(rows)))


@capture
def test_requests(fact: dict[str, Any]) -> None:
    rows = answer(fact["file"]).exchanges
    assert len(rows) == fact["requests"]
    assert sum(row.index_on_connection > 0 for row in rows) == fact["reused"]
    services = Counter(row.operation for row in rows if row.service == "dynamodb")
    assert dict(services) == fact["operations"]
    assert sum(services.values()) - fact.get("retried", 0) == fact["calls"]
    about = answer(fact["file"]).calls.where(service="dynamodb")
    assert (len(about), sum(row.attempts - 1 for row in about)) == (fact["calls"], fact.get("retried", 0))
    others = Counter(f"{row.method} {row.target}" for row in rows if row.service != "dynamodb")
    assert dict(others) == fact.get("targets", {})
    assert sum(row.outcome != "ok" for row in rows if row.service == "dynamodb") == fact.get("failed", 0)


@capture
def test_the_sdk_is_recognised(fact: dict[str, Any]) -> None:
    seen = {row.sdk for row in answer(fact["file"]).exchanges if row.service == "dynamodb"}
    assert seen == {{"boto3": "python-boto3", "aws-sdk-js-v2": "js-v2", "aiobotocore": "python-aiobotocore"}[fact["sdk"]]}


@capture
def test_lookups(fact: dict[str, Any]) -> None:
    assert sum(row.tries for row in answer(fact["file"]).lookups) == fact["dns_queries"]


@capture
def test_items(fact: dict[str, Any]) -> None:
    if "items_read" in fact:
        rows = answer(fact["file"]).exchanges
        assert sum(row.count or 0 for row in rows) == fact["items_returned"]
        assert sum(row.scanned_count or 0 for row in rows) == fact["items_read"]


@capture
def test_the_findings_of_a_right_answer_and_no_other_warning(fact: dict[str, Any]) -> None:
    found = answer(fact["file"]).findings
    assert set(fact["findings"]) <= {row.code for row in found}
    harmless = {"connection-not-reused"}  # the captures' README says that each call opens a connection of its own
    assert {row.code for row in found if row.severity != "info"} <= set(fact["findings"]) | harmless


@capture
def test_phases_of_each_request_add_up(fact: dict[str, Any]) -> None:
    about = answer(fact["file"])
    for exchange in about.exchanges:
        parts = timing(exchange, about.connections[exchange.connection_id])
        assert parts is not None
        assert (parts.connect_ns or 0) + (parts.client_ns or 0) + parts.send_ns + parts.wait_ns + parts.receive_ns == parts.total_ns
        if parts.network_ns is not None and parts.server_ns is not None:
            assert (parts.stall_ns or 0) + parts.network_ns + parts.server_ns == parts.wait_ns
