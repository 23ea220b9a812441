"""Words that all outputs share: numbers with their nouns, lists of ids, first sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from analyzer.units import count

MOST_IDS = 12
"""Ids that a line names, a run of consecutive ones counted once."""
_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])")
"""Where a sentence ends: at `10.0 ms` and `e.g. this` it does not."""


def plural(number: int, word: str) -> str:
    """Write a number and its noun: `1 packet`, `2 packets`."""
    return f"{count(number)} {word}" if number == 1 else f"{count(number)} {word}s"


def first_sentence(text: str) -> tuple[str, str]:
    """Return the first sentence of a text, and the rest."""
    first, *rest = _END.split(text.strip(), maxsplit=1)
    return first, rest[0] if rest else ""


def runs(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield ids as runs of consecutive ones, in ascending order: (first, last)."""
    start = last = None
    for number in sorted(set(ids)):
        if start is None or last is None:
            start = last = number
        elif number == last + 1:
            last = number
        else:
            yield start, last
            start = last = number
    if start is not None and last is not None:
        yield start, last


def ids(numbers: Iterable[int]) -> str:
    """Write ids with runs drawn together: `0-3, 7, 12 ...`."""
    known = list(runs(numbers))
    shown = [str(first) if first == last else f"{first}{'-' if last > first + 1 else ', '}{last}" for first, last in known[:MOST_IDS]]
    return ", ".join(shown) + (" ..." if len(known) > MOST_IDS else "")


def named(word: str, numbers: Sequence[int]) -> str:
    """Write ids with their noun: `call 3`, `packets 812-829`."""
    return f"{word if len(set(numbers)) == 1 else f'{word}s'} {ids(numbers)}"
