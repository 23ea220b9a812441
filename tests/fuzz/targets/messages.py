"""HTTP/1: messages of both directions, cut anywhere, with losses; the usual path against the general reader."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.http._heads import FieldReader, lines_of, request_line, status_of
from analyzer.http.framing import content_length, is_chunked
from analyzer.http.starts import looks_like_request, looks_like_response
from analyzer.model.seams import End
from tests.fuzz.source import Source
from tests.fuzz.target import Cursor, Target, pieces, said
from tests.http.speech import PRESENCE, REQUEST_FIELDS, RESPONSE_FIELDS, Line, answer, ask, brief, chunked

ENDS = (End.FIN, End.RST, End.OPEN)
WINDOWS = ((0, 0, 0), (1 << 20, 1 << 20, 1 << 20), (5, 7, 3), (64, 0, 1024))


def _line(head: int, *, show_all: bool = False) -> Line:
    first, last, body = WINDOWS[head & 3]
    return Line(head=first, tail=last, body=body, whole_start=not head & 4, show_all=show_all)


def talks(data: bytes) -> None:
    """Let client and server say pieces, some of them lost; what is read has its offsets in order."""
    cursor = Cursor(data)
    head = cursor.byte()
    turns = pieces(cursor, 120)
    lossless = not any(tag & 2 for tag, _ in turns)
    line, seer = _line(head), _line(head, show_all=True)
    for tag, piece in turns:
        for one in (line, seer):
            if tag & 2:
                one.lose("server" if tag & 1 else "client", len(piece) or 1)
            elif piece:
                (one.server if tag & 1 else one.client)(piece)
    how = ENDS[(head >> 4) % 3]
    rows = line.close(how)
    assert [row.index for row in rows] == sorted(row.index for row in rows)
    for row in rows:
        assert row.request_bytes >= 0
        assert row.response_bytes >= 0
        for began, ended in ((row.request_start, row.request_end), (row.response_start, row.response_end)):
            assert began is None or ended is None or began <= ended
        if row.response is not None:
            assert 0 <= row.response.status <= 999
    if lossless:
        # Bytes that no reader asked for may be shown or not: the same messages.
        assert [brief(row) for row in seer.close(how)] == [brief(row) for row in rows]


def heads(data: bytes) -> None:
    """Read start lines and fields."""
    lines = lines_of(data)
    assert not any(b"\n" in line for line in lines)
    reader = FieldReader(REQUEST_FIELDS | RESPONSE_FIELDS | {b"content-length", b"transfer-encoding"}, PRESENCE)
    fields = reader.read(lines)
    assert reader.read(lines) == fields
    for name, value in fields.items():
        assert name in REQUEST_FIELDS | RESPONSE_FIELDS | PRESENCE | {b"content-length", b"transfer-encoding"}
        assert not value or name not in PRESENCE
        size = content_length(value)
        assert size is None or size >= 0
        is_chunked(value)
    method, _, version = request_line(lines[0])
    assert len(method) <= 24
    assert version in (None, "1.0", "1.1")
    status = status_of(lines[0])
    assert status is None or 0 <= status <= 999
    for start in (looks_like_request, looks_like_response):
        told = start(data, 0, len(data))
        assert start(b"GET / HTTP/1.1\r\n" + data + b"\nHost: x\r\n", 16, 16 + len(data)) == told


def conversations() -> Iterable[bytes]:
    """Write conversations: plain, pipelined, chunked, compressed, interim, closed, upgraded, odd, lossy."""
    import gzip

    simple = ((0, ask("POST", "/", body=b"{}")), (1, answer(body=b'{"a":1}')))
    for head in (0, 1, 2, 3, 5, 16, 33):
        yield bytes((head,)) + said(*simple, *simple)
    yield b"\1" + said((0, ask() * 3), (1, answer(body=b"1") + answer(404, body=b"22") + answer(204)))
    parts = chunked(b"abc", b"d" * 40, extension=b";x=y", trailers=b"Checksum: 1\r\n")
    yield b"\1" + said(
        (0, ask("PUT", "/x", "Transfer-Encoding: chunked") + parts), (1, answer(200, "Transfer-Encoding: chunked", body=None) + parts)
    )
    packed = gzip.compress(b"z" * 900, mtime=0)
    yield b"\1" + said((0, ask()), (1, answer(200, "Content-Encoding: gzip", body=packed)))
    yield b"\1" + said((0, ask("PUT", "/", "Expect: 100-continue")), (1, b"HTTP/1.1 100 Continue\r\n\r\n"), (0, b"x"), (1, answer()))
    yield b"\1" + said((0, ask()), (1, b"HTTP/1.0 200 OK\r\n\r\nuntil the end"))
    yield b"\1" + said((0, ask("CONNECT", "h:443")), (1, answer(200, body=None)), (0, b"\x16\x03\x01tunnel"), (1, b"more"))
    yield b"\1" + said((0, ask("GET", "/", "Upgrade: websocket")), (1, answer(101, "Upgrade: websocket", body=None) + b"\x81\x05hello"))
    yield b"\1" + said((0, b"GET / HTTP/1.1\nHost: a\n\n"), (1, b"HTTP/1.1  200 \nX: 1\n folded\n\n"), (1, b"x"))
    yield b"\2" + said(
        (0, ask("POST", "/", body=bytes(60))[:50]),
        (2, bytes(20)),
        (0, bytes(20)),
        (1, answer(body=bytes(90))[:60]),
        (3, bytes(50)),
        *simple,
    )
    yield b"\0" + said((0, ask("HEAD")), (1, answer(200, "Content-Length: 50", body=None)), *simple)
    yield b"\5" + said((0, b"rest of a body"), (1, b"rest"), *simple)
    yield b"\1" + said(
        (0, ask("POST", "/", "Content-Length: 2, 2") + b"ab"),
        (1, answer(200, "Content-Length: 3", "Content-Length: 4", body=None) + b"abc"),
    )


def lines() -> Iterable[bytes]:
    """Write heads."""
    yield ask("POST", "/", "User-Agent: a", "user-agent: b", "X-Amz-Target: T", "X-aws-ec2-metadata-token: secret", body=b"x")
    yield answer(200, "x-amzn-RequestId: 1", "Transfer-Encoding: gzip, chunked", body=None)
    yield b"BREW /pot HTCPCP/1.0\r\nHost: h\r\n\r\n"
    yield b"GET http://a/b c HTTP/1.1\nhost:\n x\n\ty\n\n"
    yield b"HTTP/1.1  404  Not\r\nContent-Length: +5\r\nContent-Length: 5\r\n:\r\n\r\n"
    yield b"M-SEARCH * HTTP/1.1\r\n\r\n"


def from_talks(source: Source) -> Iterable[bytes]:
    """Take the connections out of a capture."""
    for heard in source.talks[:20]:
        if any(b"HTTP/1" in piece for _, piece in heard[:4]):
            for head in (0, 1, 4):
                yield bytes((head,)) + said(*heard[:40])


def from_heads(source: Source) -> Iterable[bytes]:
    """Take the first heads out of a capture."""
    for heard in source.talks[:20]:
        for _, piece in heard[:6]:
            if b"HTTP/1" in piece:
                yield piece[:2000]


HTTP = "analyzer.http."
TARGETS = (
    Target(
        "http", talks,
        tuple(HTTP + name for name in ("message", "_usual", "_layouts", "chunked", "exchange", "requests", "responses", "window")),
        conversations, harvest=from_talks,
    ),
    Target("heads", heads, (f"{HTTP}_heads", f"{HTTP}starts", f"{HTTP}framing"), lines, harvest=from_heads, longest=2048),
)  # fmt: skip
