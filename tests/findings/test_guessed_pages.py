"""paginated-operation of calls that nobody can read: what is said of them, how sure it is, and what their totals are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import analyzer
from analyzer.findings.pages import is_guess, logical, totals
from analyzer.findings.rules import paginated_operation
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Exchange
from tests.factory import MS, START, analysis, connection, exchange, warm


def guessed(chains: int = 1, pages: int = 4, answer: int = 8_000) -> Analysis:
    under = connection(0)
    calls: list[Call] = []
    rows: list[Exchange] = []
    at = START
    for number in range(chains * pages):
        first = number - number % pages
        facts = {"operation": None, "evidence": "inferred", "table_name": None, "status": None}
        rows.append(
            exchange(
                number, under, count=None, scanned_count=None, response_bytes=answer, request_bytes=980 if number > first else 900, **facts
            )
        )  # fmt: skip
        calls.append(
            warm(
                number, under, number, chain_id=first, start_ns=at, end_ns=at + 160 * MS, duration_ns=160 * MS, server_ns=140 * MS, **facts
            )
        )
        at += 162 * MS
    return analysis([under], rows, calls=calls)


@pytest.mark.parametrize(
    "chains, pages, answer, confidence",
    [(1, 4, 8_000, "possible"), (2, 3, 8_000, "likely"), (1, 6, 8_000, "likely"), (1, 3, 900_000, "likely")],
)
def test_how_sure_it_is(chains: int, pages: int, answer: int, confidence: str) -> None:
    (row,) = paginated_operation.check(View(guessed(chains, pages, answer)))
    assert row.confidence == confidence
    assert row.decides == "the TLS keys: whether each request carries ExclusiveStartKey"
    assert row.cost_ns == chains * (pages - 1) * 10 * MS


def test_what_is_said() -> None:
    (row,) = paginated_operation.check(View(guessed()))
    assert row.summary == (
        "4 encrypted calls look like the pages of one Query or Scan, read one after the other (sizes and timing; keys would tell): 646 ms, "
        "of which DynamoDB itself takes 87 %, the network's round trips 6 %. After the first request each is 80 B longer, as by the key at "
        "which it goes on, and is sent as soon as the answer before has come; the answers are alike (32.0 KB in all). They are small for "
        "pages that take the service 140 ms: a filter may throw away most of what is read. The round trips of 3 further pages took 30.0 ms."
    )
    assert row.display_filter.startswith("tcp.stream == 0 && tls.app_data && frame.number >= ")
    (row,) = paginated_operation.check(View(guessed(2, 4, 900_000)))
    assert row.summary.startswith("8 encrypted calls look like 2 Queries or Scans of 4 pages, read one after the other")
    assert "filter" not in row.summary


def test_a_chain_that_can_be_read_is_no_guess() -> None:
    about = guessed()
    assert is_guess(list(about.calls))
    assert not is_guess([call._replace(operation="Query") for call in about.calls])
    assert [len(pages) for pages in logical(View(about))] == [4]


def test_totals() -> None:
    about = guessed()
    sums = totals(list(about.calls), list(about.exchanges))
    assert (sums.parts, sums.returned, sums.examined, sums.bytes) == (4, None, None, 32_000)
    assert sums.took_ns == (3 * 162 + 160) * MS
    assert sums.told("DynamoDB") == "646 ms (87 % of it DynamoDB, 6 % network round trips), 32.0 KB of answers"
    rows = [row._replace(count=2, scanned_count=1000) for row in about.exchanges]
    assert ", 4 000 items examined, 8 returned, " in totals(list(about.calls), rows).told("DynamoDB")


def test_with_and_without_keys_the_same_chains(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    folder = shared / "filter-scan-https"
    dark = analyzer.read(folder / "filter-scan-https.pcap")
    clear = analyzer.read(folder / "filter-scan-https.pcap", keys=folder / "keys.log")
    assert [call.chain_id for call in dark.calls] == [call.chain_id for call in clear.calls]
    assert {call.evidence for call in dark.calls} == {"inferred"}
    told = {row.code: row for row in dark.findings}["paginated-operation"]
    assert told.confidence == "likely"
    assert "a filter may throw away most of what is read" in told.summary
    assert "Looks like page 2 of 4 of one Query or Scan (sizes and timing; keys would tell)" in " ".join(str(dark.explain(1)).split())
    truth = json.loads((folder / "truth.json").read_text())
    assert "Page 2 of 4 of one logical Query" in str(clear.explain(1))
    assert len(truth["calls"]) == len(dark.calls)
