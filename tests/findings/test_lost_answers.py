"""A late answer behind packets that nobody saw: a lost answer, not a slow server; and what only looks like one."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules import packet_loss_stall, slow_server
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from tests.factory import MS, analysis, call, connection, exchange, spans

LATE = 262 * MS


def calls(unseen: int = 1, late: int = LATE, number: int = 6, **changes: Any) -> Analysis:
    """Some calls of 4 ms server time each, and one that came `late` ns later behind `unseen` packets; the round trip is 40 ms."""
    rows = [connection(at, min_rtt_ns=40 * MS, unseen_packets=unseen if at == number - 1 else 0) for at in range(number)]
    exchanges = [exchange(at, row) for at, row in enumerate(rows)]
    made = [call(at, row) for at, row in enumerate(rows)]
    slow, last = made[-1], exchanges[-1]
    server = 4 * MS + late
    exchanges[-1] = last._replace(server_ns=server, unseen_before_response=unseen, **changes)
    made[-1] = slow._replace(server_ns=server, wait_ns=slow.wait_ns + late, duration_ns=slow.duration_ns + late)
    lines = [line for one in made for line in spans(one, ("connect", one.connect_ns), ("wait", one.wait_ns), ("receive", one.receive_ns))]
    return analysis(rows, exchanges, calls=made, spans=lines)


def found(about: Analysis) -> list[Finding]:
    view = View(about)
    return [row for rule in (packet_loss_stall, slow_server) for row in rule.check(view)]


def test_the_answer_was_lost_and_the_server_was_not_slow() -> None:
    (row,) = found(calls())
    assert (row.code, row.confidence, row.cost_ns, row.calls, row.exchanges) == ("packet-loss-stall", "proven", LATE, (5,), (5,))
    assert "waited for an answer that was lost on its way here and sent again" in row.summary
    assert "1 number (ip.id) that no packet here carries stands before it." in row.summary
    assert row.display_filter == "tcp.stream == 5 && frame.number in {105, 107}"


def test_a_delay_that_no_timer_explains_is_likely_only() -> None:
    rows = found(calls(late=222 * MS + 60 * MS + 3 * MS))
    assert [(row.code, row.confidence) for row in rows] == [("packet-loss-stall", "proven")]
    with_more = calls(late=195 * MS)
    assert [(row.code, row.confidence, row.decides is not None) for row in found(with_more)] == [("packet-loss-stall", "likely", True)]


@pytest.mark.parametrize("about", [calls(unseen=0), calls(late=150 * MS)], ids=["nothing unseen", "sooner than any timeout"])
def test_a_slow_server_stays_one(about: Analysis) -> None:
    assert [row.code for row in found(about)] == ["slow-server"]


def test_a_loss_that_made_nobody_wait_is_none() -> None:
    assert found(calls(late=0)) == []
