"""A call drawn as bars over time, for a terminal: block characters where it shows them, plain ASCII where not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from analyzer.report.layout import WIDTH, cells, shorten
from analyzer.units import DurationNs, duration

LABEL_CELLS = 16
TOOK_CELLS = 11
"""Cells of a length; longer ones take from the bars."""


class Bar(NamedTuple):
    """One bar: what it is, and when, in ns from the call's start."""

    label: str
    start_ns: DurationNs
    duration_ns: DurationNs


class Ink(NamedTuple):
    """The characters of a bar."""

    full: str
    thin: str
    """For what is shorter than one character."""


BLOCKS = Ink("\u2588", "\u258f")
ASCII = Ink("#", "|")


def waterfall(bars: Sequence[Bar], total_ns: DurationNs, ink: Ink = BLOCKS) -> Iterator[str]:
    """Yield a line a bar, none wider than WIDTH: label, bar at its place in time, length."""
    took = [_length(bar.duration_ns, ink) for bar in bars]
    last = max((cells(text) for text in took), default=0)
    room = WIDTH - LABEL_CELLS - max(TOOK_CELLS, last) - 2
    yield f"{'':{LABEL_CELLS}} 0{_length(total_ns, ink):>{room - 1}}"
    for bar, text in zip(bars, took, strict=True):
        start = min(room - 1, bar.start_ns * room // total_ns) if total_ns else 0
        end = min(room, (bar.start_ns + bar.duration_ns) * room // total_ns) if total_ns else 0
        drawn = " " * start + (ink.full * (end - start) or ink.thin)
        label = shorten(bar.label, LABEL_CELLS)
        yield f"{label}{' ' * (LABEL_CELLS - cells(label))} {drawn:{room}} {text:>{max(TOOK_CELLS, last)}}"


def _length(value: DurationNs, ink: Ink) -> str:
    """Write a length; in plain ASCII where bars are, for a terminal that lacks blocks may lack the micro sign."""
    return duration(value) if ink is BLOCKS else duration(value).replace("\u00b5", "u")
