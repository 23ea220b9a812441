"""idle-connection-closed and stale-connection: one ends in silence and is found gone, the other is found dead by a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzer.findings.rules import cold_connection, idle_connection_closed, stale_connection
from analyzer.findings.rules.stale_connection import death
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Finding, Span
from analyzer.narrow import Filter, apply
from analyzer.pipeline import read
from analyzer.units import SECOND
from tests.factory import MS, START, analysis, call, connection, exchange, later, spans, warm

RULES = (stale_connection, idle_connection_closed, cold_connection)
PAUSE = 5_000 * MS
"""From the first connection's set-up to the second's."""


def found(about: Analysis) -> list[Finding]:
    view = View(about)
    return [row for rule in RULES for row in rule.check(view)]


def moved(number: int, by: int, **changes: Any) -> Connection:
    """A connection that is opened `by` ns after START."""
    row = connection(number)
    shift = by - (row.first_ns - START)
    times = ("first_ns", "last_ns", "syn_ns", "established_ns", "closed_ns", "client_closed_ns")
    return row._replace(**{name: getattr(row, name) + shift for name in times})._replace(**changes)


def after_a_pause(old: dict[str, Any] | None = None, new: dict[str, Any] | None = None, asked: dict[str, Any] | None = None) -> Analysis:
    """Two calls on a connection that ends 4 s after the last answer, then a call on a new one."""
    closed = START + 4_078 * MS
    first = connection(0, exchanges=2, closed_by="server", closed_ns=closed, server_closed_ns=closed, client_closed_ns=START + PAUSE)
    first = first._replace(**(old or {}))
    second = moved(1, PAUSE)
    rows = [exchange(0, first), later(1, first, 1, **(asked or {})), exchange(2, second)]
    calls = [call(0, first), warm(1, first, 1), call(2, second, **(new or {}))]
    return analysis([first, second], rows, calls=calls)


def test_the_service_ended_an_idle_connection() -> None:
    row, cold = found(after_a_pause())
    assert row.summary == (
        "1 of 3 Query calls opened a connection again (10.0 ms) because the service had closed the idle one after 4000 ms. "
        "That is a timer of 4 s. A FIN ended "
        "1 connection with no request outstanding. The new one cost 10.0 ms, 14 % of the time of all calls."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns, row.calls) == (
        "idle-connection-closed", "warning", "proven", 10 * MS, (2,),
    )  # fmt: skip
    assert row.share == pytest.approx(10 / 73)
    assert (row.connections, row.packet_ids) == ((0, 1), (19, 21))
    assert row.display_filter == (
        "((tcp.flags.fin == 1 || tcp.flags.reset == 1) && tcp.stream == 0) || (tcp.flags.syn == 1 && tcp.stream == 1)"
    )
    assert "4000 ms" in row.remedy
    assert (cold.code, cold.calls) == ("cold-connection", (0,))


def test_each_connection_that_was_ended_answers_for_one_call() -> None:
    first = after_a_pause()
    third = moved(2, PAUSE + 10 * MS)
    about = analysis(
        [*first.connections, third],
        [*first.exchanges, exchange(3, third)],
        calls=[*first.calls, call(3, third)],
    )
    assert [(row.code, row.calls) for row in found(about)] == [("idle-connection-closed", (2,)), ("cold-connection", (0, 3))]


@pytest.mark.parametrize("by, words", [("server-reset", "were reset"), ("middlebox-reset", "was reset after 4000 ms")])
def test_a_reset_may_be_of_something_on_the_way(by: str, words: str) -> None:
    row = found(after_a_pause({"closed_by": by}))[0]
    assert "the idle one was reset after 4000 ms" in row.summary
    assert "by the service, or by a NAT or firewall in its name" in row.summary
    assert "tcp_keepalive=True" in row.remedy
    assert words.split()[-1] in row.summary


def test_who_probes_already_is_not_told_to() -> None:
    row = found(after_a_pause({"closed_by": "server-reset", "keep_alives": 3}))[0]
    assert "TCP keep-alive is on already (3 probes here)" in row.remedy
    assert "more often than every 4000 ms" in row.remedy
    assert "turn on" not in row.remedy


def test_one_answered_request_and_no_sign_of_the_pool_is_likely() -> None:
    about = after_a_pause({"exchanges": 1, "client_closed_ns": START + 4_079 * MS})
    row = found(about)[0]
    assert (row.code, row.confidence) == ("idle-connection-closed", "likely")
    assert row.decides is not None


def test_a_client_that_closes_its_own_idle_connections_is_told_so() -> None:
    own = {"closed_by": "client", "closed_ns": START + 12_078 * MS}
    about = after_a_pause(own)
    second = moved(1, 15_000 * MS)
    calls = [*(row._replace(sdk="python-aiobotocore") for row in list(about.calls)[:2]), call(2, second, sdk="python-aiobotocore")]
    rows = [*(row._replace(sdk="python-aiobotocore") for row in list(about.exchanges)[:2]), exchange(2, second)]
    (row, _) = found(analysis([about.connections[0], second], rows, calls=calls))
    assert (row.code, row.severity, row.confidence) == ("idle-connection-closed", "info", "likely")
    assert "the client had closed its own idle one after 12.0 s" in row.summary
    assert "keepalive_timeout" in row.remedy


@pytest.mark.parametrize(
    "ends_ms, idle_ms, codes",
    [
        ((30_000, 90_000), (20_000, 20_500), ["idle-connection-closed", "cold-connection"]),
        ((30_000, 30_010), (20_000, 20_010), ["cold-connection"]),  # a pool shut down at once
        ((30_000, 90_000), (20_000, 45_000), ["cold-connection"]),  # no limit: two ends of programs
    ],
)
def test_an_idle_limit_shows_in_equal_idle_times(ends_ms: tuple[int, int], idle_ms: tuple[int, int], codes: list[str]) -> None:
    rows, asked, calls = [], [], []
    for number, (end, idle) in enumerate(zip(ends_ms, idle_ms, strict=True)):
        old = moved(2 * number, (end - idle) * MS, closed_ns=START + (end + 28) * MS)
        new = moved(2 * number + 1, (120_000 + 100 * number) * MS)
        rows += [old, new]
        asked += [exchange(2 * number, old), exchange(2 * number + 1, new)]
        calls += [call(2 * number, old), call(2 * number + 1, new)]
    calls.sort(key=lambda row: row.start_ns)
    rows = [row._replace(exchanges=2) for row in rows]  # so that nothing looks like one connection a request
    told = found(analysis(rows, asked, calls=calls))
    assert [row.code for row in told] == codes
    assert [row.severity for row in told if row.code == "idle-connection-closed"] == ["info"] * (len(codes) - 1)


@pytest.mark.parametrize(
    "old, new, asked",
    [
        ({"closed_by": "client"}, {}, {}),
        ({"closed_by": "open", "closed_ns": None}, {}, {}),
        ({"closed_ns": START + 500 * MS}, {}, {}),
        ({"closed_ns": START + PAUSE + MS}, {}, {}),
        ({"client_address": "10.0.1.24"}, {}, {}),
        ({"server_name": "logs.us-east-1.amazonaws.com"}, {}, {}),
        ({"copy_of": 5}, {}, {}),
        ({}, {"sdk": "js-v3"}, {}),
        ({}, {"connect_ns": 0, "reused": True}, {}),
        ({}, {"service": "imds"}, {}),
        ({}, {}, {"closes": "server"}),
        ({}, {}, {"response_end_ns": None, "outcome": "no-response"}),
    ],
    ids=["own", "open", "at-once", "later", "client", "server", "copy", "sdk", "warm", "imds", "announced", "outstanding"],
)
def test_what_looks_like_an_idle_close(old: dict[str, Any], new: dict[str, Any], asked: dict[str, Any]) -> None:
    assert "idle-connection-closed" not in [row.code for row in found(after_a_pause(old, new, asked))]


def dead(asked: dict[str, Any] | None = None, under: dict[str, Any] | None = None, quiet: int = 12 * MS, **changes: Any) -> Analysis:
    """A call whose first try goes out on an idle connection and is reset 12 ms later; 5 ms pause, then a new connection and the answer."""
    old = connection(0, exchanges=2, closed_by="server-reset", closed_packet_id=24)
    sent = START + PAUSE
    old = old._replace(closed_ns=sent + quiet, server_closed_ns=sent + quiet, client_closed_ns=None, last_ns=sent + quiet)
    old = old._replace(**(under or {}))
    lost = exchange(1, old)._replace(
        index_on_connection=1, idle_before_ns=4_000 * MS, request_start_ns=sent, request_end_ns=sent, response_start_ns=None,
        response_end_ns=None, outcome="no-response", request_acknowledged=False, first_packet_id=23, **(asked or {}),
    )  # fmt: skip
    new = moved(1, PAUSE + quiet + 5 * MS)
    final = exchange(2, new)
    took = quiet + 5 * MS + 28 * MS
    second = call(1, new, start_ns=sent, duration_ns=took, end_ns=sent + took, failed_ns=quiet, backoff_ns=5 * MS, attempts=2)
    second = second._replace(exchange_ids=(1, 2), connection_ids=(0, 1), **changes)
    parts = [("failed", quiet), ("backoff", 5 * MS), ("connect", 10 * MS), ("client", MS), ("send", MS), ("wait", 14 * MS)]
    return analysis([old, new], [exchange(0, old), lost, final], calls=[call(0, old), second], spans=spans(second, *parts))


def test_a_reset_instead_of_an_answer_on_an_idle_connection() -> None:
    row, cold = found(dead())
    assert row.summary == (
        "Query took 45.0 ms; 27.0 ms of it was lost on a connection that was already dead. The connection had been idle for 4000 ms. The "
        "request was answered by a reset (RST) instead of being acknowledged. Then a new connection was opened and the request sent again."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns) == ("stale-connection", "warning", "proven", 27 * MS)
    assert row.share == pytest.approx(27 / 73)
    assert (row.calls, row.exchanges, row.connections, row.packet_ids) == ((1,), (1,), (0, 1), (23, 24, 21))
    assert row.display_filter.startswith("(tcp.stream == 0 && (tcp.flags.reset == 1")
    assert row.display_filter.endswith(" || frame.number in {21, 23}")
    assert (cold.code, cold.calls) == ("cold-connection", (0,))


def test_who_sent_the_reset_is_told_where_it_shows() -> None:
    by_ttl = found(dead(under={"closed_by": "middlebox-reset"}))[0].summary
    assert "The reset likely came from something on the way (a NAT or firewall), not from the service: its TTL is not that of" in by_ttl
    by_speed = found(dead(under={"closed_by": "middlebox-reset"}, quiet=4 * MS))[0].summary
    assert "The reset came 4.0 ms after the request, but a round trip to the service takes 10.0 ms: something nearer" in by_speed
    assert "sent it, not the service" not in found(dead(quiet=4 * MS))[0].summary
    crossed = dead(under={"closed_by": "server", "server_closed_ns": START + PAUSE + MS})
    assert "crossed the service's FIN" in found(crossed)[0].summary


def test_silence_until_the_client_gives_up() -> None:
    row = found(dead({"request_repeats": 4}, {"closed_by": "client", "server_closed_ns": None}, quiet=4_000 * MS))[0]
    assert (row.cost_ns, row.confidence) == (4_015 * MS, "likely")
    assert row.decides is not None
    assert "The request was repeated and never acknowledged until the client gave up." in row.summary


def test_a_call_that_fails_for_good_loses_all_its_time() -> None:
    about = dead({"request_repeats": 4}, {"closed_by": "client", "server_closed_ns": None}, quiet=4_000 * MS)
    only = about.calls[1]._replace(
        attempts=1, ok=False, connection_id=0, connection_ids=(0,), exchange_ids=(1,), failed_ns=0, backoff_ns=0, connect_ns=0, client_ns=0,
        send_ns=0, receive_ns=0, wait_ns=4_000 * MS, wait_stall_ns=3_800 * MS, network_ns=None, server_ns=None, duration_ns=4_000 * MS,
        reused=True,
    )  # fmt: skip
    about = analysis(
        list(about.connections), list(about.exchanges)[:2], calls=[about.calls[0], only], spans=spans(only, ("wait", 4_000 * MS))
    )
    row = found(about)[0]
    assert (row.code, row.severity, row.cost_ns) == ("stale-connection", "error", 4_000 * MS)
    assert row.summary.endswith("The program got an error.")


def test_a_retry_on_an_open_connection_opened_none() -> None:
    about = dead()
    open_already = moved(1, 0)
    second = about.calls[1]._replace(connect_ns=0, client_ns=0, reused=True)
    rows, asked = [about.connections[0], open_already], list(about.exchanges)
    row = found(analysis(rows, asked, calls=[about.calls[0], second], spans=list(about.spans)))[0]
    assert row.summary.endswith("Then the request was sent again on a connection that was already open.")
    assert open_already.first_packet_id not in row.packet_ids


def cut(quiet: int = 4_000 * MS, **under: Any) -> Analysis:
    """The capture ends in the silence after the first try: no answer, no error, no other try."""
    about = dead({"request_repeats": 4}, {"closed_by": "open", "server_closed_ns": None, "closed_ns": None, **under}, quiet=quiet)
    only = about.calls[1]._replace(
        attempts=1, ok=None, truncated="end", connection_id=0, connection_ids=(0,), exchange_ids=(1,), failed_ns=0, backoff_ns=0,
        connect_ns=0, client_ns=0, send_ns=0, receive_ns=0, wait_ns=quiet, wait_stall_ns=quiet, network_ns=None, server_ns=None,
        duration_ns=quiet, end_ns=about.calls[1].start_ns + quiet, reused=True,
    )  # fmt: skip
    return analysis([about.connections[0]], list(about.exchanges)[:2], calls=[about.calls[0], only], spans=spans(only, ("wait", quiet)))


def test_a_capture_that_ends_in_the_silence_tells_of_no_other_try() -> None:
    row = found(cut())[0]
    assert row.summary.startswith("Query took at least 4000 ms; 4000 ms of it was lost on a connection that was already dead.")
    assert row.summary.endswith("was repeated and never acknowledged. The capture ends before an answer or another try.")
    assert "gave up" not in row.summary
    assert "sent again" not in row.summary


def test_a_client_that_closes_in_the_silence_gave_up() -> None:
    row = found(cut(closed_by="client", client_closed_ns=START + PAUSE + 3_900 * MS))[0]
    assert row.summary.endswith("never acknowledged until the client gave up. The capture shows no other try.")


def test_what_was_tried_again_is_told_apart_from_what_the_capture_ends_in() -> None:
    one, last = dead({"request_repeats": 4}, {"closed_by": "client", "server_closed_ns": None}, quiet=4_000 * MS), cut()
    old = last.connections[0]._replace(connection_id=7)
    lost = last.exchanges[1]._replace(exchange_id=8, connection_id=7)
    open_still = last.calls[1]._replace(call_id=5, exchange_ids=(8,), connection_ids=(7,), connection_id=7)
    more = spans(open_still, ("wait", 4_000 * MS), first=50)
    about = analysis([*one.connections, old], [*one.exchanges, lost], calls=[*one.calls, open_still], spans=[*one.spans, *more])
    row = found(about)[0]
    assert "gave up" not in row.summary
    assert row.summary.endswith(
        "Then a new connection was opened and the request sent again. 1 of 2 times the capture ends before an answer or another try."
    )


def test_errors_are_told_apart_from_calls_that_were_saved() -> None:
    one = dead()
    old = one.connections[0]._replace(connection_id=7)
    lost = one.exchanges[1]._replace(exchange_id=8, connection_id=7)
    failed = one.calls[1]._replace(call_id=5, exchange_ids=(8,), connection_ids=(7,), connection_id=7, attempts=1, ok=False)
    more: list[Span] = [row._replace(call_id=5, span_id=row.span_id + 50) for row in one.spans]
    about = analysis([*one.connections, old], [*one.exchanges, lost], calls=[*one.calls, failed], spans=[*one.spans, *more])
    row = found(about)[0]
    assert row.summary.endswith("Then a new connection was opened and the request sent again. 1 of 2 times the program got an error.")


def test_several_calls_are_one_finding() -> None:
    one = dead()
    old = one.connections[0]._replace(connection_id=7)
    lost = one.exchanges[1]._replace(exchange_id=8, connection_id=7)
    again = one.calls[1]._replace(call_id=5, exchange_ids=(8, 2), connection_ids=(7, 1))
    more: list[Span] = [row._replace(call_id=5, span_id=row.span_id + 50) for row in one.spans]
    about = analysis([*one.connections, old], [*one.exchanges, lost], calls=[*one.calls, again], spans=[*one.spans, *more])
    row = found(about)[0]
    assert row.cost_ns == 54 * MS
    assert row.summary.startswith("2 of 3 Query calls lost 54.0 ms on connections that were already dead (46 % of the time of all calls).")


@pytest.mark.parametrize(
    "asked, under",
    [
        ({"request_acknowledged": True}, {}),
        ({"request_acknowledged": None}, {}),
        ({"index_on_connection": 0}, {}),
        ({"outcome": "cut", "response_start_ns": START + PAUSE + MS}, {}),
        ({"status": 500, "outcome": "error", "response_start_ns": START + PAUSE + MS}, {}),
        ({}, {"closed_by": "client", "server_closed_ns": None}),
        ({"request_repeats": 1}, {"closed_by": "client", "server_closed_ns": None, "client_closed_ns": START + PAUSE + 20 * MS}),
        ({"request_start_ns": None}, {}),
    ],
    ids=["read", "one-way", "first", "mid-answer", "500", "changed-mind", "soon", "no-request"],
)
def test_what_looks_like_a_stale_connection(asked: dict[str, Any], under: dict[str, Any]) -> None:
    about = dead({}, under)
    rows: list[Exchange] = [about.exchanges[0], about.exchanges[1]._replace(**asked), about.exchanges[2]]
    about = analysis(list(about.connections), rows, calls=list(about.calls), spans=list(about.spans))
    assert "stale-connection" not in [row.code for row in found(about)]


def unread(asked: dict[str, Any] | None = None, **changes: Any) -> Analysis:
    """A reset in answer to the second request on a connection, then a new one; nothing joins them without plaintext."""
    reset = START + 5_072 * MS
    old = connection(0, exchanges=2, closed_by="server-reset", closed_ns=reset, server_closed_ns=reset, client_closed_ns=None)
    new = moved(1, 5_100 * MS)
    dead = later(1, old, 1, request_start_ns=reset - MS, request_end_ns=reset - MS, response_start_ns=None, response_end_ns=None)
    dead = dead._replace(outcome="no-response", request_acknowledged=False, status=None, idle_before_ns=4_000 * MS, **(asked or {}))
    lost = warm(1, old, 1, start_ns=reset - MS, end_ns=reset, duration_ns=MS, send_ns=0, wait_ns=MS, receive_ns=0, network_ns=None)
    lost = lost._replace(server_ns=None, ok=False, evidence="inferred", operation=None)
    opened = call(2, new, evidence="inferred", operation=None)._replace(**changes)
    calls = [call(0, old, operation=None), lost, opened]
    return analysis([old, new], [exchange(0, old), dead, exchange(2, new)], calls=calls, spans=spans(lost))


def test_without_plaintext_the_next_connection_is_likely_the_next_try() -> None:
    row, _ = found(unread())
    assert row.summary.startswith(
        "1 request went out on a connection already dead, and the next on a new one: 11.0 ms lost (19 % of the time of all calls). The "
        "connection had been idle for 4000 ms."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns) == ("stale-connection", "warning", "likely", 11 * MS)
    assert (row.calls, row.connections) == ((1, 2), (0, 1))
    assert row.decides is not None
    assert "TLS keys" in row.decides


@pytest.mark.parametrize("change", [{"reused": True}, {"start_ns": START + 6_100 * MS}, {"evidence": "measured", "service": "imds"}])
def test_what_is_no_next_try(change: dict[str, Any]) -> None:
    rows = [row for row in found(unread(**change)) if row.code == "stale-connection"]
    assert [(row.calls, row.severity, row.cost_ns) for row in rows] == [((1,), "error", MS)]


def test_a_connection_opened_ahead_may_be_dead_at_its_first_request() -> None:
    about = dead()
    lost = about.exchanges[1]._replace(index_on_connection=0)
    assert death(lost, about.connections[0]) is None
    assert death(lost, about.connections[0]._replace(opened_ahead=True)) == "reset"


def test_names_from_the_wire_do_no_harm() -> None:
    hostile = "\x00\x1b]0;x\x07" + "z" * 500
    about = dead()
    calls: list[Call] = [row._replace(operation=hostile, sdk=hostile) for row in about.calls]
    rows = [row._replace(server_name=hostile) for row in about.connections]
    told = found(analysis(rows, list(about.exchanges), calls=calls, spans=list(about.spans)))
    assert [row.code for row in told] == ["stale-connection", "cold-connection"]
    assert all(hostile not in row.display_filter for row in told)


def test_a_part_of_a_capture_is_diagnosed_with_what_came_before() -> None:
    """Seen from the pause on, the calls opened connections because of closes that lie before it."""
    whole = read(Path(__file__).parents[2] / "captures" / "cold-start.pcap")
    assert whole.capture.first_ns is not None
    part = apply(whole, Filter(frozenset(), frozenset(), whole.capture.first_ns + 6 * SECOND, None, frozenset()))
    costs = {row.code: (row.calls, row.cost_ns) for row in part.findings}
    assert costs["idle-connection-closed"] == next(
        (row.calls, row.cost_ns) for row in whole.findings if row.code == "idle-connection-closed"
    )
    assert "cold-connection" not in costs
