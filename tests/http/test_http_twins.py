"""The same conversations, read by h11 and httptools: the same messages, bodies and boundaries."""

from __future__ import annotations

from typing import Any, NamedTuple

import h11
import httptools
from hypothesis import given
from hypothesis import strategies as st

from tests.http.speech import Line

ALL = 1 << 20
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(lambda name: "x-" + name)
VALUES = st.text("abcXYZ019 ,;:=/\"'()~", max_size=30).map(str.strip)


class Message(NamedTuple):
    """A message that was written, with what every reader must find in it."""

    start: str
    body: bytes
    wire: bytes


@st.composite
def fields(draw: st.DrawFn) -> list[str]:
    gap = draw(st.sampled_from(["", " ", "  ", "\t"]))
    return [f"{name}:{gap}{value}" for name, value in draw(st.lists(st.tuples(TOKENS, VALUES), max_size=4))]


@st.composite
def content(draw: st.DrawFn) -> tuple[list[str], bytes, bytes]:
    """Framing fields, body, body on the wire."""
    body = draw(st.binary(max_size=200))
    if draw(st.booleans()):
        name = draw(st.sampled_from(["Content-Length", "content-length", "CONTENT-LENGTH"]))
        return [f"{name}: {len(body)}"], body, body
    wire, at = b"", 0
    while at < len(body):
        size = draw(st.integers(1, 90))
        part = body[at : at + size]
        at += size
        wire += (
            draw(st.sampled_from([b"%x", b"%X", b"0%x"])) % len(part)
            + draw(st.sampled_from([b"", b";a=b", b';a="b"']))
            + b"\r\n"
            + part
            + b"\r\n"
        )
    return ["Transfer-Encoding: chunked"], body, wire + b"0\r\n" + draw(st.sampled_from([b"", b"Checksum: 5\r\n"])) + b"\r\n"


@st.composite
def requests(draw: st.DrawFn) -> Message:
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]))
    target = "/" + draw(st.text("abc/?&=%20-._~", max_size=20))
    framing, body, wire = ([], b"", b"") if method in ("GET", "HEAD") else draw(content())
    lines = [f"{method} {target} HTTP/1.1", "Host: db.example", *draw(fields()), *framing]
    return Message(f"{method} {target}", body, "\r\n".join(lines).encode() + b"\r\n\r\n" + wire)


@st.composite
def responses(draw: st.DrawFn, method: str) -> Message:
    status = draw(st.sampled_from([200, 201, 400, 404, 500, 503, 204, 304]))
    reason = draw(st.sampled_from(["", "Fine", "Not at all"]))
    framing, body, wire = draw(content())
    if method == "HEAD":
        body = wire = b""
    if status in (204, 304):
        framing, body, wire = [], b"", b""
    interim = draw(st.sampled_from([b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n"]))
    lines = [f"HTTP/1.1 {status} {reason}", *draw(fields()), *framing]
    return Message(str(status), body, interim + "\r\n".join(lines).encode() + b"\r\n\r\n" + wire)


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[Message, Message]]:
    return [(request, draw(responses(request.start.split()[0]))) for request in draw(st.lists(requests(), min_size=1, max_size=5))]


def ours(talk: list[tuple[Message, Message]], step: int) -> list[tuple[str, bytes, str, bytes]]:
    line = Line(head=ALL, tail=ALL, body=ALL)
    for request, response in talk:
        for at in range(0, len(request.wire), step):
            line.client(request.wire[at : at + step])
        for at in range(0, len(response.wire), step):
            line.server(response.wire[at : at + step])
    found = []
    ends = [0, 0]
    for row, (asked, answered) in zip(line.close(), talk, strict=True):
        assert row.request is not None
        assert row.response is not None
        assert row.request_complete
        assert row.response_complete
        assert row.response.body_complete or not answered.body
        assert row.response.body_head == row.response.body_tail
        ends = [ends[0] + len(asked.wire), ends[1] + len(answered.wire)]
        assert [row.request_end_offset, row.response_end_offset] == ends
        found.append(
            (f"{row.request.method} {row.request.target.decode()}", row.request.body, str(row.response.status), row.response.body_head)
        )
    return found


def by_h11(talk: list[tuple[Message, Message]]) -> list[tuple[str, bytes, str, bytes]]:
    client, server = h11.Connection(h11.CLIENT), h11.Connection(h11.SERVER)
    found = []
    for request, response in talk:
        server.receive_data(request.wire)
        asked = server.next_event()
        assert isinstance(asked, h11.Request)
        up = b""
        while not isinstance(event := server.next_event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data)
            up += event.data
        client.send(h11.Request(method=asked.method, target=asked.target, headers=[("host", "db.example")]))
        client.send(h11.EndOfMessage())
        client.receive_data(response.wire)
        status, down = 0, b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                down += event.data
        server.send(h11.Response(status_code=204, headers=[]))
        server.send(h11.EndOfMessage())
        assert not client.trailing_data[0]
        assert not server.trailing_data[0]
        client.start_next_cycle()
        server.start_next_cycle()
        found.append((f"{asked.method.decode()} {asked.target.decode()}", up, str(status), down))
    return found


class Collector:
    """Callbacks of httptools."""

    def __init__(self) -> None:
        self.url = b""
        self.body = b""
        self.ended = 0

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1


def by_httptools(talk: list[tuple[Message, Message]]) -> list[tuple[str, bytes]]:
    """Requests only, all by one parser: it cannot be told that an answer has no content."""
    found = []
    seen = Collector()
    parser: Any = httptools.HttpRequestParser(seen)
    for number, (request, _) in enumerate(talk, 1):
        seen.url = seen.body = b""
        parser.feed_data(request.wire)
        assert seen.ended == number
        found.append((f"{parser.get_method().decode()} {seen.url.decode()}", seen.body))
    return found


def responses_by_httptools(talk: list[tuple[Message, Message]]) -> list[tuple[str, bytes]]:
    found = []
    seen = Collector()
    parser: Any = httptools.HttpResponseParser(seen)
    for request, response in talk:
        if request.start.startswith("HEAD"):
            continue
        seen.body = b""
        parser.feed_data(response.wire)
        found.append((str(parser.get_status_code()), seen.body))
    return found


@given(conversations(), st.sampled_from([1, 7, 64, ALL]))
def test_the_same_conversation(talk: list[tuple[Message, Message]], step: int) -> None:
    wanted = [(request.start, request.body, response.start, response.body) for request, response in talk]
    assert by_h11(talk) == wanted
    assert by_httptools(talk) == [row[:2] for row in wanted]
    assert responses_by_httptools(talk) == [row[2:] for row in wanted if not row[0].startswith("HEAD")]
    assert ours(talk, step) == wanted
