"""What is read where the capture lacks bytes, and where the engine shows only what it must."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.http import HttpExchange
from analyzer.model.seams import End
from tests.http.speech import Line, answer, ask, brief, chunked

CHUNKED = "Transfer-Encoding: chunked"


def only(rows: list[HttpExchange]) -> HttpExchange:
    (row,) = rows
    return row


# Losses, place by place.


@pytest.mark.parametrize("show_all", [False, True])
def test_a_loss_within_a_body_costs_nothing_but_its_window(show_all: bool) -> None:
    line = Line(body=8, head=4, tail=4, show_all=show_all)
    line.client(ask("POST", "/", "Content-Length: 100") + b"abcd").lose("client", 50).client(b"z" * 46)
    line.server(answer(200, "Content-Length: 100", body=None) + b"ab").lose("server", 50).server(b"y" * 48).client(ask()).server(answer())
    first, second = line.close()
    assert (first.request_complete, first.request_bytes) == (True, len(ask("POST", "/", "Content-Length: 100")) + 100)
    assert (first.response_complete, first.response_end) == (True, (4, 4))
    assert first.request is not None
    assert first.response is not None
    assert first.request.body == b"abcd"
    assert first.response[2:] == (b"ab", b"yyyy", False)
    assert second.response_complete


@pytest.mark.parametrize("more", [0, 30])
def test_a_loss_that_holds_the_end_of_a_body_still_ends_it(more: int) -> None:
    line = Line().client(ask()).server(answer(200, "Content-Length: 100", body=None) + b"x" * 60).lose("server", 40 + more)
    line.client(ask()).server(answer(201))
    first, second = line.close()
    assert (first.response_complete, first.response_bytes) == (True, len(answer(200, "Content-Length: 100", body=None)) + 100)
    assert first.response_packet == 2  # the head's: who completed it, nobody saw
    assert second.response is not None
    assert second.response.status == 201


def test_a_loss_within_a_request_head_leaves_what_came_before_it() -> None:
    line = (
        Line().client(b"POST /orders HTTP/1.1\r\nHost: db.example\r\nX-Amz-Tar").lose("client", 40).client(b"\r\n\r\n{}").server(answer())
    )
    row = only(line.close())
    assert row.request is not None
    assert (row.request.method, row.request.target, row.request.fields) == ("POST", b"/orders", {b"host": b"db.example"})
    assert (row.request_packet, row.request_end, row.response_complete) == (1, (2, 2), True)


def test_a_loss_within_a_response_head_leaves_its_status() -> None:
    line = Line().client(ask()).server(b"HTTP/1.1 404 Not F").lose("server", 60).server(b"rest of it").client(ask()).server(answer())
    first, second = line.close()
    assert first.response is not None
    assert first.response.status == 404
    assert (first.response_packet, first.response_end, first.response_complete) == (2, (3, 3), True)  # the client has gone on
    assert second.response_complete


def test_a_loss_within_a_status_line_leaves_no_response() -> None:
    line = Line().client(ask()).server(b"HTTP/1.1 4").lose("server", 60).server(b"rest of it")
    row = only(line.close())
    assert row.response is None


@pytest.mark.parametrize("show_all", [False, True])
def test_losses_within_chunks(show_all: bool) -> None:
    head = answer(200, CHUNKED, body=None)
    line = Line(show_all=show_all).client(ask())
    line.server(head + b"64\r\n" + b"x" * 10).lose("server", 50).server(b"x" * 40 + b"\r\n5\r\nab").lose("server", 3).server(
        b"\r\n0\r\n\r\n"
    )
    row = only(line.close())
    assert (row.response_complete, row.response_bytes) == (True, line.down.offset)


def test_a_loss_of_a_chunk_size_ends_the_message_unfinished() -> None:
    line = Line().client(ask()).server(answer(200, CHUNKED, body=None) + b"5\r\nabcde\r").lose("server", 4).server(b"abcde\r\n0\r\n\r\n")
    line.client(ask()).server(answer(201))
    first, second = line.close()
    assert (first.response_complete, second.response_complete) == (False, True)


@pytest.mark.parametrize("show_all", [False, True])
def test_a_loss_over_the_end_of_a_chunk_counts_the_chunk(show_all: bool) -> None:
    head = answer(200, CHUNKED, body=None) + b"5\r\n"
    row = only(Line(show_all=show_all).client(ask()).server(head + b"ab").lose("server", 5).server(b"0\r\n\r\n").close())
    assert (row.response_complete, row.response_bytes) == (False, len(head) + 5)


@pytest.mark.parametrize("show_all", [False, True])
def test_a_loss_in_content_until_the_close(show_all: bool) -> None:
    line = Line(head=100, tail=100, show_all=show_all).client(ask()).server(answer(body=None) + b"ab").lose("server", 5).server(b"cd")
    row = only(line.close())
    assert row.response is not None
    assert (row.response_complete, row.response_bytes, row.response_end) == (True, line.down.offset, (3, 3))
    assert row.response[2:] == (b"ab", b"cd", False)


def test_a_loss_between_messages() -> None:
    line = Line().client(ask()).server(answer()).lose("client", 36).lose("server", 38).client(ask("GET", "/3")).server(answer(203))
    first, second = line.close()
    assert (first.response_complete, second.response_complete) == (True, True)
    assert second.request is not None
    assert second.request.target == b"/3"


def test_a_loss_forgets_bytes_that_were_held_before_it() -> None:
    line = Line().client(b"GE").lose("client", 40).client(ask("GET", "/b")).server(answer())
    row = only(line.close())
    assert row.request is not None
    assert (row.request.target, row.request_offset) == (b"/b", 42)


def test_a_request_cut_by_the_snapshot_length_ends_with_the_answer() -> None:
    line = Line().client(ask()[:20]).lose("client", 100).client(b"x" * 5).lose("client", 100).server(answer())
    row = only(line.close())
    assert (row.request_complete, row.request_end, row.request_packet) == (True, (2, 2), 1)


# Windows.


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("coding", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 300])
def test_windows_of_a_body(coding: str, compressed: bool, size: int) -> None:
    plain = bytes(range(256)) * 2
    plain = plain[:size]
    wire = gzip.compress(plain) if compressed else plain
    fields = ["Content-Encoding: gzip"] if compressed else []
    if coding == "length":
        data = answer(200, *fields, body=wire)
    elif coding == "chunked":
        data = answer(200, *fields, CHUNKED, body=None) + chunked(*(wire[at : at + 9] for at in range(0, len(wire), 9)))
    else:
        data = answer(200, *fields, body=None) + wire
    for step in (1, 5, len(data)):
        line = Line(head=8, tail=8).client(ask())
        for at in range(0, len(data), step):
            line.server(data[at : at + step])
        row = only(line.close())
        assert row.response is not None
        assert row.response[2:] == (plain[:8], plain[-8:], size <= 8) or (size == 0 and row.response[2:4] == (b"", b""))


def test_a_window_of_a_request_body() -> None:
    row = only(Line(body=5).client(ask("POST", body=b"abcdefgh")).server(answer()).close())
    assert row.request is not None
    assert row.request.body == b"abcde"


@pytest.mark.parametrize("damage", ["cut", "noise", "checksum", "none"])
def test_a_broken_gzip_body_has_no_end(damage: str) -> None:
    wire = gzip.compress(b"a" * 5000 + b"the end")
    wire = {"cut": wire[:-9], "noise": b"\x00" * 40, "checksum": wire[:-6] + b"\x00" * 6, "none": wire}[damage]
    row = only(Line(head=4, tail=7).client(ask()).server(answer(200, "Content-Encoding: gzip", body=wire)).close())
    assert row.response is not None
    assert row.response_complete
    assert row.response.body_tail == (b"the end" if damage == "none" else b"")
    assert not row.response.body_complete


def test_a_body_that_inflates_without_end_is_given_up() -> None:
    wire = gzip.compress(b"\x00" * (80 << 20), 1)
    line = (
        Line(head=4, tail=4)
        .client(ask())
        .server(answer(200, "Content-Encoding: gzip", body=None).replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % len(wire)))
    )
    for at in range(0, len(wire), 1400):
        line.server(wire[at : at + 1400])
    row = only(line.close())
    assert row.response is not None
    assert (row.response_complete, row.response.body_head, row.response.body_tail) == (True, b"\x00" * 4, b"")


def test_an_unwanted_body_is_not_asked_for_and_its_last_byte_is() -> None:
    line = Line().client(ask()).server(answer(body=b"x" * 1000)[:-990])
    assert line.down.need == len(answer(body=b"x" * 1000)) - 1
    line.server(b"x" * 989)
    assert line.rows == []
    line.server(b"x")
    assert only(line.close()).response_end == (4, 4)


# Any speech, any cut, any loss: what is not shown does not matter.

SIZES = st.integers(0, 400)
PIECES = st.lists(st.tuples(st.sampled_from(["client", "server"]), st.integers(1, 300), st.integers(0, 9)), max_size=40)


@st.composite
def speeches(draw: st.DrawFn) -> tuple[bytes, bytes]:
    up, down = b"", b""
    for _ in range(draw(st.integers(1, 4))):
        body = b"q" * draw(SIZES)
        coding = draw(st.sampled_from(["length", "chunked", "none"]))
        if coding == "chunked":
            up += ask("PUT", "/c", CHUNKED) + chunked(*(body[at : at + 70] for at in range(0, len(body), 70)))
        else:
            up += ask("POST", "/l", body=body) if coding == "length" else ask("GET", "/n")
        body = b"r" * draw(SIZES)
        packed = draw(st.booleans())
        wire, fields = (gzip.compress(body, mtime=0), ["Content-Encoding: gzip"]) if packed else (body, [])
        if draw(st.booleans()):
            down += answer(200, *fields, body=wire)
        else:
            down += answer(200, *fields, CHUNKED, body=None) + chunked(*(wire[at : at + 70] for at in range(0, len(wire), 70)))
    return up, down


def play(speech: tuple[bytes, bytes], pieces: list[tuple[str, int, int]], *, show_all: bool, windows: tuple[int, int, int]) -> Line:
    head, tail, body = windows
    line = Line(head=head, tail=tail, body=body, show_all=show_all)
    left = {"client": speech[0], "server": speech[1]}
    for side, size, luck in [*pieces, ("client", 1 << 20, 1), ("server", 1 << 20, 1)]:
        part, left[side] = left[side][:size], left[side][size:]
        if not part:
            continue
        if not luck:
            line.lose(side, len(part))
        elif side == "client":
            line.client(part)
        else:
            line.server(part)
    line.close()
    return line


WINDOWS = st.tuples(st.sampled_from([0, 5, 1000]), st.sampled_from([0, 5, 1000]), st.sampled_from([0, 5]))


@given(speeches(), PIECES, WINDOWS)
def test_a_reader_that_sees_only_what_it_asked_for_reads_the_same(
    speech: tuple[bytes, bytes], pieces: list[tuple[str, int, int]], windows: tuple[int, int, int]
) -> None:
    lean, full = (play(speech, pieces, show_all=flag, windows=windows) for flag in (False, True))
    assert [brief(row) for row in lean.rows] == [brief(row) for row in full.rows]
    marks = ["request_start", "request_end", "response_start", "response_end", "previous_end_ns"]
    if all(luck for _, _, luck in pieces):
        marks += ["request_packet", "response_packet"]  # a loss that is not shown cannot be told from bytes that are not shown
    for one, other in zip(lean.rows, full.rows, strict=True):
        for name in marks:
            assert getattr(one, name) == getattr(other, name), name


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([
    ask(), answer(), b"GET", b" / HTTP/1.1\r\n", b"\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"5\r\nabcde\r\n", b"0\r\n\r\n", b"Content-Encoding: gzip\r\n", b"HTTP/1.1 100 x\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 101 x\r\n\r\n",
])), max_size=30), st.lists(st.integers(0, 5), min_size=30, max_size=30), st.sampled_from(list(End)))  # fmt: skip
def test_no_speech_is_too_odd(parts: list[bytes], kinds: list[int], how: End) -> None:
    line = Line(head=10, tail=10, body=10)
    for part, kind in zip(parts, kinds, strict=False):
        if not part:
            continue
        if kind < 2:
            line.client(part)
        elif kind < 4:
            line.server(part)
        else:
            line.lose("client" if kind == 4 else "server", len(part))
    rows = line.close(how)
    ids = [row.exchange_id for row in rows]
    assert sorted(ids) == list(range(len(ids)))  # each exchange is handed over once, and none is forgotten
    for row in rows:
        assert row.request_bytes >= 0
        assert row.response_bytes >= 0
        assert row.response is None or (row.response_start is not None and row.response_end is not None)
