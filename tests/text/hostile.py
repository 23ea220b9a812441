"""A capture in which everything that a packet can say is an attack on whoever reads the answer."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from random import Random

from tests.capture.writer import block, enhanced, option
from tests.pipeline.traffic import MS, NAME, Frame, ip
from tests.secrets.marked import CLIENT, Talker, message
from tests.tls.talk import client_hello, record, server_hello

EVIL = "evil.example"
ATTACKS = {
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;forged title\x07",
    "C1": "\x9b31mred",
    "line": "\nforged line",
    "log": "\r\nanalyzer: warning: forged log",
    "erase": "\x1b[2J\x1b[1;1Hforged screen\x08\x08",
    "script": "<script>alert(1)</script>",
    "attribute": "\"'><img src=x onerror=alert(1)>",
    "end of script": "</script><svg onload=alert(2)></style>-->",
    "formula": f'=HYPERLINK("http://{EVIL}","x")',
    "command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "plus": "+1+cmd",
    "minus": "-2+cmd",
    "tab": "\t=1+1",
    "link": f"[x](http://{EVIL})",
    "picture": f"![x](http://{EVIL}/i.png)",
    "address": f"http://{EVIL}/a www.{EVIL} <http://{EVIL}> me@{EVIL}",
    "cells": "| a | b |",
    "code": "`code` **bold** ~~x~~ # head ``` ",
    "entity": "&lt;b&gt;&#x41;&amp;",
    "right to left": "\u202egnp.exe\u2066",
    "separator": "a\u2028b\u2029c\u0085d",
    "invisible": "a\u200bb\U000e0041\ufeff",
    "nul": "a\0b",
    "format": "%s%n{0}{x.__class__}$(id)`id`;id",
    "label": 'x",evil="y"} 1\nforged_metric 2',
}
"""What attackers write, by what it attacks."""


def _header(text: str) -> bytes:
    """Return text as a field's value carries it: what would end the field is left out."""
    return text.encode("utf-8").replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")


def _request(text: str) -> bytes:
    value = _header(text)
    body = json.dumps({"TableName": text, "Key": {"k": {"S": "x"}}}).encode()
    fields = [
        ("Host", NAME.encode()), ("X-Amz-Target", b"DynamoDB_20120810." + value), ("amz-sdk-invocation-id", value),
        ("amz-sdk-request", b"attempt=1; max=" + value),
        ("User-Agent", b"Boto3/" + value + b" Botocore/" + value + b" cfg/retry-mode#" + value),
    ]  # fmt: skip
    return message("POST / HTTP/1.1", fields, body)


def _answer(text: str) -> bytes:
    value = _header(text).decode("latin-1")
    body = json.dumps({"__type": f"x#{text}Exception", "message": text}).encode()
    fields = [("x-amzn-RequestId", _header(text)), ("Server", _header(text)), ("Content-Type", _header(text))]
    return message("HTTP/1.1 400 x", fields, body).replace(b"400 x", b"400 " + value.encode("latin-1"), 1)


def _elsewhere(text: str) -> bytes:
    """Return a request of no service, with a method, target and host of the attacker's."""
    value = _header(text).replace(b" ", b"%20")
    return value[:20] + b" /" + value + b"?a=" + value + b" HTTP/1.1\r\nHost: " + _header(text) + b".example\r\n\r\n"


def _lookup(text: str, number: int, now: int) -> list[Frame]:
    labels = text.encode("utf-8")[:60]
    question = bytes((len(labels),)) + labels + b"\x07example\0" + b"\0\1\0\1"
    query = struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + question
    answer = struct.pack(">6H", number, 0x8180, 1, 1, 0, 0) + question + b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + bytes((3, 218, 180, 10))
    out = []
    for at, ends, ports, body in (
        (now, (CLIENT, "10.0.0.2"), (31000 + number, 53), query),
        (now + 2 * MS, ("10.0.0.2", CLIENT), (53, 31000 + number), answer),
    ):
        out.append(Frame(at, ip(*ends, 17, struct.pack(">HHHH", *ports, 8 + len(body), 0) + body, number)))
    return out


def hostile(folder: Path) -> Path:
    """Write the capture; its own name is an attack too."""
    talker = Talker(Random(3))
    for number, text in enumerate(ATTACKS.values()):
        talker.net.frames += _lookup(text, number, talker.now)
        talker.now += 5 * MS
        talker.talk("3.218.180.10", 8000, ("C", _request(text)), ("S", _answer(text)), ("C", _request(text)), ("S", _answer(text)))
        talker.talk("10.0.1.9", 8080, ("C", _elsewhere(text)), ("S", message("HTTP/1.1 200 OK", [], b"x")))
        name = text.encode("utf-8").decode("latin-1")
        hello = client_hello(name.encode("ascii", "ignore").decode(), protocols=[text.encode()[:200]])
        talker.talk(
            "3.218.180.11", 443, ("C", record(22, hello)), ("S", record(22, server_hello()) + record(23, 900)),
            ("C", record(23, 53)), ("C", record(23, 700)), ("S", record(23, 900)),
        )  # fmt: skip
        token = _header(text)[:60].replace(b" ", b"%20").replace(b"/", b"%2F")
        talker.talk(
            "169.254.169.254", 80,
            ("C", b"GET /latest/meta-data/iam/security-credentials/" + token + b" HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"),
            ("S", message("HTTP/1.1 404 x", [], text.encode())),
        )  # fmt: skip
    path = folder / "x\x1b[31m\n=1+1|<b>[x](http:\u202e).pcapng"
    path.write_bytes(_pcapng(talker.net.frames))
    return path


def _pcapng(frames: list[Frame]) -> bytes:
    everything = "".join(ATTACKS.values())[:2000].encode()
    head = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(1, everything) + option(4, everything) + option(0, b""))
    options = option(2, everything) + option(3, everything) + option(9, b"\x09") + option(0, b"")
    wire = block(1, struct.pack("<HHI", 1, 0, 0) + options)
    comment = option(1, everything) + option(0, b"")
    packets = [enhanced(frame.time, frame.data, options=comment) for frame in sorted(frames, key=lambda frame: frame.time)]
    statistics = block(5, struct.pack("<III", 0, 0, 0) + option(5, struct.pack("<Q", 7)) + option(0, b""))
    return head + wire + b"".join(packets) + statistics
