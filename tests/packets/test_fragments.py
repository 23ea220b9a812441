"""Reassembly is complete, bounded, and keeps the first copy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.seams import Oddity
from analyzer.packets.fragments import LIFETIME_NS, MAX_DATAGRAMS, MAX_RANGES, Fragments

WHOLE = bytes(range(256)) * 2


def put(fragments: Fragments, offset: int, piece: bytes, more: bool = True, time: int = 0, key: bytes = b"k") -> object:
    return fragments.add(key, 6, offset, more, piece, time)


@given(st.permutations([(start, min(start + 48, 512)) for start in range(0, 512, 48)]))
def test_any_order_gives_the_datagram(order: list[tuple[int, int]]) -> None:
    fragments = Fragments()
    answers = [put(fragments, start, WHOLE[start:end], end < 512) for start, end in order]
    assert answers[-1] == (6, WHOLE)
    assert answers[:-1] == [None] * (len(order) - 1)
    assert len(fragments) == 0


@given(st.lists(st.tuples(st.integers(0, 511), st.integers(1, 200), st.integers(0, 255)), max_size=40))
def test_overlapping_fragments_keep_the_first_copy(pieces: list[tuple[int, int, int]]) -> None:
    fragments = Fragments()
    expected: list[int | None] = [None] * 512
    for start, length, fill in pieces:
        end = min(start + length, 511)
        if end > start:
            put(fragments, start, bytes([fill]) * (end - start))
            for at in range(start, end):
                if expected[at] is None:
                    expected[at] = fill
    filled = bytes(0 if byte is None else byte for byte in expected)
    answer = put(fragments, 0, bytes(512), more=False)
    assert answer == (6, filled)


def test_the_protocol_is_that_of_the_first_fragment() -> None:
    fragments = Fragments()
    assert fragments.add(b"k", 99, 8, False, b"x", 0) is None
    assert fragments.add(b"k", 17, 0, True, bytes(8), 0) == (17, bytes(8) + b"x")


def test_datagrams_do_not_mix() -> None:
    fragments = Fragments()
    put(fragments, 0, b"a" * 8, key=b"1")
    put(fragments, 0, b"b" * 8, key=b"2")
    assert put(fragments, 8, b"c", more=False, key=b"2") == (6, b"b" * 8 + b"c")


def test_a_datagram_is_waited_for_thirty_seconds() -> None:
    fragments = Fragments()
    put(fragments, 0, b"a" * 8)
    assert put(fragments, 8, b"c", more=False, time=LIFETIME_NS) == (6, b"a" * 8 + b"c")
    put(fragments, 0, b"a" * 8)
    assert put(fragments, 8, b"c", more=False, time=LIFETIME_NS + 1) is None


def test_the_oldest_datagram_gives_way() -> None:
    fragments = Fragments()
    for number in range(MAX_DATAGRAMS + 5):
        put(fragments, 0, b"a" * 8, key=number.to_bytes(2, "big"))
    assert len(fragments) == MAX_DATAGRAMS
    assert put(fragments, 8, b"c", more=False, key=b"\0\4") is None
    assert put(fragments, 8, b"c", more=False, key=b"\0\xff") is not None


def test_scattered_pieces_are_given_up() -> None:
    fragments = Fragments()
    answers = [put(fragments, 16 * number, b"a" * 8) for number in range(MAX_RANGES + 1)]
    assert answers[:-1] == [None] * MAX_RANGES
    assert isinstance(answers[-1], Oddity)
    assert len(fragments) == 0


def test_what_fits_no_datagram_is_an_oddity() -> None:
    fragments = Fragments()
    assert isinstance(put(fragments, 65528, bytes(8)), Oddity)
    assert isinstance(put(fragments, 8, b"", more=False), Oddity)
    assert put(fragments, 65528, bytes(7), more=False) is None
