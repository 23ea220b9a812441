"""Short ways through hellos and handshake messages give what the long ones would."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.tls.hello import client_hello as read_client
from analyzer.tls.ja4 import MOST_NUMBERS, ja4
from analyzer.tls.messages import Message, Messages
from analyzer.tls.vectors import LONGEST_LIST
from tests.tls.talk import client_hello, extension, message, numbers, vector


def types_of(block: bytes) -> tuple[int, ...]:
    """Read types of extensions as plainly as can be: a type counts as soon as its two bytes are there."""
    found = []
    while len(block) >= 2:
        found.append(int.from_bytes(block[:2], "big"))
        if len(block) < 4:
            break
        block = block[4 + int.from_bytes(block[2:4], "big") :]
    return tuple(found)


UNREAD = st.integers(0, 0xFFFF).filter(lambda kind: kind not in (0, 13, 16, 35, 43))


@given(st.lists(st.tuples(UNREAD, st.binary(max_size=9)), max_size=9), st.integers(0, 60))
def test_extensions_are_listed_as_far_as_they_go(parts: list[tuple[int, bytes]], cut: int) -> None:
    block = b"".join(extension(*part) for part in parts)
    block = block[: max(0, len(block) - cut)]
    head = b"\x03\x03" + bytes(32) + vector(1, b"") + vector(2, numbers((0x1301,))) + vector(1, b"\0")
    found = read_client(head + len(block).to_bytes(2, "big") + block)
    assert found is not None
    assert found.offer.extensions == types_of(block)


def one_by_one(data: bytes) -> list[Message]:
    messages = Messages()
    return [found for byte in data for found in messages.feed(bytes((byte,)))]


@pytest.mark.parametrize(
    "make", [client_hello, lambda: message(2, b"chosen"), lambda: message(8), lambda: message(11, b"certificate" * 90)]
)
def test_a_message_that_fills_a_record_is_the_one_that_comes_byte_by_byte(make: Callable[[], bytes]) -> None:
    whole = Messages().feed(make())
    assert whole == one_by_one(make())
    assert len(whole) == 1


def test_a_message_after_the_head_of_another_is_no_whole_one() -> None:
    data = message(11, b"certificate")
    messages = Messages()
    assert messages.feed(data[:2]) == []
    assert messages.feed(data[2:] + data) == one_by_one(data + data)


def test_long_lists_are_read_and_not_remembered() -> None:
    many = tuple(range(LONGEST_LIST))
    found = read_client(client_hello(more=(extension(13, vector(2, numbers(many))),), signatures=())[4:])
    assert found is not None
    assert found.offer.signatures == many
    assert len(many) > MOST_NUMBERS
    few = read_client(client_hello(signatures=many[:2])[4:])
    assert few is not None
    assert ja4(few.offer)[:17] == ja4(found.offer)[:17]
    assert ja4(few.offer) != ja4(found.offer)
