"""cold-connection and connection-not-reused: each fires, has look-alikes that must not, and never charges what the other does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import findings
from analyzer.findings.rules import cold_connection, connection_not_reused, idle_connection_closed
from analyzer.findings.setup import avoidable, clients, paid
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Finding
from analyzer.model.table import Table
from tests.factory import MS, START, analysis, call, connection, exchange, later, spans, warm

RULES = (idle_connection_closed, connection_not_reused, cold_connection)


def found(about: Analysis) -> list[Finding]:
    """What the rules about set-up say, in the order in which they are charged."""
    view = View(about)
    return [row for rule in RULES for row in rule.check(view)]


def alone(count: int, under: dict[str, Any] | None = None, asked: dict[str, Any] | None = None, **changes: Any) -> Analysis:
    """As many connections with one call each, closed by the client right after the answer."""
    rows = [connection(number, **(under or {})) for number in range(count)]
    exchanges = [exchange(number, row, **(asked or {})) for number, row in enumerate(rows)]
    return analysis(rows, exchanges, calls=[call(number, row, **changes) for number, row in enumerate(rows)])


def kept(under: dict[str, Any] | None = None, first: dict[str, Any] | None = None) -> Analysis:
    """One connection that carries three calls."""
    row = connection(0, exchanges=3, **(under or {}))
    calls = [call(0, row, **(first or {})), warm(1, row, 1), warm(2, row, 2)]
    return analysis([row], [exchange(0, row), later(1, row, 1), later(2, row, 2)], calls=calls)


def test_a_cold_connection_is_named_with_its_cost_and_proof() -> None:
    (row,) = found(kept())
    assert row.summary == (
        "1 of 3 Query calls was slow because it opened a connection (10.0 ms). It was the first call. It took connect 10.0 ms: 16 % of the "
        "time of all calls. The same operation on an open connection takes 17.0 ms (median of 2 calls)."
    )
    assert (row.code, row.severity, row.confidence, row.decides) == ("cold-connection", "info", "proven", None)
    assert row.cost_ns == 10 * MS
    assert row.share == pytest.approx(10 / 62)
    assert (row.calls, row.exchanges, row.connections, row.packet_ids) == ((0,), (0,), (0,), (1, 4))
    assert row.display_filter == "(tcp.flags.syn == 1 && tcp.stream == 0) || frame.number == 4"
    assert "boto3" in row.remedy


def test_several_cold_connections_are_one_finding() -> None:
    rows = [connection(0, exchanges=2), connection(1, exchanges=2, connect_ns=8 * MS)]
    asked = [exchange(0, rows[0]), exchange(1, rows[1]), later(2, rows[0], 1), later(3, rows[1], 1)]
    beside = call(1, rows[1], start_ns=START + 5 * MS, duration_ns=123 * MS, connect_ns=6 * MS, dns_ns=2 * MS, operation="GetItem")
    (row,) = found(analysis(rows, asked, calls=[call(0, rows[0]), beside, warm(2, rows[0], 1), warm(3, rows[1], 1)]))
    assert row.cost_ns == 18 * MS
    assert row.calls == (0, 1)
    assert row.summary.startswith(
        "2 of 4 calls opened a connection first (10.0 ms). 1 at the start, 1 beside other calls. That is 18.0 ms in all, 10 % of the time "
        "of all calls; one takes dns 2.0 ms, connect 10.0 ms (median)."
    )
    assert row.display_filter == "(tcp.flags.syn == 1 && tcp.stream in {0, 1}) || frame.number in {4, 24}"


@pytest.mark.parametrize(
    "change",
    [
        {"connect_ns": 0, "reused": True},
        {"connect_ns": MS - 1},
        {"service": "imds"},
        {"service": "sts"},
        {"connection_id": None},
        {"connection_id": 7},
        {"duration_ns": 600 * MS},
    ],
)
def test_what_looks_like_a_cold_connection(change: dict[str, Any]) -> None:
    assert found(kept(first=change)) == []


def test_what_a_call_lost_before_its_final_attempt_hides_no_set_up() -> None:
    (row,) = found(kept(first={"duration_ns": 4_028 * MS, "failed_ns": 2_000 * MS, "backoff_ns": 1_000 * MS, "credentials_ns": 1_000 * MS}))
    assert row.cost_ns == 10 * MS


def test_connections_that_are_not_reused() -> None:
    (row,) = found(alone(5, asked={"closes": "client"}, sdk="js-v2", connect_ns=6 * MS, tls_ns=4 * MS))
    assert row.summary == (
        "5 Query calls of SDK for JavaScript v2 used 5 connections: not reusing them cost 40.0 ms (29 % of the time of all calls). "
        "The client asks for that (Connection: close). A connection takes 10.0 ms of the 28.0 ms of a call (median): connect 6.0 ms, "
        "tls 4.0 ms. 4 of the 5 calls with one of their own would have found one idle. Client 10.0.1.23, server "
        "dynamodb.us-east-1.amazonaws.com."
    )
    assert (row.code, row.severity, row.confidence) == ("connection-not-reused", "warning", "proven")
    assert row.cost_ns == 40 * MS
    assert row.share == pytest.approx(40 / 140)
    assert (row.connections, row.calls) == ((0, 1, 2, 3, 4), (1, 2, 3, 4))
    assert "AWS_NODEJS_CONNECTION_REUSE_ENABLED=1" in row.remedy
    assert row.packet_ids[:2] == (21, 39)
    assert row.display_filter == "(tcp.flags.syn == 1 || tcp.flags.fin == 1 || tcp.flags.reset == 1) && tcp.stream in {0..4}"


def test_connections_that_took_no_time_are_counted_with_their_calls() -> None:
    made = alone(5, asked={"closes": "client"}, sdk="js-v2", connect_ns=6 * MS, tls_ns=4 * MS)
    made.calls = Table("calls", Call, [row._replace(connect_ns=MS // 10, tls_ns=0) if row.call_id == 2 else row for row in made.calls])
    (row,) = found(made)
    assert row.summary.startswith("5 Query calls of SDK for JavaScript v2 used 5 connections: ")


@pytest.mark.parametrize(
    "under, asked, words",
    [
        ({}, {"closes": "server"}, "The service ends them (Connection: close)."),
        ({}, {"closes": "both"}, "The client asks for that (Connection: close) and the service complies."),
        ({}, {}, "The client closes them within 32.0 ms of the answer (FIN)."),
        ({"closed_by": "server"}, {}, "The service closes them within 32.0 ms of the answer (FIN)."),
        ({"closed_by": "client-reset"}, {}, "The client closes them within 32.0 ms of the answer (RST)."),
        ({"closed_by": "open", "closed_ns": None}, {"closes": "client"}, "The client asks for that (Connection: close)."),
    ],
)
def test_it_says_who_closes_and_by_what(under: dict[str, Any], asked: dict[str, Any], words: str) -> None:
    (row,) = found(alone(3, under, asked))
    assert row.code == "connection-not-reused"
    assert words in row.summary


def test_a_single_announcement_does_not_speak_for_all() -> None:
    made = alone(5)
    for announced, words in ((1, "The client closes them within"), (4, "The service ends them (Connection: close).")):
        asked = [row._replace(closes="server") if row.exchange_id < announced else row for row in made.exchanges]
        (row,) = found(analysis(list(made.connections), asked, calls=list(made.calls)))
        assert words in row.summary


@pytest.mark.parametrize(
    "sdk, words",
    [
        ("python-boto3", "one boto3 client"),
        ("js-v2", "AWS_NODEJS"),
        (None, "make one client and share it"),
        ("go-v2", "Make one client that all goroutines share"),
    ],
)
def test_the_fix_is_in_the_words_of_the_sdk(sdk: str | None, words: str) -> None:
    (row,) = found(alone(3, sdk=sdk))
    assert words in row.remedy


def test_calls_at_the_same_time_need_a_connection_each() -> None:
    about = alone(4, start_ns=START, end_ns=START + 500 * MS, duration_ns=30 * MS)
    (group,) = clients(View(about))
    assert len(group.single) == 4
    assert avoidable(group.single) == []
    assert [(row.code, row.calls) for row in found(about)] == [("cold-connection", (0, 1, 2, 3))]
    pairs = alone(4)
    calls = [
        row._replace(start_ns=START + (number // 2) * 100 * MS, end_ns=START + (number // 2) * 100 * MS + 28 * MS)
        for number, row in enumerate(pairs.calls)
    ]
    (row,) = found(analysis(list(pairs.connections), list(pairs.exchanges), calls=calls))
    assert row.calls == (2, 3)


def test_one_request_on_one_connection_is_the_end_of_the_program() -> None:
    assert [row.code for row in found(alone(1))] == ["cold-connection"]


@pytest.mark.parametrize(
    "under",
    [{"closed_by": "open", "closed_ns": None}, {"closed_by": "middlebox-reset"}, {"closed_ns": START + 2_000 * MS}],
)
def test_connections_that_were_kept_are_reusable(under: dict[str, Any]) -> None:
    assert [row.code for row in found(alone(2, under))] == ["cold-connection"]


def test_a_pool_with_a_few_short_lives_is_reuse() -> None:
    rows = [connection(number, exchanges=2 if number < 3 else 1) for number in range(5)]
    asked = [exchange(number, row) for number, row in enumerate(rows)] + [later(10 + number, rows[number], 1) for number in range(3)]
    calls = [call(number, row) for number, row in enumerate(rows)] + [warm(10 + number, rows[number], 1) for number in range(3)]
    assert [(row.code, row.calls) for row in found(analysis(rows, asked, calls=calls))] == [("cold-connection", (0, 1, 2, 3, 4))]


def test_different_servers_and_sdks_are_judged_apart() -> None:
    rows = [connection(0), connection(1, server_name="logs.us-east-1.amazonaws.com"), connection(2), connection(3)]
    calls = [call(number, row) for number, row in enumerate(rows)]
    told = found(analysis(rows, [exchange(number, row) for number, row in enumerate(rows)], calls=calls))
    assert [(row.code, row.connections) for row in told] == [("connection-not-reused", (0, 2, 3)), ("cold-connection", (1,))]
    calls[3] = calls[3]._replace(sdk="go-v2")
    told = found(analysis(rows, [exchange(number, row) for number, row in enumerate(rows)], calls=calls))
    assert [(row.code, row.connections) for row in told] == [("connection-not-reused", (0, 2)), ("cold-connection", (1, 3))]


def test_a_neighbour_in_the_rack_is_not_worth_a_word() -> None:
    assert found(alone(6, connect_ns=MS // 20)) == []
    assert found(alone(6, connect_ns=MS, duration_ns=100 * MS)) == []


def test_names_from_the_wire_do_no_harm() -> None:
    hostile = "\x1b[31m{0}%s</script>\u202e" + "x" * 300
    for row in found(alone(3, {"server_name": hostile}, sdk=hostile, operation=hostile)):
        assert row.cost_ns == 20 * MS
        assert hostile not in row.display_filter


def test_a_narrowed_answer_is_diagnosed_by_id() -> None:
    about = alone(4)
    left = analysis([about.connections[3]], [about.exchanges[3]], calls=[about.calls[3]])
    assert [(row.code, row.connections) for row in found(left)] == [("cold-connection", (3,))]
    assert found(analysis([], [], calls=list(about.calls))) == []


def test_set_up_long_before_the_request_is_an_upper_bound() -> None:
    about = kept()
    first = about.calls[0]
    for evidence, confidence in (("measured", "proven"), ("inferred", "likely")):
        rows = spans(first, ("connect", 10 * MS), evidence=evidence)
        (row,) = found(analysis(list(about.connections), list(about.exchanges), calls=list(about.calls), spans=rows))
        assert row.confidence == confidence
        assert (row.decides is None) == (confidence == "proven")


CHOICES = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["client", "server", "open", "client-reset", "middlebox-reset"]),
    st.sampled_from([None, "client", "both"]),
    st.sampled_from(["dynamodb", "logs", "imds", None]),
    st.integers(0, 40),
    st.integers(1, 3),
    st.sampled_from([60, 1_500, 4_000]),
)


@given(st.lists(CHOICES, max_size=12))
def test_no_nanosecond_is_charged_twice(choices: list[tuple[int, str, str | None, str | None, int, int, int]]) -> None:
    rows: list[Connection] = []
    asked: list[Exchange] = []
    calls: list[Call] = []
    for number, (server, closed, closes, service, took, requests, after) in enumerate(choices):
        row = connection(number, server_name=f"host{server}", closed_by=closed, exchanges=requests)
        row = row._replace(closed_ns=row.first_ns + after * MS)
        rows.append(row)
        for index in range(requests):
            one = len(asked)
            asked.append(exchange(one, row, closes=closes) if not index else later(one, row, index))
            made = call(one, row, connect_ns=took * MS, duration_ns=(took + 18) * MS) if not index else warm(one, row, index)
            calls.append(made._replace(service=service))
    about = analysis(rows, asked, calls=calls, check=findings.check)
    view = View(about)
    told = [row for rule in RULES for row in rule.check(view)]
    charged = [number for row in told for number in row.calls]
    assert len(charged) == len(set(charged))
    assert sum(row.share or 0 for row in told) <= 1 + 1e-9
    assert sum(row.cost_ns for row in told) <= sum(one.call.connect_ns for one in paid(view))
    assert all(row.cost_ns > 0 for row in told)


def test_a_call_that_was_slow_for_another_reason_is_not_called_slow_because_of_it() -> None:
    (row,) = found(kept(first={"duration_ns": 4_028 * MS, "failed_ns": 4_000 * MS}))
    assert row.summary.startswith("1 of 3 Query calls opened a connection first (10.0 ms).")
