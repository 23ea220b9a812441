"""Columns come back as they went in."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.page.pack import EXACT, Pack, unpacked

NUMBERS = st.one_of(st.integers(0, 255), st.integers(0, 1 << 16), st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-EXACT, EXACT))


@given(st.lists(st.lists(NUMBERS, max_size=30), max_size=4), st.booleans())
def test_columns_come_back(columns: list[list[int]], steps: bool) -> None:
    pack = Pack()
    for number, values in enumerate(columns):
        # Differences of extreme values are beyond what a double holds.
        (pack.add_steps if steps and all(abs(value) < EXACT // 2 for value in values) else pack.add)(f"c{number}", values)
        pack.add_json(f"j{number}", {"text": "\u202e<"})
    assert unpacked(pack) == {f"c{number}": values for number, values in enumerate(columns)}


def test_a_column_takes_the_smallest_kind_that_holds_it() -> None:
    cases = {"u8": [0, 255], "u16": [256], "u32": [1 << 16, (1 << 32) - 1], "i32": [-1, 5], "f64": [1 << 32]}
    pack = Pack()
    for kind, values in cases.items():
        pack.add(kind, values)
    pack.add("none", [])
    pack.add("far", [-(1 << 31) - 1])
    kinds = {entry["name"]: entry["kind"] for entry in pack.directory}
    assert kinds == {**{kind: kind for kind in cases}, "none": "u8", "far": "f64"}


def test_the_blob_holds_what_the_directory_says() -> None:
    pack = Pack()
    pack.add("first", [1, 2, 3])
    pack.add_json("second", {"a": [1]})
    raw = gzip.decompress(b64decode(pack.blob()))
    (first, second) = pack.directory
    assert raw[first["offset"] :][: first["length"]] == b"\1\2\3"
    assert json.loads(raw[second["offset"] :][: second["length"]]) == {"a": [1]}
    assert pack.blob() == pack.blob(), "two runs write the same file"
