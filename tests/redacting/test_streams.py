"""Connections: messages in pieces, out of order, with losses; TLS with names; tunnels; what is no protocol."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from struct import pack

import pytest

import analyzer
from analyzer.redacting import redact
from analyzer.redacting.disguise import Disguise
from tests.capture.writer import pcap, read, save
from tests.packets.frames import A4, B4, ether, ip4
from tests.tls.talk import client_hello, message, record, server_hello

REQUEST = (
    b"POST / HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\nX-Amz-Target: DynamoDB_20120810.Query\r\n"
    b"X-Amz-Security-Token: IQoJb3JpZ2luSecretToken\r\nContent-Length: 25\r\n\r\n" + b'{"TableName":"Customers"}'
)  # fmt: skip
ITEMS = json.dumps({"Count": 1, "Items": [{"who": {"S": "Jane Roe " * 200}}], "ScannedCount": 900}).encode()
Step = tuple[str, int, bytes]


def capture(folder: Path, steps: list[Step], port: int = 8000) -> Path:
    """Write a connection: who says what at which offset of his stream."""
    packets: list[tuple[int, bytes]] = []

    def add(who: str, flags: int, offset: int, data: bytes = b"") -> None:
        up = who == "C"
        ports = (40001, port) if up else (port, 40001)
        header = pack(">HHIIHHHH", *ports, (1000 if up else 9000) + offset, 9001 if up else 1001, 5 << 12 | flags, 500, 0, 0)
        packets.append(
            (
                1_700_000_000_000_000_000 + len(packets) * 1_000_000,
                ether(0x0800, ip4(header + data, addresses=A4 + B4 if up else B4 + A4, ident=len(packets))),
            )
        )

    add("C", 2, 0)
    add("S", 18, 0)
    add("C", 16, 1)
    for who, offset, data in steps:
        add(who, 24, offset + 1, data)
    return save(folder, pcap(packets, nano=True))


def streams(path: Path) -> dict[str, bytes]:
    """Return what each side says, put together from the segments' offsets."""
    found: dict[str, dict[int, bytes]] = {"C": {}, "S": {}}
    for row in read(path).rows[3:]:
        who = "C" if row.data[34:36] == pack(">H", 40001) else "S"
        seq = int.from_bytes(row.data[38:42], "big") - (1001 if who == "C" else 9001)
        data = row.data[54:]
        assert found[who].setdefault(seq, data)[: len(data)] == data[: len(found[who][seq])], "a repeat carries other bytes"
        found[who][seq] = max(found[who][seq], data, key=len)
    out = {}
    for who, pieces in found.items():
        whole = bytearray(max((at + len(data) for at, data in pieces.items()), default=0))
        for at, data in pieces.items():
            whole[at : at + len(data)] = data
        out[who] = bytes(whole)
    return out


def redacted(folder: Path, steps: list[Step], port: int = 8000) -> dict[str, bytes]:
    source = capture(folder, steps, port)
    redact(source, folder / "out.pcapng", Disguise(b"key"))
    return streams(folder / "out.pcapng")


def cut(who: str, data: bytes, size: int) -> list[Step]:
    return [(who, at, data[at : at + size]) for at in range(0, len(data), size)]


def answer(body: bytes, fields: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n" + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_pieces_do_not_matter(tmp_path: Path, size: int) -> None:
    whole = redacted(tmp_path, [("C", 0, REQUEST), ("S", 0, answer(ITEMS))])
    if size == 1:
        steps = [*cut("C", REQUEST, 1), ("S", 0, answer(ITEMS))]
    else:
        steps = [*cut("C", REQUEST, size), *cut("S", answer(ITEMS), size)]
    assert redacted(tmp_path, steps) == whole
    assert b"Customers" not in whole["C"]
    assert b"IQoJ" not in whole["C"]
    assert b"Jane" not in whole["S"]
    assert b'"ScannedCount": 900' in whole["S"]


def test_repeats_and_disorder_do_not_matter(tmp_path: Path) -> None:
    whole = redacted(tmp_path, [("C", 0, REQUEST), ("S", 0, answer(ITEMS))])
    down = cut("S", answer(ITEMS), 300)
    steps = [("C", 0, REQUEST[:50]), ("C", 0, REQUEST), ("C", 20, REQUEST[20:90]), down[1], down[0], down[1], *reversed(down[2:]), down[0]]
    assert redacted(tmp_path, steps) == whole


@pytest.mark.parametrize("coding", ["chunked", "gzip", "close", "interim"])
def test_framings(tmp_path: Path, coding: str) -> None:
    if coding == "chunked":
        chunks = [ITEMS[at : at + 500] for at in range(0, len(ITEMS), 500)]
        body = (
            b"".join(
                b"%x;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n%b\r\n" % (len(one), one)
                for one in chunks
            )
            + b"0\r\nX-Sum: secretsum\r\n\r\n"
        )
        said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    elif coding == "gzip":
        said = answer(gzip.compress(ITEMS, 1), b"Content-Encoding: gzip\r\n")
    elif coding == "close":
        said = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + ITEMS
    else:
        said = b"HTTP/1.1 100 Continue\r\n\r\n" + answer(ITEMS)
    steps = [("C", 0, REQUEST), *cut("S", said, 333)]
    before = analyzer.read(capture(tmp_path, steps))
    made = redacted(tmp_path, steps)
    after = analyzer.read(tmp_path / "out.pcapng")
    assert len(made["S"]) == len(said)
    for word in (b"Jane", b"ad80c730", b"secretsum"):
        assert word not in made["S"]
    for row, other in zip(before.exchanges, after.exchanges, strict=True):
        assert (row.status, row.count, row.scanned_count, row.response_bytes, row.outcome) == (
            other.status, other.count, other.scanned_count, other.response_bytes, other.outcome,
        )  # fmt: skip
    assert [row.count for row in after.exchanges] == [1]


def test_lost_bytes_become_nothing_else(tmp_path: Path) -> None:
    said = answer(ITEMS)
    steps = [("C", 0, REQUEST), ("S", 0, said[:400]), ("S", 900, said[900:]), ("C", len(REQUEST), REQUEST), ("S", len(said), said)]
    made = redacted(tmp_path, steps)
    assert b"Jane" not in made["S"]
    assert made["S"].count(b"HTTP/1.1 200 OK") == 2
    assert made["C"].count(b"POST / HTTP/1.1") == 2


def test_what_is_no_protocol_becomes_zeros(tmp_path: Path) -> None:
    assert redacted(tmp_path, [("C", 0, b"SECRET handshake of ours"), ("S", 0, b"\x05password")]) == {"C": bytes(24), "S": bytes(9)}


@pytest.mark.parametrize("server, public", [("dynamodb.us-east-1.amazonaws.com", True), ("ledger.acme-bank.example", False)])
def test_tls_stays_but_for_names(tmp_path: Path, server: str, public: bool) -> None:
    certificate = message(11, b"\0\0\x40" + server.encode().ljust(64, b"."))
    hello = record(22, client_hello(server))
    reply = record(22, server_hello(0xC02F, version=0x0303) + certificate)
    sealed = record(23, b"\x99" * 80)
    steps = [*cut("C", hello + sealed, 50), *cut("S", reply + sealed, 60)]
    made = redacted(tmp_path, steps, 443)
    assert made["C"].endswith(sealed)
    assert made["S"].endswith(sealed)
    assert server.encode() not in made["S"], "a certificate is never needed"
    if public:
        assert made["C"] == hello + sealed
        assert made["S"].startswith(reply[: -len(certificate) + 4])
    else:
        assert b"acme" not in made["C"] + made["S"]
        assert [len(one) for one in made.values()] == [len(hello + sealed), len(reply + sealed)]
        names = [row.server_name for row in analyzer.read(tmp_path / "out.pcapng").handshakes]
        assert [len(name or "") for name in names] == [len(server)]


def test_a_tunnel_through_a_proxy(tmp_path: Path) -> None:
    ask = b"CONNECT ledger.acme-bank.example:443 HTTP/1.1\r\nProxy-Authorization: Basic c2VjcmV0OnNlY3JldA==\r\n\r\n"
    yes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    hello, sealed = record(22, client_hello("ledger.acme-bank.example")), record(23, b"\x99" * 80)
    steps = [
        ("C", 0, ask),
        ("S", 0, yes),
        ("C", len(ask), hello),
        ("S", len(yes), record(22, server_hello())),
        ("C", len(ask) + len(hello), sealed),
    ]
    made = redacted(tmp_path, steps)
    assert b"acme" not in made["C"]
    assert b"c2Vjc" not in made["C"]
    assert made["C"].endswith(sealed)
    assert made["S"].startswith(yes)
    assert made["S"].endswith(record(22, server_hello()))
