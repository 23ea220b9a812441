"""filter-discards-reads and paginated-operation: pages that read much and return little, and what being several costs."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.pages import KEY_BYTES, logical
from analyzer.findings.rules import filter_discards_reads, paginated_operation
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from tests.factory import MS, analysis, connection, later, warm


def paged(
    *counts: tuple[int | None, int | None], server_ms: int = 150, asked: dict[str, Any] | None = None, longer: int = 79, **changes: Any
) -> Analysis:
    """Pages of one chain, 2 ms apart, each (Count, ScannedCount); the request of each but the first is longer by its key."""
    under = connection(0)
    calls, rows = [], []
    for number, (kept, read) in enumerate(counts):
        size = 965 + (longer if number else 0)
        facts = {"count": kept, "scanned_count": read, "has_more": number < len(counts) - 1, "request_bytes": size, **(asked or {})}
        rows.append(later(number, under, number, **facts))
        parts = {"server_ns": server_ms * MS, "wait_ns": (10 + server_ms) * MS, "duration_ns": (13 + server_ms) * MS}
        one = warm(number, under, number, **{**parts, "chain_id": 0, **changes})
        start = under.first_ns + 11 * MS + number * (15 + server_ms) * MS
        calls.append(one._replace(start_ns=start, end_ns=start + one.duration_ns))
    return analysis([under], rows, calls=calls)


def wasted(about: Analysis) -> list[Finding]:
    return list(filter_discards_reads.check(View(about)))


def chained(about: Analysis) -> list[Finding]:
    return list(paginated_operation.check(View(about)))


READS = ((10, 1000), (0, 1000), (20, 1000), (5, 500))


def test_a_filter_that_throws_away_what_was_read() -> None:
    (row,) = wasted(paged(*READS))
    assert (row.code, row.severity, row.confidence) == ("filter-discards-reads", "warning", "proven")
    # 150 ms a page. What was returned fits into one: of that 99 % beyond the 10 ms that every request costs; the three others are spare.
    assert row.cost_ns == 140 * MS * 99 // 100 + 3 * 150 * MS
    assert row.summary.startswith(
        "4 Query calls on Orders read 3 500 items to return 35 (1 %, 2.4 KB): about 589 ms of their 652 ms likely went into items that "
        "the filter threw away: what was returned fits into 1 read of 10.0 ms (usual for DynamoDB). "
        "This is not the network: DynamoDB itself took 600 ms of it. The filter runs after the read, and each page stops at 1 MB read: "
        "4 pages make 1 logical Query operation; 1 page returned nothing at all; the network's round trips are 6 % of the time (Count 10, "
        "ScannedCount 1000 in the first)."
    )
    assert (row.calls, row.connections) == ((0, 1, 2, 3), (0,))
    told = '(http.request || http contains "ScannedCount")'
    assert row.display_filter == f"tcp.stream == 0 && {told} && frame.number >= 4 && frame.number <= 9"
    assert "KeyConditionExpression" in row.remedy


@pytest.mark.parametrize(
    "counts, server_ms",
    [
        (((1000, 1000),), 150),
        (((300, 1000),), 150),
        (((0, 50),), 150),
        (((0, 5000),), 15),
        (((None, 1000),), 150),
        (((0, None),), 150),
        (((0, 0),), 150),
        (((50, -1),), 150),
    ],
    ids=["all kept", "a third kept", "few items", "nobody waits", "no count", "no scanned count", "nothing read", "nonsense"],
)
def test_what_is_no_waste(counts: tuple[tuple[int | None, int | None], ...], server_ms: int) -> None:
    assert wasted(paged(*counts, server_ms=server_ms)) == []


def test_small_waste_adds_up() -> None:
    assert wasted(paged(*[(0, 30)] * 3, server_ms=20)) == []  # 90 items are few
    (row,) = wasted(paged(*[(0, 30)] * 4, server_ms=20))
    assert row.cost_ns == 10 * MS + 3 * 20 * MS


def test_what_a_read_costs_whatever_it_finds_is_not_the_filters() -> None:
    few = ((5, 5), (5, 5), (20, 20))
    about = paged(*READS, *few)
    (row,) = wasted(about)
    assert row.cost_ns == 3 * 150 * MS  # reads of few items take as long: what a better key saves are the further pages
    quick = [row._replace(server_ns=110 * MS) if number >= len(READS) else row for number, row in enumerate(about.calls)]
    (row,) = wasted(analysis(list(about.connections), list(about.exchanges), calls=quick))
    assert row.cost_ns == 40 * MS * 99 // 100 + 3 * 150 * MS
    assert "fits into 1 read of 110 ms (the median of small ones here)" in row.summary
    assert row.calls == (0, 1, 2, 3)


def test_unknown_server_time_costs_nothing_and_says_nothing() -> None:
    assert wasted(paged(*READS, server_ns=None)) == []


def test_pages_make_one_logical_operation() -> None:
    (row,) = chained(paged(*READS))
    assert (row.code, row.severity, row.confidence) == ("paginated-operation", "info", "proven")
    assert row.summary == (
        "One logical Query on Orders reads 4 pages one after the other: 658 ms, of which DynamoDB itself takes 91 %, the network's "
        "round trips 6 %. 3 500 items were read, 35 returned (2.4 KB). "
        "Each page stops at 1.0 MB read or at Limit, and the next is asked for when it has come: "
        "the round trips of 3 further pages took 30.0 ms."
    )
    assert row.cost_ns == 3 * 10 * MS
    assert row.calls == (0, 1, 2, 3)
    assert row.display_filter == "tcp.stream == 0 && http && frame.number >= 4 && frame.number <= 9"


def test_many_pages_are_a_warning() -> None:
    (row,) = chained(paged(*[(100, 100)] * 12))
    assert row.severity == "warning"
    assert row.summary.startswith("One logical Query on Orders reads 12 pages one after the other: ")


def test_calls_of_one_length_are_no_pages() -> None:
    assert chained(paged(*READS, longer=0)) == []
    assert chained(paged(*READS, longer=KEY_BYTES - 1)) == []
    assert len(chained(paged(*READS, longer=KEY_BYTES))) == 1


def test_only_first_attempts_are_compared() -> None:
    about = paged(*READS, longer=0)
    rows = [row._replace(attempt=2, request_bytes=999) if row.exchange_id == 2 else row for row in about.exchanges]
    rows.append(rows[2]._replace(exchange_id=9, attempt=1, request_bytes=965))
    calls = [row._replace(exchange_ids=(9, 2)) if row.call_id == 2 else row for row in about.calls]
    assert logical(View(analysis(list(about.connections), rows, calls=calls))) == []


def test_a_page_whose_first_attempt_was_not_captured_goes_on() -> None:
    about = paged(*READS)
    for number, expected in ((2, [[0, 1, 2, 3]]), (1, []), (0, [])):
        rows = [row._replace(attempt=3) if row.exchange_id == number else row for row in about.exchanges]
        view = View(analysis(list(about.connections), rows, calls=list(about.calls)))
        assert [[call.call_id for call in pages] for pages in logical(view)] == expected


def test_a_second_operation_begins_with_a_short_request() -> None:
    about = paged(*READS)
    rows = [row._replace(request_bytes=965) if row.exchange_id == 2 else row for row in about.exchanges]
    view = View(analysis(list(about.connections), rows, calls=list(about.calls)))
    assert [[call.call_id for call in pages] for pages in logical(view)] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("change", [{"chain_id": None}, {"service": "imds"}])
def test_calls_without_a_chain(change: dict[str, Any]) -> None:
    assert chained(paged(*READS, **change)) == []


def test_two_quick_pages_are_nobodys_trouble() -> None:
    assert chained(paged((5, 5), (5, 5), server_ms=3)) == []


def test_the_servers_time_is_charged_once() -> None:
    view = View(paged(*READS))
    (first,), (second,) = list(filter_discards_reads.check(view)), list(paginated_operation.check(view))
    assert first.cost_ns + second.cost_ns <= view.total_ns


def test_hostile_names_survive() -> None:
    about = paged(*READS, table_name="\x1b[31m", operation='"><i>')
    for row in wasted(about) + chained(about):
        assert "\x1b[31m" in row.summary
        assert "<i>" not in row.display_filter
