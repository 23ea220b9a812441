"""What became of an exchange's bytes, and when a client that expects 100 (Continue) sent its body."""

from __future__ import annotations

import pytest

from tests.http.speech import Line, answer, ask, chunked

EXPECT = "Expect: 100-continue"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def put(*fields: str, size: int = 1000) -> tuple[bytes, bytes]:
    """A request's head, and its body."""
    return ask("PUT", "/object", f"Content-Length: {size}", *fields), b"x" * size


@pytest.mark.parametrize("body", [0, 10])
def test_a_body_after_100_continue(body: int) -> None:
    head, content = put(EXPECT)
    line = Line(body=body).client(head).server(CONTINUE).client(content[:500]).client(content[500:]).server(answer())
    (row,) = line.close()
    assert (row.head_end_ns, row.body_start_ns) == (1, 3)
    assert (row.request_start, row.request_end, row.interim, row.request_complete) == ((1, 1), (4, 4), [100], True)
    assert row.request is not None
    assert row.request.body == content[:body]


def test_a_client_that_waits_no_longer_and_gets_no_100() -> None:
    head, content = put("expect: 100-Continue")
    (row,) = Line().client(head[:30]).client(head[30:]).client(content).server(answer()).close()
    assert (row.head_end_ns, row.body_start_ns, row.interim) == (2, 3, [])


def test_a_body_with_its_head() -> None:
    head, content = put(EXPECT)
    (row,) = Line().client(head + content).server(answer()).close()
    assert (row.head_end_ns, row.body_start_ns) == (1, 1)


def test_a_refusal_in_place_of_100() -> None:
    head, _ = put(EXPECT)
    (row,) = Line().client(head).server(answer(413)).close()
    assert (row.head_end_ns, row.body_start_ns, row.request_end) == (1, None, (1, 1))
    assert (row.response_start, row.request_complete) == ((2, 2), False)


def test_a_chunked_body_after_100_continue() -> None:
    line = Line().client(ask("PUT", "/object", EXPECT, "Transfer-Encoding: chunked")).server(CONTINUE)
    (row,) = line.client(chunked(b"a" * 10, b"b" * 10)).server(answer()).close()
    assert (row.head_end_ns, row.body_start_ns, row.request_end) == (1, 3, (3, 3))


def test_a_body_whose_first_bytes_were_lost() -> None:
    head, content = put(EXPECT)
    (row,) = Line().client(head).server(CONTINUE).lose("client", 500).client(content[500:]).server(answer()).close()
    assert (row.head_end_ns, row.body_start_ns) == (1, None)


def test_without_expect_nobody_asks() -> None:
    head, content = put()
    (row,) = Line(body=10).client(head).client(content).server(answer()).close()
    assert (row.head_end_ns, row.body_start_ns) == (None, None)


def test_the_hop_limit_of_the_first_byte() -> None:
    line = Line().client(ask())
    line.packet_ttl = 1
    line.server(answer(body=b"x" * 50)[:20])
    line.packet_ttl = 2
    (row,) = line.server(answer(body=b"x" * 50)[20:]).close()
    assert row.response_ttl == 1


def test_an_exchange_without_trouble_is_not_looked_back_on() -> None:
    line = Line()
    line.trouble = False
    line.unheard, line.repeated_up, line.repeated_down = True, [0], [0]
    (row,) = line.client(ask()).server(answer()).close()
    assert (row.request_acknowledged, row.request_repeats, row.response_repeats, row.troubled) == (True, 0, 0, False)


def test_repeats_belong_to_the_exchange_whose_bytes_they_carry() -> None:
    line = Line()
    asked, told = len(ask()), len(answer())
    line.repeated_up, line.repeated_down = [0, asked, asked + 1], [told - 1, told]
    first, second = line.client(ask()).server(answer()).client(ask()).server(answer()).close()
    assert (first.request_repeats, first.response_repeats) == (1, 1)
    assert (second.request_repeats, second.response_repeats) == (2, 1)


def test_a_request_that_nobody_heard() -> None:
    line = Line()
    line.unheard = True
    (row,) = line.client(ask()).close()
    assert row.request_acknowledged is False
    (heard,) = Line().client(ask()).close()
    assert heard.request_acknowledged is True


def test_a_long_request_may_be_answered_before_it_was_heard() -> None:
    line = Line()
    line.trouble, line.unheard = False, True
    head, content = put(size=9000)
    (row,) = line.client(head + content).server(answer()).close()
    assert row.request_acknowledged is False
