"""The rules about credential endpoints on real captures: every one of them, from every place where it was taken."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.pipeline import read

RULES = frozenset({
    "imds-hop-limit", "imds-token-refused", "imds-token-required", "imds-unreachable", "imds-slow", "imds-v1-fallback",
    "credentials-refresh-stall", "secrets-in-clear",
})  # fmt: skip
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
CASES = sorted(path.name for path in FOLDER.glob("imds-*")) if FOLDER.is_dir() else ["imds-hoplimit1-js2"]


@cache
def answer(path: Path) -> Analysis:
    return read(path)


@cache
def expectations(shared: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((shared / "expected-findings.json").read_text())
    return parsed


def captures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng"))


def found(path: Path, code: str) -> list[Finding]:
    return [row for row in answer(path).findings if row.code == code]


@pytest.mark.parametrize("name", CASES)
def test_what_must_and_what_may_be_found(shared: Path, name: str) -> None:
    wanted = expectations(shared)[name]
    at = wanted.get("must_at", {})
    allowed = {*wanted["must"], *wanted["may"], *(code for codes in at.values() for code in codes)}
    for path in captures(shared / name):
        rows = [row for row in answer(path).findings if row.code in RULES]
        codes = {row.code for row in rows}
        assert RULES & {*wanted["must"], *at.get(path.stem, ())} <= codes, path.name
        assert {row.code for row in rows if row.severity != "info"} <= allowed, path.name


@pytest.mark.parametrize("name", CASES)
def test_costs_are_no_more_than_the_dialogues_took(shared: Path, name: str) -> None:
    for path in captures(shared / name):
        about = answer(path)
        rows = [row for row in about.findings if row.code in RULES]
        assert sum(row.cost_ns for row in rows) <= sum(call.duration_ns for call in about.calls)
        known = {call.call_id for call in about.calls}
        for row in rows:
            assert set(row.calls) <= known
            assert all(1 <= packet <= about.capture.packets for packet in row.packet_ids)
            assert (row.decides is None) == (row.confidence == "proven")


def shown(tshark: str, path: Path, display_filter: str) -> set[int]:
    """Return the packets that a display filter lets through."""
    command = [tshark, "-r", str(path), "-Y", display_filter, "-T", "fields", "-e", "frame.number"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return {int(line) for line in said.stdout.split()}


@pytest.mark.parametrize(
    "name",
    [
        "imds-hoplimit1-js2", "imds-hoplimit2-nested-js2", "imds-ipv6-imds-js3", "imds-token-403-js2", "imds-hoplimit1-v2required-boto3",
        "imds-not-on-ec2-unreachable-js2", "imds-slow-boto3", "imds-throttled-js2", "imds-credential-refresh-boto3",
    ],
)  # fmt: skip
def test_display_filters_show_the_proof(tshark: str, shared: Path, name: str) -> None:
    for path in (shared / name / "container.pcap", shared / name / "uplink.pcap"):
        packets = answer(path).capture.packets
        for row in answer(path).findings:
            if row.code in RULES and row.packet_ids:
                seen = shown(tshark, path, row.display_filter)
                assert set(row.packet_ids) <= seen, (path.name, row.code)
                assert len(seen) < packets


def test_the_bundled_container(bundled: Path) -> None:
    path = bundled / "imds-hop-limit-container.pcap"
    (row,) = found(path, "imds-hop-limit")
    assert (row.confidence, row.connections, row.severity) == ("likely", (0, 1, 2, 3, 4), "error")
    # The SYN of each attempt, the token request, and the client's FIN a second later, are those that the README names.
    assert {15, 23, 32, 43} <= set(row.packet_ids)
    (first,) = [call for call in answer(path).calls if call.call_id in row.calls]
    assert (first.service, first.operation) == ("dynamodb", "GetItem")
    assert row.summary.startswith(
        "GetItem took 4373 ms; 4347 ms of it waited for credentials: 4 IMDSv2 token requests were given up after "
    )
    # The client's own clock said 4362 ms for the credentials, with start-up that no packet shows.
    assert 4330 < row.cost_ns / 1e6 < 4347
    assert row.share is not None
    assert 0.95 < row.share < 1
    (fallback,) = found(path, "imds-v1-fallback")
    assert (fallback.cost_ns, fallback.calls) == (0, row.calls)


def test_the_bundled_uplink_proves_it(bundled: Path) -> None:
    path = bundled / "imds-hop-limit-uplink.pcap"
    (row,) = found(path, "imds-hop-limit")
    assert (row.confidence, row.decides) == ("proven", None)
    assert {8, 9, 30, 52, 77} <= set(row.packet_ids)
    assert "with TTL 1 and died on the way to the client: 10.0.1.50 says so at least 12 times (ICMP)" in row.summary


@pytest.mark.parametrize(
    "name, view, confidence",
    [
        ("imds-hoplimit1-boto3", "container.pcap", "likely"),
        ("imds-hoplimit1-boto3", "bridge.pcapng", "likely"),
        ("imds-hoplimit1-boto3", "uplink.pcap", "proven"),
        ("imds-hoplimit1-js2", "container-late.pcap", "likely"),
        ("imds-hoplimit1-js2", "container-snap96.pcap", "likely"),
        ("imds-hoplimit1-noack-js2", "container.pcap", "possible"),
        ("imds-hoplimit1-noack-js2", "uplink.pcap", "proven"),
        ("imds-hoplimit2-nested-js2", "container.pcap", "likely"),
        ("imds-hoplimit2-nested-js2", "bridge.pcapng", "proven"),
        ("imds-hoplimit2-nested-js2", "uplink.pcap", "proven"),
        ("imds-ipv6-imds-boto3", "uplink.pcap", "proven"),
        ("imds-put-filtered", "container.pcap", "possible"),
        ("imds-put-filtered", "uplink.pcap", None),
        ("imds-slow-put", "container.pcap", None),
        ("imds-slow-put", "uplink.pcap", None),
        ("imds-direct-on-host-js2", "uplink.pcap", None),
        ("imds-hoplimit2-fixed-boto3", "container.pcap", None),
    ],
)
def test_how_sure_the_hop_limit_is_from_where(shared: Path, name: str, view: str, confidence: str | None) -> None:
    assert [row.confidence for row in found(shared / name / view, "imds-hop-limit")] == ([confidence] if confidence else [])


def test_every_interface_of_the_host_at_once(shared: Path) -> None:
    path = shared / "imds-hoplimit1-js2" / "host-any.pcap"
    rows = found(path, "imds-hop-limit")
    assert "proven" in [row.confidence for row in rows]
    if any(row.copy_of is not None for row in answer(path).connections):
        (row,) = rows
        assert "with TTL 1 and died on the way" in row.summary


def test_nested_containers_need_more_than_two(shared: Path) -> None:
    (row,) = found(shared / "imds-hoplimit2-nested-js2" / "uplink.pcap", "imds-hop-limit")
    assert "--http-put-response-hop-limit 3" in row.remedy


def test_what_waiting_for_the_token_cost(shared: Path) -> None:
    for name in ("imds-hoplimit1-js2", "imds-hoplimit1-boto3", "imds-hoplimit1-aiobotocore", "imds-hoplimit1-js3", "imds-ipv6-imds-boto3"):
        truth = json.loads((shared / name / "truth.json").read_text())
        (row,) = found(shared / name / "container.pcap", "imds-hop-limit")
        took = truth["credential_fetches"][0]["duration_ms"]
        # All of the fetch but the few ms of what came after, and of the client's own work before its first packet.
        assert took - 80 <= row.cost_ns / 1e6 <= took


def test_several_processes_pay_each_for_themselves(shared: Path) -> None:
    (row,) = found(shared / "imds-hoplimit1-workers" / "container.pcap", "imds-hop-limit")
    assert len(row.exchanges) == 3
    assert "3 IMDSv2 token requests were given up" in row.summary
    # Only the first process is seen to wait, since it makes calls while the others do: no cost beyond the time of the calls.
    assert "beside 2 more dialogues (2021 ms) that no call is seen to wait for" in row.summary
    assert len(row.calls) == 1
    assert 1000 < row.cost_ns / 1e6 < 1015
    assert row.share is not None
    assert row.share <= 1


def test_a_filter_on_the_host_is_told_from_the_hop_limit(shared: Path) -> None:
    folder = shared / "imds-put-filtered"
    (row,) = found(folder / "uplink.pcap", "imds-unreachable")
    assert "4 connections to 169.254.169.254:80 opened and were given up after " in row.summary
    assert "drops the token requests: a filter on the host" in row.summary
    assert (row.confidence, row.severity) == ("likely", "error")
    assert {7, 10, 13, 19} <= set(row.packet_ids)
    assert found(folder / "container.pcap", "imds-unreachable") == []
    both = read([folder / "container.pcap", folder / "uplink.pcap"]).findings
    assert [one.confidence for one in both if one.code == "imds-unreachable"] == ["proven"]
    assert [one for one in both if one.code == "imds-hop-limit"] == []


def test_both_sides_prove_the_hop_limit(shared: Path) -> None:
    folder = shared / "imds-hoplimit1-boto3"
    both = read([folder / "container.pcap", folder / "uplink.pcap"]).findings
    assert [(one.code, one.confidence) for one in both if one.code in ("imds-hop-limit", "imds-unreachable")] == [
        ("imds-hop-limit", "proven")
    ]


@pytest.mark.parametrize("name, named", [
    ("imds-hoplimit1-js2", "--http-put-response-hop-limit 2"), ("imds-slow-put", "too late"), ("imds-token-403-js2", "answers it with 403"),
    ("imds-token-404-boto3", "answers it with 404"), ("imds-token-405-js3", "answers it with 405"),
])  # fmt: skip
def test_the_fix_for_a_fallback_is_that_of_its_cause(shared: Path, name: str, named: str) -> None:
    (row,) = found(shared / name / "container.pcap", "imds-v1-fallback")
    assert named in row.remedy
    assert ("hop-limit" in row.remedy) == ("hoplimit" in name)
