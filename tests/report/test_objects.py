"""JSON objects: as the standard library writes them, whatever is in the columns."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.table import Column
from analyzer.report.objects import JsonRows

KINDS = ("int", "text", "bool", "list", "duration", "float")
numbers = st.none() | st.integers(-2, 2) | st.integers()
words = st.text(alphabet="%s{}ab\"'\\ \n\x00\u202eé", max_size=6)
cells: dict[str, st.SearchStrategy[Any]] = {
    "int": numbers,
    "duration": numbers,
    "text": st.none() | words | st.sampled_from(["GetItem", "null"]),
    "bool": st.none() | st.booleans(),
    "float": st.none() | st.floats(allow_nan=False),
    "list": st.lists(st.integers() | words | st.tuples(words, st.none() | st.integers()), max_size=3).map(tuple),
}


def by_the_library(columns: list[Column], rows: list[tuple[Any, ...]]) -> list[str]:
    names = [column.name for column in columns]
    return [json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":")) for row in rows]


@given(st.data())
def test_as_the_library_writes(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    columns = [Column(f'{index}%s"', kind) for index, kind in enumerate(kinds)]
    rows = data.draw(st.lists(st.tuples(*(cells[kind] for kind in kinds)), max_size=4))
    assert JsonRows(columns).batch(rows) == by_the_library(columns, rows)


def test_rows_that_are_all_alike() -> None:
    columns = [Column("operation", "text"), Column("ok", "bool"), Column("100%", "list")]
    rows: list[tuple[Any, ...]] = [("%d", True, ())] * 3
    assert JsonRows(columns).batch(rows) == ['{"operation":"%d","ok":true,"100%":[]}'] * 3


def test_no_rows() -> None:
    assert JsonRows([Column("operation", "text")]).batch([]) == []
