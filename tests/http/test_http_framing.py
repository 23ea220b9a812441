"""Where messages begin and end: the rules of RFC 9112 section 6.3, fed whole, byte by byte and split everywhere."""

from __future__ import annotations

import pytest

from analyzer.model.seams import End
from tests.http.speech import Line, answer, ask, brief, chunked

BODY = b'{"TableName": "orders"}'
CHUNKED = "Transfer-Encoding: chunked"

HEAD_ONLY = answer(body=None).removesuffix(b"\r\n")
Exchange = tuple[str, int, bytes, bytes, bytes]
"""Method, status, the request, interim responses and blank lines before the response, the response."""
OK: Exchange = ("GET", 200, ask(), b"", answer())

CONVERSATIONS: dict[str, list[Exchange]] = {
    "get": [("GET", 200, ask(), b"", answer(body=b"hello"))],
    "post": [("POST", 200, ask("POST", body=BODY), b"", answer(body=b"hello")), OK],
    "rule 1: HEAD has no content": [("HEAD", 200, ask("HEAD"), b"", HEAD_ONLY + b"Content-Length: 9999\r\n\r\n"), OK],
    "rule 1: 204 has none": [("GET", 204, ask(), b"", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), OK],
    "rule 1: 304 has none": [("GET", 304, ask(), b"", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"), OK],
    "rule 2: CONNECT may be refused": [("CONNECT", 407, ask("CONNECT", "db.example:443"), b"", answer(407, body=b"no")), OK],
    "rule 2: CONNECT opens a tunnel": [("CONNECT", 200, ask("CONNECT", "db.example:443"), b"", answer(body=b""))],
    "rule 3: Transfer-Encoding beats Content-Length": [
        ("POST", 200, ask("POST", "/", CHUNKED, "Content-Length: 3") + chunked(b"abcdef"), b"", answer(200, CHUNKED) + chunked(b"x")), OK,
    ],
    "rule 4: chunked, extensions, trailers": [
        ("PUT", 200, ask("PUT", "/", CHUNKED) + chunked(b"abc",
        b"d" * 300, extension=b';name="v;x"', trailers=b"Checksum: 1\r\nOther: 2\r\n"), b"",
         answer(200, CHUNKED, body=None) + chunked()), OK,
    ],
    "rule 4: gzip, chunked": [("GET", 200, ask(), b"", answer(200, "Transfer-Encoding: gzip, Chunked", body=None) + chunked(b"abc")), OK],
    "rule 4: chunked is not last": [("GET", 200, ask(), b"", answer(200, "Transfer-Encoding: chunked, gzip", body=None) + b"abc")],
    "rule 5: equal lengths": [("POST", 200, ask("POST", "/", "Content-Length: 3", "content-length:3, 3 ") + b"abc", b"", answer()), OK],
    "rule 5: contradicting lengths of a response": [("GET", 200, ask(), b"", answer(200, "Content-Length: 3", body=b"abcd"))],
    "rule 7: a request without a length has no content": [("DELETE", 200, ask("DELETE"), b"", answer()), OK],
    "rule 8: a response without a length": [("GET", 200, ask(), b"", answer(body=None) + b"x" * 100)],
    "100 Continue": [("PUT", 200, ask("PUT", "/", "Expect: 100-continue", body=b"abc"), answer(100, body=None), answer()), OK],
    "several interim responses": [("GET", 200, ask(), answer(103, "Link: </a>", body=None) + answer(102, body=None), answer()), OK],
    "101 ends HTTP": [("GET", 101, ask("GET", "/", "Upgrade: websocket"), b"", answer(101, body=None))],
    "empty lines before a start line": [OK, ("GET", 200, ask(), b"\r\n\n\r\n", answer())],
    "bare line feeds": [
        ("POST", 200, ask("POST", body=b"ab").replace(b"\r\n", b"\n"), b"", answer(body=b"hello").replace(b"\r\n", b"\n")), OK,
    ],
    "mixed line ends": [("POST", 200, b"POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\r\nok", b"", answer()), OK],
    "no reason phrase": [("GET", 200, ask(), b"", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), OK],
    "two spaces": [("GET", 404, b"GET  /  HTTP/1.1 \r\n\r\n", b"", b"HTTP/1.1  404  No\r\nContent-Length: 0\r\n\r\n"), OK],
    "HTTP/1.0": [("GET", 200, b"GET / HTTP/1.0\r\n\r\n", b"", b"HTTP/1.0 200 OK\r\n\r\nbody")],
    "a length in an obs-fold": [("POST", 200, ask("POST", "/", "Content-Length:\r\n 3") + b"abc", b"", answer()), OK],
}  # fmt: skip


def sides(name: str) -> tuple[bytes, bytes]:
    exchanges = CONVERSATIONS[name]
    up = b"\r\n".join(request for _, _, request, _, _ in exchanges)  # an empty line before each start line but the first
    return up, b"".join(interim + response for _, _, _, interim, response in exchanges)


def read(up: list[bytes], down: list[bytes], **options: bool) -> list[tuple[object, ...]]:
    line = Line(body=64, head=64, tail=64, **options)
    for data in up:
        line.client(data)
    for data in down:
        line.server(data)
    return [brief(row) for row in line.close()]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_rule(name: str) -> None:
    up, down = sides(name)
    line = Line().client(up).server(down)
    rows = line.close()
    assert [(row.request.method, row.response.status) for row in rows if row.request and row.response] == [
        (method, status) for method, status, *_ in CONVERSATIONS[name]
    ]
    assert [(row.request_bytes, row.response_bytes) for row in rows] == [(len(up), len(down)) for *_, up, _, down in CONVERSATIONS[name]]
    assert all(row.request_complete and row.response_complete for row in rows)
    assert rows[-1].response_end_offset == len(down)
    assert rows[-1].request_end_offset == len(up)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_bytes_one_by_one_and_split_anywhere_read_the_same(name: str) -> None:
    up, down = sides(name)
    wanted = read([up], [down])
    ones = [up[i : i + 1] for i in range(len(up))], [down[i : i + 1] for i in range(len(down))]
    assert read(*ones) == wanted
    assert read(*ones, show_all=True) == wanted
    for at in range(1, len(up)):
        assert read([up[:at], up[at:]], [down]) == wanted, up[:at]
    for at in range(1, len(down)):
        assert read([up], [down[:at], down[at:]]) == wanted, down[:at]


@pytest.mark.parametrize("opening", [ask("CONNECT", "db.example:443"), ask("GET", "/", "Upgrade: websocket")])
def test_what_follows_a_tunnel_or_an_upgrade_is_no_exchange(opening: bytes) -> None:
    line = (
        Line().client(opening).server(answer(101 if b"GET" in opening else 200, body=None) + answer(201)).client(ask()).server(answer(202))
    )
    (row,) = line.close()
    assert row.response_complete
    assert row.response_bytes == len(answer(200, body=None))
    assert line.up.need > 1 << 39
    assert line.down.need > 1 << 39


def test_a_response_shorter_than_it_said_is_not_complete() -> None:
    for show_all in (False, True):
        (row,) = Line(show_all=show_all).client(ask()).server(answer(body=b"hello")[:-1]).close()
        assert (row.response_complete, row.response_bytes) == (False, len(answer(body=b"hello")) - 1)


@pytest.mark.parametrize("value", ["3, 4", "-1", "+3", "0x10", "3 4", "9" * 19, "", "1e3"])
def test_a_request_with_a_length_that_is_none_is_read_as_far_as_its_head(value: str) -> None:
    line = Line().client(ask("POST", "/", f"Content-Length: {value}") + b"abcdef").server(answer(400))
    (row,) = line.close()
    assert row.request is not None
    assert row.response is not None
    assert (row.request.method, row.response.status, row.response_complete) == ("POST", 400, True)


def test_a_length_beyond_everything_is_waited_for() -> None:
    line = Line().client(ask("POST", "/", "Content-Length: 999999999999999999") + b"abc").server(answer(413))
    assert line.up.need > 1 << 50
    (row,) = line.close()
    assert (row.request_complete, row.request_bytes, row.response_complete) == (False, line.up.offset, True)


def test_content_until_the_close_needs_a_fin() -> None:
    for how, complete in ((End.FIN, True), (End.RST, False), (End.OPEN, False)):
        (row,) = Line().client(ask()).server(answer(body=None) + b"abc").close(how)
        assert (row.response_complete, row.response_bytes) == (complete, 24)


@pytest.mark.parametrize("line", [b"zz", b"", b"-5", b"0x5", b"5 5", b"f" * 16, b"5" * 5000, b"\xff"])
def test_a_chunk_size_that_is_none_ends_the_message_unfinished(line: bytes) -> None:
    speech = Line().client(ask() + ask()).server(answer(200, CHUNKED, body=None) + line + b"\r\nabcde\r\n0\r\n\r\n").server(answer())
    first, second = speech.close()
    assert (first.response_complete, second.response_complete) == (False, True)


def test_leading_zeros_of_a_chunk_size_count_for_nothing() -> None:
    (row,) = Line().client(ask()).server(answer(200, CHUNKED, body=None) + b"0" * 40 + b"3 \r\nabc\r\n000\r\n\r\n").close()
    assert row.response_complete


def test_an_endless_head_is_given_up() -> None:
    line = Line().client(b"GET / HTTP/1.1\r\nHost: a\r\n")
    for _ in range(200):
        line.client(b"X: " + b"y" * 995 + b"\r\n")
    line.client(b"\r\n").client(ask("GET", "/next")).server(answer()).server(answer())
    first, second = line.close()
    assert first.request is not None
    assert first.request.fields[b"host"] == b"a"
    assert second.request is not None
    assert second.request.target == b"/next"


def test_a_start_line_of_spaces_is_no_trap() -> None:
    # With a careless regular expression this takes hours.
    for spaces in (b" " * 60_000, b"\t" * 60_000):
        line = (
            Line()
            .client(b"GET " + spaces + b"x HTTP/1.1\r\nHost: a\r\n\r\n")
            .server(b"HTTP/1.1 200 " + spaces + b"\rx\r\nContent-Length: 0\r\n\r\n")
        )
        (row,) = line.close()
        assert row.response_complete


def test_an_answer_before_the_request_has_ended() -> None:
    line = (
        Line().client(ask("PUT", "/", "Content-Length: 10") + b"abc").server(answer(403)).client(b"defghij").client(ask()).server(answer())
    )
    first, second = line.close()
    assert (first.request_complete, first.request_end, first.response_end) == (True, (3, 3), (2, 2))
    assert (second.index, second.response_complete) == (1, True)


def test_a_request_given_up_after_its_answer_was_under_way_until_then() -> None:
    line = Line().client(ask("PUT", "/", "Content-Length: 10") + b"abc").client(b"d").server(answer(403))
    (row,) = line.close(End.RST)
    assert (row.request_complete, row.request_end, row.response_start) == (False, (3, 3), (3, 3))
