"""What `explain` says of the pauses between attempts: which retry, what the back-off allows, what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Exchange, Span
from analyzer.report.pauses import pauses
from tests.factory import MS, START, analysis, call, connection, exchange, span

REFUSED = {"status": 400, "error_type": "ThrottlingException", "outcome": "error"}


def story(*pauses_ms: int, number: int = 0, **changes: Any) -> tuple[Call, list[Exchange], list[Span]]:
    """A call refused as often as there are pauses: attempts of 10 ms."""
    under = connection(0)
    rows: list[Exchange] = []
    spans: list[Span] = []
    ids = tuple(range(10 * number, 10 * number + len(pauses_ms) + 1))
    sdk = changes.get("sdk", "python-boto3")
    made = call(number, under, attempts=len(pauses_ms) + 1, start_ns=START, exchange_ids=ids, sdk=sdk)
    at = 0
    for index, pause in enumerate((*pauses_ms, 0), 1):
        facts = {**(REFUSED if pause else {}), "request_start_ns": START + at, "attempt": index, **changes}
        rows.append(exchange(10 * number + index - 1, under, **facts))
        spans.append(span(made, "failed" if pause else "wait", at, 10 * MS, attempt=index, span_id=len(spans) + 100 * number))
        at += 10 * MS
        if pause:
            spans.append(span(made, "backoff", at, pause * MS, attempt=index + 1, span_id=len(spans) + 100 * number, connection_id=None))
            at += pause * MS
    return made, rows, spans


def about(*stories: tuple[Call, list[Exchange], list[Span]]) -> Analysis:
    return analysis(
        [connection(0)], [row for _, rows, _ in stories for row in rows], calls=[one for one, _, _ in stories],
        spans=[one for _, _, spans in stories for one in spans],
    )  # fmt: skip


def test_each_pause_is_told_by_its_span() -> None:
    one = story(300, 1900)
    assert pauses(about(one), one[0]) == {
        1: "1st retry of standard mode: up to 1000 ms expected, 300 ms seen",
        3: "2nd retry of standard mode: up to 2000 ms expected, 1900 ms seen",
    }


def test_the_mode_is_that_of_all_calls_of_the_client() -> None:
    one, others = story(52), story(51, 101, number=1)
    assert "of standard mode" in pauses(about(one), one[0])[1]
    assert "of legacy mode" in pauses(about(one, others), one[0])[1]
    assert "of standard mode" in pauses(about(one, story(51, 101, number=1, sdk="js-v2")), one[0])[1]


def test_a_pause_that_no_mode_makes() -> None:
    one = story(20_500)
    assert pauses(about(one), one[0])[1].startswith("1st retry: 20.5 s seen, longer than any mode of boto3 allows")


@pytest.mark.parametrize("changes", [{"sdk": None}, {"sdk": "who"}, {"error_type": "ValidationException"}])
def test_what_is_not_known_is_not_said(changes: dict[str, Any]) -> None:
    one = story(50, **changes)
    assert pauses(about(one), one[0]) == {}


def test_a_call_without_retries_has_none() -> None:
    one = story()
    assert pauses(about(one), one[0]) == {}


def test_a_connection_that_failed_is_a_transient_failure() -> None:
    made, rows, spans = story(20)
    spans[0] = spans[0]._replace(connection_id=7)
    assert pauses(about((made, rows[1:], spans)), made) == {1: "1st retry of standard mode: up to 25.0 ms expected, 20.0 ms seen"}


@pytest.mark.parametrize(
    "scenario, call_id, words",
    [
        (
            "throttle-retry-boto3-legacy",
            13,
            ["1st retry of legacy mode: 50.0 ms expected, 51.", "3rd retry of legacy mode: 200 ms expected, 202"],
        ),
        (
            "throttle-retry-boto3-standard",
            13,
            ["2nd retry of standard mode: up to 2000 ms expected, ", "3rd retry of standard mode: up to 4000 ms"],
        ),
        ("throttle-retry-js2", 7, ["1st retry of legacy mode: up to 50.0 ms expected, 41.4 ms seen", "up to 100 ms expected, 103 ms seen"]),
        ("throttle-retry-js3", 13, ["1st retry of standard mode: up to 1000 ms expected, "]),
    ],
)
def test_real_clients_pause_as_their_profiles_say(shared: Path, scenario: str, call_id: int, words: list[str]) -> None:
    made = analyzer.read(shared / scenario / f"{scenario}.pcap", keys=shared / scenario / "keys.log")
    text = " ".join(str(made.explain(call_id)).split())
    assert all(one in text for one in words)
    assert "longer than any mode" not in text
    assert "not those of" not in text
