"""Rows put together: how an exchange ended, and names, services and set-up of connections."""

from __future__ import annotations

from typing import Any, cast

import pytest

from analyzer.assembly import Traffic, connection_rows, outcome
from analyzer.model.http import HttpExchange, Request, Response
from analyzer.model.rows import Connection
from analyzer.model.seams import Link
from analyzer.units import SECOND
from tests.factory import START, connection

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
