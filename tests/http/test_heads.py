"""Start lines and fields: odd ones, secret ones, endless ones."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.http._heads import MOST_LINES, MOST_NAMES, FieldReader, end_of_head, lines_of, request_line, status_of
from analyzer.http.framing import content_length, is_chunked
from analyzer.http.starts import looks_like_request, looks_like_response
from tests.http.speech import Line, answer


@pytest.mark.parametrize(
    "line, wanted",
    [
        (b"GET / HTTP/1.1", ("GET", b"/", "1.1")),
        (b"GET / HTTP/1.0", ("GET", b"/", "1.0")),
        (b"GET / HTTP/1.7", ("GET", b"/", None)),
        (b"GET /a b c HTTP/1.1", ("GET", b"/a b c", "1.1")),
        (b"POST  /x   HTTP/1.1 \t", ("POST", b"/x", "1.1")),
        (b"OPTIONS * HTTP/1.1", ("OPTIONS", b"*", "1.1")),
        (b"GET http://a/b HTTP/1.1", ("GET", b"http://a/b", "1.1")),
        (b"GET /half", ("GET", b"/half", None)),
        (b"GET", ("GET", b"", None)),
        (b"", ("", b"", None)),
        (b"X" * 99 + b" / HTTP/1.1", ("X" * 24, b"/", "1.1")),
        (b"G\xc3T / HTTP/1.1", ("G\ufffdT", b"/", "1.1")),
    ],
)
def test_request_lines(line: bytes, wanted: tuple[str, bytes, str | None]) -> None:
    assert request_line(line) == wanted


@pytest.mark.parametrize(
    "line, wanted",
    [
        (b"HTTP/1.1 200 OK", 200), (b"HTTP/1.0 404", 404), (b"HTTP/1.1  503  Busy", 503), (b"HTTP/1.1 200 ", 200),
        (b"HTTP/1.1 200\tOK", 200),
        (b"HTTP/1.1 2000", None), (b"HTTP/1.1 20", None), (b"HTTP/1.1 abc", None), (b"HTTP/2 200 OK", None), (b"HTTP/1.1", None),
        (b"", None), (b"HTTP/1.1 \xb2\xb2\xb2", None), (b"HTTP/1.1  2000", None),
    ],
)  # fmt: skip
def test_status_lines(line: bytes, wanted: int | None) -> None:
    assert status_of(line) == wanted


@given(st.binary(max_size=60))
def test_no_bytes_are_too_odd_for_a_start_line(data: bytes) -> None:
    method, target, _ = request_line(data)
    assert len(method) <= 24
    assert target in data
    status = status_of(data)
    assert status is None or 0 <= status <= 999


@pytest.mark.parametrize(
    "data, wanted",
    [
        (b"GET / HTTP/1.1\r\n", True), (b"GET / HTTP/2.0\r\n", False), (b"GET ", None), (b"G", None), (b"GE", None), (b"GX", False),
        (b"GET /long/path/without/end", True), (b"GET http:", True), (b"GET htt", True), (b"CONNECT a.example:443", True),
        (b"GET \x00\x01\x02", False), (b"DELETE FROM orders", False), (b"COPY public.orders (a) TO", False), (b"PUT [::1]:80", True),
        (b"DELETE FROM orders\nWHERE\n", False), (b"OPTIONS rtsp://a RTSP/1.0\r\nHost: a\r\n", False),
        (b"OPTIONS sip:a SIP/2.0\r\nHost: a\r\n", False),
        (b"PURGE /x HTTP/1.1\r\nHost: a\r\n\r\n", True), (b"PURGE /x HTTP/1.1\r\n\r\n", False), (b"GET /x\r\nHost: a\r\n", True),
        (b"get / HTTP/1.1\r\nHost: a\r\n", False), (b"", None), (b"\x16\x03\x01\x02\x00\x01", False),
    ],
)  # fmt: skip
def test_what_looks_like_a_request(data: bytes, wanted: bool | None) -> None:
    framed = b"HEAD " + data + b" HTTP/1.1\r\n\r\n"
    assert looks_like_request(framed, 5, 5 + len(data)) is wanted


@pytest.mark.parametrize(
    "data, wanted",
    [
        (b"HTTP/1.1 200", True), (b"HTTP/1.0 ", True), (b"HTTP/1.1", None), (b"HTTP", None), (b"", None), (b"HTTX", False),
        (b"HTTP/1.x 200", False),
        (b"HTTP/1.x", False), (b"HTTP/2.0 200", False), (b"HTTP/1.12", False), (b"ICY 200 OK", False),
    ],
)  # fmt: skip
def test_what_looks_like_a_response(data: bytes, wanted: bool | None) -> None:
    assert looks_like_response(b"xx" + data + b" 200 OK\r\n", 2, 2 + len(data)) is wanted


def test_the_end_of_a_head_is_the_first_empty_line_whatever_ends_lines() -> None:
    for first in (b"\r\n\r\n", b"\n\n", b"\n\r\n", b"\r\n\n"):
        for second in (b"\r\n\r\n", b"\n\n", b"\n\r\n"):
            data = b"GET / HTTP/1.1" + first + b"body" + second
            stop, content = end_of_head(data, 0, len(data))
            assert data[content:] == b"body" + second, (first, second)
            assert data[:stop].rstrip(b"\r") == b"GET / HTTP/1.1"
    assert end_of_head(b"GET\r\n\r\n", 0, 6) == (-1, -1)


def test_lines_are_split_whatever_ends_them() -> None:
    assert lines_of(b"a\r\nb\nc\r\n d") == [b"a", b"b", b"c", b" d"]
    assert lines_of(b"a\r\nb\rc") == [b"a", b"b\rc"]


def reader() -> FieldReader:
    return FieldReader(frozenset({b"host", b"accept"}), frozenset({b"x-token"}))


@pytest.mark.parametrize(
    "lines, wanted",
    [
        ([b"Host: a"], {b"host": b"a"}),
        ([b"HOST:a ", b"hOsT:\tb"], {b"host": b"a, b"}),
        ([b"Host: a:80"], {b"host": b"a:80"}),
        ([b"Host:"], {b"host": b""}),
        ([b"Accept: a", b" b", b"\tc: d"], {b"accept": b"a b c: d"}),
        ([b"Accept:", b" a"], {b"accept": b"a"}),
        ([b"Other: a", b" Host: b"], {}),
        ([b"Host : a"], {}),
        ([b" Host: a"], {}),
        ([b"Host"], {}),
        ([b"", b":", b": a"], {}),
        ([b"X-Token: secret", b" more secret"], {b"x-token": b""}),
        ([b"X-Token: secret", b"X-TOKEN: secret"], {b"x-token": b""}),
    ],
)
def test_fields(lines: list[bytes], wanted: dict[bytes, bytes]) -> None:
    assert reader().read(lines) == wanted


def test_repeated_fields_and_odd_names_are_bounded() -> None:
    fields = reader()
    joined = fields.read([b"Accept: a"] * 30_000 + [b" b"] * 30_000)[b"accept"]
    assert len(joined) < 20_000
    fields.read([b"name-%d: x" % number for number in range(5 * MOST_NAMES)])
    assert len(fields._names) <= MOST_NAMES
    fields.read([b"n" * 5000 + b": x"])
    assert all(len(name) <= 64 for name in fields._names)
    assert fields.read([b"Host: a"]) == {b"host": b"a"}


def test_remembered_lines_are_bounded_and_change_no_answer() -> None:
    fields = reader()
    for number in range(3 * MOST_LINES):
        assert fields.read([b"Host: %d" % number, b"X-Token: %d" % number, b"Other: x"]) == {b"host": b"%d" % number, b"x-token": b""}
    fields.read([b"Host: " + b"h" * 5000])
    assert len(fields._lines) <= MOST_LINES
    assert all(line.startswith(b"Host") and len(line) < 1000 for line in fields._lines)
    for _ in range(2):
        assert fields.read([b"Accept: a", b"Accept: a", b" b", b"Accept: a"]) == {b"accept": b"a, a b, a"}


def test_no_value_of_a_secret_is_kept_anywhere() -> None:
    secret = b"s3cr3t-value"
    line = Line(head=100, tail=100, body=100)
    line.client(
        b"GET /latest HTTP/1.1\r\nHost: a\r\nX-aws-ec2-metadata-token: " + secret + b"\r\nAuthorization: " + secret + b"\r\nCookie: "
        + secret + b"\r\nX-Amz-Security-Token: " + secret + b"\r\n\r\n"
    )  # fmt: skip
    line.server(answer(200, f"Set-Cookie: {secret.decode()}"))
    rows = line.close()
    assert rows[0].request is not None
    assert rows[0].request.fields == {b"host": b"a", b"x-aws-ec2-metadata-token": b""}
    assert line.asked == []
    line.up.sink = line.down.sink = None
    seen, todo = set(), [line.rows, line.conversation]
    while todo:  # everything that hangs on the rows and the readers
        found = todo.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, (bytes, bytearray)):
            assert secret not in found
        elif not isinstance(found, type) and type(found).__name__ not in ("function", "module"):
            todo += gc.get_referents(found)


@pytest.mark.parametrize(
    "value, wanted",
    [
        (b"0", 0), (b"12", 12), (b"12, 12", 12), (b"12,12 ,12", 12), (b"12, 13", None), (b"12,", None), (b"", None),
        (b",", None), (b"-1", None),
        (b"+1", None), (b"1_0", None), (b"1.0", None), (b"9" * 18, 10**18 - 1), (b"9" * 19, None), ("\u0661".encode(), None),
    ],
)  # fmt: skip
def test_content_lengths(value: bytes, wanted: int | None) -> None:
    assert content_length(value) == wanted


@pytest.mark.parametrize(
    "value, wanted",
    [(b"chunked", True), (b"gzip, Chunked ", True), (b"chunked, gzip", False), (b"xchunked", False), (b"identity", False), (b"", False)],
)
def test_transfer_codings(value: bytes, wanted: bool) -> None:
    assert is_chunked(value) is wanted
