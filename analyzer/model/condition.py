"""Conditions on columns, as written on a command line and in `Table.where`: `operation=GetItem`, `server_ns>20ms`, `target~token`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, SupportsIndex

from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.model.table import Table

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
CONDITION = re.compile(r"\s*(\w+)\s*(==|!=|>=|<=|=|>|<|~)\s*(.*?)\s*\Z", re.DOTALL)
NUMBER = re.compile(r"(-?[0-9]{1,30}(?:\.[0-9]{1,30})?)\s*(ns|us|µs|ms|s)?")
UNITS = {"": 1, "ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
MOST_VALUES = 1000
"""Different values that are looked at for a close one: a capture may hold very many."""
MOST_LETTERS = 80
"""Longer values are nothing that anybody mistypes; comparing them takes quadratic time."""


def condition(table: Table[Any], text: str) -> Callable[[Any], bool]:
    """Read a condition on a column: `operation=GetItem`, `status>=400`, `server_ns>20ms`, `target~token` (contains).

    Unknown values never match.

    Raises UsageError for a column that does not exist, or a value that does not fit it.
    """
    name, sign, value = _parts(text)
    get = table.getter(name)
    kind = next(column.kind for column in table.columns if column.name == name)
    if sign == "~":
        return lambda row: get(row) is not None and value.lower() in str(get(row)).lower()
    compare = OPERATORS[sign]
    wanted = _value(name, kind, value)
    if kind == "list" and sign not in ("=", "==", "!="):
        raise UsageError(f"{name} is a list, which has no order", hint=f"{name}={value} (holds it), {name}!={value}, {name}~{value}")
    if kind == "list":
        return lambda row: compare(any(str(item) == value for item in get(row)), True)
    return lambda row: get(row) is not None and compare(get(row), wanted)


def length(value: str | int | timedelta) -> int:
    """Read a duration: text with its unit (`1ms`, `0.5 s`), a timedelta (also of pandas), or whole nanoseconds, none or 1000 and more.

    Whoever writes a bare 0.001 or 1 means something else. Raises UsageError, also for one below zero.
    """
    if isinstance(value, timedelta):
        value = value // timedelta(microseconds=1) * 1000 + int(getattr(value, "nanoseconds", 0))
    elif not isinstance(value, str):
        bare = not isinstance(value, bool) and isinstance(value, SupportsIndex)
        if not bare or 0 < operator.index(value) < UNITS["us"]:
            hint = 'text with its unit ("1ms", "250us", "0.5s"), or whole nanoseconds'
            raise UsageError(f"{value!r} is no duration: its unit is not told", hint=hint)
        value = operator.index(value)
    match = NUMBER.fullmatch(str(value).strip())
    hint = "a number with its unit: 1ms, 250us, 0.5s"
    if match is None or (isinstance(value, str) and not match[2]):
        raise UsageError(f"cannot read the duration {value!r}", hint=hint)
    if match[1].startswith("-"):
        raise UsageError(f"the duration {value!r} must be positive", hint=hint)
    return round(Decimal(match[1]) * UNITS[match[2] or ""])


def advice(table: Table[Any], text: str) -> str | None:
    """Say what may have been meant by a condition that no row of `table` fulfils: the close value that there is, or a unit.

    None where nothing can be said. Raises UsageError as `condition` does.
    """
    name, sign, value = _parts(text)
    kind = next((column.kind for column in table.columns if column.name == name), None)
    if kind == "duration" and NUMBER.fullmatch(value) and value[-1:].isdigit():
        return "durations without a unit are nanoseconds"
    if kind != "text" or sign not in ("=", "=="):
        return None
    found = close(value, (known for known in map(table.getter(name), table) if known is not None))
    return f"did you mean {name}={found[0]}?" if found and found[0] != value else None


def close(wanted: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known words most like `wanted`, whatever their case: the same, those that begin with it or hold it, then its typos."""
    small = wanted.lower()
    if not small or len(small) > MOST_LETTERS:
        return []
    words: dict[str, str] = {}
    for word in islice(dict.fromkeys(known), MOST_VALUES):
        if len(word) <= MOST_LETTERS:
            words.setdefault(word.lower(), word)
    same = [word for word in (small,) if word in words]
    holding = sorted((word for word in words if len(small) > 2 and small in word), key=lambda word: (not word.startswith(small), len(word)))
    alike = get_close_matches(small, words, n=most, cutoff=0.7)
    return [words[word] for word in dict.fromkeys([*same, *holding, *alike])][:most]


def column_of(text: str) -> str:
    """Return the column that a condition is about. Raises UsageError for what is no condition."""
    return _parts(text)[0]


def _parts(text: str) -> tuple[str, str, str]:
    """Take a condition apart: column, sign, value. Raises UsageError."""
    match = CONDITION.match(text)
    if match is None:
        raise UsageError(f"cannot read the condition {text!r}", hint="COLUMN=VALUE, also != < <= > >= and ~ (contains)")
    return match[1], match[2], match[3]


def _value(name: str, kind: str, text: str) -> object:
    if kind in ("text", "list"):
        return text
    if kind == "bool":
        if text.lower() not in ("true", "false", "yes", "no"):
            raise UsageError(f"{name} is true or false, not {text!r}")
        return text.lower() in ("true", "yes")
    match = NUMBER.fullmatch(text)
    if match is None or (match[2] and kind not in ("duration", "time")):
        raise UsageError(f"{name} is a number, not {text!r}")
    number = match[1]
    if not match[2] and "." not in number:
        return int(number)
    if not match[2] and kind == "duration":
        raise UsageError(f"{name} is in nanoseconds, of which {number} is no number", hint=f"with a unit: {number}ms, {number}s")
    # Decimal: a double cannot hold a time in seconds to the nanosecond.
    return round(Decimal(number) * UNITS[match[2] or ""]) if kind in ("duration", "time") else float(number)
