"""long-round-trip: distance is most of a normal call; look-alikes are short paths, slow servers and captures at the server."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules.long_round_trip import check
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from tests.factory import MS, analysis, call, connection, exchange, later, warm


def far(trip_ms: int, count: int = 4, *, behind_ms: int = 0, vantage: str = "client", **changes: Any) -> Analysis:
    """Calls on one connection, the first of which opened it: 1 ms send, one round trip, 4 ms server, 2 ms receive."""
    under = connection(
        0,
        min_rtt_ns=trip_ms * MS,
        client_rtt_ns=behind_ms * MS,
        connect_ns=trip_ms * MS,
        established_ns=connection(0).first_ns + trip_ms * MS,
    )
    more = {"network_ns": trip_ms * MS, "wait_ns": (trip_ms + 4) * MS, **changes}
    calls = [call(0, under, connect_ns=trip_ms * MS, duration_ns=(2 * trip_ms + 8) * MS, **more)]
    calls += [warm(number, under, number, duration_ns=(trip_ms + 7) * MS, **more) for number in range(1, count)]
    rows = [exchange(0, under), *(later(number, under, number) for number in range(1, count))]
    return analysis([under], rows, calls=calls, vantage=vantage)


def found(about: Analysis) -> list[Finding]:
    return list(check(View(about)))


def test_all_calls_are_slow_because_the_endpoint_is_far_away() -> None:
    (row,) = found(far(90))
    assert (row.code, row.severity, row.confidence, row.decides) == ("long-round-trip", "warning", "proven", None)
    assert row.summary.startswith(
        "All 4 Query calls are slow because the endpoint is 90.0 ms away: 75 % of their time is one round trip. "
        "With an endpoint 1.0 ms away the median call takes 8.0 ms instead of 97.0 ms."
    )
    assert row.cost_ns == 4 * 89 * MS
    assert row.share == pytest.approx(4 * 89 / (188 + 3 * 97))
    assert (row.calls, row.connections) == ((0, 1, 2, 3), (0,))
    assert row.packet_ids == (1, 3, 5, 9)
    assert row.display_filter == "(tcp.stream == 0 && tcp.analysis.ack_rtt >= 0.0810) || frame.number in {1, 3, 5, 9}"


def test_a_shorter_way_is_told_without_calling_it_slow() -> None:
    (row,) = found(far(12, count=1))
    assert row.severity == "info"
    assert row.summary.startswith(
        "The only Query call pays for distance: the endpoint is 12.0 ms away, and 63 % of its time after set-up is one round trip."
    )
    assert row.cost_ns == 11 * MS


@pytest.mark.parametrize("trip_ms", [0, 1, 4])
def test_a_near_endpoint_is_not_far(trip_ms: int) -> None:
    assert found(far(trip_ms)) == []


def test_a_slow_server_is_not_distance() -> None:
    assert found(far(20, server_ns=100 * MS, wait_ns=120 * MS)) == []


def test_what_is_not_known_is_not_claimed() -> None:
    assert found(far(90, network_ns=None)) == []
    assert found(far(90, connection_id=None)) == []
    assert found(far(90, service="imds")) == []
    assert found(analysis([], [])) == []


def test_few_far_calls_of_many_are_not_normal_ones() -> None:
    near = far(1, count=9)
    under = connection(1, min_rtt_ns=90 * MS, client_rtt_ns=0)
    away = call(9, under, network_ns=90 * MS, wait_ns=94 * MS)
    about = analysis([*near.connections, under], [*near.exchanges, exchange(9, under)], calls=[*near.calls, away])
    assert found(about) == []


def test_each_endpoint_by_itself() -> None:
    near = far(1)
    under = connection(1, min_rtt_ns=90 * MS, client_rtt_ns=0, server_name="sqs.eu-west-1.amazonaws.com", service="sqs", region="eu-west-1")
    away = call(9, under, network_ns=90 * MS, wait_ns=94 * MS, service="sqs")
    (row,) = found(analysis([*near.connections, under], [*near.exchanges, exchange(9, under)], calls=[*near.calls, away]))
    assert (row.calls, row.connections) == ((9,), (1,))
    assert "The endpoint is SQS at sqs.eu-west-1.amazonaws.com; no packet" in row.summary


def test_from_the_server_the_way_to_the_client_counts_and_costs_nothing() -> None:
    (row,) = found(far(0, behind_ms=60, vantage="server"))
    assert row.cost_ns == 0
    assert row.summary.startswith(
        "All 4 Query calls take 60.0 ms longer for their client than this capture shows: so far behind the capture point is it, "
        "and one round trip is 90 % of their time."
    )
    assert row.display_filter == "(tcp.stream == 0 && tcp.analysis.ack_rtt >= 0.0540) || frame.number in {1, 3, 5, 9}"


def test_what_an_ack_of_data_shows_is_an_upper_bound() -> None:
    about = far(90)
    under = about.connections[0]._replace(syn_ns=None, client_rtt_ns=524 * MS)  # a client that acknowledges with its next request
    (row,) = found(analysis([under], list(about.exchanges), calls=list(about.calls)))
    assert (row.severity, row.confidence, row.cost_ns) == ("info", "possible", 4 * 89 * MS)
    assert row.summary.startswith(
        "All 4 Query calls may pay for distance: the endpoint is 90.0 ms away or less, and at most 75 % of their time is one round trip."
    )


def test_between_client_and_server_both_ways_are_the_distance() -> None:
    (row,) = found(far(15, behind_ms=15, count=2))
    assert "the endpoint is 30.0 ms away: 67 % of their time" in row.summary  # 60 of 38 + 22 as seen here, and 2 * 15 beyond
    assert row.cost_ns == 2 * 14 * MS


def test_what_was_charged_before_is_not_charged_again() -> None:
    view = View(far(90))
    view.charge(next(iter(view.calls.values())), "network", 50 * MS)
    (row,) = check(view)
    assert row.cost_ns == 4 * 89 * MS - 49 * MS


def test_hostile_names_are_words_like_others() -> None:
    under = connection(0, min_rtt_ns=90 * MS, server_name="\x1b[2J<script>", region=None)
    (row,) = found(analysis([under], [exchange(0, under)], calls=[call(0, under, network_ns=90 * MS, wait_ns=94 * MS, operation="\x00{}")]))
    assert "\x1b[2J<script>" in row.summary
    assert "<script>" not in row.display_filter
