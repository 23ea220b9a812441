"""throttled, of batches that were answered 200 and left items undone: the loops that send them again, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.pages import FULL_BATCH, logical, loops
from analyzer.findings.rules import paginated_operation, throttled
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Exchange, Finding
from tests.factory import MS, START, analysis, connection, exchange, warm


def batches(*undone: bool | None, chain: int | None = 0, operation: str = "BatchWriteItem", pause_ms: int = 50, **changes: Any) -> Analysis:
    """Batches of 17 ms, one after the other, each told whether it left something undone."""
    under = connection(0)
    calls: list[Call] = []
    rows: list[Exchange] = []
    at = START
    for number, left in enumerate(undone):
        rows.append(exchange(number, under, operation=operation, unprocessed=left, count=None, scanned_count=None, **changes))
        calls.append(warm(number, under, number, operation=operation, chain_id=chain, start_ns=at, end_ns=at + 17 * MS))
        at += (17 + pause_ms) * MS
    return analysis([under], rows, calls=calls)


def found(about: Analysis) -> list[Finding]:
    return list(throttled.check(View(about)))


def test_items_left_undone_are_throttling_that_no_error_shows() -> None:
    (row,) = found(batches(True, True, False))
    assert (row.code, row.severity, row.confidence) == ("throttled", "warning", "likely")
    assert row.decides is not None
    assert row.summary == (
        "2 of 3 BatchWriteItem calls on Orders were answered 200 and yet left items undone (UnprocessedItems is not empty): throttling "
        "that no error shows. The program sent 2 further requests for the rest, in 1 loop of up to 3 requests that took 151 ms in all: "
        "34.0 ms the further requests, 100 ms the program's own pauses between them."
    )
    assert (row.cost_ns, row.calls, row.exchanges) == (2 * 17 * MS, (0, 1, 2), (0, 1))
    assert "exponential back-off" in row.remedy
    assert "more capacity" in row.remedy


def test_keys_left_undone() -> None:
    (row,) = found(batches(True, False, operation="BatchGetItem"))
    assert row.summary.startswith(
        "1 of 2 BatchGetItem calls on Orders was answered 200 and yet left keys undone (UnprocessedKeys is not empty)"
    )


def test_without_a_request_for_the_rest_nothing_is_charged() -> None:
    (row,) = found(batches(True, None, chain=None))
    assert row.cost_ns == 0
    assert row.summary.endswith("No request that follows looks like one for the rest.")


@pytest.mark.parametrize("about", [batches(False, False), batches(None, None), batches(False, False, chain=None)])
def test_batches_that_did_all_are_nobodys_trouble(about: Analysis) -> None:
    assert found(about) == []


def test_a_full_answer_is_a_page_and_no_throttling() -> None:
    """BatchGetItem stops at 16 MB, whatever the capacity."""
    about = batches(True, False, operation="BatchGetItem", response_bytes=FULL_BATCH, pause_ms=100)
    assert found(about) == []
    view = View(about)
    assert loops(view) == []
    assert [len(chain) for chain in logical(view)] == [2]
    (row,) = paginated_operation.check(View(about))
    assert "Each answer stops at 16 MB" in row.summary
    # Items that were written are never given back for their size.
    assert len(found(batches(True, False, response_bytes=FULL_BATCH))) == 1


def test_loops_are_no_pages() -> None:
    view = View(batches(True, False, pause_ms=500))
    assert logical(view) == []
    assert list(paginated_operation.check(view)) == []


def test_nothing_is_charged_twice() -> None:
    view = View(batches(True, True, True, False))
    assert sum(row.cost_ns for row in throttled.check(view)) <= view.total_ns


def test_hostile_names_survive() -> None:
    about = batches(True, False)
    about = analysis(list(about.connections), list(about.exchanges), calls=[row._replace(table_name="\x1b[0m{") for row in about.calls])
    assert "\x1b[0m{" in found(about)[0].summary
