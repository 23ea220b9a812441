"""Calls that nobody can read: what looks like the pages of one operation, and the loops and downloads that must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.aws.encrypted_pages import looking_like_pages
from analyzer.aws.pages import with_chains
from analyzer.model.rows import Call, Exchange
from tests.factory import MS, START, connection, exchange, warm


class Talk:
    """Encrypted requests on one connection: (request bytes, response bytes, server ms, ms after the answer before)."""

    def __init__(self, *said: tuple[int, int, float, float], on: int = 0, **changes: Any) -> None:
        under = connection(on)
        self.rows: list[Exchange] = []
        self.calls: list[Call] = []
        at = START
        for number, (size, answer, server, idle) in enumerate(said):
            at += round(idle * MS)
            end = at + round((server + 10) * MS)
            self.rows.append(
                exchange(
                    number, under, evidence="inferred", operation=None, status=None, method=None, table_name=None, attempt=None, count=None,
                    scanned_count=None, has_more=None, continues=None, request_bytes=size, response_bytes=answer, request_start_ns=at,
                    request_end_ns=at, response_start_ns=end - MS, response_end_ns=end, server_ns=round(server * MS),
                    idle_before_ns=round(idle * MS) if number else None, index_on_connection=number, **changes,
                )
            )  # fmt: skip
            self.calls.append(
                warm(number, under, number, evidence="inferred", operation=None, status=None, table_name=None, start_ns=at, end_ns=end)
            )
            at = end

    def chains(self) -> list[list[int]]:
        return looking_like_pages(self.calls, {row.exchange_id: row for row in self.rows})


FILTERED = ((965, 8484, 118, 0), (1044, 7472, 130, 3), (1044, 7472, 145, 2), (1044, 6386, 145, 2))
LARGE = ((900, 1_040_000, 20, 0), (990, 1_010_000, 18, 60), (995, 1_050_000, 22, 80), (988, 300_000, 9, 70))


def test_pages_of_a_filter_and_pages_of_a_megabyte() -> None:
    assert Talk(*FILTERED).chains() == [[0, 1, 2, 3]]
    assert Talk(*LARGE).chains() == [[0, 1, 2, 3]]


def test_each_operation_begins_with_a_shorter_request() -> None:
    assert Talk(*FILTERED, *((*FILTERED[0][:3], 2), *FILTERED[1:])).chains() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    before = (1500, 400, 4, 0)
    assert Talk(before, (*FILTERED[0][:3], 30), *FILTERED[1:], (700, 400, 3, 5)).chains() == [[1, 2, 3, 4]]


def with_(which: int, **changes: float) -> Talk:
    """The filtered pages with one of them changed."""
    names = ("size", "answer", "server", "idle")
    rows: list[list[float]] = [list(row) for row in FILTERED]
    for name, value in changes.items():
        rows[which][names.index(name)] = value
    return Talk(*[(int(size), int(answer), server, idle) for size, answer, server, idle in rows])


@pytest.mark.parametrize(
    "talk",
    [
        Talk(*FILTERED[:2]),
        Talk(*[(1000, 8000, 120, 2)] * 8),
        Talk((900, 900, 4, 0), *[(1044, 600, 4, 2)] * 20),
        Talk((900, 8000, 4, 0), *[(1044, 8000, 4, 2)] * 20),
        Talk((900, 500, 4, 0), *[(1044, 310, 120, 2)] * 20),
        Talk((900, 500, 4, 0), *[(1044, 8000, 120, 2)] * 2),
        Talk((900, 500_000, 9, 0), (960, 2_000_000, 9, 2), (965, 700_000, 9, 2), (970, 5_000_000, 9, 2)),
        Talk((900, 8000, 120, 0), *[(8000, 8000, 120, 2)] * 4),
        with_(2, idle=200),
        with_(2, size=1200),
        Talk(FILTERED[0], *[(990, 7472, 130, 2)] * 3),
        with_(3, answer=80_000),
        with_(1, server=20),
    ],
    ids=[
        "two", "equal requests", "small quick", "quick", "slow writes", "other operation first", "unequal downloads", "grown by too much",
        "a pause", "a request of another length", "grown by less than a key", "a last page larger than all", "a page too quick",
    ],
)  # fmt: skip
def test_what_only_resembles_pages(talk: Talk) -> None:
    assert talk.chains() == []


def test_a_broken_answer_ends_a_chain() -> None:
    talk = Talk(*FILTERED, *[(1044, 7400, 130, 2)] * 3)
    assert talk.chains() == [[0, 1, 2, 3, 4, 5, 6]]
    talk.rows[3] = talk.rows[3]._replace(outcome="cut")
    assert talk.chains() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("change", [{"evidence": "decrypted"}, {"operation": "Query"}, {"service": "s3"}, {"exchange_ids": (0, 1)}])
def test_only_calls_of_dynamodb_that_nobody_can_read(change: dict[str, Any]) -> None:
    talk = Talk(*FILTERED)
    talk.calls = [call._replace(**change) for call in talk.calls]
    assert talk.chains() == []


def test_the_pages_carry_the_id_of_the_first() -> None:
    talk = Talk((800, 300, 4, 0), (*FILTERED[0][:3], 30), *FILTERED[1:])
    assert [call.chain_id for call in with_chains(talk.calls, talk.rows)] == [None, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "scenario, chains",
    [
        ("filter-scan-https", {0: 4, 4: 4}),
        *(
            (name, {})
            for name in ("filter-fixed-https", "js3-default", "loss-2pct", "slow-link", "slow-receiver", "pool-queue-aio", "reordering")
        ),
        ("throttle-retry-boto3-legacy", {}),
    ],
)
def test_real_captures_without_keys(shared: Path, scenario: str, chains: dict[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    found: dict[int, int] = {}
    for call in analyzer.read(next((shared / scenario).glob("*.pcap*"))).calls:
        if call.chain_id is not None:
            found[call.chain_id] = found.get(call.chain_id, 0) + 1
    assert found == chains
