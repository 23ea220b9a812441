"""slow-server: late answers and pauses; look-alikes are lost answers, reads of many items, rare outliers and what has no usual time."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules.slow_server import check
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from tests.factory import MS, analysis, connection, later, warm


def served(
    *server_ms: int, asked: dict[str, Any] | None = None, vantage: str = "client", under: dict[str, Any] | None = None, **changes: Any
) -> Analysis:
    """Calls on one connection, for each of which the server took the time given."""
    row = connection(0, **(under or {}))
    calls, rows = [], []
    for number, took in enumerate(server_ms):
        rows.append(later(number, row, number, **(asked or {})))
        parts = {"server_ns": took * MS, "wait_ns": (10 + took) * MS, "duration_ns": (13 + took) * MS}
        calls.append(warm(number, row, number, **{**parts, **changes}))
    return analysis([row], rows, calls=calls, vantage=vantage)


def received(*took_ms: int, under: dict[str, Any] | None = None) -> Analysis:
    """Answers of 40 KB on one connection, each received in the time given."""
    row = connection(0, **(under or {}))
    calls, rows = [], []
    for number, took in enumerate(took_ms):
        base = later(number, row, number)
        rows.append(base._replace(response_bytes=40_000, response_end_ns=(base.response_start_ns or 0) + took * MS))
        calls.append(warm(number, row, number, receive_ns=took * MS, duration_ns=(15 + took) * MS))
    return analysis([row], rows, calls=calls)


def found(about: Analysis) -> list[Finding]:
    return list(check(View(about)))


def test_answers_later_than_usual() -> None:
    (row,) = found(served(4, 5, 4, 124, 6, 104))
    assert (row.code, row.severity, row.confidence) == ("slow-server", "warning", "likely")
    assert row.decides is not None
    assert "SuccessfulRequestLatency" in row.decides
    assert row.summary.startswith("2 of 6 Query calls on Orders waited 124 ms for DynamoDB itself (median); usual is 6.0 ms: 216 ms more.")
    assert "Request ids: REQUEST3 and REQUEST5." in row.summary
    assert (row.cost_ns, row.calls, row.exchanges) == ((118 + 98) * MS, (3, 5), (3, 5))
    assert row.display_filter == "frame.number in {5, 9}"


def test_at_the_server_it_is_proven() -> None:
    (row,) = found(served(4, 5, 4, 304, 6, vantage="server"))
    assert (row.confidence, row.decides) == ("proven", None)


@pytest.mark.parametrize("late_ms", [11, 24, 54])
def test_some_tens_of_milliseconds_happen(late_ms: int) -> None:
    assert found(served(4, 5, 4, 5, 4, late_ms)) == []


def test_three_times_the_usual_is_the_least() -> None:
    assert found(served(40, 41, 40, 42, 40, 115)) == []
    assert len(found(served(40, 41, 40, 42, 40, 125))) == 1


def test_a_lost_answer_looks_the_same() -> None:
    (row,) = found(served(4, 5, 4, 269, 6, 5))
    assert (row.severity, row.confidence) == ("info", "possible")
    assert row.decides is not None
    assert "ip.id" in row.decides
    assert row.summary.startswith(
        "1 of 6 Query calls on Orders waited 269 ms for an answer, the round trip apart; usual is 5.0 ms: 264 ms more. "
    )
    assert "Either the service was slow, or its answer was lost" in row.summary


def test_a_long_answer_is_never_lost_whole() -> None:
    (row,) = found(served(4, 5, 4, 269, 6, 5, asked={"response_bytes": 9000}))
    assert (row.severity, row.confidence) == ("warning", "likely")


def test_so_often_answers_are_not_lost_where_no_request_is() -> None:
    times = (4, 5, 4, 300, 6, 5, 310, 4, 305, 5)
    (row,) = found(served(*times))
    assert (row.severity, row.confidence) == ("warning", "likely")
    (row,) = found(served(*times, wait_stall_ns=MS))
    assert (row.severity, row.confidence) == ("info", "possible")


def test_a_rare_outlier_counts_only_if_it_is_very_slow() -> None:
    assert found(served(*[4] * 150, 104)) == []
    (row,) = found(served(*[4] * 150, 704))
    assert row.cost_ns == 700 * MS


def test_without_a_usual_time_only_dynamodb_has_one() -> None:
    assert found(served(400)) == []
    (row,) = found(served(600, asked={"response_bytes": 9000}))
    assert row.summary.startswith("The only Query call on Orders waited 600 ms for DynamoDB itself; usual is below 10.0 ms: 590 ms more.")
    assert found(served(600, service="lambda", operation="Invoke", asked={"response_bytes": 9000})) == []


def test_when_all_are_slow_the_median_is_no_measure() -> None:
    (row,) = found(served(*[150] * 6, operation="GetItem"))
    assert row.cost_ns == 6 * 140 * MS
    assert found(served(*[150] * 6)) == []  # a Query reads as much as it is asked to


@pytest.mark.parametrize("change", [{"scanned_count": 1091}, {"response_bytes": 400_000}, {"request_bytes": 900_000}])
def test_many_items_take_their_time(change: dict[str, Any]) -> None:
    assert found(served(700, asked=change)) == []


def test_what_cannot_be_read_may_be_any_operation() -> None:
    assert found(served(4, 5, 4, 150, 6, 5, operation=None, table_name=None)) == []


@pytest.mark.parametrize("change", [{"server_ns": None}, {"truncated": "end"}, {"service": "imds"}, {"exchange_ids": (77,)}])
def test_what_is_not_known_is_not_slow(change: dict[str, Any]) -> None:
    assert found(served(4, 5, 4, 124, 6, **change)) == []


def test_time_that_another_rule_explained_is_not_the_servers() -> None:
    view = View(served(4, 5, 4, 124, 6))
    view.charge(view.calls[3], "server", 100 * MS)
    assert list(check(view)) == []


def test_a_pause_within_answers() -> None:
    (row,) = found(received(1, 401, 2, 402, 1, 1))
    assert (row.severity, row.confidence) == ("warning", "likely")
    assert row.summary.startswith(
        "2 of 6 Query calls stood still in the middle of their answer: 801 ms more than the 1.0 ms that answers of that size usually take."
    )
    assert (row.cost_ns, row.calls) == ((400 + 401) * MS, (1, 3))
    assert "Request ids: REQUEST1 and REQUEST3." in row.summary
    # From the request to the end of the answer: both edges of the pause are among them.
    assert row.packet_ids == (5, 7, 9)
    assert row.display_filter == "tcp.stream == 0 && tcp.len > 0 && frame.number in {5..9}"


def test_the_usual_time_is_that_of_the_others() -> None:
    (row,) = found(received(19, 1, 400, 1, 405, 1))  # the first on a cold connection
    assert "than the 1.0 ms that answers of that size usually take" in row.summary
    assert row.calls == (2, 4)


@pytest.mark.parametrize("took, offered", [(400, False), (1400, True)])
def test_a_timeout_is_offered_only_where_it_would_end_the_wait(took: int, offered: bool) -> None:
    (late,) = found(served(4, 5, 4, took, 6, 5, asked={"response_bytes": 9000}))
    (paused,) = found(received(1, took, 2, 1, 1))
    assert ("read_timeout" in late.remedy, "read_timeout" in paused.remedy) == (offered, offered)


def test_three_request_ids_are_named() -> None:
    (row,) = found(served(*[4] * 9, *[304] * 4, asked={"response_bytes": 9000}))
    assert "Request ids: REQUEST9, REQUEST10, REQUEST11 and 1 more." in row.summary


def test_with_loss_on_the_connection_a_pause_may_be_a_lost_tail() -> None:
    (row,) = found(received(1, 401, 2, 1, 1, under={"retransmissions": 1}))
    assert (row.severity, row.confidence) == ("info", "possible")


@pytest.mark.parametrize("took_ms", [(1, 99, 1, 1, 1), (401, 1, 1), (150, 402, 150, 160, 155), (1, 1, 1, 1)])
def test_no_pause(took_ms: tuple[int, ...]) -> None:
    assert found(received(*took_ms)) == []


def test_hostile_names_survive() -> None:
    (row,) = found(served(4, 5, 4, 124, 6, table_name="\x1b]0;x\x07", operation="<b>"))
    assert "\x1b]0;x\x07" in row.summary
