"""The rules about services on real captures: what each must say, with the figures of the wire, and what must stay silent."""

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
    "long-round-trip", "large-transfer", "slow-server", "throttled", "server-errors-retried", "filter-discards-reads",
    "paginated-operation",
})  # fmt: skip
PLAIN = [
    "cold-start-http",
    "throttle-retry-http",
    "loss-5pct",
    "request-loss",
    "filter-scan-http",
    "filter-fixed-http",
    "idle-reset-js3",
    "idle-blackhole-boto3",
    "midstream-http",
    "snaplen-128",
    "any-sll1",
    "loopback",
    "large-upload",
    "service-pause",
    "conditional-errors",
    "imds-hoplimit1-plain-http-js2",
]


@cache
def answer(path: Path) -> Analysis:
    return read(path)


def captures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng"))


def found(path: Path) -> dict[str, Finding]:
    rows = [row for row in answer(path).findings if row.code in RULES]
    assert len({(row.code, row.calls) for row in rows}) == len(rows)
    return {row.code: row for row in rows}


def packets(tshark: str, path: Path, display_filter: str) -> set[int]:
    command = [tshark, "-n", "-r", str(path), "-Y", display_filter, "-T", "fields", "-e", "frame.number"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return {int(line) for line in done.stdout.split()}


@cache
def expectations(shared: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((shared / "expected-findings.json").read_text())
    return parsed


@pytest.mark.parametrize("name", PLAIN)
def test_only_what_is_expected_warns_and_what_must_be_found_is(shared: Path, name: str) -> None:
    wanted = expectations(shared)[name]
    must = RULES & {*wanted["must"], *wanted.get("must_readable", ())}
    for path in captures(shared / name):
        rows = found(path)
        assert {code for code, row in rows.items() if row.severity != "info"} <= must | {*wanted["may"]}, path.name
        assert must <= set(rows), path.name


@pytest.mark.parametrize("name", PLAIN)
def test_no_time_is_charged_twice(shared: Path, name: str) -> None:
    for path in captures(shared / name):
        about = answer(path)
        service = [row for row in about.calls if row.service not in ("imds", "ecs-credentials", "eks-pod-identity", "sts")]
        charged = [row for row in about.findings if row.share is not None]
        assert sum(row.cost_ns for row in charged) <= sum(row.duration_ns for row in service)
        known = {row.call_id for row in about.calls}
        for row in about.findings:
            if row.code in RULES:
                assert set(row.calls) <= known
                assert all(1 <= number <= about.capture.packets for number in row.packet_ids)
                assert row.cost_ns <= sum(call.duration_ns for call in about.calls if call.call_id in row.calls)
                assert (row.confidence == "proven") == (row.decides is None)


def test_distance_is_most_of_the_cold_start(bundled: Path) -> None:
    row = found(bundled / "cold-start.pcap")["long-round-trip"]
    assert row.summary.startswith("All 20 Query calls are slow because the endpoint is 90.3 ms away: 79 % of their time is one round trip.")
    assert row.severity == "error"  # by its share of the time
    assert len(row.calls) == 20
    rtts = {one.connection_id: one.min_rtt_ns or 0 for one in answer(bundled / "cold-start.pcap").connections}
    assert row.cost_ns == sum(
        rtts[one.connection_id] - 1_000_000 for one in answer(bundled / "cold-start.pcap").exchanges if one.service == "dynamodb"
    )


def test_queries_that_end_at_a_limit_are_no_pages(bundled: Path) -> None:
    assert set(found(bundled / "cold-start.pcap")) == {"long-round-trip"}


def test_the_filter_reads_8400_items_for_56(bundled: Path) -> None:
    rows = found(bundled / "filter-scan.pcap")
    row = rows["filter-discards-reads"]
    assert row.summary.startswith(
        "8 Query calls on Orders read 8 400 items to return 56 (1 %, 59.6 KB): about 1009 ms of their 1382 ms likely went"
    )
    few = [one.server_ns or 0 for one in answer(bundled / "filter-scan.pcap").calls][-2:]  # five items each, no filter
    pages_ns = sum(one.server_ns or 0 for one in answer(bundled / "filter-scan.pcap").calls[:8])
    assert pages_ns - 3 * max(few) < row.cost_ns < pages_ns - 2 * min(few)  # two reads are needed, one for each query
    assert "8 pages make 2 logical Query operations" in row.summary
    pages = rows["paginated-operation"]
    assert pages.summary.startswith("2 logical Query operations on Orders read 4 pages each, one after the other: ")
    assert "slow-server" not in rows  # what is left of the service's time is not far from its usual


def test_what_throttling_and_errors_cost(shared: Path) -> None:
    rows = found(shared / "throttle-retry-http" / "throttle-retry-http.pcap")
    throttled, failed = rows["throttled"], rows["server-errors-retried"]
    assert throttled.summary.startswith("4 of 32 calls on Orders were throttled: 7067 ms of their 7202 ms (98 %) went to refused attempts")
    assert "Back-off: 1st retry of standard mode: up to 1000 ms expected, " in throttled.summary
    assert "3rd retry: up to 4000 ms expected, 1900 ms seen." in throttled.summary
    assert (
        "5 attempts ended with InternalServerError (3), a reset in place of an answer (1) and an answer that broke off (1)."
        in failed.summary
    )
    assert (throttled.confidence, failed.confidence) == ("proven", "proven")
    calls = [row for row in answer(shared / "throttle-retry-http" / "throttle-retry-http.pcap").calls if row.attempts > 1]
    assert throttled.cost_ns + failed.cost_ns == sum(row.failed_ns + row.backoff_ns for row in calls)
    truth = json.loads((shared / "throttle-retry-http" / "truth.json").read_text())
    again = [call for call in truth["calls"] if call["attempts"] > 1]
    assert len(again) == len(calls)
    assert sorted(map(len, (throttled.calls, failed.calls))) == [4, 4]


def test_the_pause_is_told_from_size_and_loss(shared: Path) -> None:
    rows = found(shared / "service-pause" / "service-pause.pcap")
    assert "large-transfer" not in rows
    row = rows["slow-server"]
    truth = json.loads((shared / "service-pause" / "truth.json").read_text())
    paused = [number for number, call in enumerate(truth["calls"]) if call["attempt_list"][0].get("injected")]
    assert list(row.calls) == paused
    assert row.cost_ns == pytest.approx(
        sum(one["last_byte_ns"] - one["first_byte_ns"] for one in truth["server"] if one["injected"]), rel=0.01
    )
    assert "read_timeout" not in row.remedy  # the shortest one offered is longer than the pause
    assert row.summary.count("AAJGI") == 2


def test_loss_is_not_billed_as_size(shared: Path) -> None:
    path = shared / "loss-5pct" / "loss-5pct.pcap"
    rows = [row for row in answer(path).findings if row.code == "large-transfer"]
    assert [(row.severity, row.cost_ns) for row in rows] == [("info", 0)] * len(rows)
    (told,) = (row for row in answer(path).findings if row.code == "packet-loss-stall")
    lost = sum(one["proto"] == 6 and one["payload"] > 0 for one in json.loads((path.parent / "truth.json").read_text())["wire_events"])
    said = int(told.summary.partition("About ")[2].split()[0])
    assert 0.9 * lost <= said <= lost


def test_a_lost_answer_is_not_blamed_on_the_service(shared: Path) -> None:
    assert "slow-server" not in found(shared / "request-loss" / "request-loss.pcap")


def test_the_upload_is_large_and_the_service_is_not_slow(shared: Path) -> None:
    rows = found(shared / "large-upload" / "large-upload.pcap")
    assert rows["large-transfer"].summary.startswith(
        "Both BatchWriteItem calls are long because of their size: sending 1.0 MB each (median)"
    )
    assert "slow-server" not in rows
    assert rows["large-transfer"].cost_ns == pytest.approx(888e6, rel=0.01)


def test_a_loopback_has_nothing_to_say(shared: Path) -> None:
    for path in captures(shared / "loopback"):
        assert found(path) == {}


@pytest.mark.parametrize(
    "name, code",
    [
        ("cold-start-http", "long-round-trip"),
        ("filter-scan-http", "filter-discards-reads"),
        ("filter-scan-http", "paginated-operation"),
        ("throttle-retry-http", "throttled"),
        ("throttle-retry-http", "server-errors-retried"),
        ("large-upload", "large-transfer"),
        ("service-pause", "slow-server"),
    ],
)
def test_wireshark_shows_the_proof(shared: Path, tshark: str, name: str, code: str) -> None:
    (path,) = captures(shared / name)
    row = found(path)[code]
    shown = packets(tshark, path, row.display_filter)
    assert shown
    if row.display_filter.startswith("frame.number"):
        assert shown == set(row.packet_ids)
    if code == "filter-discards-reads":
        rows = {one.exchange_id: one for one in answer(path).exchanges}
        assert shown == {packet for number in row.exchanges for packet in (rows[number].request_packet_id, rows[number].response_packet_id)}
    if code == "long-round-trip":
        assert len(shown) >= 20 + 4  # the ACK of each request, and each SYN-ACK
        assert shown - {*row.packet_ids} <= packets(tshark, path, "tcp.srcport == 80")
    if code == "paginated-operation":
        assert set(row.packet_ids) <= shown
