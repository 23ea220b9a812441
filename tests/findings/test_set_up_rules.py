"""cold-connection and connection-not-reused: each fires, has look-alikes that must not, and never charges what the other does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import findings
from analyzer.findings.rules import cold_connection, connection_not_reused
from analyzer.findings.setup import service_time
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange
from analyzer.narrow import Filter, apply
from tests.factory import MS, START, analysis, connection, exchange, later

ANSWERED = START + 28 * MS
"""When the answer of connection 0 ends; its last packet comes 32 ms later."""


def alone(count: int, **changes: Any) -> Analysis:
    """As many connections with one request each, closed by the client right after the answer."""
    rows = [connection(number) for number in range(count)]
    return analysis(rows, [exchange(number, row, **changes) for number, row in enumerate(rows)], check=findings.check)


def shared(**changes: Any) -> tuple[list[Connection], list[Exchange]]:
    """One connection that carries three requests."""
    under = connection(0, exchanges=3, **changes)
    return [under], [exchange(0, under), later(1, under, 1), later(2, under, 2)]


def codes(about: Analysis) -> list[str]:
    return [row.code for row in findings.check(about)]


def test_a_cold_connection_is_named_with_its_cost_and_proof() -> None:
    rows, asked = shared()
    (row,) = cold_connection.check(analysis(rows, asked))
    assert row.summary == "1 of 3 requests to AWS services opened a connection first: 10.0 ms, 16 % of the time of AWS requests."
    assert row.cost_ns == 10 * MS
    assert row.share == pytest.approx(10 / 62)
    assert (row.exchanges, row.connections, row.packet_ids) == ((0,), (0,), (1, 4))
    assert (row.display_filter, row.confidence) == ("tcp.flags.syn == 1 && tcp.stream == 0", "proven")


def test_several_cold_connections_are_one_finding() -> None:
    rows = [connection(0, exchanges=2), connection(1, exchanges=2, connect_ns=8 * MS)]
    asked = [exchange(0, rows[0]), exchange(1, rows[1]), later(2, rows[0], 1), later(3, rows[1], 1)]
    (row,) = cold_connection.check(analysis(rows, asked))
    assert "2 of 4 requests to AWS services opened a connection first: 18.0 ms in all, 10.0 ms each (median)" in row.summary
    assert row.display_filter == "tcp.flags.syn == 1 && tcp.stream in {0, 1}"


@pytest.mark.parametrize(
    "change, asked",
    [
        ({"opened_ahead": True}, {}),
        ({"syn_ns": None, "connect_ns": None}, {}),
        ({"connect_ns": None}, {}),
        ({}, {"index_on_connection": 1}),
        ({}, {"service": "imds"}),
        ({}, {"service": "sts"}),
        ({}, {"service": None}),
        ({}, {"copy_of": 4}),
        ({}, {"request_start_ns": None}),
    ],
)
def test_what_looks_like_a_cold_connection(change: dict[str, Any], asked: dict[str, Any]) -> None:
    under = connection(0, **change)
    about = analysis([under], [exchange(0, under, **asked)])
    assert list(cold_connection.check(about)) == []
    assert list(connection_not_reused.check(about)) == []


def test_connections_that_are_not_reused() -> None:
    (row,) = findings.check(alone(5, closes="client", sdk="js-v2"))
    assert row.code == "connection-not-reused"
    assert row.summary == (
        "10.0.1.23 sent 5 of 5 requests to dynamodb.us-east-1.amazonaws.com on a connection of their own. The client asks for that "
        "(Connection: close). Opening one takes 10.0 ms (median); all but the first: 40.0 ms, 29 % of the time of AWS requests."
    )
    assert row.cost_ns == 40 * MS
    assert row.share == pytest.approx(40 / 140)
    assert (row.connections, row.exchanges) == ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4))
    assert "AWS_NODEJS_CONNECTION_REUSE_ENABLED=1" in row.remedy
    assert row.packet_ids[:2] == (21, 40)


@pytest.mark.parametrize(
    "change, asked, words",
    [
        ({}, {"closes": "server"}, "The service ends them (Connection: close)."),
        ({}, {"closes": "both"}, "The client asks for that (Connection: close) and the service complies."),
        ({}, {}, "The client closes them within 32.0 ms of the answer (FIN)."),
        ({"closed_by": "server"}, {}, "The server closes them within 32.0 ms of the answer (FIN)."),
        ({"closed_by": "client-reset"}, {}, "The client closes them within 32.0 ms of the answer (RST)."),
    ],
)
def test_it_says_who_closes_and_by_what(change: dict[str, Any], asked: dict[str, Any], words: str) -> None:
    rows = [connection(number, **change) for number in range(3)]
    (row,) = findings.check(analysis(rows, [exchange(number, row, **asked) for number, row in enumerate(rows)]))
    assert row.code == "connection-not-reused"
    assert words in row.summary


@pytest.mark.parametrize(
    "sdk, words",
    [("python-boto3", "one boto3 client"), ("js-v2", "AWS_NODEJS"), (None, "make one client and share it"), ("go-v2", "make one client")],
)
def test_the_fix_is_in_the_words_of_the_sdk(sdk: str | None, words: str) -> None:
    (row,) = findings.check(alone(3, sdk=sdk))
    assert words in row.remedy


def test_one_request_on_one_connection_is_the_end_of_the_program() -> None:
    assert codes(alone(1)) == ["cold-connection"]


@pytest.mark.parametrize("change", [{"closed_by": "open"}, {"closed_by": "middlebox-reset"}, {"last_ns": ANSWERED + 1_000 * MS + 200 * MS}])
def test_connections_that_were_kept_are_reusable(change: dict[str, Any]) -> None:
    rows = [connection(number, **change) for number in range(2)]
    assert codes(analysis(rows, [exchange(number, row) for number, row in enumerate(rows)])) == ["cold-connection"]


def test_a_pool_with_a_few_short_lives_is_reuse() -> None:
    rows = [connection(number) for number in range(5)]
    asked = [exchange(number, row) for number, row in enumerate(rows)] + [later(10 + number, rows[number], 1) for number in range(3)]
    assert codes(analysis(rows, asked)) == ["cold-connection"]


def test_different_servers_are_judged_apart() -> None:
    rows = [connection(0), connection(1, server_name="logs.us-east-1.amazonaws.com"), connection(2), connection(3)]
    found = findings.check(analysis(rows, [exchange(number, row) for number, row in enumerate(rows)]))
    assert [(row.code, row.connections) for row in found] == [("connection-not-reused", (0, 2, 3)), ("cold-connection", (1,))]


def test_a_narrowed_answer_is_diagnosed_by_id() -> None:
    rows = [connection(number) for number in range(4)]
    about = analysis(rows, [exchange(number, row) for number, row in enumerate(rows)], check=findings.check)
    kept = apply(about, Filter(frozenset(), frozenset(), None, None, frozenset({3})))
    assert [(row.code, row.connections) for row in kept.findings] == [("cold-connection", (3,))]


CHOICES = st.tuples(
    st.integers(0, 1),
    st.booleans(),
    st.sampled_from(["client", "server", "open", "client-reset"]),
    st.sampled_from([None, "client", "both"]),
    st.sampled_from(["dynamodb", "logs", "imds", None]),
    st.integers(0, 40) | st.none(),
    st.integers(1, 3),
    st.booleans(),
)


@given(st.lists(CHOICES, max_size=12))
def test_no_nanosecond_is_charged_twice(choices: list[tuple[int, bool, str, str | None, str | None, int | None, int, bool]]) -> None:
    rows: list[Connection] = []
    asked: list[Exchange] = []
    for number, (server, ahead, closed, closes, service, took, requests, copied) in enumerate(choices):
        row = connection(
            number,
            server_name=f"host{server}",
            opened_ahead=ahead,
            closed_by=closed,
            connect_ns=None if took is None else took * MS,
            exchanges=requests,
        )
        rows.append(row)
        asked.append(exchange(len(asked), row, closes=closes, service=service, copy_of=0 if copied else None))
        asked += [later(len(asked) + index - 1, row, index, service=service) for index in range(1, requests)]
    about = analysis(rows, asked)
    found = [row for row in findings.check(about) if row.code != "capture-incomplete"]
    charged = [exchange_id for row in found for exchange_id in row.exchanges]
    assert len(charged) == len(set(charged))
    assert sum(row.share or 0 for row in found) <= 1 + 1e-9
    assert sum(row.cost_ns for row in found) <= service_time(about)
    assert all(row.cost_ns >= 0 for row in found)


@pytest.mark.parametrize("late_ms, confidence", [(50, "proven"), (51, "likely")])
def test_set_up_long_before_the_request_is_an_upper_bound(late_ms: int, confidence: str) -> None:
    rows, asked = shared()
    established = rows[0].established_ns
    assert established is not None
    moved = asked[0]._replace(request_start_ns=established + late_ms * MS, request_end_ns=established + late_ms * MS)
    (row,) = cold_connection.check(analysis(rows, [moved, *asked[1:]]))
    assert row.confidence == confidence
    assert (row.decides is None) == (confidence == "proven")
