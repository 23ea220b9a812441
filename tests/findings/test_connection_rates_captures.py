"""connection-churn, tls-full-handshake and pool-too-small on real captures: with and without keys, and silent where they must be."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.pipeline import read
from tests.findings.test_service_rules_captures import packets

CODES = ("connection-churn", "tls-full-handshake", "pool-too-small")
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
CASES = sorted(path.name for path in FOLDER.iterdir() if (path / "truth.json").exists()) if FOLDER.is_dir() else ["tls-churn"]


@cache
def answer(path: Path, keys: Path | None) -> Analysis:
    return read(path, keys=keys)


def found(folder: Path, *, keys: bool) -> dict[str, Finding]:
    (path,) = (path for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng"))
    return {row.code: row for row in answer(path, folder / "keys.log" if keys else None).findings if row.code in CODES}


@pytest.mark.parametrize("name", CASES)
def test_they_fire_where_expected_and_nowhere_else(shared: Path, name: str) -> None:
    wanted = json.loads((shared / "expected-findings.json").read_text())[name]
    for path in sorted(path for path in (shared / name).iterdir() if path.suffix in (".pcap", ".pcapng")):
        for keys in {None, path.parent / "keys.log" if (path.parent / "keys.log").exists() else None}:
            rows = [row for row in answer(path, keys).findings if row.code in CODES]
            codes = {row.code for row in rows}
            assert {*wanted["must"]} & {*CODES} <= codes, path.name
            assert {row.code for row in rows if row.severity != "info"} <= {*wanted["must"], *wanted["may"]}, path.name


@pytest.mark.parametrize("keys", [True, False])
def test_the_churn_of_150_connections(shared: Path, *, keys: bool) -> None:
    row = found(shared / "tls-churn", keys=keys)["connection-churn"]
    truth = json.loads((shared / "tls-churn" / "truth.json").read_text())
    assert len(row.connections) == truth["counts"]["connections_opened"]
    assert "for 150 calls, with 45 full TLS handshakes and 105 resumed." in row.summary
    assert row.summary.startswith("SDK for JavaScript v2 opened 55" if keys else "SDK for JavaScript opened 55")
    assert "They took 2089 ms in all." in row.summary
    assert row.cost_ns == 0  # all of it is charged to connection-not-reused


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("name, sdk", [("js2-no-keepalive", "KEEPALIVE"), ("boto3-connection-close", "boto3 never resumes")])
def test_full_handshakes_again(shared: Path, name: str, sdk: str, *, keys: bool) -> None:
    row = found(shared / name, keys=keys)["tls-full-handshake"]
    assert row.summary.startswith("29 of 30 TLS handshakes were full")
    if keys:
        assert sdk.casefold() in row.remedy.casefold() or "AWS_NODEJS_CONNECTION_REUSE_ENABLED" in row.remedy
    assert "tls-full-handshake" not in found(shared / "js2-no-keepalive-resumed", keys=keys)
    assert "tls-full-handshake" not in found(shared / "js2-keepalive", keys=keys)


@pytest.mark.parametrize("keys", [True, False])
def test_the_pool_of_ten(shared: Path, *, keys: bool) -> None:
    row = found(shared / "pool-queue-aio", keys=keys)["pool-too-small"]
    truth = json.loads((shared / "pool-queue-aio" / "truth.json").read_text())
    waited = sum(round(call["total_ms"] * 1e6) for call in truth["calls"])
    assert 0 < row.cost_ns < waited  # a lower bound
    assert row.confidence == "likely"  # without keys its ClientHello shows the SDK
    assert len(row.connections) == 10
    assert "10 connections" in row.summary


@pytest.mark.parametrize(
    "name, code",
    [("tls-churn", "connection-churn"), ("js2-no-keepalive", "tls-full-handshake"), ("pool-queue-aio", "pool-too-small")],
)
def test_wireshark_shows_the_proof(shared: Path, tshark: str, name: str, code: str) -> None:
    row = found(shared / name, keys=False)[code]
    (path,) = (path for path in (shared / name).iterdir() if path.suffix in (".pcap", ".pcapng"))
    shown = packets(tshark, path, row.display_filter)
    assert {*row.packet_ids} <= shown
    if code == "tls-full-handshake":
        assert {*row.packet_ids[::2]} <= packets(tshark, path, "tls.handshake.type == 1")
    else:
        assert {*row.packet_ids} == shown


def test_a_reset_instead_of_an_encrypted_answer(shared: Path) -> None:
    folder = shared / "idle-reset-boto3"
    for keys, confidence in ((folder / "keys.log", "proven"), (None, "likely")):
        (row,) = (row for row in answer(folder / "idle-reset-boto3.pcap", keys).findings if row.code == "stale-connection")
        assert (row.severity, row.confidence, set(row.connections)) == ("warning", confidence, {0, 1})
