"""Rows put together: how an exchange ended, and names, services and set-up of connections."""

from __future__ import annotations

from typing import Any, cast

import pytest

from analyzer.assembly import Traffic, connection_rows, join_one_way, mark_copies, outcome
from analyzer.model.http import HttpExchange, Request, Response
from analyzer.model.rows import Connection, Exchange
from analyzer.model.seams import Link
from analyzer.units import SECOND
from tests.factory import MS, START, connection, exchange

NAMES = {"192.0.2.9": "asked.example.com"}


def raw(status: int | None = 200, *, request: bool = True, **changes: Any) -> HttpExchange:
    exchange = HttpExchange(0, cast(Link, None))
    if request:
        exchange.request, exchange.request_start = Request("POST", b"/", {}, b""), (START, 4)
    if status is not None:
        exchange.response, exchange.response_complete = Response(status, {}, b"", b"", True), True
    for name, value in changes.items():
        setattr(exchange, name, value)
    return exchange


@pytest.mark.parametrize(
    "exchange, word",
    [
        (raw(), "ok"),
        (raw(304), "ok"),
        (raw(399), "ok"),
        (raw(400), "error"),
        (raw(503), "error"),
        (raw(None), "no-response"),
        (raw(response_complete=False), "cut"),
        (raw(500, response_complete=False), "cut"),
        (raw(request=False), "cut"),
        (raw(None, request=False), "cut"),
        (raw(received=False), "undelivered"),
        (raw(503, received=False), "undelivered"),
    ],
)
def test_outcomes(exchange: HttpExchange, word: str) -> None:
    assert outcome(exchange) == word


def service_of(row: Connection, name: str | None) -> tuple[str | None, str | None]:
    return ("by-name", "eu-west-1") if name == "asked.example.com" else (None, None)


def named(*rows: Connection, traffic: dict[int, Traffic] | None = None, counts: dict[int, int] | None = None) -> list[Connection]:
    bare = [row._replace(server_name=None, service=None, region=None, exchanges=0, opened_ahead=False) for row in rows]
    return connection_rows(bare, traffic or {}, counts or {}, NAMES.get, service_of)


def test_the_host_of_the_exchanges_names_a_connection() -> None:
    (row,) = named(connection(0), traffic={0: Traffic(START, "h.example.com", "dynamodb", "us-east-1")}, counts={0: 5})
    assert (row.server_name, row.service, row.region, row.exchanges) == ("h.example.com", "dynamodb", "us-east-1", 5)


def test_a_silent_connection_takes_the_name_of_its_address_and_port() -> None:
    rows = named(connection(0), connection(1), connection(2, server_port=443), traffic={1: Traffic(START, "h.example.com", None, None)})
    assert [row.server_name for row in rows] == ["h.example.com", "h.example.com", None]


def test_else_the_name_that_was_looked_up() -> None:
    (row,) = named(connection(0, server_address="192.0.2.9"))
    assert (row.server_name, row.service, row.region, row.exchanges) == ("asked.example.com", "by-name", "eu-west-1", 0)


@pytest.mark.parametrize("after, ahead", [(0, False), (SECOND, False), (SECOND + 1, True)])
def test_set_up_belongs_to_a_request_within_a_second(after: int, ahead: bool) -> None:
    under = connection(0)
    assert under.established_ns is not None
    (row,) = named(under, traffic={0: Traffic(under.established_ns + after, None, None, None)})
    assert row.opened_ahead is ahead


def test_an_unseen_opening_was_not_ahead() -> None:
    (row,) = named(connection(0, established_ns=None), traffic={0: Traffic(START + 9 * SECOND, None, None, None)})
    assert row.opened_ahead is False


def test_what_was_measured_is_left_alone() -> None:
    rows = [connection(number, server_address=f"192.0.2.{9 + number}", packets_sent=40 + number) for number in range(3)]
    traffic = {1: Traffic(START, "h.example.com", "dynamodb", "us-east-1")}
    told = connection_rows(rows, traffic, {1: 5, 2: 6}, NAMES.get, service_of, {2: 1})
    said = [(row.server_name, row.service, row.region, row.opened_ahead, row.copy_of, row.exchanges) for row in told]
    assert said == [
        ("asked.example.com", "by-name", "eu-west-1", False, None, 0),
        ("h.example.com", "dynamodb", "us-east-1", False, None, 5),
        (None, None, None, False, 1, 6),
    ]
    blank: dict[str, Any] = dict.fromkeys(("server_name", "service", "region", "opened_ahead", "copy_of", "exchanges"))
    assert [row._replace(**blank) for row in told] == [row._replace(**blank) for row in rows]
    assert {type(row) for row in told} == {Connection}


def test_a_server_is_looked_up_once_and_another_name_of_it_again() -> None:
    asked: list[tuple[str, int, str | None]] = []

    def service(row: Connection, name: str | None) -> tuple[str | None, str | None]:
        asked.append((row.server_address, row.server_port, name))
        return name, None

    rows = [connection(number, server_address="192.0.2.77", server_port=443) for number in range(4)]
    traffic = {2: Traffic(START, "a.example.com", None, None), 3: Traffic(START, "b.example.com", None, None)}
    told = connection_rows(rows, traffic, {}, NAMES.get, service)
    assert [row.service for row in told] == ["a.example.com", "a.example.com", "a.example.com", "b.example.com"]
    assert asked == [("192.0.2.77", 443, "a.example.com"), ("192.0.2.77", 443, "b.example.com")]


def test_copies_are_named_on_connections_and_exchanges() -> None:
    first, second = connection_rows([connection(0), connection(1)], {}, {}, NAMES.get, service_of, {1: 0})
    assert (first.copy_of, second.copy_of) == (None, 0)
    rows = [exchange(0, first), exchange(1, second)]
    assert [row.copy_of for row in mark_copies(rows, {1: 0})] == [None, 0]
    assert mark_copies(rows, {}) == rows


def question(number: int, at: int, **changes: Any) -> Exchange:
    """A request without an answer, on connection 0."""
    blank = {
        "status": None, "response_start_ns": None, "response_end_ns": None, "response_bytes": 0, "aws_request_id": None,
        "response_packet_id": None, "outcome": "no-response", "response_ttl": None,
    }  # fmt: skip
    row = exchange(number, connection(0), service="ecs-credentials", operation="GetCredentials", **blank)
    return row._replace(request_start_ns=START + at * MS, request_end_ns=START + at * MS, **changes)


def reply(number: int, at: int, **changes: Any) -> Exchange:
    """An answer without its request, on connection 1."""
    blank = {
        "method": None, "operation": None, "request_start_ns": None, "request_end_ns": None, "request_bytes": 0, "request_packet_id": None,
        "outcome": "cut", "request_acknowledged": None,
    }  # fmt: skip
    row = exchange(number, connection(1), aws_request_id=f"ID{number}", response_bytes=100 + number, **blank)
    return row._replace(response_start_ns=START + at * MS, response_end_ns=START + (at + 2) * MS, **changes)


def test_a_question_gets_its_answer() -> None:
    asked, told = question(0, 10), reply(1, 15, response_repeats=2, response_ttl=3, closes="server")
    joined, left = join_one_way([asked, told], {0: 1})
    assert (joined.exchange_id, joined.connection_id, joined.operation, joined.request_packet_id) == (0, 0, "GetCredentials", 5)
    assert (joined.status, joined.aws_request_id, joined.response_bytes) == (200, "ID1", 101)
    assert (joined.outcome, joined.evidence) == ("ok", "inferred")
    assert (joined.response_start_ns, joined.response_end_ns) == (START + 15 * MS, START + 17 * MS)
    assert (joined.response_repeats, joined.response_ttl, joined.closes, joined.copy_of) == (2, 3, "server", None)
    assert left == told._replace(copy_of=0)


def test_several_go_by_order() -> None:
    rows = [question(0, 10), reply(1, 15), question(2, 20), reply(3, 25, status=500)]
    first, _, second, _ = join_one_way(rows, {0: 1})
    assert (first.aws_request_id, first.outcome, second.aws_request_id, second.outcome) == ("ID1", "ok", "ID3", "error")
    assert (first.idle_before_ns, second.idle_before_ns) == (None, 3 * MS)


def test_an_answer_whose_question_was_not_captured_joins_nothing() -> None:
    early, asked, told = join_one_way([reply(0, 5), question(1, 10), reply(2, 15)], {0: 1})
    assert (asked.aws_request_id, early.copy_of, told.copy_of) == ("ID2", 0, 0)


def test_an_answer_goes_to_the_last_question_before_it() -> None:
    first, second, _ = join_one_way([question(0, 10), question(1, 20), reply(2, 25)], {0: 1})
    assert (first.outcome, second.aws_request_id) == ("no-response", "ID2")


def test_pipelined_questions_go_by_order() -> None:
    rows = join_one_way([question(0, 10), question(1, 11), reply(2, 25), reply(3, 30)], {0: 1})
    assert [row.aws_request_id for row in rows[:2]] == ["ID2", "ID3"]


def test_an_answer_that_did_not_end_is_cut() -> None:
    joined, _ = join_one_way([question(0, 10), reply(1, 15)], {0: 1}, {1})
    assert (joined.outcome, joined.status) == ("cut", 200)


def test_nothing_else_is_touched() -> None:
    rows = [question(0, 10), reply(1, 15), exchange(2, connection(2))]
    assert join_one_way(rows, {}) == rows
    assert join_one_way(rows, {2: 3}) == rows
