"""throttled and server-errors-retried: what a refused or failed attempt cost, and the pauses after it; look-alikes cost nothing."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.backoff import retry_of, words
from analyzer.findings.rules import server_errors_retried, throttled
from analyzer.findings.service_words import MOST_FINDINGS
from analyzer.findings.tries import failed_tries
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Finding, Span
from tests.factory import MS, START, analysis, call, connection, exchange, spans

CAPACITY = {"status": 400, "error_type": "ProvisionedThroughputExceededException", "outcome": "error"}
BROKEN = {"status": 500, "error_type": "InternalServerError", "outcome": "error"}
RESET = {"status": None, "outcome": "no-response", "response_start_ns": None, "response_end_ns": None, "response_packet_id": None}
FINE: dict[str, Any] = {}
FAILED_MS, LAST_MS = 15, 17


class Story:
    """One call whose attempts went as told: each failed one took 15 ms, the pauses are as given, the last took 17 ms."""

    def __init__(
        self, *attempts: dict[str, Any], pauses_ms: tuple[int, ...] = (), number: int = 0, under: Connection | None = None
    ) -> None:
        row = under or connection(number)
        at = START + number * 10_000 * MS
        self.under = row
        self.exchanges: list[Exchange] = []
        self.spans: list[Span] = []
        first = at
        base = 100 * number
        for index, how in enumerate(attempts):
            last = index == len(attempts) - 1
            facts = {
                "request_start_ns": at, "request_end_ns": at + MS, "response_start_ns": at + 14 * MS, "response_end_ns": at + 15 * MS,
                "attempt": index + 1, "invocation_id": f"call-{number}", "request_packet_id": base + 10 * index + 1,
                "response_packet_id": base + 10 * index + 2, "idle_before_ns": MS, "index_on_connection": 5, **how,
            }  # fmt: skip
            self.exchanges.append(exchange(10 * number + index, row, **facts))
            parts = (("send", 1), ("wait", 14), ("receive", 2)) if last else (("send", 1), ("wait", 13), ("receive", 1))
            for phase, took in parts:
                self._span(index + 1, phase if last else "failed", None if last else phase, at, took * MS, row)
                at += took * MS
            if not last:
                pause = pauses_ms[index] * MS if index < len(pauses_ms) else 0
                if pause:
                    self._span(index + 2, "backoff", None, at, pause, None)
                at += pause
        final = attempts[-1]
        failed = (len(attempts) - 1) * FAILED_MS * MS
        self.call: Call = call(
            number, row, start_ns=first, end_ns=at, duration_ns=at - first, attempts=len(attempts), connect_ns=0, client_ns=0, reused=True,
            failed_ns=failed, backoff_ns=at - first - failed - LAST_MS * MS, exchange_ids=tuple(one.exchange_id for one in self.exchanges),
            ok=final.get("outcome", "ok") == "ok", error_type=final.get("error_type"), status=final.get("status", 200),
        )  # fmt: skip

    def _span(self, attempt: int, phase: str, inner: str | None, start: int, took: int, row: Connection | None) -> None:
        one = spans(call(0), (phase, took), first=len(self.spans))[0]
        self.spans.append(
            one._replace(
                call_id=self.exchanges[-1].exchange_id // 10, attempt=attempt, inner_phase=inner, start_ns=start, end_ns=start + took,
                connection_id=row.connection_id if row is not None else None,
            )
        )  # fmt: skip


def about(*stories: Story, **changes: Any) -> Analysis:
    return analysis(
        [story.under for story in stories],
        [row for story in stories for row in story.exchanges],
        calls=[story.call._replace(**changes) for story in stories],
        spans=[span for story in stories for span in story.spans],
    )


def refusals(*stories: Story, **changes: Any) -> list[Finding]:
    return list(throttled.check(View(about(*stories, **changes))))


def failures(*stories: Story, **changes: Any) -> list[Finding]:
    return list(server_errors_retried.check(View(about(*stories, **changes))))


def test_each_failed_try_has_its_time_and_its_pause() -> None:
    story = Story(CAPACITY, BROKEN, FINE, pauses_ms=(500, 20))
    view = View(about(story))
    tries = failed_tries(view, story.call)
    assert [(one.exchange.exchange_id, one.failed_ns, one.backoff_ns) for one in tries] == [(0, 15 * MS, 500 * MS), (1, 15 * MS, 20 * MS)]
    assert [one.following.exchange_id if one.following else None for one in tries] == [1, 2]
    assert failed_tries(view, Story(FINE, number=3).call) == []


def test_a_throttled_call_pays_for_refusals_and_pauses() -> None:
    other = Story(FINE, number=1)
    (row,) = refusals(Story(CAPACITY, CAPACITY, FINE, pauses_ms=(700, 1_500)), other)
    assert (row.code, row.severity, row.confidence, row.decides) == ("throttled", "warning", "proven", None)
    assert row.summary == (
        "1 of 2 Query calls on Orders was throttled: 2230 ms of its 2247 ms (99 %) went to refused attempts and the pauses after them. "
        "2 answers said ProvisionedThroughputExceededException; the pauses alone took 2200 ms. Back-off: 1st retry of standard mode: up to "
        "1000 ms expected, 700 ms seen; 2nd retry: up to 2000 ms expected, 1500 ms seen."
    )
    assert (row.cost_ns, row.calls, row.exchanges) == (2_230 * MS, (0,), (0, 1))
    assert row.share == pytest.approx(2230 / (2247 + 17))
    assert (row.packet_ids, row.display_filter) == ((2, 12), "frame.number in {2, 12}")
    assert "more capacity" in row.remedy
    assert "retries={'mode': 'adaptive'}" in row.remedy


def test_only_the_refused_attempts_are_charged() -> None:
    story = Story(CAPACITY, BROKEN, FINE, pauses_ms=(500, 20))
    view = View(about(story))
    (first,), (second,) = list(throttled.check(view)), list(server_errors_retried.check(view))
    assert (first.cost_ns, second.cost_ns) == (515 * MS, 35 * MS)
    assert first.cost_ns + second.cost_ns == story.call.failed_ns + story.call.backoff_ns


def test_a_call_that_failed_for_good_is_an_error() -> None:
    (row,) = refusals(Story(CAPACITY, CAPACITY, pauses_ms=(700,)))
    assert row.severity == "error"
    assert row.cost_ns == 715 * MS
    assert "1 call failed for good." in row.summary
    (row,) = refusals(Story(CAPACITY))
    assert (row.severity, row.cost_ns) == ("error", 0)
    assert row.summary == (
        "The only Query call on Orders was throttled; 1 call failed for good. 1 answer said ProvisionedThroughputExceededException."
    )


@pytest.mark.parametrize(
    "answer, refused",
    [
        ({"status": 400, "error_type": "ThrottlingException", "outcome": "error"}, True),
        ({"status": 429, "error_type": None, "outcome": "error"}, True),
        ({"status": 503, "error_type": "SlowDown", "outcome": "error"}, True),
        ({"status": 503, "error_type": None, "outcome": "error"}, True),
        ({"status": 400, "error_type": "ConditionalCheckFailedException", "outcome": "error"}, False),
        ({"status": 400, "error_type": "ValidationException", "outcome": "error"}, False),
        ({"status": 400, "error_type": None, "outcome": "error"}, False),
        ({"status": 200}, False),
        (BROKEN, False),
    ],
)
def test_what_is_throttling(answer: dict[str, Any], refused: bool) -> None:
    assert bool(refusals(Story(answer, FINE, pauses_ms=(30,)))) is refused


def test_tables_are_told_apart_and_sdks_have_their_words() -> None:
    first = Story({**CAPACITY, "table_name": "A"}, {"table_name": "A"}, pauses_ms=(30,))
    second = Story({**CAPACITY, "table_name": "B"}, {"table_name": "B"}, pauses_ms=(30,), number=1)
    found = refusals(first, second, sdk="js-v3")
    assert [row.calls for row in found] == [(0,), (1,)]
    assert all("retryMode: 'adaptive'" in row.remedy for row in found)


def test_seldom_refusals_are_information() -> None:
    rows = [Story(FINE, number=number) for number in range(1, 120)]
    (row,) = refusals(Story(CAPACITY, FINE, pauses_ms=(30,)), *rows)
    assert row.severity == "info"


def test_dialogues_are_another_matter() -> None:
    assert refusals(Story(CAPACITY, FINE), service="imds") == []
    assert failures(Story(BROKEN, FINE), service="imds") == []


@pytest.mark.parametrize(
    "how, pauses, text",
    [
        ({"sdk_version": "1.40.1"}, (50, 101, 203), "legacy mode: 50.0 ms expected, 50.0 ms seen; 2nd retry: 100 ms expected, 101 ms"),
        ({"retry_mode": "standard"}, (50, 101), "1st retry of standard mode: up to 1000 ms expected, 50.0 ms seen; 2nd"),
        ({}, (50, 101, 203), "203 ms seen; by default this version is in standard mode."),
        ({}, (2500,), "1st retry: 2500 ms seen, longer than any mode of boto3 allows (1000 ms there, 20.0 s is the longest)"),
        ({"sdk": "go-v1"}, (100,), "100 ms seen, 500 ms to 1000 ms expected: the pauses are not those of SDK for Go 1 by default"),
        ({"sdk": "go-v1"}, (700,), "1st retry of SDK for Go 1: 500 ms to 1000 ms expected, 700 ms seen."),
    ],
)
def test_the_pauses_are_held_against_the_back_off(how: dict[str, Any], pauses: tuple[int, ...], text: str) -> None:
    story = Story(*[{**CAPACITY, **how}] * len(pauses), how, pauses_ms=pauses)
    (row,) = refusals(story)
    assert text in row.summary


def test_retries_are_counted_by_the_request_itself() -> None:
    """Attempts before the capture are not seen, but their number is."""
    story = Story({**CAPACITY, "attempt": 3}, {"attempt": 4}, pauses_ms=(3900,))
    view = View(about(story))
    (one,) = failed_tries(view, story.call)
    found = retry_of(view, one)
    assert found is not None
    assert (found.number, found.kind, found.took_ns) == (3, "throttling", 3900 * MS)
    assert "3rd retry of standard mode: up to 4000 ms expected, 3900 ms seen." in words(view, [one])


def test_far_from_the_client_the_way_there_and_back_is_in_the_pause() -> None:
    story = Story({**CAPACITY, "sdk": "js-v2"}, {"sdk": "js-v2"}, pauses_ms=(100,), under=connection(0, client_rtt_ns=60 * MS))
    assert "1st retry of legacy mode: up to 50.0 ms expected" in refusals(story)[0].summary
    story = Story({**CAPACITY, "sdk": "js-v2"}, {"sdk": "js-v2"}, pauses_ms=(100,))
    assert "longer than any mode" in refusals(story)[0].summary


@pytest.mark.parametrize("how", [{"sdk": None}, {"sdk": "who"}, {"sdk": "kotlin"}])
def test_nothing_is_said_of_what_is_not_known(how: dict[str, Any]) -> None:
    assert "Back-off" not in refusals(Story({**CAPACITY, **how}, how, pauses_ms=(30,)))[0].summary
    assert "Back-off" not in refusals(Story({**CAPACITY, **how}, how))[0].summary


def test_the_service_failed_and_the_sdk_tried_again() -> None:
    (row,) = failures(Story(BROKEN, BROKEN, FINE, pauses_ms=(20, 45)), Story(FINE, number=1))
    assert (row.code, row.severity, row.confidence, row.decides) == ("server-errors-retried", "warning", "proven", None)
    assert row.summary == (
        "1 of 2 Query calls had to be tried again because DynamoDB failed: 95.0 ms of its 112 ms (85 %) went to failed attempts and the "
        "pauses after them. 2 attempts ended with InternalServerError (2). Back-off: 1st retry of standard mode: up to 25.0 ms expected, "
        "20.0 ms seen; 2nd retry: up to 50.0 ms expected, 45.0 ms seen. Request id: REQUEST0 and 1 more."
    )
    assert (row.cost_ns, row.calls, row.exchanges) == (95 * MS, (0,), (0, 1))
    assert row.packet_ids == (1, 2, 11, 12, 21)


@pytest.mark.parametrize(
    "how, under, words",
    [
        (RESET, {"closed_by": "server-reset"}, "a reset in place of an answer (1)"),
        (RESET, {"closed_by": "server"}, "an end of the connection in place of an answer (1)"),
        (
            {**RESET, "outcome": "cut", "response_start_ns": START, "status": 200},
            {"closed_by": "server-reset"},
            "an answer that broke off (1)",
        ),
        ({"status": 502, "error_type": None, "outcome": "error"}, {}, "status 502 (1)"),
        ({**RESET, "index_on_connection": 0, "idle_before_ns": None}, {"closed_by": "server-reset"}, "a reset"),
        ({**RESET, "idle_before_ns": 5_000 * MS, "request_acknowledged": True}, {"closed_by": "server-reset"}, "a reset"),
    ],
)
def test_ways_to_fail(how: dict[str, Any], under: dict[str, Any], words: str) -> None:
    (row,) = failures(Story(how, FINE, under=connection(0, closed_packet_id=77, **under), pauses_ms=(30,)))
    assert words in row.summary
    assert row.cost_ns == 45 * MS
    assert row.confidence == "proven"


def test_silence_is_likely_the_service_if_it_took_the_request() -> None:
    silent = {**RESET, "request_acknowledged": True}
    (row,) = failures(Story(silent, FINE, under=connection(0, closed_by="client"), pauses_ms=(30,)))
    assert row.confidence == "likely"
    assert row.decides is not None
    assert "no answer before the client gave up (1)" in row.summary


@pytest.mark.parametrize(
    "how, under",
    [
        ({**RESET, "idle_before_ns": 600 * MS, "request_acknowledged": False}, {"closed_by": "server-reset"}),
        ({**RESET, "idle_before_ns": 600 * MS, "request_acknowledged": None}, {"closed_by": "server"}),
        ({**RESET, "idle_before_ns": None, "request_acknowledged": False}, {"closed_by": "server-reset"}),
        ({**RESET, "request_acknowledged": False}, {"closed_by": "client"}),
        ({**RESET, "request_acknowledged": False}, {"closed_by": "middlebox-reset"}),
        ({"status": 400, "error_type": "ValidationException", "outcome": "error"}, {}),
        (CAPACITY, {}),
    ],
    ids=["dead after idle", "idle, unknown", "unknown idle", "silence without ACK", "a middlebox", "the client's fault", "throttled"],
)
def test_what_is_no_failure_of_the_service(how: dict[str, Any], under: dict[str, Any]) -> None:
    assert failures(Story(how, FINE, under=connection(0, **under), pauses_ms=(30,))) == []


def test_an_error_that_was_not_retried_is_not_a_retry() -> None:
    assert failures(Story(BROKEN)) == []


def test_without_an_invocation_id_it_is_likely() -> None:
    (row,) = failures(Story({**BROKEN, "invocation_id": None}, {"invocation_id": None}, pauses_ms=(30,)))
    assert row.confidence == "likely"
    assert row.decides is not None


def test_hostile_error_types_survive() -> None:
    (row,) = refusals(Story({**CAPACITY, "table_name": "\x1b[0m"}, {"table_name": "\x1b[0m"}))
    assert "\x1b[0m" in row.summary
    (row,) = failures(Story({**BROKEN, "error_type": "{x}%s"}, FINE))
    assert "{x}%s (1)" in row.summary


def test_very_many_tables_give_few_findings() -> None:
    stories = [Story({**CAPACITY, "table_name": f"T{number}"}, FINE, pauses_ms=(30,), number=number) for number in range(60)]
    calls = [story.call._replace(table_name=f"T{story.call.call_id}") for story in stories]
    everything = about(*stories)
    found = list(
        throttled.check(View(analysis(list(everything.connections), list(everything.exchanges), calls=calls, spans=list(everything.spans))))
    )
    assert len(found) == MOST_FINDINGS
