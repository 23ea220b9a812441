"""Members of JSON objects in windows, against the standard library's parser."""

from __future__ import annotations

import json
from typing import TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.aws._json_windows import depth_of, last_members, members, number, string

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(['"', "\\", '\\"', '","Count":9,"', '}],"Count":9}', '{"a":1}', "\\\\", "[[", "\u00e9\U0001f600", "\u2028"]),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-99, 10**6), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=5)
STYLES = st.sampled_from([(",", ":"), (", ", ": "), (" ,\r\n ", "\t: ")])


def written(document: dict[str, Json], style: tuple[str, str], ascii_only: bool) -> bytes:
    return json.dumps(document, separators=style, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def truth(value: Json, depth: int = 0) -> list[tuple[int, bytes, object]]:
    """All members in text order with their depth; containers as their first character."""
    found: list[tuple[int, bytes, object]] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            shown: object = "{" if isinstance(inner, dict) else "[" if isinstance(inner, list) else (inner,)
            found.append((depth + 1, key.encode("utf-8", "surrogatepass"), shown))
            found += truth(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            found += truth(inner, depth + 1)
    return found


def read(value: bytes) -> object:
    return value.decode() if value in (b"{", b"[") else (json.loads(value),)


def seen(window: bytes) -> tuple[list[tuple[int, bytes, object]], bool]:
    found = [(depth, key, value) for depth, key, value in members(window, 1_000_000)]
    whole = bool(found) and found[-1][0] == 0
    return [(depth, key, read(value)) for depth, key, value in found if depth], whole


def seen_backwards(window: bytes) -> tuple[list[tuple[int, bytes, object]], bool]:
    found = [(depth, key, value) for depth, key, value in last_members(window)]
    whole = bool(found) and found[-1][0] == 0
    return [(depth, key, read(value)) for depth, key, value in found if depth and not (value == b"[" and key == b"")], whole


@given(OBJECTS, STYLES, st.booleans())
def test_whole_objects_are_read_exactly(document: dict[str, Json], style: tuple[str, str], ascii_only: bool) -> None:
    text = b" \n" + written(document, style, ascii_only) + b"\r\n"
    assert seen(text) == (truth(document), True)


@given(OBJECTS.filter(lambda document: "" not in document), STYLES, st.booleans())
@example({"a": '\\","b":1', "c": [{"c": "]"}], "d": "\\"}, (",", ":"), True)
def test_whole_objects_are_read_backwards_exactly(document: dict[str, Json], style: tuple[str, str], ascii_only: bool) -> None:
    text = b" \n" + written(document, style, ascii_only) + b"\r\n"
    own = [member for member in truth(document) if member[0] == 1]
    assert seen_backwards(text) == (own[::-1], True)


@given(OBJECTS.filter(lambda document: "" not in document), STYLES, st.booleans(), st.data())
def test_windows_show_a_part_of_the_truth(document: dict[str, Json], style: tuple[str, str], ascii_only: bool, data: st.DataObject) -> None:
    text = written(document, style, ascii_only)
    cut = data.draw(st.integers(0, len(text) - 1))
    whole = truth(document)
    front, ended = seen(text[:cut])
    assert front == whole[: len(front)]
    assert not ended
    own = [member for member in whole if member[0] == 1][::-1]
    back, ended = seen_backwards(text[cut:])
    assert back == own[: len(back)]
    assert not ended or cut == 0


@given(st.binary(max_size=400), st.sampled_from([b"", b"{", b'{"', b'{"a":', b'{"a":"']))
def test_any_bytes_are_survived(data: bytes, start: bytes) -> None:
    assert len(list(members(start + data, 9))) <= len(start + data) + 1
    assert len(list(last_members(data + start[::-1]))) <= 2 * len(start + data) + 1


@given(st.text(alphabet='"\\{}[]:, a1', max_size=200))
def test_any_punctuation_is_survived(text: str) -> None:
    list(members(text.encode(), 9))
    list(last_members(text.encode()))


@pytest.mark.parametrize("window", [b"", b"   ", b"[1]", b'"a":1', b'x{"a":1}', b"1", b'}{"a":1}', b':{"a":1}'])
def test_what_is_no_object_has_no_members(window: bytes) -> None:
    assert list(members(window)) == []


@pytest.mark.parametrize("window", [b"", b'{"a":1', b'{"a":1}x', b'{"a":1},', b"[1]", b'{"a":1}{'])
def test_what_does_not_end_an_object_has_no_last_members(window: bytes) -> None:
    assert list(last_members(window)) == []


def test_brackets_that_do_not_pair_end_the_reading() -> None:
    assert [key for _, key, _ in members(b'{"a":1,"b":[1},"c":2}')] == [b"a", b"b"]


def test_a_number_at_the_edge_may_be_cut() -> None:
    assert list(members(b'{"Count":12')) == []
    assert list(last_members(b'12,"b":1}')) == [(1, b"b", b"1")]


def test_a_quote_at_the_edge_may_be_one_inside_a_string() -> None:
    text = b'{"un\\"Count":1}'
    assert list(last_members(text)) == [(1, b'un"Count', b"1"), (0, b"", b"")]
    assert list(last_members(text[text.index(b'"Count') :])) == []


def test_members_deeper_than_asked_for_are_passed_over() -> None:
    text = b'{"a":{"b":{"c":1,"d":[]}},"e":2}'
    assert [key for _, key, _ in members(text)] == [b"a", b"e", b""]
    assert [key for _, key, _ in members(text, 2)] == [b"a", b"b", b"e", b""]
    assert [key for _, key, _ in members(text, 3)] == [b"a", b"b", b"c", b"d", b"e", b""]


def test_values() -> None:
    assert string(b'"a\\u0041"') == "aA"
    assert string(b'"a\\x"') is None
    assert string(b'"\xff"') is None
    assert string(b"{") is None
    assert string(b"1") is None
    assert number(b"12") == 12
    assert [number(value) for value in (b"", b"-1", b"1.0", b"1e3", b"null", b"9" * 19, b'"5"')] == [None] * 7


@given(OBJECTS, STYLES, st.data())
def test_depth_between_members(document: dict[str, Json], style: tuple[str, str], data: st.DataObject) -> None:
    nested: dict[str, Json] = {"x": [document], "probe": "here"}
    text = written(nested, style, True)
    assert depth_of(text[: text.rindex(b'"probe"')]) == 1
    assert depth_of(text) == 0
