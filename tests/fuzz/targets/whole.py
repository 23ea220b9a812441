"""The whole tool: a file, its answer, and the answer as a document and as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkstemp

from analyzer.errors import AnalyzerError
from analyzer.pipeline import read
from analyzer.report.document import JsonRenderer
from tests.fuzz.source import Source
from tests.fuzz.target import Target
from tests.fuzz.targets.captures import packed, pcapngs
from tests.tcp.script import trace

SCRATCH: list[Path] = []


def scratch() -> Path:
    """Return a file of this process to write inputs to, in memory where the system has such a place."""
    if not SCRATCH:
        memory = Path("/dev/shm")
        SCRATCH.append(Path(mkstemp(prefix="analyzer-fuzz-", dir=memory if memory.is_dir() else None)[1]))
    return SCRATCH[0]


def whole(data: bytes) -> None:
    """Read a file and write the answer: an answer or an error that was meant, and every text of it plain."""
    path = scratch()
    path.write_bytes(data)
    analysis = read(path)
    text = "".join(JsonRenderer().render(analysis))
    assert text.isascii()
    document = json.loads(text)
    for call in document["calls"]:
        assert call["duration_ns"] >= 0


def files() -> Iterable[bytes]:
    """Write captures of short conversations."""
    from tests.capture.writer import pcap

    texts = (
        "0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C PA 1 1 text=GET_/_HTTP/1.1\n4 S PA 1 17 text=HTTP/1.1_200_OK\n5 C FA 17 16\n6 S FA 16 18",
        "0 C S 0 0\n1000 C S 0 0\n2000 S RA 0 1",
        "0 C PA 1 1 300\n1 S PA 1 301 20\n2 S PA 41 301 20\n3 C A 301 21\n4 S PA 21 301 20\n5 C R 301 0",
    )
    for text in texts:
        yield pcap([(line.time, line.frame().replace(b"_", b" ").replace(b"OK", b"OK\r\n\r\n")) for line in trace(text)])
    body = b'{"TableName":"T"}'
    ask = (
        b"POST / HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\nX-Amz-Target: DynamoDB_20120810.Query\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    ) + body
    tell = b'HTTP/1.1 200 OK\r\nx-amzn-RequestId: A\r\nContent-Length: 11\r\n\r\n{"Count":1}'
    lines = trace("0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C PA 1 1\n9 S PA 1 1\n10 C A 1 1\n11 C FA 1 1")
    lines[3].payload, lines[4].payload = ask, tell
    for line in lines[4:]:
        moved = len(ask), len(tell) if line is not lines[4] else 0
        line.seq += moved[line.who == "S"]
        line.ack += moved[line.who != "S"]
    lines[4].seq, lines[4].ack = 5001, 1001 + len(ask)
    yield pcap([(line.time, line.frame()) for line in lines])
    yield from list(packed())[::6]
    yield from list(pcapngs())[:3]


def small(source: Source) -> Iterable[bytes]:
    """Take small captures as they are."""
    if len(source.content) <= 8192:
        yield source.content


TARGETS = (Target("whole", whole, ("analyzer.",), files, (AnalyzerError,), small, 8192),)
