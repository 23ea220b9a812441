"""The first line: the dearest cause with its share, two of them where both matter, else where the time went."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.report.calls import CallLedger
from analyzer.report.headline import headline, where_time_went
from analyzer.report.ledger import Ledger
from analyzer.report.requests import RequestLedger
from tests.factory import MS, START, analysis, call, connection, dialogue, exchange, finding, later, warm

UNDER = connection()


def head(*found: Finding, calls: Any = None, exchanges: Any = None) -> list[str]:
    about = analysis([UNDER], exchanges, calls=[call()] if calls is None else calls, check=lambda _: found)
    ledger: Ledger[Any] = CallLedger(about) if len(about.calls) else RequestLedger(about)
    return headline(about, ledger.operations(), ledger.noun)


def test_it_is_the_first_sentence_of_the_dearest_finding_with_its_share() -> None:
    dear = finding(summary="3 of 6 calls were slow because each opened a connection (88.0 ms). The rest is detail.", share=0.32)
    assert head(dear) == ["3 of 6 calls were slow because each opened a connection (88.0 ms; 32 % of all call time)."]


def test_a_share_that_is_said_is_not_said_again() -> None:
    assert head(finding(summary="62 % of all call time is set-up. More.", share=0.62)) == ["62 % of all call time is set-up."]
    assert head(finding(summary="79 % of their time is distance.", share=0.78)) == ["79 % of their time is distance."]
    assert head(finding(summary="8 400 items (1 %) were read.", share=0.78)) == ["8 400 items (1 %) were read (78 % of all call time)."]


def test_a_title_stands_in_for_a_missing_summary() -> None:
    assert head(finding(summary="", title="Cold connections", share=0.5)) == ["Cold connections (50 % of all call time)."]


@pytest.mark.parametrize(
    "code, share, sentences",
    [("long-round-trip", 0.2, 2), ("long-round-trip", 0.04, 1), ("connection-not-reused", 0.4, 1), ("long-round-trip", None, 1)],
)
def test_a_second_cause_of_another_class_gets_a_sentence(code: str, share: float | None, sentences: int) -> None:
    found = head(finding(summary="One 50 %.", share=0.5), finding(code=code, summary="Two 20 %.", share=share))
    assert found == ["One 50 %.", "Two 20 %."][:sentences]


def test_what_explains_little_leaves_it_to_the_ledger() -> None:
    (line,) = head(finding(share=0.09, severity="warning"), finding(code="capture-incomplete", share=0.9), finding(code="x", share=None))
    assert line == (
        "1 call, on a new connection, took 28.0 ms in all: 36 % opening connections, 36 % network round trips, 14 % the server, "
        "7 % receiving answers, 4 % the program's own time."
    )


def test_information_with_a_share_may_lead() -> None:
    assert head(finding(severity="info", summary="It is far.", share=0.6)) == ["It is far (60 % of all call time)."]


def test_without_service_calls_a_warning_leads() -> None:
    slow = dialogue(duration_ns=4_030 * MS, failed_ns=4_000 * MS, attempts=5)
    about = finding(code="imds-hop-limit", severity="error", share=None, summary="The container waited 4.0 s for credentials. More.")
    assert head(about, calls=[slow]) == ["The container waited 4.0 s for credentials."]
    assert head(finding(share=None), calls=[slow])[0].startswith("imds GetCredentials took 4030 ms")


def test_a_long_dialogue_is_the_headline_where_calls_cannot_be_read() -> None:
    slow = dialogue(0, duration_ns=4_030 * MS, failed_ns=4_000 * MS, attempts=5)
    assert head(calls=[slow, dialogue(1)]) == [
        "imds GetCredentials took 4030 ms and was answered in 5 attempts: 99 % of it attempts that failed."
    ]
    vain = slow._replace(ok=False, status=None)
    assert head(calls=[vain])[0].startswith("imds GetCredentials took 4030 ms and got no answer that helped in 5 attempts")
    (line,) = head(calls=[dialogue(0), dialogue(1)])
    assert line.startswith("2 dialogues, each on a new connection, took 60.0 ms in all: ")


def test_a_dialogue_of_a_single_packet_took_no_time() -> None:
    (line,) = head(calls=[dialogue(0, duration_ns=0, end_ns=START, ok=False)])
    assert line == "imds GetCredentials got no answer that helped in 1 attempt: its first packet is the last that was captured of it."


def test_a_dialogue_does_not_lead_where_calls_can_be_read() -> None:
    slow = dialogue(1, duration_ns=4_030 * MS, failed_ns=4_000 * MS)
    assert head(calls=[call(), slow])[0].startswith("1 call, on a new connection")


@pytest.mark.parametrize(
    "opened, rows, words",
    [(0, 1, "1 call, none of them"), (0, 2, "2 calls, none of them"), (1, 2, "2 calls, 1 of them"), (2, 2, "2 calls, each")],
)
def test_it_says_how_many_opened_a_connection(opened: int, rows: int, words: str) -> None:
    made = [call(number) if number < opened else warm(number, UNDER, 1) for number in range(rows)]
    assert head(calls=made)[0].startswith(f"{words} on a new connection, took ")


def test_waiting_in_vain_has_words_of_its_own() -> None:
    silent = call(ok=False, status=None, network_ns=None, server_ns=None)
    assert "50 % waiting for answers that never came" in head(calls=[silent])[0]


def test_requests_that_took_no_time() -> None:
    row = later(0, UNDER, 1, request_end_ns=START, request_start_ns=START, response_start_ns=START, response_end_ns=START)
    assert head(calls=[], exchanges=[row]) == ["The requests took no time that can be measured."]
    assert head(calls=[], exchanges=[]) == []


def test_long_lists_of_clauses_are_cut() -> None:
    about: Analysis = analysis([UNDER], [exchange(0, UNDER)], calls=[call(dns_ns=3 * MS, tls_ns=3 * MS, backoff_ns=3 * MS)])
    assert where_time_went(CallLedger(about).operations(), "call").count(" % ") == 5
