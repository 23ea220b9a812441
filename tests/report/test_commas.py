"""CSV: as the standard library's writer writes it, whatever is in the cells."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report import text
from analyzer.report.commas import CsvRows

KINDS = ("int", "text", "bool", "list", "duration")
cells = {
    "int": st.none() | st.integers(),
    "duration": st.none() | st.integers(),
    "text": st.none() | st.text(alphabet="ab=+-@,\"' \n\r\t\x00\u202eé", max_size=6) | st.sampled_from(["GetItem", "orders", "None"]),
    "bool": st.none() | st.booleans(),
    "list": st.lists(st.integers() | st.text(alphabet='x,"=\n', max_size=3), max_size=3).map(tuple),
}


def by_the_library(kinds: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow([written(value, kind) for value, kind in zip(row, kinds, strict=True)])
    return out.getvalue()


def written(value: Any, kind: str) -> object:
    if kind == "bool":
        return {None: "", True: "true", False: "false"}[value]
    if kind == "list":
        return text.csv(" ".join(map(str, value)))
    return text.csv(value) if isinstance(value, str) else value


@given(st.data())
def test_as_the_library_writes(data: st.DataObject) -> None:
    kinds = tuple(data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4)))
    rows = data.draw(st.lists(st.tuples(*(cells[kind] for kind in kinds)), max_size=4))
    assert CsvRows(kinds).batch(rows) == by_the_library(kinds, rows)


@pytest.mark.parametrize(
    "value, cell",
    [
        (None, ""),
        ("None", "None"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("=1+2", "'=1+2"),
        ("two\nlines", "two\\x0alines"),
        ("\n", "\\x0a"),
        ("-", "'-"),
    ],
)
def test_texts(value: str | None, cell: str) -> None:
    assert CsvRows(["int", "text"]).batch([(1, value), (0, "plain")]) == f"1,{cell}\n0,plain\n"


def test_heading() -> None:
    assert CsvRows(["int", "text"]).heading(["call_id", "operation"]) == "call_id,operation\n"
