"""delayed-ack-stall and expect-continue-wait: each fires, with its figures, and has look-alikes that must not."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules import delayed_ack_stall, expect_continue_wait
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.model.stalls import Held
from tests.factory import MS, START, analysis, call, connection, exchange, spans


def nagle(about: Analysis) -> list[Finding]:
    return list(delayed_ack_stall.check(View(about)))


def asked(about: Analysis) -> list[Finding]:
    return list(expect_continue_wait.check(View(about)))


def held(number: int, sender: str, at: int, took: float = 50, delay: float = 40) -> Held:
    """A stall that begins `at` ms after the request's first byte."""
    begun = START + number * 100 * MS + 11 * MS + at * MS
    end = begun + round(took * MS)
    return Held(sender, begun, end - MS, end, round(delay * MS), 1000 + 2 * number, 1001 + 2 * number)


def stood(count: int = 3, sender: str = "client", *, extra: int = 50, delay: float = 40, **changes: Any) -> Analysis:
    """Calls whose send (of a server: whose receive) lasted `extra` ms longer."""
    connections, exchanges, calls, parts = [], [], [], []
    for number in range(count):
        row = connection(number)
        one = exchange(number, row, held=(held(number, sender, 0 if sender == "client" else 15, extra, delay),))
        phase = "send_ns" if sender == "client" else "receive_ns"
        made = call(number, row)
        made = made._replace(**{phase: getattr(made, phase) + extra * MS, "duration_ns": made.duration_ns + extra * MS, **changes})
        connections.append(row)
        exchanges.append(one)
        calls.append(made)
        parts += spans(made, first=10 * number)
    return analysis(connections, exchanges, calls=calls, spans=parts)


def test_the_client_held_its_requests_back() -> None:
    (row,) = nagle(stood())
    assert row.summary == (
        "3 of 3 Query calls stood still for 50.0 ms each time: the client held the rest of a request back until the server acknowledged "
        "the part before, and the server delayed that ACK. 3 stalls, 150 ms in all (64 % of the time of all calls). The ACKs came 40.0 ms "
        "later than a round trip. That is Linux' delayed ACK (40 ms). Nagle's algorithm is on at the client."
    )
    assert (row.code, row.severity, row.confidence, row.decides) == ("delayed-ack-stall", "warning", "proven", None)
    assert (row.cost_ns, row.calls, row.exchanges, row.connections) == (150 * MS, (0, 1, 2), (0, 1, 2), (0, 1, 2))
    assert row.packet_ids == (1000, 1001, 1002, 1003, 1004, 1005)
    assert row.display_filter == "frame.number in {1000, 1001, 1002, 1003, 1004, 1005}"
    assert row.remedy == delayed_ack_stall.CLIENT


def test_the_server_held_an_answer_back() -> None:
    (row,) = nagle(stood(1, "server", extra=230, delay=202))
    assert "the server held the rest of an answer back until the client acknowledged the part before" in row.summary
    assert "These are" not in row.summary
    assert "That is Linux' longest delayed ACK (200 ms) or the delayed ACK of Windows (200 ms)." in row.summary
    assert (row.confidence, row.cost_ns, row.remedy) == ("likely", 230 * MS, delayed_ack_stall.SERVER)
    assert row.decides is not None
    assert "strace" in row.decides


def test_what_was_charged_before_is_not_charged_again() -> None:
    about = stood()
    view = View(about)
    for one in view.service_calls:
        view.charge(one, "send")
    assert list(delayed_ack_stall.check(view)) == []


@pytest.mark.parametrize(
    "about",
    [
        analysis(),
        stood(0),
        stood(1, extra=15),
        stood(1, duration_ns=4000 * MS),  # not worth a word
        stood(service="imds"),
    ],
)
def test_what_looks_like_nagle(about: Analysis) -> None:
    assert nagle(about) == []


def expecting(wait: int = 12, interim: str | None = "100", count: int = 2, **changes: Any) -> Analysis:
    """Calls that waited `wait` ms between head and body of their request."""
    connections, exchanges, calls = [], [], []
    for number in range(count):
        row = connection(number, service="s3", server_name="bucket.s3.amazonaws.com")
        one = exchange(number, row, operation="PutObject", service="s3", interim=interim)
        begun = one.request_start_ns
        assert begun is not None
        one = one._replace(
            head_end_ns=begun + MS, body_start_ns=begun + (1 + wait) * MS, request_end_ns=begun + (2 + wait) * MS,
            response_start_ns=begun + (16 + wait) * MS, response_end_ns=begun + (18 + wait) * MS,
        )  # fmt: skip
        made = call(number, row, service="s3", operation="PutObject", sdk=None)
        made = made._replace(wait_ns=made.wait_ns + wait * MS, network_ns=20 * MS, server_ns=(4 + wait - 10) * MS)
        connections.append(row)
        exchanges.append(one._replace(**changes))
        calls.append(made._replace(duration_ns=made.duration_ns + wait * MS))
    return analysis(connections, exchanges, calls=calls)


def test_the_service_said_continue() -> None:
    (row,) = asked(expecting())
    assert row.summary == (
        "2 of 2 PutObject calls waited 12.0 ms each between head and body of the request until S3 said 100 Continue: 24.0 ms in all, 30 % "
        "of the time of all calls. A round trip takes 10.0 ms. The client sent the field Expect: 100-continue, so that a refused request "
        "costs no upload."
    )
    assert (row.code, row.severity, row.confidence, row.decides) == ("expect-continue-wait", "warning", "proven", None)
    assert (row.cost_ns, row.calls, row.exchanges) == (24 * MS, (0, 1), (0, 1))
    assert row.display_filter == "tcp.stream in {0, 1} && tcp.len > 0 && frame.number in {4..5, 24..25}"


def test_nobody_said_continue() -> None:
    (row,) = asked(expecting(1003, None, 1))
    assert row.summary.startswith(
        "1 of 1 PutObject call waited 1003 ms between head and body of the request for a 100 Continue that never came: 1003 ms in all, "
    )
    assert "That is the wait for 100 Continue of botocore, Ruby, Go, curl, .NET (1 s)." in row.summary
    assert row.summary.endswith("1 body went out unasked.")
    assert (row.confidence, row.cost_ns) == ("likely", 1003 * MS)
    assert row.decides is not None


@pytest.mark.parametrize(
    "about",
    [
        expecting(2),
        expecting(head_end_ns=None),
        expecting(body_start_ns=None),
        expecting(response_start_ns=START),  # the answer came instead, 417 or another
        analysis(),
    ],
)
def test_what_looks_like_a_wait_for_continue(about: Analysis) -> None:
    assert asked(about) == []
