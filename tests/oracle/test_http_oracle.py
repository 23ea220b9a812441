"""HTTP over TCP as tshark reads it: requests by frame and method, responses by frame, status and time; and as the servers logged it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Exchange

pipeline = pytest.importorskip("analyzer.pipeline")

OTHER_REQUESTS = {
    "ndpi__shadowsocks.pcap": "HTTP inside SOCKS",
}
OTHER_RESPONSES = {
    "ndpi__shadowsocks.pcap": "HTTP inside SOCKS",
    "arkime__tcp-reassembly-synthetic.pcap": "content until the close: tshark names the frame of the FIN, we that of the last byte",
    "derived__three-http-streams-be-ns.pcap": "content until the close",
    "derived__http-post-upload.pcap.zst": "every packet twice: of the copies of packets to the client the last is used",
}
SETTLED = ("ok", "error", "undelivered")


def frames_of_requests(http: dict[str, Any]) -> list[tuple[int | None, str | None, int]]:
    """Return frame, method and stream of the requests that tshark found whole; where the capture lacks a part, of their heads."""

    def by_stream(table: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
        streams: dict[int, list[dict[str, Any]]] = {}
        for row in table.get("request_table") or []:
            if row["stream"] is not None:  # SSDP and its like are HTTP over UDP
                streams.setdefault(row["stream"], []).append(row)
        return streams

    whole, heads = by_stream(http), by_stream(http.get("header_only") or {})
    found: list[tuple[int | None, str | None, int]] = []
    for stream in sorted(set(whole) | set(heads)):
        complete, begun = list(whole.get(stream, [])), heads.get(stream, [])
        found += [(row["frame"], row["method"], stream) for row in complete]
        for row, following in zip(begun, [*begun[1:], None], strict=True):
            same = (
                one
                for one in complete
                if (one["method"], one["uri"]) == (row["method"], row["uri"])
                and one["frame"] >= row["frame"]
                and (following is None or one["frame"] <= following["frame"])
            )
            match = next(same, None)
            if match is not None:
                complete.remove(match)
            elif len(begun) > len(whole.get(stream, [])):
                found.append((row["frame"], row["method"], stream))
    return found


def read_public(shared: Path) -> list[tuple[str, dict[str, Any], Analysis]]:
    """Read the public captures in which tshark finds HTTP without keys."""
    found = []
    for path in sorted((shared / "public").glob("*.oracle.json")):
        oracle = json.loads(path.read_text())
        http = oracle.get("http") or {}
        if oracle.get("decrypted"):
            continue
        if http.get("request_table") or http.get("response_table") or (http.get("header_only") or {}).get("request_table"):
            name = path.name.removesuffix(".oracle.json")
            found.append((name, http, pipeline.read(path.with_name(name))))
    return found


@pytest.fixture(scope="module")
def public(shared: Path) -> list[tuple[str, dict[str, Any], Analysis]]:
    return read_public(shared)


def test_requests_are_where_tshark_finds_them(public: list[tuple[str, dict[str, Any], Analysis]]) -> None:
    compared = 0
    for name, http, analysis in public:
        wanted = Counter(frames_of_requests(http))
        ours = Counter((row.request_packet_id, row.method, row.connection_id) for row in analysis.exchanges)
        if name in OTHER_REQUESTS:
            assert wanted - ours, f"{name} needs no exception"
            continue
        assert not wanted - ours, (name, sorted(wanted - ours))
        compared += wanted.total()
    assert compared > 250


def answers(analysis: Analysis) -> list[Exchange]:
    return [row for row in analysis.exchanges if row.status is not None and row.outcome in SETTLED]


def test_responses_are_where_tshark_finds_them(public: list[tuple[str, dict[str, Any], Analysis]]) -> None:
    compared = 0
    for name, http, analysis in public:
        wanted = Counter(
            (row["frame"], row["code"], row["stream"])
            for row in http.get("response_table") or []
            if row["stream"] is not None and (row["code"] >= 200 or row["code"] == 101)
        )
        ours = Counter((row.response_packet_id, row.status, row.connection_id) for row in analysis.exchanges)
        if name in OTHER_RESPONSES:
            assert wanted - ours, f"{name} needs no exception"
            continue
        assert not wanted - ours, (name, sorted(wanted - ours))
        compared += wanted.total()
    assert compared > 200


def test_times_are_those_of_tshark(public: list[tuple[str, dict[str, Any], Analysis]]) -> None:
    """`http.time` runs from the frame that completes the request to the one that completes the response."""
    compared = 0
    for name, http, analysis in public:
        if name in OTHER_RESPONSES:
            continue
        # Of messages that the snapshot length cut tshark takes the head for all; ours end with their last packet.
        cut = {row.connection_id for row in analysis.connections if row.cut_packets}
        rows = {(row.request_packet_id, row.response_packet_id): row for row in answers(analysis) if row.connection_id not in cut}
        for row in http.get("response_table") or []:
            ours = rows.get((row["request_in"], row["frame"]))
            if row["time"] is None or ours is None or ours.response_end_ns is None or ours.request_end_ns is None:
                continue
            assert abs((ours.response_end_ns - ours.request_end_ns) - row["time"] * 1e9) <= 1000, (name, row["frame"])
            compared += 1
    assert compared > 150


# What the services logged.

PLAIN = (
    "cold-start-http",
    "conditional-errors",
    "filter-fixed-http",
    "filter-scan-http",
    "midstream-http",
    "throttle-retry-http",
    "any-sll1",
)
SERVER_LIMITS_MS = {"median": 1.0, "p95": 5.0}
"""What separates the service's log from the wire beside it: the host that ran it."""


@pytest.mark.parametrize("scenario", PLAIN)
def test_what_the_service_logged(shared: Path, scenario: str) -> None:
    folder = shared / scenario
    truth = json.loads((folder / "truth.json").read_text())
    if truth.get("tls"):
        pytest.skip("encrypted")
    (capture,) = [path for path in folder.glob("*.pcap*") if re.search(r"\.pcap(ng)?$", path.name)]
    analysis = pipeline.read(capture)
    ours = {row.aws_request_id: row for row in analysis.exchanges if row.aws_request_id}
    began = truth.get("capture_started_ns") or 0
    logged = [row for row in truth["server"] if row.get("request_id") and row["recv_first_ns"] > began]
    assert logged
    ports = {row.connection_id: row.client_port for row in analysis.connections}
    gone = []
    for theirs in logged:
        row = ours[theirs["request_id"]]
        assert row.operation == theirs["op"]
        assert row.status == theirs["status"]
        assert row.request_bytes == theirs["request_bytes"]
        # A reset in place of the rest of an answer is one of the faults that were injected.
        assert row.response_bytes == theirs["response_bytes"] or (row.outcome == "cut" and theirs["injected"])
        assert row.invocation_id == theirs["invocation"]
        assert ports[row.connection_id] == int(theirs["peer"].rsplit(":", 1)[1])
        if row.server_ns is not None and "service_ms" in theirs:
            gone.append(abs(row.server_ns / 1e6 - theirs["service_ms"]))
    gone.sort()
    assert len(gone) > 0.9 * len(logged)
    assert gone[len(gone) // 2] <= SERVER_LIMITS_MS["median"]
    assert gone[int(0.95 * len(gone))] <= SERVER_LIMITS_MS["p95"]
