"""Which answer belongs to which question, and what becomes of those without one."""

from __future__ import annotations

import pytest

from analyzer.http import HttpOpener, Wishes
from analyzer.http.exchange import MOST_OUTSTANDING
from analyzer.model.http import HttpExchange, Windows
from analyzer.model.seams import Claim, End
from tests.http.speech import Line, Speaker, answer, ask


def told(rows: list[HttpExchange]) -> list[tuple[bytes | None, int | None]]:
    return [(row.request.target if row.request else None, row.response.status if row.response else None) for row in rows]


def test_one_after_the_other() -> None:
    line = Line().client(ask("GET", "/1")).server(answer(201)).client(ask("GET", "/2")).server(answer(202))
    first, second = line.close()
    assert told([first, second]) == [(b"/1", 201), (b"/2", 202)]
    assert (first.index, first.previous_end_ns, second.index, second.previous_end_ns) == (0, None, 1, 2)
    assert (first.request_start, first.request_end, first.response_start, first.response_end) == ((1, 1), (1, 1), (2, 2), (2, 2))
    assert (first.request_packet, first.response_packet, second.request_packet, second.response_packet) == (1, 2, 3, 4)


def test_a_connection_without_its_opening_counts_from_one() -> None:
    (row,) = Line(whole_start=False).client(ask()).server(answer()).close()
    assert row.index == 1


def test_times_of_messages_in_several_segments() -> None:
    request, response = ask("POST", body=b"x" * 20), answer(body=b"y" * 20)
    line = (
        Line()
        .client(request[:10])
        .client(request[10:60])
        .client(request[60:])
        .server(response[:30])
        .server(response[30:50])
        .server(response[50:])
    )
    (row,) = line.close()
    assert (row.request_start, row.request_end, row.request_packet) == ((1, 1), (3, 3), 3)
    assert (row.response_start, row.response_end, row.response_packet) == ((4, 4), (6, 6), 6)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_message_begins_with_its_first_byte_even_where_that_tells_nothing(size: int) -> None:
    line = Line().client(ask()).server(answer())  # what follows is read by the same readers
    for at in range(size):
        line.client(ask()[at : at + 1])
    line.client(ask()[size:])
    for at in range(size):
        line.server(answer()[at : at + 1])
    line.server(answer()[size:])
    row = line.close()[1]
    assert (row.request_start, row.response_start) == ((3, 3), (4 + size, 4 + size))


def test_a_response_out_of_order_began_with_the_packet_that_was_seen_first() -> None:
    (row,) = Line().client(ask()).server(answer(body=b"x" * 50), seen=(1, 99)).close()
    assert (row.response_start, row.response_end) == ((1, 99), (2, 2))


def test_pipelined_requests_are_answered_in_order() -> None:
    line = Line().client(ask("GET", "/1") + ask("GET", "/2")).client(ask("GET", "/3")).server(answer(201)).server(answer(202) + answer(203))
    rows = line.close()
    assert told(rows) == [(b"/1", 201), (b"/2", 202), (b"/3", 203)]
    # Those behind others: the previous response ended after they had begun.
    assert [row.previous_end_ns for row in rows] == [None, 3, 4]


def test_pipelined_with_a_lost_answer() -> None:
    line = Line().client(ask("GET", "/1") + ask("GET", "/2")).lose("server", 38).server(answer(202))
    assert told(line.close()) == [(b"/1", None), (b"/2", 202)]


def test_pipelined_with_a_lost_answer_and_a_request_that_the_server_has_not_seen() -> None:
    line = Line().client(ask("GET", "/1") + ask("GET", "/2"))
    line.acknowledged = line.up.offset
    line.client(ask("GET", "/3")).lose("server", 38).server(answer(202)).server(answer(203))
    assert told(line.close()) == [(b"/1", None), (b"/2", 202), (b"/3", 203)]


def test_blank_lines_between_answers_lose_nothing() -> None:
    line = Line().client(ask("GET", "/1") + ask("GET", "/2")).server(answer(201) + b"\r\n").server(answer(202))
    assert told(line.close()) == [(b"/1", 201), (b"/2", 202)]


def test_a_lost_request() -> None:
    line = (
        Line()
        .client(ask("GET", "/1"))
        .server(answer(201))
        .lose("client", 37)
        .server(answer(202))
        .client(ask("GET", "/3"))
        .server(answer(203))
    )
    rows = line.close()
    assert told(rows) == [(b"/1", 201), (None, 202), (b"/3", 203)]
    assert [row.index for row in rows] == [0, 1, 2]
    assert rows[1].request_start is None


def test_a_lost_response() -> None:
    line = Line().client(ask("GET", "/1")).lose("server", 38).client(ask("GET", "/2")).server(answer(202))
    assert told(line.close()) == [(b"/1", None), (b"/2", 202)]


def test_a_response_before_any_request_and_one_too_many() -> None:
    line = Line().server(answer(408)).client(ask()).server(answer()).server(answer(500))
    assert told(line.close()) == [(None, 408), (b"/", 200), (None, 500)]


def test_interim_responses_belong_to_the_exchange_and_are_not_its_answer() -> None:
    line = Line().client(ask("PUT", "/", "Expect: 100-continue", "Content-Length: 3")).server(answer(100, body=None)).client(b"abc")
    line.server(answer(103, body=None)).server(answer(201))
    (row,) = line.close()
    assert (row.interim, told([row])) == ([100, 103], [(b"/", 201)])
    assert (row.request_end, row.response_start, row.response_end) == ((3, 3), (5, 5), (5, 5))


def test_interim_responses_without_end_are_bounded() -> None:
    line = Line().client(ask())
    for _ in range(100):
        line.server(answer(102, body=None) * 10)
    (row,) = line.close()
    assert (len(row.interim), row.response) == (16, None)


def test_no_response() -> None:
    for how in End:
        (row,) = Line().client(ask()).close(how)
        assert (row.request_complete, row.response, row.response_complete) == (True, None, False)


def test_half_a_request() -> None:
    (row,) = Line().client(ask("GET", "/orders")[:30]).close()
    assert (told([row]), row.request_complete, row.request_bytes) == ([(b"/orders", None)], False, 30)


def test_half_a_response() -> None:
    (row,) = Line().client(ask()).server(answer(body=b"hello")[:40]).close(End.RST)
    assert (told([row]), row.response_complete, row.response_bytes) == ([(b"/", 200)], False, 40)


def test_an_answer_that_the_client_never_acknowledged() -> None:
    line = Line().client(ask()).server(answer())
    line.unreceived = True
    (row,) = line.close()
    assert not row.received
    (row,) = Line().client(ask()).server(answer()).close()
    assert row.received


def test_an_answer_is_judged_only_when_something_follows() -> None:
    line = Line().client(ask()).server(answer())
    assert line.rows == []
    line.unreceived = True
    line.client(ask())
    assert [row.received for row in line.rows] == [False]


def test_an_exchange_whose_request_was_damaged_is_not_forgotten() -> None:
    line = (
        Line()
        .client(ask("PUT", "/1", "Transfer-Encoding: chunked") + b"zz\r\n")
        .server(answer(400))
        .client(ask("GET", "/2"))
        .server(answer())
    )
    assert told(line.close()) == [(b"/1", 400), (b"/2", 200)]


def test_who_closes() -> None:
    cases: list[tuple[tuple[str, ...], tuple[str, ...], str | None]] = [
        ((), (), None),
        (("Connection: close",), (), "client"),
        ((), ("Connection: Close",), "server"),
        (("Connection: x, close",), ("Connection: close",), "both"),
    ]
    for up, down, wanted in cases:
        (row,) = Line().client(ask("GET", "/", *up)).server(answer(200, *down)).close()
        assert row.closes == wanted


def test_long_requests_are_timed_until_they_are_acknowledged() -> None:
    long, short = ask("PUT", "/", body=b"x" * 6000), ask("PUT", "/", body=b"x" * 5000)
    line = Line()
    line.acks[len(long)] = 77
    line.client(long).server(answer()).client(short).server(answer())
    first, second = line.close()
    assert (first.request_acked_ns, second.request_acked_ns) == (77, None)
    assert line.watched == [len(long)]


def test_the_round_trip_is_that_known_when_the_response_ended() -> None:
    line = Line().client(ask()).server(answer())
    line.rtt = 9
    line.client(ask())
    rows = line.close()
    assert [row.rtt_ns for row in rows] == [1, 9]


def test_requests_without_answers_are_bounded() -> None:
    line = Line().client(ask("GET", "/first")).server(answer(body=b"xxxx")[:-1])
    for number in range(3 * MOST_OUTSTANDING):
        line.client(ask("GET", f"/{number}"))
    assert len(line.rows) == 2 * MOST_OUTSTANDING + 1
    line.server(b"x")
    rows = line.close()
    ids = [row.exchange_id for row in rows]
    assert sorted(ids) == list(range(3 * MOST_OUTSTANDING + 1))  # none twice
    assert rows[2 * MOST_OUTSTANDING + 1].response_complete  # the one whose answer was under way stayed


def opener() -> HttpOpener:
    wishes = Wishes(frozenset(), frozenset(), frozenset(), lambda *_: 0, lambda *_: Windows(0, 0))
    return HttpOpener(wishes, lambda _: None)


@pytest.mark.parametrize(
    "data, wanted",
    [
        (ask(), Claim.REQUEST), (answer(), Claim.RESPONSE), (b"GE", Claim.MORE), (b"HTTP", Claim.MORE), (b"H", Claim.MORE),
        (b"\x16\x03\x01", Claim.NO),
        (b"SSH-2.0-x\r\n", Claim.NO), (b"*1\r\n$4\r\nPING\r\n", Claim.NO), (b"POST\r\n", Claim.NO),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Claim.NO),
    ],
)  # fmt: skip
def test_who_is_claimed(data: bytes, wanted: Claim) -> None:
    assert opener().sniff(Line(), b"x" + data, 1, 1 + len(data)) is wanted  # type: ignore[arg-type]


def test_exchanges_are_numbered_over_all_connections() -> None:
    rows: list[HttpExchange] = []
    wishes = Wishes(frozenset(), frozenset(), frozenset(), lambda *_: 0, lambda *_: Windows(0, 0))
    made = HttpOpener(wishes, rows.append)
    for _ in range(2):
        up, down = made.open(Line(), Speaker(), Speaker())  # type: ignore[arg-type]
        up.feed(ask(), 0, len(ask()), 0)
        up.end(len(ask()), End.FIN)
        down.end(0, End.FIN)
    assert [row.exchange_id for row in rows] == [0, 1]
