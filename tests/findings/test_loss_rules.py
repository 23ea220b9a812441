"""syn-retransmitted, packet-loss-stall and zero-window: what the network or a receiver held up, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules import cold_connection, packet_loss_stall, syn_retransmitted, zero_window
from analyzer.findings.rules.packet_loss_stall import timer
from analyzer.findings.stalls import Stalled
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.intervals import union
from analyzer.model.rows import Connection, Finding, Stall
from tests.factory import MS, START, analysis, call, connection, exchange, spans

RULES = (packet_loss_stall, syn_retransmitted, zero_window, cold_connection)


def found(about: Analysis) -> list[Finding]:
    view = View(about)
    return [row for rule in RULES for row in rule.check(view)]


def slow_connect(stall: int, *given_up: Connection, used: dict[str, Any] | None = None, **changes: Any) -> Analysis:
    """A call whose connect took `stall` ns longer than 10 ms."""
    under = connection(0, connect_ns=stall + 10 * MS, syn_retransmissions=1, syn_stall_ns=stall, **(used or {}))
    numbers = (*(row.connection_id for row in given_up), 0)
    one = call(0, under, connect_ns=stall + 10 * MS, duration_ns=stall + 28 * MS, connection_ids=numbers)._replace(**changes)
    return analysis([under, *given_up], [exchange(0, under)], calls=[one])


def unanswered(number: int, at: int, **changes: Any) -> Connection:
    """An address that never answers one SYN sent `at` ns after START."""
    times = {"first_ns": START + at, "last_ns": START + at, "syn_ns": START + at, "established_ns": None, "connect_ns": None}
    row = connection(number, completeness=1, closed_by="open", closed_ns=None, server_address="3.218.180.11", exchanges=0, min_rtt_ns=None)
    return row._replace(**{"packets_sent": 1, "packets_received": 0, "bytes_sent": 0, "bytes_received": 0, **times, **changes})


def test_a_lost_syn() -> None:
    (row,) = found(slow_connect(1_015 * MS))
    assert row.summary == (
        "1 of 1 Query call waited 1015 ms because a SYN got no answer (97 % of the time of all calls). 1 connection came about only when a "
        "SYN sent again after 1015 ms was answered: the first, or the answer to it, was lost. That is the SYN timer (1 s)."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns) == ("syn-retransmitted", "warning", "proven", 1_015 * MS)
    assert (row.calls, row.connections, row.packet_ids) == ((0,), (0,), (1, 3))
    assert row.display_filter == "(tcp.flags.syn == 1 || frame.number == 3) && tcp.stream == 0"
    view = View(slow_connect(1_015 * MS))
    assert [one.cost_ns for one in syn_retransmitted.check(view)] == [1_015 * MS]
    assert view.charge(view.service_calls[0], "connect") == 10 * MS


def test_an_address_that_never_answered() -> None:
    late: dict[str, Any] = {"syn_ns": START + 2_001 * MS, "syn_retransmissions": 0, "syn_stall_ns": 0, "connect_ns": 10 * MS}
    dead = unanswered(1, 0, syn_retransmissions=1, last_ns=START + 1_000 * MS)
    about = slow_connect(2_001 * MS, dead)
    about = analysis([about.connections[0]._replace(**late), dead], list(about.exchanges), calls=list(about.calls))
    row = found(about)[0]
    assert (row.code, row.cost_ns, row.connections) == ("syn-retransmitted", 2_001 * MS, (1, 0))
    assert "1 connection to 3.218.180.11 got no answer at all and was given up." in row.summary
    assert "connect_timeout" in row.remedy


def test_connections_without_readable_calls() -> None:
    rows = [
        unanswered(0, 0),
        connection(1, syn_ns=START + 254 * MS),
        unanswered(2, 390 * MS),
        connection(3, syn_ns=START + 392 * MS),  # another call's: it comes at once
        connection(4, syn_ns=START + 641 * MS),
        connection(5, syn_ns=START + 900 * MS, syn_retransmissions=1, syn_stall_ns=1_000 * MS),
    ]
    (row,) = found(analysis(rows, []))
    assert row.cost_ns == (254 + 251 + 1_000) * MS
    assert (row.share, row.calls) == (None, ())
    assert row.connections == (0, 1, 2, 4, 5)
    assert row.summary.startswith(
        "3 of 4 connections to dynamodb.us-east-1.amazonaws.com waited 1505 ms because a SYN got no answer. 1 connection came about"
    )


def test_late_connections_are_counted_among_their_like() -> None:
    logs = {"server_name": "logs.us-east-1.amazonaws.com"}
    late = [unanswered(0, 0), connection(1, syn_ns=START + 254 * MS)]
    others = [connection(10 + number, **logs) for number in range(3)]
    (row,) = found(analysis([*late, *others], []))
    assert row.summary.startswith("1 of 1 connection to dynamodb.us-east-1.amazonaws.com waited")
    again = connection(2, syn_retransmissions=1, syn_stall_ns=1_000 * MS, **logs)
    (row,) = found(analysis([*late, again, *others], []))
    assert row.summary.startswith("2 of 5 connections to AWS waited")
    refused = connection(1, syn_ns=START + 254 * MS, established_ns=None, completeness=1 | 32)
    (row,) = found(analysis([late[0]._replace(last_ns=START + 250 * MS), refused], []))
    assert row.summary.startswith("1 of 1 connection to dynamodb.us-east-1.amazonaws.com waited")


@pytest.mark.parametrize(
    "rows",
    [
        [connection(0, syn_retransmissions=1, syn_stall_ns=99 * MS)],
        [connection(0, syn_retransmissions=1, syn_stall_ns=1_000 * MS, min_rtt_ns=600 * MS)],
        [connection(0, syn_retransmissions=1, syn_stall_ns=1_000 * MS, service=None)],
        [connection(0, syn_retransmissions=1, syn_stall_ns=1_000 * MS, service="imds")],
        [connection(0, syn_retransmissions=1, syn_stall_ns=1_000 * MS, copy_of=4)],
        [unanswered(0, 0, completeness=1 | 32), connection(1, syn_ns=START + 250 * MS)],
        [unanswered(0, 0, completeness=1 | 2), connection(1, syn_ns=START + 250 * MS)],
        [unanswered(0, 0, icmp_errors=1), connection(1, syn_ns=START + 250 * MS)],
        [unanswered(0, 0, packets_received=9), connection(1, syn_ns=START + 250 * MS)],
        [unanswered(0, 0, bytes_sent=400), connection(1, syn_ns=START + 250 * MS)],
        [unanswered(0, 0), connection(1, syn_ns=START + 60_000 * MS)],
        [unanswered(0, 0), connection(1, syn_ns=START + 50 * MS)],
        [unanswered(0, 0), connection(1, syn_ns=START + 250 * MS, server_name="logs.us-east-1.amazonaws.com")],
        [connection(0, client_rule="port", syn_ns=None, established_ns=None, connect_ns=None, syn_stall_ns=None)],
    ],
    ids=[
        "quick",
        "far",
        "other",
        "imds",
        "copy",
        "refused",
        "overtaken",
        "icmp",
        "uncaptured",
        "one-way",
        "long-ago",
        "at-once",
        "elsewhere",
        "midstream",
    ],
)
def test_what_looks_like_a_lost_syn(rows: list[Connection]) -> None:
    assert found(analysis(rows, [])) == []


STALL = Stall("request-repeated", START + 11 * MS, START + 251 * MS, 17)


def stood_still(*stalls: Stall, rtt: int | None = 40 * MS, long: int = 300 * MS, **changes: Any) -> Analysis:
    """A call that sent 1 ms, waited `long` (all but 50 ms of it for the network to repair itself), and received 200 ms."""
    under = connection(0, min_rtt_ns=rtt)
    asked = exchange(0, under, stalls=stalls)
    one = call(
        0, under, send_ns=MS, wait_ns=long, wait_stall_ns=long - 50 * MS, receive_ns=200 * MS, connect_ns=0, client_ns=0, reused=True
    )
    one = one._replace(start_ns=START + 11 * MS, duration_ns=201 * MS + long, **changes)
    return analysis([under], [asked], calls=[one], spans=spans(one, ("send", MS), ("wait", long), ("receive", 200 * MS)))


def test_a_lost_request() -> None:
    (row,) = found(stood_still(STALL))
    assert row.summary == (
        "Query took 501 ms; 240 ms of it waited for lost packets to be sent again. 1 stall of requests, ended by retransmission timeout "
        "(once, 240 ms)."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns) == ("packet-loss-stall", "warning", "proven", 240 * MS)
    assert row.share == pytest.approx(240 / 501)
    assert (row.calls, row.exchanges, row.connections, row.packet_ids) == ((0,), (0,), (0,), (17,))
    assert row.display_filter.startswith("tcp.stream == 0 && (tcp.analysis.retransmission")


def test_how_many_packets_were_lost_is_said() -> None:
    about = stood_still(STALL)
    facts: dict[str, Any] = {
        "packets_sent": 300,
        "packets_received": 700,
        "retransmissions": 21,
        "spurious_retransmissions": 3,
        "out_of_order": 12,
    }
    damaged = [row._replace(**facts) for row in about.connections]
    (row,) = found(analysis(damaged, list(about.exchanges), calls=list(about.calls), spans=list(about.spans)))
    assert row.summary.endswith(
        " About 30 of the 1 000 packets of this connection were lost (3 %); those whose loss nothing here shows are not counted."
    )


def test_what_happens_at_the_same_time_counts_once() -> None:
    begun = START + 312 * MS
    holes = [Stall("response-hole", begun + at * MS, begun + (at + 40) * MS, 30 + at) for at in (10, 20, 60)]
    (row,) = found(stood_still(*holes))
    assert row.cost_ns == (50 + 40) * MS
    assert "3 stalls of responses, ended by fast retransmit (3 times, 90.0 ms)" in row.summary
    assert union([(5, 9), (1, 3), (2, 4), (9, 11)]) == [(1, 4), (5, 11)]


def test_a_hole_of_half_a_round_trip_is_only_likely() -> None:
    begun = START + 312 * MS
    (row,) = found(stood_still(Stall("response-hole", begun, begun + 20 * MS, 30)))
    assert row.confidence == "likely"
    assert row.decides is not None


def test_several_calls_are_one_finding() -> None:
    one = stood_still(STALL)
    second = connection(1, min_rtt_ns=40 * MS)
    moved = one.calls[0]._replace(call_id=1, exchange_ids=(1,), connection_id=1, connection_ids=(1,), operation="GetItem")
    asked = one.exchanges[0]._replace(exchange_id=1, connection_id=1)
    more = [row._replace(call_id=1, span_id=row.span_id + 9) for row in one.spans]
    about = analysis([*one.connections, second], [*one.exchanges, asked], calls=[*one.calls, moved], spans=[*one.spans, *more])
    (row,) = found(about)
    assert row.cost_ns == 480 * MS
    assert row.summary.startswith(
        "2 of 2 calls waited 480 ms for lost packets to be sent again (48 % of the time of all calls). The longest: call 0, 240 ms of "
        "501 ms."
    )


@pytest.mark.parametrize(
    "about",
    [
        stood_still(Stall("response-hole", START + 312 * MS, START + 314 * MS, 9), rtt=MS),
        stood_still(*[Stall("response-hole", START + at * MS, START + (at + 9) * MS, at) for at in range(320, 480, 20)]),
        stood_still(Stall("request-repeated", START + 12 * MS, START + 12 * MS + MS // 10, 9), rtt=MS // 20),
        stood_still(STALL._replace(end_ns=START + 20 * MS)),
        stood_still(STALL._replace(end_ns=START + 31 * MS), long=2_000 * MS),
        stood_still(STALL, service="imds"),
        stood_still(STALL._replace(end_ns=STALL.start_ns)),
        stood_still(STALL, exchange_ids=()),
    ],
    ids=["reordered", "quarter", "loopback", "cheap", "small-share", "imds", "nothing", "narrowed"],
)
def test_what_looks_like_loss(about: Analysis) -> None:
    assert found(about) == []


@pytest.mark.parametrize(
    "took, rtt, name",
    [
        (240, 40, "retransmission timeout"),
        (700, 40, "retransmission timeout"),
        (41, 40, "fast retransmit"),
        (88, 40, "tail loss probe"),
        (150, 40, "another timer"),
        (20, 40, "another timer"),
        (150, None, "another timer"),
        (200, None, "retransmission timeout"),
        (620, 300, "tail loss probe"),  # two round trips, where a timeout takes 500 ms
        (520, 300, "retransmission timeout"),
        (460, 220, "retransmission timeout or tail loss probe"),
    ],
)
def test_which_timer_it_was(took: int, rtt: int | None, name: str) -> None:
    under = connection(0, min_rtt_ns=None if rtt is None else rtt * MS)
    assert timer(Stalled(call(0, under), under, exchange(0, under), Stall("response-hole", 0, took * MS, None))) == name


def closed(start: int, end: int) -> Stall:
    return Stall("zero-window", START + start * MS, START + end * MS, 40)


def test_a_client_that_did_not_read() -> None:
    (row,) = found(stood_still(closed(320, 400), closed(420, 480)))
    assert row.summary == (
        "Query took 501 ms; for 140 ms of it the client did not read the answer. Its window was closed 2 times, and the other side had "
        "more to send; nothing was lost."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns) == ("zero-window", "warning", "proven", 140 * MS)
    assert (row.calls, row.packet_ids) == ((0,), (40,))
    assert row.display_filter == "tcp.stream == 0 && (tcp.analysis.zero_window || tcp.analysis.window_update)"


def test_a_service_that_did_not_read() -> None:
    about = stood_still(closed(12, 100))
    asked = about.exchanges[0]._replace(request_end_ns=START + 112 * MS)
    one = about.calls[0]._replace(send_ns=101 * MS, wait_ns=200 * MS)
    about = analysis(list(about.connections), [asked], calls=[one], spans=spans(one, ("send", 101 * MS), ("wait", 200 * MS)))
    (row,) = found(about)
    assert row.cost_ns == 88 * MS
    assert "the service did not read the request" in row.summary
    assert "The service reads slowly" in row.remedy


def test_closed_windows_without_readable_calls_have_no_cost() -> None:
    (row,) = found(analysis([connection(0, zero_windows=5), connection(1)], []))
    assert (row.code, row.cost_ns, row.share, row.confidence) == ("zero-window", 0, None, "possible")
    assert row.decides is not None
    for other in ({"service": None}, {"service": "imds"}, {"copy_of": 3}, {"zero_windows": 0}):
        assert found(analysis([connection(0, **{"zero_windows": 5, **other})], [])) == []
    about = stood_still()
    assert found(analysis([about.connections[0]._replace(zero_windows=1)], [], calls=list(about.calls))) == []


def test_closed_windows_are_counted_over_servers() -> None:
    (row,) = found(analysis([connection(0, zero_windows=1)], []))
    assert "On 1 connection to dynamodb.us-east-1.amazonaws.com a receiver closed its window (1 packet says so). " in row.summary
    (row,) = found(analysis([connection(0, zero_windows=1), connection(1, zero_windows=2, server_name="sqs.us-east-1.amazonaws.com")], []))
    assert "On 2 connections to AWS a receiver closed its window (3 packets say so). The calls on them cannot be read" in row.summary


def test_where_packets_were_lost_too_it_is_not_said_that_none_was() -> None:
    about = stood_still(closed(320, 400))
    lossy = [about.connections[0]._replace(retransmissions=2)]
    (row,) = found(analysis(lossy, list(about.exchanges), calls=list(about.calls), spans=list(about.spans)))
    assert row.summary.endswith("Its window was closed 1 time, and the other side had more to send.")


@pytest.mark.parametrize("stall", [closed(320, 329), closed(320, 340)])
def test_windows_that_close_for_a_moment_are_nothing(stall: Stall) -> None:
    assert found(stood_still(stall)) == []


def test_names_from_the_wire_do_no_harm() -> None:
    hostile = "<b>%s{}\x1b" + "q" * 400
    about = stood_still(STALL, closed(320, 400), operation=hostile, sdk=hostile)
    rows = [about.connections[0]._replace(server_name=hostile, zero_windows=3, syn_retransmissions=1, syn_stall_ns=3_000 * MS)]
    told = found(analysis(rows, list(about.exchanges), calls=list(about.calls), spans=list(about.spans)))
    assert [row.code for row in told] == ["packet-loss-stall", "zero-window"]
    assert all(hostile not in row.display_filter for row in told)
    assert [row.code for row in found(analysis(rows, []))] == ["syn-retransmitted", "zero-window"]
