"""The lines of one call: contiguous, with words, packets and a filter each; attempts and dialogues drawn together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Handshake, Span
from analyzer.model.table import Table
from analyzer.report.happened import CAUSES
from analyzer.report.steps import Step, Steps
from tests.factory import MS, START, analysis, call, connection, dialogue, exchange, later, lookup, span, spans

UNDER = connection()


def made(row: Call, parts: list[Span], *others: Call, more: list[Span] | None = None, about: Any = None, **options: Any) -> list[Step]:
    answer: Analysis = about or analysis(
        options.pop("connections", [UNDER]), options.pop("exchanges", [exchange(0, UNDER)]), calls=[row, *others],
        spans=[*parts, *(more or [])], **options,
    )  # fmt: skip
    return Steps(answer, row).make()


def test_the_lines_of_an_ordinary_call() -> None:
    row = call()
    lines = made(row, spans(row))
    assert [(step.phase, step.duration_ns) for step in lines] == [
        ("connect", 10 * MS), ("client", MS), ("send", MS), ("wait", 14 * MS), ("receive", 2 * MS),
    ]  # fmt: skip
    assert [step.text for step in lines] == [
        "TCP handshake with 3.218.180.10:80",
        "the program's own time, between connect and send",
        "request POST /, 800 B",
        "until the first byte of the answer (200)",
        "answer, 600 B",
    ]
    assert [step.start_ns for step in lines][1:] == [step.end_ns for step in lines][:-1]


def test_a_wait_is_split_as_its_exchange_says() -> None:
    row = call()
    (wait,) = [step for step in made(row, spans(row)) if step.phase == "wait"]
    assert [(part.name, part.duration_ns) for part in wait.parts] == [("network", 10 * MS), ("server", 4 * MS)]
    lost = [exchange(0, UNDER, wait_stall_ns=3 * MS, server_ns=MS)]
    (wait,) = [step for step in made(row, spans(row), exchanges=lost) if step.phase == "wait"]
    assert [part.name for part in wait.parts] == ["stall", "network", "server"]
    dark = [exchange(0, UNDER, network_ns=None, server_ns=None)]
    (wait,) = [step for step in made(row, spans(row), exchanges=dark) if step.phase == "wait"]
    assert wait.parts == ()


def test_a_wait_for_100_continue_has_no_parts() -> None:
    row = call()
    rows = spans(row, ("send", MS), ("wait", 10 * MS))
    rows[1] = rows[1]._replace(causes=("expect-continue",))
    assert made(row, rows)[1].parts == ()
    assert made(row, rows)[1].text.endswith("; the client waited for 100 Continue")


@pytest.mark.parametrize(
    "first, last, connection_id, phase, text",
    [
        (19, 31, 0, "connect", "frame.number >= 19 && frame.number <= 31 && tcp.stream == 0"),
        (19, 19, 4, "send", "frame.number == 19 && tcp.stream == 4"),
        (19, 31, 0, "dns", "frame.number >= 19 && frame.number <= 31 && dns"),
        (19, 31, None, "connect", "frame.number >= 19 && frame.number <= 31"),
        (None, None, 0, "client", "frame.time_epoch >= 1795000000.000000000 && frame.time_epoch <= 1795000000.001000000"),
    ],
)
def test_filters(first: int | None, last: int | None, connection_id: int | None, phase: str, text: str) -> None:
    row = call()
    part = span(row, phase, 0, MS, first_packet_id=first, last_packet_id=last, connection_id=connection_id)
    (step,) = made(row, [part])
    assert step.display_filter == text
    assert (step.first_packet_id, step.last_packet_id) == (first, last)


def test_silence_is_shown_by_the_packets_around_it() -> None:
    row = call()
    parts = [
        span(row, "connect", 0, MS, first_packet_id=1, last_packet_id=3),
        span(row, "client", MS, MS, first_packet_id=None, last_packet_id=None, connection_id=None),
        span(row, "send", 2 * MS, MS, first_packet_id=7, last_packet_id=8, connection_id=2),
        span(row, "wait", 3 * MS, MS, first_packet_id=12, last_packet_id=12, connection_id=2),
    ]
    lines = made(row, parts)
    assert [(step.first_packet_id, step.last_packet_id) for step in lines] == [(1, 3), (3, 7), (7, 8), (8, 12)]
    assert lines[1].display_filter == "frame.number >= 3 && frame.number <= 7 && tcp.stream in {0, 2}"
    assert lines[3].display_filter == "frame.number >= 8 && frame.number <= 12 && tcp.stream == 2"


def test_wait_and_receive_meet_at_the_first_packet_of_the_answer() -> None:
    row = call()
    parts = [
        span(row, "send", 0, MS, span_id=0, first_packet_id=7, last_packet_id=8),
        span(row, "wait", MS, MS, span_id=1, first_packet_id=8, last_packet_id=10),
        span(row, "receive", 2 * MS, MS, span_id=2, first_packet_id=10, last_packet_id=12),
    ]
    lines = made(row, parts)
    assert [(step.first_packet_id, step.last_packet_id) for step in lines] == [(7, 8), (8, 10), (10, 12)]
    assert lines[1].display_filter == "frame.number >= 8 && frame.number <= 10 && tcp.stream == 0"


@pytest.mark.parametrize(
    "closed_by, words", [("client", ", closed by the client"), ("server-reset", ", reset by the server"), ("open", "")]
)
def test_who_ended_an_attempt(closed_by: str, words: str) -> None:
    row = call(0, attempts=3, duration_ns=30 * MS)
    silent = [exchange(0, UNDER, outcome="no-response", request_start_ns=START, status=None, response_start_ns=None)]
    under = connection(0, closed_by=closed_by, closed_ns=START + 5 * MS, closed_packet_id=11)
    lines = made(row, attempts(row), exchanges=silent, connections=[under])
    assert lines[0].text == f"POST / got no answer{words} (connect 1.0 ms, wait 4.0 ms)"
    assert lines[0].last_packet_id == 11
    late = made(row, attempts(row), exchanges=silent, connections=[under._replace(closed_ns=START + 6 * MS)])
    assert late[0].text == "POST / got no answer (connect 1.0 ms, wait 4.0 ms)"
    assert late[0].last_packet_id == 9


def attempts(row: Call) -> list[Span]:
    """Two failed attempts, each after a pause but the first, then an answer."""
    return [
        span(row, "failed", 0, MS, span_id=0, inner_phase="connect", attempt=1),
        span(row, "failed", MS, 4 * MS, span_id=1, inner_phase="wait", attempt=1, first_packet_id=None, last_packet_id=None),
        span(row, "backoff", 5 * MS, 5 * MS, span_id=2, attempt=2, connection_id=None, first_packet_id=None, last_packet_id=None),
        span(row, "failed", 10 * MS, 5 * MS, span_id=3, inner_phase="wait", attempt=2, causes=("imds-version-1",)),
        span(row, "wait", 15 * MS, 15 * MS, span_id=4, attempt=3),
    ]


def test_a_failed_attempt_is_one_line() -> None:
    row = call(0, attempts=3, duration_ns=30 * MS)
    silent = [exchange(0, UNDER, outcome="no-response", request_start_ns=START, status=None, response_start_ns=None)]
    lines = made(row, attempts(row), exchanges=silent)
    assert [(step.phase, step.attempt, step.duration_ns // MS) for step in lines] == [
        ("failed", 1, 5), ("backoff", 2, 5), ("failed", 2, 5), ("wait", 3, 15),
    ]  # fmt: skip
    assert lines[0].text == "POST / got no answer (connect 1.0 ms, wait 4.0 ms)"
    assert lines[1].text == "pause before attempt 2; 1st retry of standard mode: up to 25.0 ms expected, 5.0 ms seen"
    assert lines[2].text == "POST / got no answer (wait 5.0 ms); without a token (IMDSv1)"
    assert lines[3].text == "no answer came in this time"
    assert lines[0].span_ids == (0, 1)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"outcome": "error", "status": 503, "error_type": None}, "POST / was answered 503"),
        ({"outcome": "error", "status": 400, "error_type": "ThrottlingException"}, "POST / was answered 400 ThrottlingException"),
        ({"outcome": "undelivered"}, "the answer to POST / did not reach the client"),
        ({"outcome": "cut", "status": 200}, "the answer to POST / (200) broke off (connect 1.0 ms"),
        ({"outcome": "cut", "status": None}, "the answer to POST / broke off (connect 1.0 ms"),
    ],
)
def test_why_an_attempt_failed(changes: dict[str, Any], words: str) -> None:
    row = call(0, attempts=2)
    lines = made(row, attempts(row), exchanges=[exchange(0, UNDER, request_start_ns=START, **changes)])
    assert lines[0].text.startswith(words)


def test_an_attempt_without_a_connection() -> None:
    row = call(0, attempts=2, exchange_ids=())
    lines = made(row, attempts(row), connections=[connection(0, established_ns=None, syn_retransmissions=2)])
    assert lines[0].text.startswith("no connection (")
    lines = made(row, attempts(row))
    assert lines[0].text.startswith("no request was sent (")
    closed = connection(0, established_ns=None, syn_retransmissions=2)
    (step,) = made(row, [span(row, "connect", 0, MS)], connections=[closed])
    assert step.text == "no answer to SYN from 3.218.180.10:80, SYN sent 3 times"


def awaited(row: Call, asked: Call) -> list[Span]:
    """The dialogue's spans as the call waited for them, then its own wait."""
    inner = [
        part._replace(
            span_id=100 + n, call_id=row.call_id, phase="credentials", inner_phase=part.phase, attempt=None, dialogue_id=asked.call_id
        )
        for n, part in enumerate(attempts(asked))
    ]
    return [*inner, span(row, "wait", 30 * MS, 10 * MS, span_id=200)]


def test_a_dialogue_is_told_by_its_attempts() -> None:
    asked = dialogue(9, UNDER, attempts=3, exchange_ids=(0,))
    row = call(0, exchange_ids=(1,), credentials_ns=30 * MS)
    rows = [exchange(0, UNDER, request_start_ns=START, method="PUT", target="/latest/api/token"), later(1, UNDER, 1)]
    lines = made(row, awaited(row, asked), asked, more=attempts(asked), exchanges=rows)
    assert [(step.phase, step.attempt, step.duration_ns // MS) for step in lines] == [
        ("credentials", None, 5), ("credentials", None, 5), ("credentials", None, 5), ("credentials", None, 15), ("wait", 1, 10),
    ]  # fmt: skip
    assert (
        lines[0].text
        == "imds GetCredentials (call 9): attempt 1 failed: PUT /latest/api/token was answered 200 (connect 1.0 ms, wait 4.0 ms)"
    )
    assert lines[1].text == "imds GetCredentials (call 9): pause before attempt 2"
    assert lines[3].text == "imds GetCredentials (call 9): attempt 3: PUT /latest/api/token -> 200"
    assert [step.label for step in lines] == ["credentials 1", "- pause", "credentials 2", "credentials 3", "wait"]


def test_a_dialogue_that_is_not_here_is_one_line() -> None:
    asked = dialogue(9, UNDER, attempts=3)
    row = call(0)
    lines = made(row, awaited(row, asked))
    assert (lines[0].phase, lines[0].text) == ("credentials", "waited for credentials (call 9)")
    assert len(lines) == 2
    (first, *_) = made(row, awaited(row, asked), asked)
    assert first.text == "waited for imds GetCredentials (call 9)"


def test_names_are_looked_up_in_words() -> None:
    row = call(0, dns_ns=4 * MS)
    part = span(row, "dns", 0, 4 * MS)
    asked = [
        lookup(0, start_ns=START, tries=3),
        lookup(1, type="AAAA", start_ns=START, end_ns=None),
        lookup(2, connection_ids=(7,), name="x"),
    ]
    (step,) = made(row, [part], lookups=asked)
    assert step.text == "asked 10.0.0.2 for dynamodb.us-east-1.amazonaws.com (A, AAAA); asked 3 times"
    (step,) = made(row, [part], lookups=[lookup(0, start_ns=START, end_ns=None)])
    assert step.text.endswith("(A); no answer")
    (step,) = made(row, [part])
    assert step.text == "name lookup"


def test_handshakes_in_words() -> None:
    row = call(0)
    part = span(row, "tls", 0, MS)
    about = analysis([UNDER], calls=[row], spans=[part])
    assert made(row, [part], about=about)[0].text == "TLS handshake"
    facts = Handshake(0, START, START + MS, MS, "TLS 1.3", None, None, None, False, 2, None, False)
    about.handshakes = Table("handshakes", Handshake, [facts])
    assert made(row, [part], about=about)[0].text == "TLS handshake (TLS 1.3, full, 2 round trips)"


def test_repeats_are_told() -> None:
    row = call()
    again = [exchange(0, UNDER, request_repeats=1, response_repeats=2)]
    texts = [step.text for step in made(row, spans(row), exchanges=again)]
    assert "request POST /, 800 B, 1 segment of it sent again" in texts
    assert "answer, 600 B, 2 segments of it sent again" in texts


def test_causes_are_words_and_unknown_ones_their_code() -> None:
    row = call()
    part = span(row, "connect", 0, MS, causes=(*CAUSES, "odd-thing"), shared=True, evidence="inferred")
    (step,) = made(row, [part])
    assert step.text.endswith("; odd thing; shared with other calls; inferred")
    assert all(words in step.text for words in CAUSES.values())


def test_what_nobody_explains_is_said() -> None:
    row = call()
    (step,) = made(row, [span(row, "unexplained", 0, MS)])
    assert step.text == "nothing that is known explains this time"
    (step,) = made(row, [span(row, "client", 0, MS, connection_id=None)])
    assert step.text == "the program's own time"


PHASES = st.sampled_from(["failed", "backoff", "credentials", "connect", "wait", "client"])
PACKET = st.none() | st.integers(1, 50)


@given(
    st.lists(
        st.tuples(PHASES, st.integers(0, 10**9), st.integers(1, 3), PACKET, PACKET, st.none() | st.integers(0, 2)), min_size=1, max_size=9
    )
)
def test_nothing_is_lost_by_drawing_together(parts: list[tuple[str, int, int, int | None, int | None, int | None]]) -> None:
    row = call()
    rows, at = [], 0
    for number, (phase, took, attempt, one, two, under) in enumerate(parts):
        ids = {"first_packet_id": one, "last_packet_id": two, "connection_id": under}
        rows.append(span(row, phase, at, took, attempt=attempt, **ids)._replace(span_id=number))
        at += took
    lines = made(row, rows)
    assert sum(step.duration_ns for step in lines) == at
    assert [number for step in lines for number in step.span_ids] == list(range(len(parts)))
    assert all(step.display_filter for step in lines)
    assert all((step.first_packet_id or 0) <= (step.last_packet_id or 0) for step in lines)
