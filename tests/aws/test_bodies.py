"""Marks of bodies: equal for equal requests, unknown where a part is missing, and bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws.bodies import UNKNOWN, Bodies, mark
from analyzer.model.http import Request

SIZE = 1024


def window_of(method: str, target: bytes, fields: dict[bytes, bytes]) -> int:
    return SIZE


def asked(body: bytes, length: int | bytes | None = None) -> Request:
    fields = {} if length is None else {b"content-length": length if isinstance(length, bytes) else b"%d" % length}
    return Request("POST", b"/", fields, body)


def test_equal_bodies_have_equal_marks_and_no_others() -> None:
    one = mark(asked(b'{"TableName":"A"}', 17), window_of)
    assert one == mark(asked(b'{"TableName":"A"}', 17), window_of) != UNKNOWN
    assert one != mark(asked(b'{"TableName":"B"}', 17), window_of)


def test_what_lies_beyond_the_window_counts_by_its_size() -> None:
    begun = b"x" * SIZE
    assert mark(asked(begun, 5000), window_of) == mark(asked(begun, 5000), window_of) != UNKNOWN
    assert mark(asked(begun, 5000), window_of) != mark(asked(begun, 5001), window_of)


def test_a_body_of_which_a_part_is_missing_has_none() -> None:
    assert mark(asked(b"half", 8), window_of) == UNKNOWN
    assert mark(asked(b"x" * 1000, 5000), window_of) == UNKNOWN
    assert mark(asked(b"", 0), window_of) == UNKNOWN
    for length in (None, b"", b"-1", b"1e9", b"9" * 40, "\u00b2".encode()):
        assert mark(asked(b"body", length), window_of) == UNKNOWN


@given(st.binary(max_size=200), st.integers(0, 10**15 - 1), st.integers(0, 4096))
def test_any_body_fits_into_eight_bytes(body: bytes, length: int, window: int) -> None:
    assert 0 <= mark(asked(body, length), lambda *_: window) < 1 << 64


def test_marks_are_kept_by_exchange() -> None:
    bodies = Bodies()
    bodies.note(7, asked(b"a", 1), window_of)
    bodies.note(3, asked(b"b", 1), window_of)
    bodies.note(9, asked(b"", 0), window_of)
    assert bodies.of(7) == mark(asked(b"a", 1), window_of)
    assert bodies.of(3) == mark(asked(b"b", 1), window_of)
    assert [bodies.of(number) for number in (0, 4, 8, 9, 10**12)] == [UNKNOWN] * 5


def test_of_a_very_long_pass_the_latest_are_kept() -> None:
    bodies = Bodies(most=100)
    for number in range(1000):
        bodies.note(number, asked(b"%d" % number, len(b"%d" % number)), window_of)
    assert bodies.of(0) == UNKNOWN
    assert all(bodies.of(number) == mark(asked(b"%d" % number, 3), window_of) for number in range(960, 1000))
    bodies.note(0, asked(b"0", 1), window_of)  # one that was settled late
    assert bodies.of(0) == UNKNOWN
    bodies.note(10**15, asked(b"far", 3), window_of)
    assert bodies.of(10**15) != UNKNOWN


def test_nothing_of_it_is_shown() -> None:
    bodies = Bodies()
    bodies.note(0, asked(b"secret", 6), window_of)
    assert str(bodies.of(0)) not in repr(bodies)
