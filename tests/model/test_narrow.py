"""Filters keep what belongs together; conditions read every kind of column."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer import findings
from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Anomaly, Exchange, Finding, Lookup
from analyzer.model.table import Table
from analyzer.narrow import Filter, apply, condition
from tests.factory import MS, START, analysis, call, connection, dialogue, exchange, finding, later, lookup, spans

A = connection(0)
B = connection(1, server_name="logs.example.com:8443", service="logs", server_address="192.0.2.7")
C = connection(2, server_name=None, service=None, server_address="169.254.169.254", exchanges=0)
WHOLE = analysis(
    [A, B, C],
    [exchange(0, A), exchange(1, B, service="logs", operation="PutLogEvents"), later(2, A, 20)],
    lookups=[lookup(0), lookup(1, connection_ids=(1,)), lookup(2, connection_ids=(), start_ns=START + 1_500 * MS)],
    anomalies=[Anomaly("x", 1, None, "whole file"), Anomaly("y", 2, 0, "on 0"), Anomaly("z", 3, 1, "on 1")],
    check=findings.check,
)
NOTHING = Filter(frozenset(), frozenset(), None, None, frozenset())


def ids(wanted: Filter) -> tuple[list[int], list[int], list[int], list[str]]:
    kept = apply(WHOLE, wanted)
    return (
        [row.connection_id for row in kept.connections],
        [row.exchange_id for row in kept.exchanges],
        [row.lookup_id for row in kept.lookups],
        [row.code for row in kept.anomalies],
    )


def test_no_filter_changes_nothing() -> None:
    assert apply(WHOLE, NOTHING) is WHOLE


@pytest.mark.parametrize(
    "wanted, connections, exchanges, lookups, anomalies",
    [
        (NOTHING._replace(services=frozenset({"dynamodb"})), [0], [0, 2], [0], ["x", "y"]),
        (NOTHING._replace(services=frozenset({"dynamodb", "logs"})), [0, 1], [0, 1, 2], [0, 1], ["x", "y", "z"]),
        (NOTHING._replace(services=frozenset({"s3"})), [], [], [], ["x"]),
        (NOTHING._replace(hosts=frozenset({"logs.example.com"})), [1], [1], [1], ["x", "z"]),
        (NOTHING._replace(hosts=frozenset({"logs.example.com:8443"})), [1], [1], [1], ["x", "z"]),
        (NOTHING._replace(hosts=frozenset({"169.254.169.254"})), [2], [], [], ["x"]),
        (NOTHING._replace(connections=frozenset({1, 7})), [1], [1], [1], ["x", "z"]),
        (NOTHING._replace(services=frozenset({"dynamodb"}), connections=frozenset({1})), [], [], [], ["x"]),
        (NOTHING._replace(since_ns=START + 500 * MS), [0], [2], [2], ["x", "y"]),
        (NOTHING._replace(until_ns=START + 50 * MS), [0], [0], [0, 1], ["x", "y"]),
        (NOTHING._replace(since_ns=START + 50 * MS, until_ns=START + 500 * MS), [1, 2], [1], [], ["x", "z"]),
        (NOTHING._replace(since_ns=START + 111 * MS, until_ns=START + 111 * MS + 1), [1], [1], [], ["x", "z"]),
        (NOTHING._replace(until_ns=START + 111 * MS), [0, 1], [0], [0, 1], ["x", "y", "z"]),
    ],
)  # fmt: skip
def test_filters(wanted: Filter, connections: list[int], exchanges: list[int], lookups: list[int], anomalies: list[str]) -> None:
    assert ids(wanted) == (connections, exchanges, lookups, anomalies)


def test_findings_are_made_over_what_is_left() -> None:
    kept = apply(WHOLE, NOTHING._replace(connections=frozenset({1})))
    assert {number for row in kept.findings for number in row.connections} == {1}
    assert {number for row in WHOLE.findings for number in row.connections} > {1}


EXCHANGES = Table("exchanges", Exchange, [
    exchange(0, A, has_more=False), exchange(1, A, operation="GetItem", status=400, server_ns=25 * MS, has_more=True),
    exchange(2, A, operation=None, status=None, server_ns=None, has_more=None, request_start_ns=START + 1),
])  # fmt: skip
LOOKUPS = Table(
    "lookups",
    Lookup,
    [lookup(0), lookup(1, answers=(), connection_ids=()), lookup(2, answers=("192.0.2.1", "192.0.2.2"), connection_ids=(3, 4))],
)
FINDINGS = Table("findings", Finding, [finding(), finding(share=None), finding(share=0.05)])


@pytest.mark.parametrize(
    "table, text, kept",
    [
        (EXCHANGES, "operation=GetItem", [1]),
        (EXCHANGES, "operation==GetItem", [1]),
        (EXCHANGES, " operation != GetItem ", [0]),
        (EXCHANGES, "operation~get", [1]),
        (EXCHANGES, "operation=", []),
        (EXCHANGES, "operation>H", [0]),
        (EXCHANGES, "status=200", [0]),
        (EXCHANGES, "status>=400", [1]),
        (EXCHANGES, "status<400", [0]),
        (EXCHANGES, "status<=400", [0, 1]),
        (EXCHANGES, "status>200", [1]),
        (EXCHANGES, "status~40", [1]),
        (EXCHANGES, "server_ns>20ms", [1]),
        (EXCHANGES, "server_ns>=25000us", [1]),
        (EXCHANGES, "server_ns>=25000µs", [1]),
        (EXCHANGES, "server_ns<0.025 s", [0]),
        (EXCHANGES, "server_ns=4000000", [0]),
        (EXCHANGES, "server_ns=4000000ns", [0]),
        (EXCHANGES, "server_ns>-1", [0, 1]),
        (EXCHANGES, f"request_start_ns={START + 1}", [2]),
        (EXCHANGES, "request_start_ns=1795000000.000000001s", [2]),
        (EXCHANGES, "has_more=yes", [1]),
        (EXCHANGES, "has_more=false", [0]),
        (EXCHANGES, "has_more!=TRUE", [0]),
        (LOOKUPS, "answers=192.0.2.1", [2]),
        (LOOKUPS, "answers!=192.0.2.1", [0, 1]),
        (LOOKUPS, "connection_ids=4", [2]),
        (LOOKUPS, "answers~3.218", [0]),
        (FINDINGS, "share>0.1", [0]),
        (FINDINGS, "share<1", [0, 2]),
    ],
)  # fmt: skip
def test_conditions(table: Table[Any], text: str, kept: list[int]) -> None:
    holds = condition(table, text)
    assert [index for index, row in enumerate(table) if holds(row)] == kept


@pytest.mark.parametrize(
    "table, text, message",
    [
        (EXCHANGES, "operation", "cannot read the condition"),
        (EXCHANGES, "=GetItem", "cannot read the condition"),
        (EXCHANGES, "speed=3", "no column 'speed'"),
        (EXCHANGES, "status=ok", "status is a number"),
        (EXCHANGES, "status>3ms", "status is a number"),
        (EXCHANGES, "server_ns>20 minutes", "server_ns is a number"),
        (EXCHANGES, "status=" + "9" * 5000, "status is a number"),
        (EXCHANGES, "has_more=1", "has_more is true or false"),
        (LOOKUPS, "answers<3", "is a list, which has no order"),
    ],
)
def test_conditions_that_cannot_be_read(table: Table[Any], text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        condition(table, text)


def awaited() -> Analysis:
    """A call on connection 0 that waited for a dialogue on connection 2, one on connection 1, and a dialogue that nobody waited for."""
    asked = exchange(3, C, service="imds", operation="GetRoleCredentials")
    first = call(0, A, credentials_ns=5 * MS, exchange_ids=(0,), connection_ids=(0, 3))
    other = call(1, B, exchange_ids=(1,))
    dialogues = [dialogue(2, C, exchange_ids=(3,)), dialogue(3, connection(4), exchange_ids=())]
    rows = spans(first)
    rows[0] = rows[0]._replace(dialogue_id=2)
    beside = connection(3, server_address="192.0.2.9", server_name="elsewhere", service=None, exchanges=0)
    return analysis(
        [A, B, C, beside, connection(4, service="sts", server_name="sts")],
        [exchange(0, A), exchange(1, B, service="logs"), asked],
        lookups=[lookup(0, connection_ids=(2,), start_ns=START - 900 * MS), lookup(1, connection_ids=(1,))],
        calls=[first, other, *dialogues],
        spans=[*rows, *spans(dialogues[0], first=20)],
    )


def parts(wanted: Filter, **options: bool) -> dict[str, list[int]]:
    kept = apply(awaited(), wanted, **options)
    return {
        "calls": [row.call_id for row in kept.calls],
        "connections": [row.connection_id for row in kept.connections],
        "exchanges": [row.exchange_id for row in kept.exchanges],
        "lookups": [row.lookup_id for row in kept.lookups],
        "spans": sorted({row.call_id for row in kept.spans}),
    }


ONLY_DYNAMODB = NOTHING._replace(services=frozenset({"dynamodb"}))


def test_a_dialogue_that_a_kept_call_waited_for_stays_with_all_that_belongs_to_both() -> None:
    assert parts(ONLY_DYNAMODB) == {"calls": [0, 2], "connections": [0, 2, 3], "exchanges": [0, 3], "lookups": [0], "spans": [0, 2]}


def test_what_is_on_the_wire_passes_by_itself_alone() -> None:
    found = parts(ONLY_DYNAMODB, whole_calls=False)
    assert (found["connections"], found["exchanges"], found["lookups"]) == ([0], [0], [])


@pytest.mark.parametrize(
    "wanted, calls",
    [
        (NOTHING._replace(services=frozenset({"imds"})), []),
        (NOTHING._replace(hosts=frozenset({"169.254.169.254"})), [2]),
        (NOTHING._replace(hosts=frozenset({"elsewhere"})), [0, 2]),
        (NOTHING._replace(services=frozenset({"sts"})), [3]),
        (NOTHING._replace(connections=frozenset({1})), [1]),
        (NOTHING._replace(since_ns=START + 50 * MS), [1, 2, 3]),
        (NOTHING._replace(until_ns=START + 50 * MS), [0, 2]),
        (NOTHING._replace(connections=frozenset({0}), since_ns=START + 50 * MS), []),
    ],
)
def test_calls_pass_by_their_connections_and_their_start(wanted: Filter, calls: list[int]) -> None:
    assert parts(wanted)["calls"] == calls


def test_links_of_kept_calls_lead_somewhere() -> None:
    kept = apply(awaited(), NOTHING._replace(hosts=frozenset({"elsewhere"})))
    connections, exchanges = {row.connection_id for row in kept.connections}, {row.exchange_id for row in kept.exchanges}
    for row in kept.calls:
        assert set(row.connection_ids) <= connections
        assert set(row.exchange_ids) <= exchanges
    assert {row.dialogue_id for row in kept.spans} - {None} <= {row.call_id for row in kept.calls}
