"""The sentences of a comparison, from made-up calls: what is said, and what is not when it may be chance."""

from __future__ import annotations

import random
from typing import Any

import pytest

from analyzer.comparing import compared
from analyzer.model.comparison import Comparison
from analyzer.report.ledger import PHASES
from tests.comparing.sides import UNDER, made, noisy, side
from tests.factory import MS, call, connection, dialogue, finding


def said(comparison: Comparison) -> str:
    return " ".join(comparison.verdict)


REUSE = finding(code="connection-not-reused", severity="warning", title="Connections are not reused", cost_ns=1200 * MS, share=0.6)
HOP = finding(code="imds-hop-limit", severity="warning", title="IMDS hop limit", cost_ns=4000 * MS, share=0.98, calls=(0,))


def test_a_fix_is_named_with_its_phases_and_its_share_of_the_calls() -> None:
    cold = noisy(30, 1, dns=2.0, connect=9.0, tls=20.0)
    warmed = noisy(30, 2, dns=lambda n: 2.0 * (n == 0), connect=lambda n: 9.0 * (n == 0), tls=lambda n: 20.0 * (n == 0))
    made_ = compared(side(cold, found=[REUSE]), side(warmed))
    (sentence,) = made_.verdict
    assert sentence.startswith("Query is 3")
    assert "faster (p50 " in sentence
    assert "connections are reused now, which removed 31.0 ms of dns, connect and tls from 97 % of the calls" in sentence
    assert "server time unchanged" in sentence
    assert [row.what for row in made_.findings] == ["gone"]


def test_the_other_way_round_it_is_slower() -> None:
    cold = noisy(30, 1, connect=9.0, tls=20.0)
    made_ = compared(side(noisy(30, 2)), side(cold, found=[REUSE]))
    assert "slower" in made_.verdict[0]
    assert "connections are no longer reused, which adds 29.0 ms of connect and tls to 100 % of the calls" in made_.verdict[0]


def test_without_a_finding_what_differs_is_the_reason() -> None:
    near, far = connection(0, min_rtt_ns=8 * MS), connection(0, min_rtt_ns=80 * MS)
    before = [row._replace(connection_ids=(0,)) for row in noisy(20, 1, network=8.0)]
    after = [row._replace(connection_ids=(0,)) for row in noisy(20, 2, network=80.0)]
    made_ = compared(side(before, on=[near]), side(after, on=[far]))
    assert "the endpoint is farther (round trip 8.0 ms -> 80.0 ms), the network takes 80.0 ms instead of 8.0 ms" in made_.verdict[0]
    assert ("round trip to the server", "8.0 ms", "80.0 ms") in [tuple(row) for row in made_.facts]


def test_two_causes_are_two_clauses_and_what_goes_the_other_way_says_but() -> None:
    before = noisy(40, 1, connect=30.0, server=5.0)
    after = noisy(40, 2, server=15.0)
    (sentence,) = compared(side(before, found=[REUSE]), side(after)).verdict
    assert "which removed 30.0 ms of connect from 100 % of the calls; but the server takes " in sentence


def test_equal_conditions_are_no_difference() -> None:
    made_ = compared(side(noisy(60, 1)), side(noisy(60, 2)))
    assert made_.verdict[0].startswith("No difference: p50 ")
    assert ", within ±" in made_.verdict[0]
    assert not made_.changed


def test_nothing_is_found_in_equal_samples_more_often_than_said() -> None:
    """Comparisons of two operations: about 1 in 100 may be wrong for either, 4 in 100 for both together."""
    wrong = 0
    for number in range(60):
        rows = []
        for which in range(2):
            chance = random.Random(2 * number + which)
            calls = noisy(20, 7 * number + which, spread=0.5, backoff=lambda n, c=chance: 100 * c.random() * (c.random() < 0.2))
            rows.append([row._replace(operation="GetItem") if index % 2 else row for index, row in enumerate(calls)])
        wrong += any(row.changed for row in compared(side(rows[0]), side(rows[1])).differences)
    assert wrong <= 8


def test_the_same_calls_are_the_same_to_the_nanosecond() -> None:
    rows = noisy(30, 1)
    made_ = compared(side(rows), side(rows))
    assert made_.verdict == ["No difference: both hold the same 30 calls, to the nanosecond."]
    assert {row.change_ns for row in made_.differences} == {0}
    assert made_.same


def test_with_few_calls_nothing_is_told_for_sure() -> None:
    made_ = compared(side(noisy(4, 1)), side(noisy(4, 2, server=9.0)))
    assert made_.verdict[0].startswith("No difference can be told from fewer than 8 calls of an operation: p50 Query ")
    assert all(row.low_ns is None and row.high_ns is None for row in made_.differences)
    assert [row.verdict for row in made_.operations] == ["few"]


def test_a_finding_that_the_same_set_up_always_shows_needs_one_call() -> None:
    before = [made(0, server=2.0, credentials=4000.0), made(1, 5000, server=2.0), made(2, 5100, server=2.1)]
    after = [made(0, server=2.0, credentials=15.0), made(1, 5000, server=2.1), made(2, 5100, server=2.0)]
    (sentence,) = compared(side(before, found=[HOP]), side(after)).verdict
    assert "slowest 4002 ms -> 17.0 ms" in sentence
    assert "IMDSv2 token requests are answered now, waiting for credentials takes 15.0 ms instead of 4000 ms in 1 of 3 calls" in sentence
    assert sentence.endswith("too few calls for an interval.")


def test_a_finding_that_chance_brings_is_said_to_be_that() -> None:
    lost = finding(code="packet-loss-stall", severity="warning", title="Packet loss", cost_ns=300 * MS, share=0.3, calls=(3,))
    before = [row if row.call_id != 3 else made(3, 150, server=5.0, network=8.0, receive=300.0) for row in noisy(20, 1)]
    made_ = compared(side(before, found=[lost]), side(noisy(20, 2)))
    assert made_.verdict[0].startswith("No difference")
    assert "Packet loss: only before, 300 ms (30 % of all call time); that may be chance." in said(made_)


def test_what_befalls_few_calls_of_each_operation_shows_in_all_of_them() -> None:
    def some(number: int, pause: float) -> list[Any]:
        rows = noisy(48, number, backoff=lambda n: (pause + n) * (n % 4 == 0))
        return [row._replace(operation=("GetItem", "Query", "PutItem")[index % 3]) for index, row in enumerate(rows)]

    made_ = compared(side(some(1, 50.0)), side(some(2, 900.0)))
    assert made_.verdict[0].startswith("The calls together take ")
    assert "pauses before another attempt take " in made_.verdict[0]
    assert made_.operations[0].operation == "all calls"


def test_operations_of_one_side_are_listed() -> None:
    before = noisy(10, 1)
    after = [*noisy(10, 2), *(row._replace(operation="BatchGetItem") for row in noisy(3, 3, first=50))]
    made_ = compared(side(before), side(after))
    assert [(row.operation, row.side, row.calls) for row in made_.unmatched] == [("BatchGetItem", "after", 3)]
    assert "The two did not do the same (only after: BatchGetItem (3 calls, " in said(made_)


def test_calls_that_the_capture_cuts_are_in_no_number() -> None:
    rows = noisy(20, 1)
    cut = [*rows, made(99, 9000, server=5000.0, truncated="end")]
    made_ = compared(side(cut), side(noisy(20, 2)))
    (row,) = made_.operations
    assert (row.calls_before, row.cut_before) == (21, 1)
    p99 = next(one for one in made_.differences if one.measure == "p99")
    assert p99.before_ns < 100 * MS
    assert p99.calls_before == 20


def test_what_cannot_be_read_on_one_side_is_compared_as_one() -> None:
    clear = [row._replace(operation=name) for row, name in zip(noisy(20, 1), ["GetItem", "Query"] * 10, strict=True)]
    blind = [row._replace(operation=None, evidence="inferred") for row in noisy(20, 2)]
    made_ = compared(side(clear), side(blind))
    assert [row.operation for row in made_.operations] == ["dynamodb call"]
    assert any("cannot be read (encrypted, no keys) after" in warning for warning in made_.warnings)


def test_encrypted_calls_of_the_same_two_sdks_are_told_apart() -> None:
    rows = [row._replace(operation=None, sdk=("js-v2", "python-boto3")[index % 2]) for index, row in enumerate(noisy(20, 1))]
    assert {row.operation for row in compared(side(rows), side(rows)).operations} == {
        "all calls",
        "dynamodb call of js-v2",
        "dynamodb call of python-boto3",
    }


def test_two_places_of_the_path_are_warned_about_and_not_split() -> None:
    made_ = compared(side(noisy(20, 1), vantage="client"), side(noisy(20, 2, network=0.1), vantage="server"))
    assert made_.verdict[0].startswith("As captured at two different places: ")
    assert any("captured at the client" in text and "captured at the server" in text for text in made_.warnings)
    measures = {row.measure for row in made_.differences}
    assert not measures & {"network", "server"}
    assert "wait" in measures
    assert "endpoint" not in said(made_)


def test_an_unknown_place_is_not_another_place() -> None:
    assert compared(side(noisy(20, 1), vantage="client"), side(noisy(20, 2), vantage=None)).warnings == []


def test_phases_add_up_to_the_mean() -> None:
    made_ = compared(side(noisy(31, 1, connect=3.3, dns=1.1)), side(noisy(29, 2, backoff=7.7)))
    by = {row.measure: row for row in made_.differences}
    for which in ("before_ns", "after_ns", "change_ns"):
        parts = sum(getattr(row, which) for name, row in by.items() if name in PHASES)
        assert abs(parts - getattr(by["mean"], which)) <= len(by)  # each is rounded to a nanosecond


def test_failures_are_counted() -> None:
    failed = [row._replace(ok=False, status=400, error_type="ValidationException") for row in noisy(20, 2)]
    assert "Failed Query calls: 0 of 20 before, 20 of 20 now." in said(compared(side(noisy(20, 1)), side(failed)))


def test_a_side_without_service_calls_is_said_and_its_dialogues_compared() -> None:
    imds = connection(1, server_address="169.254.169.254", service="imds", server_name=None)
    before = [dialogue(0, imds, failed_ns=4000 * MS, duration_ns=4030 * MS, ok=False)]
    after = [dialogue(0, imds), *noisy(3, 1, first=5)]
    found = [HOP._replace(share=None)]
    made_ = compared(side(before, found=found, on=[imds]), side(after, on=[imds, UNDER]))
    assert made_.verdict[0] == f"There is no service call before; now there are: Query (3 calls, {_total(after[1:])})."
    assert "imds GetCredentials takes 30.0 ms instead of 4030 ms: IMDSv2 token requests are answered now" in said(made_)


def _total(calls: list[Any]) -> str:
    from analyzer.units import duration

    return duration(sum(row.duration_ns for row in calls))


def test_a_finding_that_only_shows_now_is_not_new() -> None:
    cold = finding(code="cold-connection", severity="warning", title="Cold connections", cost_ns=31 * MS, share=0.2)
    made_ = compared(side(noisy(30, 1, connect=31.0), found=[REUSE]), side(noisy(30, 2, connect=lambda n: 31.0 * (n == 0)), found=[cold]))
    assert {row.code: row.what for row in made_.findings} == {"connection-not-reused": "gone", "cold-connection": "unmasked"}


@pytest.mark.parametrize("rows", [[], [call(0, truncated="both")]])
def test_without_calls_there_is_nothing_to_compare_and_no_error(rows: list[Any]) -> None:
    assert compared(side(rows), side(rows)).verdict
    assert compared(side(rows), side(noisy(9, 1))).verdict
    assert compared(side(noisy(9, 1)), side(rows)).verdict


def test_requests_without_calls_are_compared_too() -> None:
    from tests.factory import analysis

    made_ = compared(analysis(), analysis())
    assert made_.noun == "request"
    assert made_.same


def test_a_mean_that_few_calls_move_is_named_though_nothing_is_sure() -> None:
    after = [row if row.call_id != 7 else made(7, 350, server=5.0, network=8.0, backoff=900.0) for row in noisy(20, 2)]
    (sentence,) = compared(side(noisy(20, 1)), side(after)).verdict
    assert sentence.startswith("No difference can be told for sure: p50 ")
    assert "; but the mean is 58." in sentence
    assert sentence.endswith("(of few calls, which may be chance).")


def test_what_one_sentence_explains_the_next_does_not_repeat() -> None:
    imds = connection(1, server_address="169.254.169.254", service="imds", server_name=None)
    before = [dialogue(0, imds, failed_ns=4000 * MS, duration_ns=4030 * MS)]
    made_ = compared(side(before, found=[HOP._replace(share=None)], on=[imds]), side([dialogue(0, imds)], on=[imds]))
    assert len(made_.verdict) == 1


def test_a_failed_call_without_a_round_trip_makes_the_network_no_slower() -> None:
    steady = [made(index, 50 * index, network=13.5 if index == 4 else 12.1, server=4.0) for index in range(10)]
    before = side([*steady, made(10, 500, failed=1.0)])
    after = side([made(index, 50 * index, network=12.2, server=4.0) for index in range(11)])
    found = compared(before, after)
    network = next(row for row in found.differences if row.measure == "network")
    assert network.low_ns is not None
    assert network.high_ns is not None
    assert network.low_ns <= 0 <= network.high_ns
    assert not network.changed
    assert "network" not in said(found)
