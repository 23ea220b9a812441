"""Attempts of SDKs that send no invocation id: joined by what they carry, after what is retried, within the back-off; loops are not."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.aws.bodies import Bodies
from analyzer.aws.joining import MOST_WAITING, attempts
from analyzer.model.http import Request
from analyzer.model.rows import Connection, Exchange
from tests.factory import MS, START, connection, exchange

REFUSED: dict[str, Any] = {"status": 400, "error_type": "ProvisionedThroughputExceededException", "outcome": "error"}
BROKEN: dict[str, Any] = {"status": 500, "error_type": "InternalServerError", "outcome": "error"}
SILENT: dict[str, Any] = {
    "status": None, "outcome": "no-response", "response_start_ns": None, "response_end_ns": None, "response_packet_id": None,
}  # fmt: skip
FINE: dict[str, Any] = {}


class Client:
    """A client without ids: requests of 10 ms, each `after` so many ms after the end of the one before, with the body told."""

    def __init__(self, sdk: str | None = "js-v2", **under: Any) -> None:
        self.connections = [connection(0, closed_ns=None, client_closed_ns=None, closed_by="open", last_ns=START + 10**13, **under)]
        self.rows: list[Exchange] = []
        self.bodies = Bodies()
        self.sdk = sdk
        self.at = START + 1_000 * MS

    def asks(self, how: dict[str, Any], body: bytes | None = b"same", after: float = 20, on: int = 0, **changes: Any) -> Client:
        number = len(self.rows)
        self.at += round(after * MS)
        facts = {
            "request_start_ns": self.at, "request_end_ns": self.at, "response_start_ns": self.at + 9 * MS, "index_on_connection": 5,
            "response_end_ns": self.at + 10 * MS, "invocation_id": None, "attempt": None, "sdk": self.sdk, "idle_before_ns": MS,
            "aws_request_id": f"R{number}", **how, **changes,
        }  # fmt: skip
        self.rows.append(exchange(number, self.connections[on], **facts))
        if body is not None:
            self.bodies.note(number, Request("POST", b"/", {b"content-length": b"%d" % len(body)}, body), lambda *_: 1024)
        self.at += 10 * MS
        return self

    def opens(self, **changes: Any) -> Client:
        number = len(self.connections)
        facts = {"closed_ns": None, "client_closed_ns": None, "closed_by": "open", "syn_ns": self.at, "last_ns": START + 10**13}
        self.connections.append(connection(number, **{**facts, **changes}))
        return self

    def closes(self, on: int = 0, after: float = 0, by: str = "client") -> Client:
        time = self.at + round(after * MS)
        sides: dict[str, Any] = {"client_closed_ns": time} if by == "client" else {"server_closed_ns": time}
        self.connections[on] = self.connections[on]._replace(closed_ns=time, closed_by=by, **sides)
        self.at = time
        return self

    def calls(self) -> list[list[int]]:
        known: dict[int, Connection] = {row.connection_id: row for row in self.connections}
        return [[row.exchange_id for row in group] for group in attempts(self.rows, known, self.bodies)]


@pytest.mark.parametrize(
    "how", [REFUSED, BROKEN, {**REFUSED, "status": 400, "error_type": "ThrottlingException"}, {**REFUSED, "status": 429}]
)
@pytest.mark.parametrize("sdk", ["js-v2", "go-v1", "elixir-hackney", None])
def test_the_same_request_after_a_retried_failure_is_the_next_attempt(how: dict[str, Any], sdk: str | None) -> None:
    assert Client(sdk).asks(how).asks(how).asks(FINE).calls() == [[0, 1, 2]]


@pytest.mark.parametrize("answer", [FINE, {"status": 400, "error_type": "ConditionalCheckFailedException", "outcome": "error"}])
def test_a_loop_that_sends_the_same_again_makes_calls_of_its_own(answer: dict[str, Any]) -> None:
    assert Client().asks(answer).asks(FINE, after=0.1).asks(answer, after=1).calls() == [[0], [1], [2]]
    # Nor does an earlier failure make the loop one call: it was over with the good answer.
    assert Client().asks(BROKEN).asks(FINE).asks(FINE).asks(answer).calls() == [[0, 1], [2], [3]]


def test_another_body_of_the_same_size_is_another_call() -> None:
    assert Client().asks(REFUSED, b"key-1").asks(FINE, b"key-2").asks(FINE, b"key-1").calls() == [[0, 2], [1]]


def test_two_workers_on_the_same_table_are_told_apart_by_their_bodies() -> None:
    story = Client().asks(REFUSED, b"key-1").asks(REFUSED, b"key-2", after=-5).asks(FINE, b"key-2").asks(FINE, b"key-1", after=-5)
    assert story.calls() == [[0, 3], [1, 2]]


def test_new_credentials_make_the_head_longer_and_the_request_no_other() -> None:
    assert Client().asks(BROKEN, request_bytes=800).asks(FINE, request_bytes=1200).calls() == [[0, 1]]


def test_without_bodies_size_decides() -> None:
    assert Client().asks(BROKEN, None).asks(FINE, None).calls() == [[0, 1]]
    assert Client().asks(BROKEN, None).asks(FINE, None, request_bytes=801).calls() == [[0], [1]]
    # A body that the capture lacks is not taken for one that it has.
    assert Client().asks(BROKEN, b"seen").asks(FINE, None).calls() == [[0], [1]]


@pytest.mark.parametrize("change", [{"table_name": "Other"}, {"operation": "Scan"}, {"sdk": "go-v1"}, {"operation": None}])
def test_what_differs_in_anything_else_is_another_call(change: dict[str, Any]) -> None:
    assert Client().asks(BROKEN).asks(FINE, **change).calls() == [[0], [1]]


@pytest.mark.parametrize(
    "sdk, after, joined",
    [
        ("js-v2", 1_999, True),
        ("js-v2", 2_001, False),
        ("elixir-hackney", 1_900, True),
        ("js-v2", -1, False),
    ],
)
def test_only_within_the_back_off(sdk: str, after: float, joined: bool) -> None:
    assert (len(Client(sdk).asks(BROKEN).asks(FINE, after=after).calls()) == 1) is joined


def test_later_attempts_may_wait_longer_up_to_the_longest_back_off_of_the_sdk() -> None:
    def long_story(sdk: str, after: float) -> int:
        story = Client(sdk)
        for pause in (20, 1_500, 3_000, 6_000, after):
            story.asks(BROKEN, after=pause)
        return len(story.calls())

    assert long_story("js-v2", 15_000) == 1
    assert long_story("js-v2", 26_000) == 2
    assert long_story("elixir-hackney", 6_000) == 1
    assert long_story("elixir-hackney", 6_200) == 2  # 5.12 s is its longest, and a second of slack


def test_after_its_last_attempt_an_sdk_makes_no_other() -> None:
    story = Client("elixir-hackney")
    for _ in range(12):
        story.asks(BROKEN)
    assert story.calls() == [list(range(10)), [10, 11]]


def test_a_connection_made_for_it_is_no_pause() -> None:
    story = Client().asks(BROKEN).opens()
    assert story.asks(FINE, after=2_500, on=1, index_on_connection=0, idle_before_ns=None).calls() == [[0, 1]]
    story = Client().asks(BROKEN).opens(opened_ahead=True)
    assert story.asks(FINE, after=2_500, on=1, index_on_connection=0, idle_before_ns=None).calls() == [[0], [1]]


def test_a_connection_that_was_being_opened_before_the_failure_was_opened_for_another_request() -> None:
    story = Client().opens().asks(BROKEN).asks(FINE, on=1, index_on_connection=0, idle_before_ns=None).asks(FINE)
    assert story.calls() == [[0, 2], [1]]


def test_after_a_reset_it_is_tried_again_on_another_connection() -> None:
    assert Client().asks(SILENT).closes(by="server").opens().asks(FINE, on=1).calls() == [[0, 1]]


def test_after_a_read_timeout_of_two_minutes_too() -> None:
    """SDK for JavaScript v2 waits 120 s for an answer, then closes and tries again."""
    story = Client().asks(SILENT).closes(after=120_000).opens()
    assert story.asks(FINE, on=1, after=30).calls() == [[0, 1]]
    story = Client().asks(SILENT).closes(after=120_000).opens()
    assert story.asks(FINE, on=1, after=3_000, index_on_connection=0, idle_before_ns=None).calls() == [[0, 1]]
    story = Client().asks(SILENT).closes(after=120_000).opens(opened_ahead=True)
    assert story.asks(FINE, on=1, after=3_000).calls() == [[0], [1]]


def test_while_an_answer_is_waited_for_an_equal_request_is_another_workers() -> None:
    assert Client().asks(SILENT, request_acknowledged=True).opens().asks(FINE, on=1, after=3_000).calls() == [[0], [1]]
    cut = {**FINE, "outcome": "cut", "response_end_ns": START + 1_025 * MS}
    assert Client().asks(cut, request_acknowledged=True).opens().asks(FINE, on=1).calls() == [[0], [1]]


def test_silence_is_given_up_although_no_fin_shows_it() -> None:
    """The FIN waits behind the request that nobody acknowledges."""
    assert Client().asks(SILENT, request_acknowledged=False).opens().asks(FINE, on=1, after=3_000).calls() == [[0, 1]]
    story = Client().asks(SILENT, request_acknowledged=False).opens().asks(FINE, on=1, after=3_000)
    assert story.closes(after=5_000).calls() == [[0, 1]]
    assert Client().asks(SILENT, request_acknowledged=True).opens().asks(FINE, on=1, after=121_000).calls() == [[0, 1]]
    assert Client().asks(SILENT, request_acknowledged=True).opens().asks(FINE, on=1, after=146_000).calls() == [[0], [1]]


def test_an_answer_that_broke_off_or_never_arrived_is_asked_for_again() -> None:
    cut = {**FINE, "outcome": "cut", "response_end_ns": START + 1_025 * MS}
    assert Client().asks(cut).closes(by="server").opens().asks(FINE, on=1).calls() == [[0, 1]]
    assert Client().asks({**FINE, "outcome": "undelivered"}).opens().asks(FINE, on=1).calls() == [[0, 1]]


def test_of_equal_requests_at_the_same_time_the_first_that_failed_goes_on_first() -> None:
    story = Client().asks(BROKEN).asks(BROKEN, after=-8).asks(FINE).asks(FINE, after=-8)
    assert story.calls() == [[0, 2], [1, 3]]


def test_another_client_or_server_is_another_call() -> None:
    story = Client().asks(BROKEN).opens(client_address="10.0.1.99").asks(FINE, on=1)
    assert story.calls() == [[0], [1]]
    story = Client().asks(BROKEN).opens(server_name="dynamodb.eu-west-1.amazonaws.com").asks(FINE, on=1)
    assert story.calls() == [[0], [1]]


def test_very_many_failures_of_one_request_are_not_looked_at_again_and_again() -> None:
    story = Client()
    for _ in range(20 * MOST_WAITING):
        story.asks(BROKEN, after=-10)  # all at the same moment
    assert len(story.calls()) == 20 * MOST_WAITING
