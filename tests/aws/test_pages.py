"""Batches that are sent again for what was left undone are chained like pages; other batches are not."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.aws.pages import with_chains
from analyzer.model.rows import Call, Exchange
from tests.factory import MS, START, connection, exchange, warm


def batches(*told: dict[str, Any]) -> list[int | None]:
    """Chain ids of batches of 10 ms: `undone`, `size`, ms `after` the one before, `on` a connection, and changes of the call."""
    calls: list[Call] = []
    rows: list[Exchange] = []
    at = START
    for number, one in enumerate(told):
        facts = {"undone": False, "size": 5000, "after": 50, "on": 0, "operation": "BatchWriteItem", **one}
        under = connection(facts.pop("on"))
        undone, size, after, operation = (facts.pop(name) for name in ("undone", "size", "after", "operation"))
        at += after * MS
        rows.append(exchange(number, under, operation=operation, request_bytes=size, unprocessed=undone, has_more=None, continues=None))
        calls.append(warm(number, under, number, operation=operation, start_ns=at, end_ns=at + 10 * MS, **facts))
        at += 10 * MS
    return [call.chain_id for call in with_chains(calls, rows)]


def test_a_loop_goes_on_until_all_is_done() -> None:
    assert batches({"undone": True}, {"undone": True, "size": 900}, {"size": 400}, {}) == [0, 0, 0, None]
    assert batches({}, {"undone": True, "operation": "BatchGetItem"}, {"operation": "BatchGetItem"}) == [None, 1, 1]


def test_a_batch_that_did_all_is_followed_by_another_matter() -> None:
    assert batches({}, {}, {}) == [None, None, None]
    assert batches({"undone": None}, {}) == [None, None]


@pytest.mark.parametrize(
    "following, chained",
    [
        ({"size": 900}, True),
        ({"size": 9000}, True),  # boto3's batch_writer fills up with further items
        ({"on": 1, "size": 900}, True),
        ({"on": 1}, False),
        ({"after": 4_900}, True),
        ({"after": 5_100}, False),
        ({"table_name": "Other"}, False),
        ({"operation": "BatchGetItem"}, False),
        ({"ok": False}, False),
        ({"client_address": "10.0.1.99"}, False),
    ],
)
def test_what_is_sent_again(following: dict[str, Any], chained: bool) -> None:
    assert (batches({"undone": True}, following) == [0, 0]) is chained


def test_two_loops_side_by_side_keep_to_their_connections() -> None:
    assert batches({"undone": True}, {"undone": True, "on": 1, "after": -5}, {"on": 0, "size": 9000}, {"on": 1, "size": 9000}) == [
        0,
        1,
        0,
        1,
    ]
