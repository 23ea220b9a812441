"""Rows as JSON objects, a text each, as `json` writes them without spaces.

A batch of rows is written by one format a row, four times as fast as an object at a time: what is the same in all of its rows is written
once, into the format, and most columns are numbers, which a format writes as JSON does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from json.encoder import encode_basestring_ascii
from typing import Any

from analyzer.model.table import Column

ENCODE = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
"""Plain ASCII: what would move a cursor or reorder text on a terminal is written as an escape, which every JSON reader takes back."""
_TRUTH = {None: "null", False: "false", True: "true"}
_NUMBERS = frozenset({"time", "duration", "int"})


class JsonRows:
    """Writes batches of rows with the given columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def batch(self, rows: Sequence[tuple[Any, ...]]) -> list[str]:
        """Return an object for each of some rows: the names of the columns, in order, and their values; tuples are lists."""
        fields: list[str] = []
        varying: list[Sequence[object]] = []
        for column, values in zip(self._columns, zip(*rows, strict=True), strict=bool(rows)):
            name = encode_basestring_ascii(column.name).replace("%", "%%")
            first = values[0]
            # Values of a column that are equal read the same, but for the two zeros of floats.
            if first == values[-1] and values.count(first) == len(values) and column.kind != "float":
                fields.append(f"{name}:{ENCODE(first).replace('%', '%%')}")
            else:
                fields.append(f"{name}:%s")
                varying.append(_written(column.kind, values))
        form = f"{{{','.join(fields)}}}"
        return [form % row for row in zip(*varying, strict=True)] if varying else [form % ()] * len(rows)


def _written(kind: str, values: Sequence[Any]) -> Sequence[object]:
    """Return the values of a column as a format takes them; `kind` is that of `model.table.Column`."""
    if kind in _NUMBERS:
        return ["null" if value is None else value for value in values] if None in values else values
    if kind == "bool":
        return [_TRUTH[value] for value in values]
    if kind == "text":
        texts = {value: encode_basestring_ascii(value) for value in set(values) if value is not None}
        return [texts.get(value, "null") for value in values]
    if kind == "list" and set(map(type, chain.from_iterable(values))) == {int}:
        return [f"[{','.join(map(str, value))}]" for value in values]
    if kind == "list":  # most are empty
        known = {value: ENCODE(value) for value in set(values)}
        return [known[value] for value in values]
    return list(map(ENCODE, values))
