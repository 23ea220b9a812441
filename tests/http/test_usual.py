"""The usual path and the general reader give the same exchanges, whatever the messages and however they are cut into segments."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.http import _usual
from analyzer.http.message import MessageReader
from analyzer.model.http import HttpExchange
from tests.http.speech import Line

BODIES = st.sampled_from([b"", b"{}", b"{1}", b"x" * 30, b"{123}", b"y" * 55])
TARGETS = st.sampled_from([b"DynamoDB_20120810.GetItem", b"DynamoDB_20120810.Query"])
ODD_LINES = st.sampled_from(
    [b"", b"", b"", b"Connection: close\r\n", b"X-Odd: \xff \r\n", b"Content-Length: 3\r\n", b"Date:  two  blanks \r\n", b" folded\r\n"]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that is usual, or nearly."""
    body = draw(BODIES)
    length = draw(st.sampled_from([str(len(body)).encode()] * 8 + [b"", b"0", b"x", b" 4 "]))
    end = draw(st.sampled_from([b"\r\n"] * 9 + [b"\n"]))
    return (
        b"POST / HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\nX-Amz-Target: " + draw(TARGETS) + b"\r\nX-Amz-Date: "
        + str(draw(st.integers(0, 9))).encode() + b"\r\nAuthorization: secret " + str(draw(st.integers(0, 99))).encode() + b"\r\n"
        + draw(ODD_LINES) + b"amz-sdk-invocation-id: " + str(draw(st.integers(0, 9))).encode() + end + b"Content-Length: " + length
        + b"\r\n\r\n" + body
    )  # fmt: skip


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """A response that is usual, or nearly."""
    body = draw(BODIES)
    status = draw(st.sampled_from([b"200 OK"] * 6 + [b"400 Bad Request", b"204 No Content", b"100 Continue"]))
    length = draw(st.sampled_from([str(len(body)).encode()] * 8 + [b"", b"0", b"7"]))
    return (
        b"HTTP/1.1 " + status + b"\r\nServer: x\r\nDate: " + str(draw(st.integers(0, 9))).encode() + b"\r\n" + draw(ODD_LINES)
        + b"x-amzn-RequestId: A" + str(draw(st.integers(0, 9))).encode() + b"\r\nContent-Length: " + length + b"\r\n\r\n" + body
    )  # fmt: skip


def say(pairs: list[tuple[bytes, bytes]], sizes: list[int], windows: tuple[int, int, int] = (0, 0, 0)) -> list[tuple[object, ...]]:
    """Let a client and a server talk in segments of the given sizes, over and over; return what was read."""
    line = Line(body=windows[0], head=windows[1], tail=windows[2])
    step = 0
    for request, response in pairs:
        for send, message in ((line.client, request), (line.server, response)):
            at = 0
            while at < len(message):
                size = sizes[step % len(sizes)]
                send(message[at : at + size])
                at += size
                step += 1
    return [facts(exchange) for exchange in line.close()]


def facts(exchange: HttpExchange) -> tuple[object, ...]:
    """All that was read of an exchange, layouts' memories apart."""
    request = exchange.request._replace(memory=None) if exchange.request is not None else None
    rest = {name: getattr(exchange, name) for name in HttpExchange.__annotations__ if name != "request"}
    return exchange.exchange_id, request, exchange.interim, rest


SIZES = st.lists(st.sampled_from([1, 7, 40, 150, 400, 4000]), min_size=1, max_size=5)


WINDOWS = st.tuples(*[st.sampled_from([0, 0, 2, 3, 5, 30, 1000])] * 3)


@settings(max_examples=300)
@given(st.lists(st.tuples(requests(), responses()), min_size=1, max_size=8), SIZES, WINDOWS)
def test_the_usual_path_reads_what_the_general_one_reads(
    pairs: list[tuple[bytes, bytes]], sizes: list[int], windows: tuple[int, int, int]
) -> None:
    usual = say(pairs, sizes, windows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_usual.UsualRequests, "feed", MessageReader.feed)
        patch.setattr(_usual.UsualResponses, "feed", MessageReader.feed)
        assert say(pairs, sizes, windows) == usual


def test_equal_messages_take_the_usual_path() -> None:
    request = b"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Date: 1\r\nContent-Length: 2\r\n\r\n{}"
    response = b"HTTP/1.1 200 OK\r\nServer: x\r\nDate: 1\r\nContent-Length: 2\r\n\r\n{}"
    counts = {"requests": 0, "responses": 0}
    with pytest.MonkeyPatch.context() as patch:
        whole = MessageReader.feed

        def counted(self: MessageReader, data: bytes, start: int, end: int, offset: int) -> int:
            counts["requests" if isinstance(self, _usual.UsualRequests) else "responses"] += 1
            return whole(self, data, start, end, offset)

        patch.setattr(MessageReader, "feed", counted)
        assert len(say([(request, response)] * 10, [4000])) == 10
    assert counts == {"requests": 2, "responses": 2}
