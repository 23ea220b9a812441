"""Connections and followed byte streams of public captures against tshark 4.0.17."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from analyzer import capture
from analyzer.errors import AnalyzerError
from analyzer.model.rows import Anomaly, Connection
from analyzer.model.seams import Claim
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Engine, row
from tests.tcp.script import Everything, Reader

FLAGS = {
    "retransmissions": "retransmission", "fast_retransmissions": "fast_retransmission",
    "spurious_retransmissions": "spurious_retransmission",
    "out_of_order": "out_of_order", "duplicate_acks": "duplicate_ack", "keep_alives": "keep_alive", "zero_windows": "zero_window",
    "lost_segments": "lost_segment",
}  # fmt: skip
EXCEPTIONS = {
    "ndpi__shadowsocks.pcap": "tshark's SOCKS dissector makes a conversation of its own, which uses up a stream number",
}
Readers = dict[int, tuple[Reader, Reader]]


def read(path: Path) -> tuple[list[Connection], Readers]:
    """Read a capture with sinks that take everything."""
    rows: list[Anomaly] = []
    readers: Readers = {}
    engine = Engine(
        LAYOUTS,
        Decoder().decode,
        [Everything(claim, readers, {}) for claim in (Claim.REQUEST, Claim.RESPONSE)],
        rows.append,
        datagram=lambda datagram, time, packet_id: None,
        datagram_ports=frozenset({4789, 6081}),
    )
    for block in capture.open_captures([str(path)], emit=rows.append).blocks():
        engine.feed(block)
    engine.finish()
    return [row(flow) for flow in engine.flows], readers


@pytest.fixture(scope="module")
def answers(shared: Path) -> dict[str, tuple[dict[str, Any], list[Connection], Readers]]:
    """What tshark and the engine say of each capture that has connections."""
    out = {}
    for oracle_path in sorted((shared / "public").glob("*.oracle.json")):
        name = oracle_path.name.removesuffix(".oracle.json")
        tcp = json.loads(oracle_path.read_text()).get("tcp") or {}
        if not tcp.get("table"):
            continue
        try:
            out[name] = (tcp, *read(oracle_path.with_name(name)))
        except AnalyzerError:
            out[name] = (tcp, [], {})
    assert len(out) > 80, "the captures are not where they should be"
    return out


def differences(tcp: dict[str, Any], rows: list[Connection]) -> list[str]:
    """Compare the table of connections."""
    found = []
    known = {row.connection_id: row for row in rows}
    if len(rows) != tcp["streams"]:
        found.append(f"{len(rows)} connections, not {tcp['streams']}")
    for theirs in tcp["table"]:
        number = theirs["stream"]
        ours = known.get(number)
        if ours is None:
            found.append(f"stream {number} is missing")
            continue
        ends = {f"{ours.client_address}|{ours.client_port}": "client", f"{ours.server_address}|{ours.server_port}": "server"}
        if set(ends) != {theirs["a"], theirs["b"]}:
            found.append(f"stream {number}: {set(ends)}")
            continue
        up, down = ("a_to_b", "b_to_a") if ends[theirs["a"]] == "client" else ("b_to_a", "a_to_b")
        wanted = {
            "packets_sent": theirs[up]["packets"],
            "packets_received": theirs[down]["packets"],
            "bytes_sent": theirs[up]["unique_bytes"],
            "bytes_received": theirs[down]["unique_bytes"],
            "completeness": theirs["completeness"],
        }
        for column, flag in FLAGS.items():
            wanted[column] = sum((theirs[way].get("analysis") or {}).get(flag, 0) for way in ("a_to_b", "b_to_a"))
        found += [
            f"stream {number}: {name} {getattr(ours, name)}, not {value}" for name, value in wanted.items() if getattr(ours, name) != value
        ]
    return found


def followed_differences(tcp: dict[str, Any], rows: list[Connection], readers: Readers) -> tuple[int, list[str]]:
    """Compare length and hash of each followed direction; return how many were compared, too."""
    compared, found = 0, []
    ends = {theirs["stream"]: theirs["a"] for theirs in tcp["table"]}
    known = {row.connection_id: row for row in rows}
    for theirs in tcp.get("followed") or []:
        number = theirs["stream"]
        if not theirs["whole"] or number not in ends or number not in known:
            continue
        pair = readers.get(number, (Reader(), Reader()))
        # The first of the two readers is the client's as the claim had it; find the one of `a` by what the row says.
        ours = known[number]
        sides = pair if ends[number] == f"{ours.client_address}|{ours.client_port}" else pair[::-1]
        for way, reader in zip(("a_to_b", "b_to_a"), sides, strict=True):
            want = theirs.get(way) or {"bytes": 0}
            data = reader.bytes()
            compared += 1
            if len(data) != want["bytes"] or (data and sha256(data).hexdigest() != want["sha256"]):
                found.append(f"stream {number} {way}: {len(data)} bytes, not {want['bytes']}")
    return compared, found


def test_connections_are_those_of_tshark(answers: dict[str, tuple[dict[str, Any], list[Connection], Readers]]) -> None:
    wrong = {name: found for name, (tcp, rows, _) in answers.items() if (found := differences(tcp, rows))}
    assert {name: found for name, found in wrong.items() if name not in EXCEPTIONS} == {}


def test_every_exception_is_still_one(answers: dict[str, tuple[dict[str, Any], list[Connection], Readers]]) -> None:
    same = [name for name in EXCEPTIONS if name in answers and not differences(*answers[name][:2])]
    assert same == []


def test_followed_streams_are_those_of_tshark(answers: dict[str, tuple[dict[str, Any], list[Connection], Readers]]) -> None:
    total, wrong = 0, {}
    for name, (tcp, rows, readers) in answers.items():
        if name in EXCEPTIONS:
            continue
        compared, found = followed_differences(tcp, rows, readers)
        total += compared
        if found:
            wrong[name] = found
    assert wrong == {}
    assert total > 400
