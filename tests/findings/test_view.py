"""What rules look up in an answer, found as by looking at each row."""

from __future__ import annotations

from analyzer.findings.pool import stack_of
from analyzer.findings.setup import clients
from analyzer.findings.view import View
from analyzer.model.rows import Handshake
from analyzer.model.table import Table
from tests.factory import MS, START, analysis, call, connection, exchange, later, span, warm

SHAKEN = Handshake(0, START, START + MS, MS, "TLS 1.3", None, None, None, False, 1, None, False)


def test_spans_are_those_of_their_call_in_whatever_order_they_come() -> None:
    calls = [call(0), call(1), call(2)]
    rows = [span(of, phase, START, MS) for of in (calls[2], calls[0]) for phase in ("send", "wait")]
    view = View(analysis([connection()], calls=calls, spans=rows))
    assert [[row.phase for row in view.spans_of(of)] for of in calls] == [["send", "wait"], [], ["send", "wait"]]
    assert view.spans_of(calls[2]) == rows[:2]


def test_calls_and_exchanges_by_connection() -> None:
    first, second = connection(0), connection(1)
    rows = [exchange(0, first), exchange(1, second), later(2, first, 1, outcome="error")]
    calls = [call(0, first), call(1, second), warm(2, first, 1, exchange_ids=(2,))]
    view = View(analysis([first, second], rows, calls=calls))
    assert {number: [one.call_id for one in made] for number, made in view.ended_on.items()} == {0: [0, 2], 1: [1]}
    assert {number: [row.exchange_id for _, row in made] for number, made in view.asked_on.items()} == {0: [0, 2], 1: [1]}
    assert [row.exchange_id for _, row in view.failing] == [2]
    assert [row.exchange_id for _, row in view.answered] == [0, 1, 2]
    assert not view.held_up


def test_connections_are_in_the_calls_that_used_or_tried_them() -> None:
    rows = [connection(number) for number in range(4)]
    made = [call(0, rows[0], connection_ids=(0, 1)), call(1, rows[2], connection_ids=())]
    view = View(analysis(rows, calls=made))
    assert view.called == set(view.calls_on) == {0, 1, 2}


def test_set_up_that_may_be_anothers() -> None:
    calls = [call(number) for number in range(3)]
    rows = [
        span(calls[0], "connect", START, MS),
        span(calls[1], "connect", START, MS, evidence="inferred"),
        span(calls[2], "wait", START, MS, evidence="inferred"),
    ]
    assert View(analysis([connection()], calls=calls, spans=rows)).guessed == {1}


def test_a_handshake_that_did_not_finish_is_not_the_first() -> None:
    about = analysis()
    about.handshakes = Table("handshakes", Handshake, [SHAKEN._replace(end_ns=None), SHAKEN, SHAKEN._replace(version="TLS 1.2")])
    assert View(about).finished_on == {0: SHAKEN}


def test_clients_hold_their_calls_in_order_whatever_connection_they_used() -> None:
    first, second, third = connection(0, exchanges=2), connection(1), connection(2)
    asked = [exchange(0, first), exchange(1, second), later(2, first, 1), exchange(3, third)]
    made = [call(0, first, exchange_ids=(0,)), call(1, second, exchange_ids=(1,)), warm(2, first, 1, exchange_ids=(2,)),
            call(3, third, exchange_ids=(3,), sdk="go")]  # fmt: skip
    groups = clients(View(analysis([first, second, third], asked, calls=made)))
    assert [[one.call_id for one in group.calls] for group in groups] == [[0, 1, 2], [3]]
    assert [[one.call.call_id for one in group.single] for group in groups] == [[1], [3]]
    assert groups[0].others == {0}


def test_where_every_connection_is_reused_nobody_wastes_any() -> None:
    under = connection(exchanges=2)
    assert clients(View(analysis([under], [exchange(0, under), later(1, under, 1)], calls=[call(0), warm(1, under, 1)]))) == []


def test_the_stack_of_a_fingerprint_is_its_ciphers() -> None:
    prints = {"t13d1516h2_8daaf6152771_e5627efa2ab1": "8daaf6152771", "t13": "", "": "", "a_b": "b"}
    assert {ja4: stack_of(SHAKEN._replace(ja4=ja4)) for ja4 in prints} == prints
    assert stack_of(SHAKEN) == stack_of(None) == ""
