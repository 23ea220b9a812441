"""How text is laid out on a terminal: lines folded, columns aligned, nothing wider than WIDTH."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterator, Sequence
from textwrap import wrap

from analyzer.report.text import plain

WIDTH = 100
"""Cells of a line; what is longer wraps on a usual terminal."""
FILLER = "\0"
"""Stands behind a character that takes two cells, so that counting characters counts cells; `plain` leaves none in a text."""


def _counted(text: str) -> str:
    if text.isascii():
        return text
    return "".join(char + FILLER if unicodedata.east_asian_width(char) in "WF" else char for char in text)


def shorten(text: str, most: int) -> str:
    """Return text made safe and cut to at most `most` cells; what is missing shows as an ellipsis."""
    safe = _counted(plain(text))
    if len(safe) > most:
        end = most - 1 if safe[most - 1] != FILLER else most - 2  # half of a wide character is none
        safe = safe[:end].rstrip() + "…"
    return safe.replace(FILLER, "")


def cells(text: str) -> int:
    """Return how many cells of a terminal a line takes."""
    return len(_counted(text))


def fold(text: str, hang: int = 0, width: int = WIDTH) -> Iterator[str]:
    """Yield text made safe, in lines of at most `width` cells; the second line and those after it are indented by `hang`."""
    counted = _counted(plain(text))
    # A wide character may be parted from its filler, and then takes one cell more than was counted.
    lines = wrap(counted, width - (FILLER in counted), subsequent_indent=" " * hang, break_on_hyphens=False)
    for line in lines or [""]:
        yield line.replace(FILLER, "")


def aligned(rows: Sequence[Sequence[str]], left: Container[int]) -> list[str]:
    """Return rows as lines of aligned columns: those whose index is in `left` to the left, all others to the right.

    Cells must be safe already.
    """
    from tabulate import tabulate

    align = ["left" if index in left else "right" for index in range(len(rows[0]))]
    # The heading is a row like the others: tabulate pads real headings by two cells a column.
    text = tabulate([[_counted(cell) for cell in row] for row in rows], tablefmt="plain", disable_numparse=True, colalign=align)
    return [line.replace(FILLER, "").rstrip() for line in text.splitlines()]


def fits(lines: Sequence[str]) -> bool:
    """Tell whether no line is wider than WIDTH."""
    return all(cells(line) <= WIDTH for line in lines)
