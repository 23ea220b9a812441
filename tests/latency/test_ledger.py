"""The ledger: what each phase is, by numbers worked out by hand, and that it closes whatever the drafts say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.latency import callrow, ledger, reckon
from analyzer.latency.callrow import PHASES
from analyzer.model.draft import Activity, Attempt, Draft, Placed
from analyzer.model.rows import Call, Exchange, Span, Stall
from tests.factory import MS, START, connection, exchange, later


def draft(*attempts: Attempt, **changes: Any) -> Draft:
    return Draft("dynamodb", "Query", attempts, None, "measured")._replace(**changes)


def attempt(row: Exchange, set_up: Sequence[tuple[str, int, int]] = (), *, failed: bool = False, **changes: Any) -> Attempt:
    """An attempt at an exchange; set-up is (phase, from, to) in ms from START."""
    pieces = tuple(Activity(phase, START + begun * MS, START + over * MS, 0, 1, 2) for phase, begun, over in set_up)
    asked, end = row.request_start_ns or 0, row.response_end_ns or 0
    start = pieces[0].start_ns if pieces else asked
    return Attempt(row, connection(), pieces, start, max(end, asked), failed)._replace(**changes)


def at(begun: int, sent: int, first: int | None, end: int | None, **changes: Any) -> Exchange:
    """An exchange at these ms from START."""
    times = [None if ms is None else START + ms * MS for ms in (begun, sent, first, end)]
    row = exchange(0)._replace(request_start_ns=times[0], request_end_ns=times[1], response_start_ns=times[2], response_end_ns=times[3])
    server = 0 if first is None else (first - sent) * MS - 10 * MS
    return row._replace(server_ns=server)._replace(**changes)


def phases(spans: Sequence[Span]) -> list[tuple[str, str | None, int, int]]:
    """(phase, inner phase, from, to) in ms from START."""
    return [(span.phase, span.inner_phase, (span.start_ns - START) // MS, (span.end_ns - START) // MS) for span in spans]


def one(made: Draft, *before: Placed) -> tuple[Call, list[Span]]:
    calls, spans = reckon([*before, Placed(made, (), False)])
    return calls[-1], [span for span in spans if span.call_id == calls[-1].call_id]


def closes(call: Call, spans: Sequence[Span]) -> None:
    """The property: contiguous spans from start to end that add up, by phase, to the columns."""
    assert call.duration_ns == call.end_ns - call.start_ns >= 0
    assert sum(getattr(call, f"{phase}_ns") for phase in PHASES) == call.duration_ns
    reached = call.start_ns
    for span in spans:
        assert span.start_ns == reached
        assert span.end_ns >= reached
        assert span.phase in PHASES
        reached = span.end_ns
    assert reached == call.end_ns
    for phase in PHASES:
        took = sum(span.end_ns - span.start_ns for span in spans if span.phase == phase)
        assert getattr(call, f"{phase}_ns") == took


def test_a_cold_call() -> None:
    call, spans = one(draft(attempt(at(30, 31, 50, 55), [("dns", 0, 5), ("connect", 6, 26)])))
    assert phases(spans) == [
        ("dns", None, 0, 5), ("client", None, 5, 6), ("connect", None, 6, 26), ("client", None, 26, 30), ("send", None, 30, 31),
        ("wait", None, 31, 50), ("receive", None, 50, 55),
    ]  # fmt: skip
    assert (call.duration_ns, call.attempts, call.reused, call.ok) == (55 * MS, 1, False, True)
    assert (call.wait_stall_ns, call.network_ns, call.server_ns) == (0, 10 * MS, 9 * MS)
    closes(call, spans)


def test_a_warm_call_has_no_set_up() -> None:
    call, spans = one(draft(attempt(later(1, connection(), 1))))
    assert [span.phase for span in spans] == ["send", "wait", "receive"]
    assert call.reused
    closes(call, spans)


def test_the_short_way_for_usual_calls_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Placed(draft(attempt(later(number, connection(), number))), (), False) for number in range(1, 4)]
    quick = reckon(made)
    monkeypatch.setattr(ledger, "usual", lambda *args: None)
    assert reckon(made) == quick
    assert callrow.usual(0, made[0].draft, 0) is not None  # or the comparison compares nothing


def test_a_retry_keeps_what_failed_and_the_pause() -> None:
    first = attempt(at(12, 13, 20, 21, status=500, outcome="error"), [("connect", 0, 10)], failed=True)
    second = attempt(at(40, 41, 50, 52))
    call, spans = one(draft(first, second))
    assert phases(spans) == [
        ("failed", "connect", 0, 10), ("failed", "client", 10, 12), ("failed", "send", 12, 13), ("failed", "wait", 13, 20),
        ("failed", "receive", 20, 21), ("backoff", None, 21, 40), ("send", None, 40, 41), ("wait", None, 41, 50),
        ("receive", None, 50, 52),
    ]  # fmt: skip
    assert [span.attempt for span in spans] == [1, 1, 1, 1, 1, 2, 2, 2, 2]
    assert (call.attempts, call.failed_ns, call.backoff_ns, call.connect_ns) == (2, 21 * MS, 19 * MS, 0)
    closes(call, spans)


def test_an_attempt_without_answer_ends_where_the_next_begins() -> None:
    silent = attempt(at(0, 1, None, None, outcome="no-response"), failed=True, end_ns=START + 500 * MS)
    call, spans = one(draft(silent, attempt(at(100, 101, 110, 111))))
    assert phases(spans)[:2] == [("failed", "send", 0, 1), ("failed", "wait", 1, 100)]
    assert call.backoff_ns == 0
    closes(call, spans)


def test_a_try_that_came_to_no_connection_is_told_once() -> None:
    """As its set-up, where that is known in pieces; else as the time in which it tried to connect."""
    tried = Attempt(None, connection(), (), START, START + 30 * MS, True)
    call, spans = one(draft(tried, attempt(at(40, 41, 50, 52))))
    assert phases(spans)[:2] == [("failed", "connect", 0, 30), ("backoff", None, 30, 40)]
    closes(call, spans)
    pieces = (Activity("dns", START, START + 5 * MS, None, 1, 2), Activity("connect", START + 5 * MS, START + 20 * MS, 0, 3, 4))
    call, spans = one(draft(tried._replace(set_up=pieces), attempt(at(40, 41, 50, 52))))
    assert phases(spans)[:3] == [("failed", "dns", 0, 5), ("failed", "connect", 5, 20), ("backoff", None, 20, 40)]
    closes(call, spans)


def test_attempts_known_of_but_not_seen_leave_an_unexplained_gap() -> None:
    first = attempt(at(0, 1, 5, 6, status=500, outcome="error"), failed=True)
    call, spans = one(draft(first, attempt(at(50, 51, 60, 61), unseen=1)))
    assert ("unexplained", None, 6, 50) in phases(spans)
    assert call.attempts == 3
    closes(call, spans)


def test_an_answer_before_the_request_has_ended_ends_send() -> None:
    call, spans = one(draft(attempt(at(0, 20, 10, 30))))
    assert phases(spans) == [("send", None, 0, 10), ("receive", None, 10, 30)]
    assert call.wait_ns == 0
    closes(call, spans)


def test_expect_continue_sends_twice() -> None:
    row = at(0, 40, 60, 61, head_end_ns=START + 1 * MS, body_start_ns=START + 30 * MS)
    call, spans = one(draft(attempt(row)))
    assert phases(spans) == [
        ("send", None, 0, 1), ("wait", None, 1, 30), ("send", None, 30, 40), ("wait", None, 40, 60), ("receive", None, 60, 61),
    ]  # fmt: skip
    assert spans[1].causes == ("expect-continue",)
    assert (call.send_ns, call.wait_ns) == (11 * MS, 49 * MS)
    assert (call.network_ns, call.server_ns) == (20 * MS, 29 * MS)
    closes(call, spans)


def test_a_dialogue_is_carried_span_by_span() -> None:
    asked = draft(attempt(at(0, 0, 900, 900)), service="imds", operation="GetCredentials", is_dialogue=True)
    own = draft(attempt(at(950, 951, 960, 961), [("connect", 940, 945)]))
    calls, spans = reckon([Placed(asked, (), False), Placed(own, (0,), False)])
    mine = [span for span in spans if span.call_id == 1]
    assert phases(mine)[:4] == [
        ("credentials", "send", 0, 0), ("credentials", "wait", 0, 900), ("client", None, 900, 940), ("connect", None, 940, 945),
    ]  # fmt: skip
    assert {span.dialogue_id for span in mine if span.phase == "credentials"} == {0}
    assert calls[1].credentials_ns == 900 * MS
    assert calls[1].start_ns == calls[0].start_ns
    closes(calls[1], mine)


@pytest.mark.parametrize("shared", [False, True])
def test_a_dialogue_of_very_many_spans_is_carried_as_one(shared: bool) -> None:
    tries = [attempt(at(3 * number, 3 * number + 1, 3 * number + 2, 3 * number + 2), failed=number < 99) for number in range(100)]
    asked = draft(*tries, service="imds", operation="GetCredentials", is_dialogue=True)
    own = draft(attempt(at(950, 951, 960, 961)))
    calls, spans = reckon([Placed(asked, (), False), Placed(own, (0,), shared)])
    told = [span for span in spans if span.call_id == 0]
    assert len(told) > ledger.MOST_CARRIED
    carried = [span for span in spans if span.call_id == 1 and span.phase == "credentials"]
    assert [(span.start_ns, span.end_ns, span.dialogue_id, span.shared) for span in carried] == [
        (told[0].start_ns, told[-1].end_ns, 0, shared)
    ]
    closes(calls[1], [span for span in spans if span.call_id == 1])


def test_stalls_are_causes_and_never_add() -> None:
    stall = Stall("request-repeated", START + 1 * MS, START + 201 * MS, 9)
    row = at(0, 1, 220, 221, stalls=(stall,), stall_ns=200 * MS, wait_stall_ns=200 * MS, server_ns=9 * MS)
    call, spans = one(draft(attempt(row)))
    assert [span.causes for span in spans] == [(), ("request-repeated",), ()]
    assert (call.stall_ns, call.wait_stall_ns, call.duration_ns) == (200 * MS, 200 * MS, 221 * MS)
    closes(call, spans)


def test_wait_parts_that_do_not_add_up_say_nothing() -> None:
    call, _ = one(draft(attempt(at(0, 1, 20, 21, server_ns=3 * MS))))
    assert (call.network_ns, call.server_ns) == (None, None)


def test_a_stall_is_told_also_where_no_round_trip_is_known() -> None:
    call, _ = one(draft(attempt(at(0, 1, 220, 221, wait_stall_ns=200 * MS, network_ns=None, server_ns=None))))
    assert (call.wait_stall_ns, call.network_ns, call.server_ns) == (200 * MS, None, None)


times = st.integers(0, 60).map(lambda ms: START + ms * MS)
maybe = st.none() | times


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    row = exchange(draw(st.integers(0, 9)))
    return row._replace(
        request_start_ns=draw(times), request_end_ns=draw(maybe), response_start_ns=draw(maybe), response_end_ns=draw(maybe),
        outcome=draw(st.sampled_from(["ok", "error", "undelivered", "cut", "no-response"])),
        head_end_ns=draw(maybe), body_start_ns=draw(maybe), wait_stall_ns=draw(st.none() | st.integers(0, 9 * MS)),
        server_ns=draw(st.none() | st.integers(0, 9 * MS)), network_ns=draw(st.none() | st.integers(0, 9 * MS)),
        stalls=tuple(Stall("response-hole", draw(times), draw(times), None) for _ in range(draw(st.integers(0, 2)))),
    )  # fmt: skip


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    row = draw(st.none() | exchanges())
    pieces = tuple(
        Activity(phase, draw(times), draw(times), draw(st.integers(0, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
        for phase in draw(st.lists(st.sampled_from(["dns", "connect", "tls"]), max_size=3))
    )
    return Attempt(row, connection(), pieces, draw(times), draw(times), draw(st.booleans()), (), (), draw(st.integers(0, 2)))


@given(st.lists(st.lists(attempts(), min_size=1, max_size=4), min_size=1, max_size=4), st.data())
def test_the_ledger_closes_whatever_comes(groups: list[list[Attempt]], data: st.DataObject) -> None:
    placed = []
    for number, group in enumerate(groups):
        chain = tuple(sorted(data.draw(st.sets(st.integers(0, number - 1)) if number else st.just(set()))))
        placed.append(Placed(draft(*group), chain, data.draw(st.booleans())))
    calls, spans = reckon(placed)
    assert [span.span_id for span in spans] == list(range(len(spans)))
    for call in calls:
        closes(call, [span for span in spans if span.call_id == call.call_id])
        assert call.first_packet_id <= call.last_packet_id
        parts = (call.wait_stall_ns, call.network_ns, call.server_ns)
        assert None in parts or sum(part or 0 for part in parts) == call.wait_ns
        assert call.stall_ns is None or 0 <= call.stall_ns <= call.duration_ns
