"""Operations, percentiles and shares that all outputs have in common, and what rows of the ledger are made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.calls import CallLedger, answer_of, name_of, spent_on, unawaited
from analyzer.report.ledger import PHASES, packets, percentile, split
from analyzer.report.requests import RequestLedger, connection_note, timed
from analyzer.report.requests import answer_of as answer_of_exchange
from analyzer.report.requests import name_of as name_of_exchange
from tests.factory import MS, analysis, call, connection, dialogue, exchange, later, spans, warm

UNDER = connection()


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


NUMBER = st.none() | st.integers(-5, 100)


@given(st.integers(0, 100), NUMBER, NUMBER, NUMBER)
def test_a_split_wait_is_the_wait(wait: int, stall: int | None, network: int | None, server: int | None) -> None:
    parts = split(wait, stall, network, server)
    assert sum(parts) == wait
    assert min(parts) >= 0


@pytest.mark.parametrize(
    "parts, found",
    [
        ((10, 0, 6, 4), (0, 6, 4, 0)),
        ((10, 3, 5, 2), (3, 5, 2, 0)),
        ((10, 3, 4, 1), (3, 4, 1, 2)),  # an earlier wait, for 100 Continue, is in none of the three
        ((10, 3, None, None), (3, 0, 0, 7)),
        ((10, 3, 9, 9), (3, 0, 0, 7)),
        ((10, 30, 1, 1), (10, 0, 0, 0)),
        ((10, None, None, None), (0, 0, 0, 10)),
    ],
)
def test_parts_of_a_wait(parts: tuple[int, int | None, int | None, int | None], found: tuple[int, ...]) -> None:
    assert split(*parts) == found


def test_packets_are_a_range() -> None:
    assert [packets(ids) for ids in ((3, 9), (3, 3), (None, 9), (None, None))] == ["3-9", "3", "9", ""]


def test_names_and_answers_of_calls() -> None:
    assert name_of(call()) == "Query"
    assert name_of(dialogue()) == "imds GetCredentials"
    assert name_of(call(operation=None)) == "dynamodb call"
    assert answer_of(call()) == ""
    assert answer_of(call(ok=False, status=400, error_type="ValidationException")) == "ValidationException"
    assert answer_of(call(ok=False, status=500)) == "500"
    assert answer_of(call(ok=False, status=None)) == "no answer"
    assert answer_of(call(ok=None, status=None)) == ""


def test_the_phases_of_a_call_are_its_duration() -> None:
    row = call()
    spent = dict(zip(PHASES, spent_on(row), strict=True))
    assert {name: value for name, value in spent.items() if value} == {
        "connect": 10 * MS, "client": MS, "send": MS, "network": 10 * MS, "server": 4 * MS, "receive": 2 * MS,
    }  # fmt: skip
    assert sum(spent.values()) == row.duration_ns
    late = call(credentials_ns=1, dns_ns=2, tls_ns=3, failed_ns=4, backoff_ns=5, unexplained_ns=6, network_ns=None, wait_stall_ns=7)
    spent = dict(zip(PHASES, spent_on(late), strict=True))
    assert [spent[name] for name in ("credentials", "dns", "tls", "failed", "backoff", "unexplained", "stall")] == [1, 2, 3, 4, 5, 6, 7]
    assert spent["wait"] == 14 * MS - 7


def test_operations_by_total_time() -> None:
    rows = [call(), warm(1, UNDER, 1, ok=False, status=400), warm(2, UNDER, 2, operation="GetItem")]
    query, get = CallLedger(analysis([UNDER], calls=rows)).operations()
    assert (query.name, query.rows, query.failed, query.opened) == ("Query", 2, 1, 1)
    assert (query.p50_ns, query.p95_ns, query.max_ns, query.total_ns) == (17 * MS, 28 * MS, 28 * MS, 45 * MS)
    assert (get.name, get.rows, get.failed, get.opened, get.total_ns) == ("GetItem", 1, 0, 0, 17 * MS)
    assert sum(query.shares.values()) == pytest.approx(1)
    assert query.shares["connect"] == pytest.approx(10 / 45)
    assert query.shares["network"] == pytest.approx(20 / 45)


@given(st.lists(st.tuples(st.integers(0, 50), NUMBER, NUMBER, NUMBER, st.booleans()), min_size=1, max_size=5))
def test_an_operation_spends_what_its_calls_spend(parts: list[tuple[int, int | None, int | None, int | None, bool]]) -> None:
    rows = [
        call(at, wait_ns=wait, wait_stall_ns=stall, network_ns=network, server_ns=server, receive_ns=at, tls_ns=at, reused=reused)
        for at, (wait, stall, network, server, reused) in enumerate(parts)
    ]
    (operation,) = CallLedger(analysis([UNDER], calls=rows)).operations()
    assert operation.spent == tuple(map(sum, zip(*map(spent_on, rows), strict=True)))
    assert operation.opened == sum(not row.reused for row in rows)


def test_truncated_calls_count_and_are_in_no_percentile() -> None:
    rows = [warm(0, UNDER, 1), call(1, truncated="end", duration_ns=500 * MS, ok=None, status=None)]
    (operation,) = CallLedger(analysis([UNDER], calls=rows)).operations()
    assert (operation.rows, operation.truncated, operation.failed) == (2, 1, 0)
    assert (operation.p50_ns, operation.max_ns, operation.total_ns) == (17 * MS, 17 * MS, 517 * MS)
    (operation,) = CallLedger(analysis([UNDER], calls=rows[1:])).operations()
    assert (operation.p50_ns, operation.p95_ns, operation.max_ns) == (None, None, None)


def test_a_wait_that_no_answer_ended_is_known() -> None:
    rows = [call(ok=False, status=None, network_ns=None, server_ns=None)]
    (operation,) = CallLedger(analysis([UNDER], calls=rows)).operations()
    assert operation.silent_ns == 14 * MS


def test_dialogues_are_not_among_service_calls() -> None:
    ledger = CallLedger(analysis([UNDER], calls=[call(0), dialogue(1)]))
    assert ([row.call_id for row in ledger.rows], ledger.noun) == ([0], "call")
    alone = CallLedger(analysis([UNDER], calls=[dialogue(1)]))
    assert ([row.call_id for row in alone.rows], alone.noun) == ([1], "dialogue")


def test_a_dialogue_that_a_call_waited_for_is_not_beside_it() -> None:
    first, second = dialogue(1), dialogue(2)
    waiting = call(0, credentials_ns=30 * MS)
    rows = spans(waiting)
    rows[0] = rows[0]._replace(dialogue_id=1)
    assert [row.call_id for row in unawaited(analysis([UNDER], calls=[waiting, first, second], spans=rows))] == [2]


def test_slowest_first_and_earlier_of_equals_first() -> None:
    ledger = CallLedger(analysis([UNDER], calls=[warm(0, UNDER, 1), warm(1, UNDER, 2), call(2)]))
    assert [entry.number for entry in ledger.slowest(2)] == [2, 0]
    assert ledger.slowest(0) == []


def test_entries_of_calls() -> None:
    on = [exchange(0, UNDER), later(1, UNDER, 1), later(2, UNDER, 2, idle_before_ns=None)]
    rows = [call(0), warm(1, UNDER, 1, attempts=3, truncated="start"), warm(2, UNDER, 2), call(3, connection_id=None)]
    entries = {entry.number: entry for entry in CallLedger(analysis([UNDER], on, calls=rows)).slowest(9)}
    assert [entries[number].connection for number in range(4)] == ["0 new", "0 idle 33.0 ms", "0", ""]
    assert (entries[1].attempts, entries[1].answer, entries[0].answer) == (3, "(cut)", "")
    assert (entries[0].first_packet_id, entries[0].last_packet_id) == (1, 9)


def test_names_of_requests() -> None:
    assert name_of_exchange(exchange()) == "Query"
    assert name_of_exchange(exchange(service="imds", operation="PutToken")) == "imds PutToken"
    assert name_of_exchange(exchange(service="s3", operation=None, method="GET")) == "GET s3"
    assert name_of_exchange(exchange(service=None, operation=None)) == "POST dynamodb.us-east-1.amazonaws.com"
    assert name_of_exchange(exchange(service=None, operation=None, host=None, method=None)) == "answer unknown host"


def test_answers_of_requests() -> None:
    assert answer_of_exchange(exchange()) == ""
    assert answer_of_exchange(exchange(outcome="error", status=400)) == "400"
    assert answer_of_exchange(exchange(outcome="no-response", status=None)) == "no answer"
    assert answer_of_exchange(exchange(outcome="undelivered", status=200)) == "undelivered"


def test_copies_and_unseen_requests_are_not_timed() -> None:
    rows = [exchange(0, UNDER), exchange(1, UNDER, copy_of=0), exchange(2, UNDER, request_start_ns=None)]
    assert [row.exchange.exchange_id for row in timed(analysis([UNDER], rows))] == [0]


def test_rows_are_joined_by_id_not_by_position() -> None:
    rows = timed(analysis([connection(7)], [exchange(3, connection(7)), exchange(4, connection(8))]))
    assert [(row.exchange.exchange_id, row.connection.connection_id) for row in rows] == [(3, 7)]


def test_requests_are_rows_too() -> None:
    on = [exchange(0, UNDER), later(1, UNDER, 1, outcome="error", status=404), later(2, UNDER, 2, outcome="cut", network_ns=None)]
    ledger = RequestLedger(analysis([UNDER], on))
    (operation,) = ledger.operations()
    assert (operation.rows, operation.failed, operation.opened, operation.truncated) == (3, 2, 1, 1)
    assert operation.total_ns == ledger.total_ns() == 62 * MS
    assert dict(zip(PHASES, operation.spent, strict=True))["wait"] == 14 * MS
    assert [(entry.number, entry.answer) for entry in ledger.slowest(2)] == [(0, ""), (1, "404")]


def test_connection_notes() -> None:
    on = [exchange(0, UNDER), later(1, UNDER, 1), later(2, UNDER, 2, idle_before_ns=-1), later(3, UNDER, 3, idle_before_ns=None)]
    assert [connection_note(row) for row in timed(analysis([UNDER], on))] == ["0 new", "0 idle 33.0 ms", "0", "0"]
