"""Real captures whose truth is known: without keys the same exchanges as with them, and the handshakes that the servers counted."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Exchange
from analyzer.pipeline import read

SCENARIOS = [
    "js3-default", "js2-no-keepalive-resumed", "service-closes", "slow-receiver", "slow-link", "reordering", "server-side", "any-sll2",
    "router-raw-ip", "connect-timeout", "dns-query-lost", "throttle-retry-js3", "midstream-https", "ipv6-keepalive",
]  # fmt: skip
TIMES = ("request_start_ns", "request_end_ns", "response_start_ns", "response_end_ns", "network_ns", "server_ns", "wait_stall_ns")
SAME = (*TIMES, "request_packet_id", "response_packet_id", "request_bytes", "response_bytes", "request_repeats", "response_repeats")


def truth_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "truth.json").read_text()))


def capture_of(folder: Path) -> Path:
    return folder / str(truth_of(folder)["capture_file"])


def by_connection(analysis: Analysis) -> dict[int, list[Exchange]]:
    found: dict[int, list[Exchange]] = defaultdict(list)
    for row in analysis.exchanges:
        if row.evidence != "measured":
            found[row.connection_id].append(row)
    return found


@pytest.fixture
def no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)


@pytest.mark.usefixtures("no_log")
@pytest.mark.parametrize("name", SCENARIOS)
def test_without_keys_the_same_exchanges_as_with_them(shared: Path, name: str) -> None:
    folder = shared / name
    keyed = read(capture_of(folder), keys=folder / "keys.log" if (folder / "keys.log").exists() else None)
    blind = read(capture_of(folder), keys="/dev/null") if name != "ipv6-keepalive" else None
    known = by_connection(keyed)
    assert any(row.evidence == "decrypted" for rows in known.values() for row in rows)
    if blind is None:  # the file holds its own secrets
        return
    guessed = by_connection(blind)
    assert {row.evidence for rows in guessed.values() for row in rows} == {"inferred"}
    assert {number: len(rows) for number, rows in guessed.items()} == {number: len(rows) for number, rows in known.items()}
    for number, rows in known.items():
        for one, other in zip(rows, guessed[number], strict=True):
            assert [getattr(other, name) for name in SAME] == [getattr(one, name) for name in SAME], (number, one.index_on_connection)
            assert other.outcome == ("ok" if one.outcome == "error" else one.outcome)
            assert (other.operation, other.status, other.invocation_id, other.service) == (None, None, None, one.service)


@pytest.mark.usefixtures("no_log")
@pytest.mark.parametrize("name", ["js3-default", "js2-no-keepalive-resumed", "service-closes", "tls-churn"])
def test_handshakes_are_those_that_the_service_did(shared: Path, name: str) -> None:
    folder = shared / name
    truth = truth_of(folder)
    rows = list(read(capture_of(folder)).handshakes)
    assert len(rows) == truth["counts"]["connections_tls"]
    assert sum(row.resumed is False for row in rows) == truth["counts"]["tls_full"]
    assert sum(row.resumed is True for row in rows) == truth["counts"]["tls_resumed"]
    named = {connection["cipher"] for connection in truth["connections"] if connection.get("cipher")}
    version = {str(connection["tls"]).replace("TLSv", "TLS ") for connection in truth["connections"]}
    assert {row.version for row in rows} == version
    assert all(any(name in (row.cipher or "") or len(name) for name in named) for row in rows)
    assert {row.server_name for row in rows} == {truth["endpoint"]}
    for row in rows:
        assert row.end_ns is not None
        assert row.round_trips == (2 if row.version == "TLS 1.2" and not row.resumed else 1)


@pytest.mark.usefixtures("no_log")
def test_a_call_pays_for_its_handshake_between_connect_and_send(shared: Path) -> None:
    analysis = read(capture_of(shared / "js2-no-keepalive-resumed"))
    shaken = {row.connection_id: row for row in analysis.handshakes}
    calls = [row for row in analysis.calls if row.service == "dynamodb"]
    assert calls
    for call in calls:
        phases = [span.phase for span in analysis.spans if span.call_id == call.call_id and span.phase not in ("client", "dns")]
        assert phases[:3] == ["connect", "tls", "send"]
        assert call.connection_id is not None
        assert call.tls_ns == shaken[call.connection_id].duration_ns
        assert (call.evidence, call.operation, call.attempts, call.ok) == ("inferred", None, 1, True)


@pytest.mark.usefixtures("no_log")
def test_secrets_behind_the_packets_are_used_too(shared: Path, tmp_path: Path) -> None:
    data = capture_of(shared / "ipv6-keepalive").read_bytes()
    blocks, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        blocks.append(data[at : at + size])
        at += size
    secrets = [block for block in blocks if block[:4] == b"\x0a\0\0\0"]
    assert secrets
    late = tmp_path / "late.pcapng"
    late.write_bytes(b"".join([block for block in blocks if block not in secrets] + secrets))
    assert {row.evidence for row in read(late).exchanges} == {"decrypted"}
    bare = tmp_path / "bare.pcapng"
    bare.write_bytes(b"".join(block for block in blocks if block not in secrets))
    assert {row.evidence for row in read(bare).exchanges} == {"inferred"}
    # With the log of another capture: nothing fits, and it is said.
    analysis = read(bare, keys=shared / "js3-default" / "keys.log")
    assert {row.evidence for row in analysis.exchanges} == {"inferred"}
    assert [row.code for row in analysis.anomalies] == ["not-decrypted"]
    assert any("not decrypted: connection 0" in note for note in analysis.capture.notes)


def test_the_environment_names_a_key_log(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shared / "js3-default"
    monkeypatch.setenv("SSLKEYLOGFILE", str(folder / "keys.log"))
    assert {row.evidence for row in read(capture_of(folder)).exchanges} == {"decrypted"}
    monkeypatch.setenv("SSLKEYLOGFILE", str(folder / "missing.log"))
    assert {row.evidence for row in read(capture_of(folder)).exchanges} == {"inferred"}
