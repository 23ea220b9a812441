"""Bars over time: at their place, never wider than a terminal, plain where blocks cannot be shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.layout import WIDTH, cells
from analyzer.report.waterfall import ASCII, LABEL_CELLS, TOOK_CELLS, Bar, waterfall
from tests.factory import MS

BAR_CELLS = WIDTH - LABEL_CELLS - TOOK_CELLS - 2


def drawn(*bars: Bar, total: int) -> list[str]:
    return [line[LABEL_CELLS + 1 : LABEL_CELLS + 1 + BAR_CELLS].rstrip() for line in list(waterfall(bars, total, ASCII))[1:]]


def test_bars_are_where_they_belong() -> None:
    half = BAR_CELLS // 2
    assert drawn(Bar("a", 0, 50), Bar("b", 50, 50), Bar("c", 99, 0), total=100) == [
        "#" * half,
        " " * half + "#" * (BAR_CELLS - half),
        " " * (BAR_CELLS - 1) + "|",
    ]


def test_lengths_are_written() -> None:
    head, line = waterfall([Bar("1 connect", 0, 12 * MS)], 24 * MS)
    assert head.split() == ["0", "24.0", "ms"]
    assert line.startswith("1 connect ")
    assert line.endswith("12.0 ms")
    assert "\u2588" in line


def test_nothing_takes_no_time() -> None:
    assert drawn(Bar("a", 0, 0), total=0) == ["|"]


BARS = st.builds(Bar, st.text(max_size=40), st.integers(0, 2**64), st.integers(0, 2**64))


@given(st.lists(BARS, max_size=4), st.integers(0, 2**64))
def test_no_line_is_wider_than_a_terminal(bars: list[Bar], total: int) -> None:
    assert max(map(cells, waterfall(bars, total))) <= WIDTH
    assert all(line.isascii() for line in waterfall([bar._replace(label="x") for bar in bars], total, ASCII))
