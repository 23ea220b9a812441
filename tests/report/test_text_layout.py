"""Lines keep to the width, in cells of a terminal."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.layout import WIDTH, aligned, cells, fits, fold, shorten


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def test_cells_count_wide_characters_twice() -> None:
    assert (cells("abc"), cells("世界"), cells("µ…")) == (3, 4, 2)


def test_shorten_keeps_what_fits_and_marks_what_does_not() -> None:
    assert shorten("GetItem", 7) == "GetItem"
    assert shorten("GetItems", 7) == "GetIte…"
    assert shorten("世界世界", 7) == "世界世…"
    assert shorten("世界世界", 6) == "世界…"
    assert shorten("\x1b[31m", 20) == "\\x1b[31m"


def test_fold_indents_what_goes_on() -> None:
    lines = list(fold("fix    " + "word " * 30, hang=7))
    assert len(lines) == 2
    assert lines[1].startswith(" " * 7 + "word")


def test_fold_makes_text_safe_and_breaks_what_has_no_space() -> None:
    lines = list(fold("\x1b" + "x" * 250))
    assert len(lines) == 3
    assert lines[0].startswith("\\x1bxxx")
    assert list(fold("")) == [""]


@given(st.text(max_size=400), st.integers(0, 10), st.integers(12, WIDTH))
def test_folded_lines_are_never_wider(text: str, hang: int, room: int) -> None:
    assert all(width(line) <= room for line in fold(text, hang, room))


@given(st.text(max_size=60), st.integers(2, 40))
def test_shortened_text_is_never_wider(text: str, most: int) -> None:
    assert width(shorten(text, most)) <= most


def test_columns_are_aligned_in_cells() -> None:
    lines = aligned([["name", "ms"], ["世界", "1.0"], ["abc", "100"]], {0})
    assert lines == ["name   ms", "世界  1.0", "abc   100"]
    assert [width(line) for line in lines] == [9, 9, 9]


def test_fits() -> None:
    assert fits(["x" * WIDTH])
    assert not fits(["x", "x" * (WIDTH + 1)])
    assert not fits(["世" * (WIDTH // 2 + 1)])
