"""Checks single values of a profile: what each field may hold. What is wrong raises `Wrong`, to which callers add where it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from analyzer.sdks.records import PURPOSES

SOURCE = re.compile(r"(?:measured\b|unverified\b|docs: |seen: |[\w.-]+/[\w.-]+(?::\S|#\d)).*")
"""`OWNER/REPOSITORY:PATH`, `OWNER/REPOSITORY#ISSUE`, `docs: ...` (the vendor's), `seen: ...` (somebody else's capture), `measured`,
`unverified`; several are separated by semicolons."""
VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){0,3}")
OUTCOME = re.compile(r"timeout|connect|other|[45]xx|[1-5]\d\d")

Reader = Callable[[object], Any]


class Wrong(Exception):
    """What is wrong with a value, and at which key below the place that is being read."""

    def __init__(self, what: str, key: str = "") -> None:
        super().__init__(what)
        self.what, self.key = what, key

    def under(self, key: str) -> Wrong:
        """Return the same, seen from the table that holds it."""
        return Wrong(self.what, ".".join(filter(None, (key, self.key))))


def text(value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise Wrong("a text is wanted")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, list):
        raise Wrong("a list of texts is wanted")
    return tuple(map(text, value))


def statuses(value: object) -> tuple[int, ...]:
    """Return a list of HTTP statuses."""
    if not isinstance(value, list) or not all(type(one) is int and 100 <= one <= 599 for one in value):
        raise Wrong("a list of statuses is wanted")
    return tuple(value)


def flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise Wrong("true or false is wanted")
    return value


def whole(value: object) -> int:
    """Return a whole number from 0 on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Wrong("a whole number from 0 on is wanted")
    return value


def number(value: object) -> float:
    """Return a number from 0 on, `inf` included."""
    # NaN is not >= 0 either.
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= 0:
        raise Wrong("a number from 0 on is wanted (inf: no limit)")
    return value


def above_zero(value: object) -> float:
    """Return a number above 0."""
    if number(value) == 0:
        raise Wrong("must be above 0")
    return number(value)


def count(value: object) -> int:
    """Return a whole number above 0."""
    if whole(value) == 0:
        raise Wrong("must be above 0")
    return whole(value)


def pair(value: object) -> tuple[float, float]:
    """Return the shortest and the longest of something."""
    if not isinstance(value, list) or len(value) != 2:
        raise Wrong("[shortest, longest] is wanted")
    low, high = map(number, value)
    if low > high:
        raise Wrong("the shortest is above the longest")
    return low, high


def pairs(value: object) -> tuple[tuple[float, float], ...]:
    """Return a list of such pairs."""
    if not isinstance(value, list):
        raise Wrong("a list of [shortest, longest] is wanted")
    return tuple(map(pair, value))


def outcomes(value: object) -> tuple[str, ...]:
    """Return ways in which a request for a token may end."""
    found = texts(value)
    if not all(map(OUTCOME.fullmatch, found)):
        raise Wrong("outcomes are timeout, connect, other, 4xx, 5xx or a status")
    return found


def version(value: object) -> str:
    """Return a version: numbers with dots."""
    if not VERSION.fullmatch(text(value)):
        raise Wrong(f"no version: {value!r}")
    return text(value)


def one_of(*choices: object) -> Reader:
    """Make a reader of one of a few values."""

    def read(value: object) -> object:
        if isinstance(value, bool) or value not in choices:
            raise Wrong(f"{', '.join(map(str, choices))} is wanted")
        return value

    return read


@cache
def _source(value: str) -> str:
    for one in value.split("; "):
        if not SOURCE.fullmatch(one):
            raise Wrong(f"no source: {one!r} (owner/repository:path, owner/repository#issue, docs:, seen:, measured or unverified)")
    return value


def source(value: object) -> str:
    """Return where figures come from."""
    if not isinstance(value, str) or not value:
        raise Wrong("missing: every figure has a source")
    return _source(value)


def table(value: object) -> Mapping[str, Any]:
    """Return a table."""
    if not isinstance(value, dict):
        raise Wrong("a table is wanted")
    return value


def pattern(value: object) -> re.Pattern[str]:
    """Return a regular expression whose only named group may be `v`."""
    try:
        found = re.compile(text(value))
    except re.error as error:
        raise Wrong(f"no regular expression: {error}") from None
    if set(found.groupindex) - {"v"}:
        raise Wrong("the only named group is v, the version")
    return found


def remedies(value: object) -> dict[str, str]:
    """Return texts by the purpose of the remedy."""
    found = dict(table(value))
    for purpose, words in found.items():
        if purpose not in PURPOSES:
            raise Wrong(f"no purpose of a remedy: {', '.join(PURPOSES)}", purpose)
        if not isinstance(words, str) or not words:
            raise Wrong("a text is wanted", purpose)
    return found
