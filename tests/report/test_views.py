"""Operations, percentiles and shares that all outputs have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.views import answer_of, connection_note, name_of, operations, percentile, slowest, timed
from tests.factory import MS, analysis, connection, exchange, later


@pytest.mark.parametrize(
    "size, percent, value",
    [(1, 50, 1), (1, 95, 1), (2, 50, 1), (3, 50, 2), (20, 95, 19), (20, 50, 10), (21, 95, 20), (100, 95, 95), (100, 100, 100), (5, 1, 1)],
)
def test_percentiles_are_nearest_ranks(size: int, percent: int, value: int) -> None:
    assert percentile(list(range(1, size + 1)), percent) == value


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_enough_values_are_not_above_a_percentile(values: list[int], percent: int) -> None:
    found = percentile(sorted(values), percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)


def test_names() -> None:
    assert name_of(exchange()) == "Query"
    assert name_of(exchange(service="imds", operation="PutToken")) == "imds PutToken"
    assert name_of(exchange(service="s3", operation=None, method="GET")) == "GET s3"
    assert name_of(exchange(service=None, operation=None)) == "POST dynamodb.us-east-1.amazonaws.com"
    assert name_of(exchange(service=None, operation=None, host=None, method=None)) == "answer unknown host"


def test_answers() -> None:
    assert answer_of(exchange()) == ""
    assert answer_of(exchange(outcome="error", status=400)) == "400"
    assert answer_of(exchange(outcome="no-response", status=None)) == "no answer"
    assert answer_of(exchange(outcome="undelivered", status=200)) == "undelivered"
    assert answer_of(exchange(outcome="cut", status=200)) == "cut"


def test_copies_and_unseen_requests_are_not_timed() -> None:
    under = connection()
    rows = [exchange(0, under), exchange(1, under, copy_of=0), exchange(2, under, request_start_ns=None)]
    assert [row.exchange.exchange_id for row in timed(analysis([under], rows))] == [0]


def test_rows_are_joined_by_id_not_by_position() -> None:
    rows = timed(analysis([connection(7)], [exchange(3, connection(7))]))
    assert [(row.exchange.exchange_id, row.connection.connection_id) for row in rows] == [(3, 7)]


def test_operations_by_total_time() -> None:
    under = connection()
    rows = [exchange(0, under), later(1, under, 1, outcome="error", status=400), later(2, under, 2, operation="GetItem")]
    query, get = operations(timed(analysis([under], rows)))
    assert (query.name, query.requests, query.failed, query.opened) == ("Query", 2, 1, 1)
    assert (query.p50_ns, query.p95_ns, query.max_ns, query.total_ns) == (17 * MS, 28 * MS, 28 * MS, 45 * MS)
    assert (get.name, get.requests, get.failed, get.opened, get.total_ns) == ("GetItem", 1, 0, 0, 17 * MS)
    assert sum(query.shares.values()) == pytest.approx(1)
    assert query.shares["connect"] == pytest.approx(10 / 45)
    assert query.shares["network"] == pytest.approx(20 / 45)
    assert query.shares["wait"] == 0


def test_a_wait_that_cannot_be_split_is_shown_as_wait() -> None:
    under = connection()
    (operation,) = operations(timed(analysis([under], [exchange(0, under, network_ns=None, server_ns=None, wait_stall_ns=4 * MS)])))
    assert operation.shares["wait"] == pytest.approx(10 / 28)
    assert operation.shares["stall"] == pytest.approx(4 / 28)


def test_slowest_first_and_earlier_of_equals_first() -> None:
    under = connection()
    rows = timed(analysis([under], [later(0, under, 1), later(1, under, 2), exchange(2, under)]))
    assert [row.exchange.exchange_id for row in slowest(rows, 2)] == [2, 0]
    assert slowest(rows, 0) == []


def test_connection_notes() -> None:
    under = connection()
    rows = timed(
        analysis(
            [under],
            [exchange(0, under), later(1, under, 1), later(2, under, 2, idle_before_ns=-1), later(3, under, 3, idle_before_ns=None)],
        )
    )
    assert [connection_note(row) for row in rows] == ["0 new", "0 idle 33.0 ms", "0", "0"]
