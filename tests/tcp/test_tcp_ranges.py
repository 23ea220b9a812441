"""Sets of ranges against sets of integers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.tcp import ranges
from analyzer.tcp.ranges import RangeSet

EDGES = st.tuples(st.booleans(), st.integers(-20, 40), st.integers(-20, 40))


@given(st.lists(EDGES, max_size=40))
def test_a_range_set_is_a_set(steps: list[tuple[bool, int, int]]) -> None:
    have, want = RangeSet(), set[int]()
    for add, start, end in steps:
        numbers = set(range(start, end))
        missing = {at for low, high in have.missing(start, end) for at in range(low, high)}
        assert missing == numbers - want
        if add:
            have.add(start, end)
            want |= numbers
        else:
            have.remove(start, end)
            want -= numbers
        assert {at for low, high in have for at in range(low, high)} == want
        assert have.total == len(want)
        pairs = list(have)
        assert all(low < high for low, high in pairs)
        assert all(before[1] < after[0] for before, after in pairwise(pairs))
        assert bool(have) == bool(want)


def test_beyond_its_bound_a_set_only_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "MOST_RANGES", 3)
    have = RangeSet()
    for start in range(0, 100, 10):
        have.add(start, start + 2)
    assert (len(have), have.total) == (3, 20)
    have.add(2, 4)  # touches a known one
    assert (len(have), have.total) == (3, 22)
    have.remove(1, 2)  # would make two of one: the larger part is kept
    assert (len(have), have.total) == (3, 21)
