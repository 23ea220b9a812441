"""DNS over TCP: lengths, messages that span segments, and what ends the reading."""

from __future__ import annotations

import struct

import pytest

from analyzer.dns import Message
from analyzer.dns.framing import Budget, MessageSink
from analyzer.model.seams import NEVER, End
from tests.dns.wire import Pipe, query, response


class Reader(Pipe):
    """A pipe whose messages are collected."""

    def __init__(self, responses: bool = False, budget: Budget | None = None) -> None:
        super().__init__()
        self.budget = budget or Budget()
        self.messages: list[tuple[Message, int, int]] = []
        self.sink = MessageSink(self.stream, responses, lambda *message: self.messages.append(message), self.budget)

    def ids(self) -> list[int]:
        return [message.id for message, _, _ in self.messages]


def framed(message: bytes) -> bytes:
    return struct.pack("!H", len(message)) + message


def test_messages_in_one_segment() -> None:
    reader = Reader()
    data = framed(query(1)) + framed(query(2, type_="AAAA"))
    assert reader.send(data, 100, 1) == len(data)
    assert reader.ids() == [1, 2]
    assert reader.messages[1][0].type == "AAAA"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 51, 52, 53, 99])
def test_messages_may_span_segments(size: int) -> None:
    reader = Reader()
    data = framed(query(1)) + framed(query(2)) + framed(query(3))
    for at in range(0, len(data), size):
        assert reader.send(data[at : at + size], 1000 + at, at) == min(at + size, len(data))
    assert reader.ids() == [1, 2, 3]
    length = len(framed(query(1)))
    # A query's time is that of its first byte.
    assert [time for _, time, _ in reader.messages] == [1000 + at // size * size for at in (0, length, 2 * length)]
    assert reader.budget.left == Budget().left


def test_a_response_is_there_when_its_last_byte_is() -> None:
    reader = Reader(responses=True)
    data = framed(response(9, addresses=("1.1.1.1",)))
    reader.send(data[:1], 10, 1)
    reader.send(data[1:30], 20, 2)
    assert reader.messages == []
    reader.send(data[30:], 30, 3)
    assert [(message.id, time, packet_id) for message, time, packet_id in reader.messages] == [(9, 30, 3)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x10" + b"\0" * 40,  # shorter than any message
        framed(b"\0" * 40),
        framed(response(5)),  # a response from the client
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_what_is_no_dns_ends_the_reading(data: bytes, size: int) -> None:
    reader = Reader()
    answers = [reader.send(data[at : at + size], 1, 1) for at in range(0, len(data), size)]
    assert answers[-1] == NEVER
    assert reader.send(framed(query(2)), 2, 2) == NEVER
    assert reader.ids() == []
    assert reader.budget.left == Budget().left


def test_a_gap_ends_the_reading() -> None:
    reader = Reader()
    assert reader.sink is not None
    reader.send(framed(query(1)) + framed(query(2))[:10], 1, 1)
    assert reader.sink.gap(reader.offset, 5) == NEVER
    assert reader.send(framed(query(3)), 2, 2) == NEVER
    assert reader.ids() == [1]
    assert reader.budget.left == Budget().left


def test_an_unfinished_message_is_dropped_at_the_end() -> None:
    reader = Reader()
    assert reader.sink is not None
    reader.send(framed(query(1))[:-1], 1, 1)
    assert reader.budget.left < Budget().left
    reader.sink.end(reader.offset, End.RST)
    assert reader.ids() == []
    assert reader.budget.left == Budget().left


def test_unfinished_messages_share_a_budget() -> None:
    budget = Budget(100)
    first, second = Reader(budget=budget), Reader(budget=budget)
    assert first.send(framed(query(1))[:40], 1, 1) == 40
    assert second.send(b"\x40\x00" + b"\0" * 70, 1, 1) == NEVER
    first.send(framed(query(1))[40:], 2, 2)
    assert first.ids() == [1]
    assert budget.left == 100
