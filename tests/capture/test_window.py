from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.window import Window


class Source:
    """Hands out pieces of given sizes and counts the bytes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data = data
        self.sizes = sizes

    def read(self, size: int) -> bytes:
        size = min(size, self.sizes.pop(0)) if self.sizes else size
        piece, self.data = self.data[:size], self.data[size:]
        return piece


@given(
    data=st.binary(max_size=300),
    head=st.integers(0, 20),
    sizes=st.lists(st.integers(1, 40)),
    steps=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.booleans())),
    chunk=st.integers(1, 64),
)
def test_gives_the_bytes_in_order_however_they_come(
    data: bytes, head: int, sizes: list[int], steps: list[tuple[int, int, bool]], chunk: int
) -> None:
    window = Window(Source(data[head:], sizes).read, chunk, data[:head])
    at = 0
    for size, move, join in steps:
        found = window.record(size)
        if found is None:
            assert size > len(data) - at
            assert window.left == len(data) - at
        else:
            buffer, offset = found
            assert buffer[offset : offset + size] == data[at : at + size]
            step = min(move, size)
            window.advance(step)
            at += step
        if join:
            window.join()
            assert data[at:].startswith(window.data[window.pos :])


def test_a_record_that_lies_in_one_read_is_not_copied() -> None:
    window = Window(Source(b"abcdefgh", []).read, 8)
    assert window.record(3) == (b"abcdefgh", 0)
    window.advance(3)
    found = window.record(5)
    assert found is not None
    assert found == (b"abcdefgh", 3)
    assert found[0] is window.data


def test_only_a_record_that_straddles_two_reads_is_assembled() -> None:
    window = Window(Source(b"abcdefghijkl", []).read, 6)
    window.record(1)
    window.advance(4)
    assert window.record(4) == (b"efgh", 0)
    window.advance(4)
    assert (window.data, window.pos, window.carry) == (b"ghijkl", 2, b"")


def test_a_long_record_makes_the_window_double() -> None:
    reads = []

    def read(size: int) -> bytes:
        reads.append(size)
        return bytes(size)

    window = Window(read, 1 << 20)
    window.record(3 << 20)
    window.join()
    window.record((3 << 20) + 1)
    assert window.left >= 6 << 20, "or a file could make it copy three megabytes for each byte"


@pytest.mark.parametrize("size", [1, 100])
def test_the_end_of_the_input_loses_nothing(size: int) -> None:
    window = Window(Source(b"abc", [1, 1, 1]).read, size)
    assert window.record(4) is None
    assert window.record(3) is not None
    assert window.left == 3
    assert not window.more()
