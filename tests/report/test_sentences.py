"""Words that all outputs share."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.sentences import first_sentence, ids, named, plural, runs


@pytest.mark.parametrize(
    "text, first, rest",
    [
        ("One. Two. Three.", "One.", "Two. Three."),
        ("It took 10.0 ms. It is far.", "It took 10.0 ms.", "It is far."),
        ("Clients, e.g. boto3, do it. 3 of them.", "Clients, e.g. boto3, do it.", "3 of them."),
        ("No end", "No end", ""),
        ("", "", ""),
        ("Really? Yes! (Indeed.)", "Really?", "Yes! (Indeed.)"),
    ],
)
def test_first_sentences(text: str, first: str, rest: str) -> None:
    assert first_sentence(text) == (first, rest)


def test_runs_are_drawn_together() -> None:
    assert ids([3, 1, 2, 7, 9, 10]) == "1-3, 7, 9, 10"
    assert ids(range(0, 60, 2)) == "0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 ..."
    assert ids([]) == ""
    assert named("packet", [4]) == "packet 4"
    assert named("packet", [4, 5, 6]) == "packets 4-6"


@given(st.sets(st.integers(0, 60)))
def test_runs_hold_just_the_numbers(numbers: set[int]) -> None:
    found = list(runs(numbers))
    assert {number for first, last in found for number in range(first, last + 1)} == numbers
    assert all(first > last + 1 for (_, last), (first, _) in pairwise(found))


def test_numbers_and_nouns() -> None:
    assert [plural(number, "call") for number in (0, 1, 2, 1200)] == ["0 calls", "1 call", "2 calls", "1 200 calls"]
