"""Plots of an answer for notebooks and files: `analysis.plot`. HTML ones are parts of the report page, the others are matplotlib's."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.errors import MissingTool, UsageError
from analyzer.files import whole_file
from analyzer.model.analysis import Analysis
from analyzer.report.page import HtmlRenderer
from analyzer.report.text import plain
from analyzer.report.traces import ledger_of
from analyzer.units import SECOND, DurationNs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".html", ".svg", ".png")


class Part(NamedTuple):
    """What of an answer a plot shows."""

    operation: str | None = None
    """None for all."""
    since_ns: DurationNs | None = None
    """From the start of the capture, as the next; None for its start and its end."""
    until_ns: DurationNs | None = None


class Plot:
    """One plot: shows itself in a notebook, `save` writes it to a file, `figure` is matplotlib's to be worked on."""

    def __init__(self, name: str, analysis: Analysis, part: Part, draw: Callable[[], Figure]) -> None:
        self.name = name
        self._analysis = analysis
        self._part = part
        self._draw = draw

    @cached_property
    def figure(self) -> Figure:
        """Return it as a matplotlib Figure, made at first use. Raises MissingTool without matplotlib."""
        return self._draw()

    def html(self) -> str:
        """Return it as an HTML page that needs nothing else: zoom, tooltips and selection as in the report."""
        part = self._part
        page = HtmlRenderer(only=self.name, operation=part.operation, since_ns=part.since_ns, until_ns=part.until_ns)
        return "".join(page.render(self._analysis))

    def save(self, path: str | os.PathLike[str], *, dpi: int = 144) -> None:
        """Save it: the ending of the name says as what (.html, .svg, .png); `dpi` counts for PNG.

        Raises UsageError for another ending, MissingTool where matplotlib is needed and missing, AnalyzerError where it cannot be
        written.
        """
        target = Path(path)
        ending = target.suffix.lower()
        if ending not in ENDINGS:
            raise UsageError(f"cannot save a plot as {ending or target.name!r}", hint=f"one of {', '.join(ENDINGS)}")
        data = self.html().encode() if ending == ".html" else self._image(ending[1:], dpi)
        with whole_file(target) as out:
            out.write(data)

    def _image(self, form: str, dpi: int) -> bytes:
        figure = self.figure
        from analyzer.report.plots_draw import written

        return written(figure, form, dpi)

    def _repr_png_(self) -> bytes:
        """Show it in a notebook."""
        return self._image("png", 96)

    def __repr__(self) -> str:
        return f"<Plot {self.name}: .save('{self.name}.html'), .svg or .png; .figure is matplotlib's>"


class Plots:
    """The plots of an answer. `since` and `until` are seconds from the start of the capture."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def waterfall(self, *, since: float | None = None, until: float | None = None) -> Plot:
        """Draw calls over connections over time, a colour for each phase."""
        return self._plot("waterfall", _part(since, until))

    def phases(self, operation: str | None = None) -> Plot:
        """Draw the mean phases of calls from the fastest to the slowest: what slow ones are made of that fast ones are not.

        Raises UsageError for an operation that the answer does not have.
        """
        return self._plot("phases", Part(self._known(operation)))

    def latency(self, operation: str | None = None, *, since: float | None = None, until: float | None = None) -> Plot:
        """Draw durations over time, each in the colour of the phase that took most of it.

        Raises UsageError for an operation that the answer does not have.
        """
        return self._plot("latency", _part(since, until, self._known(operation)))

    def pool(self, *, since: float | None = None, until: float | None = None) -> Plot:
        """Draw open and busy connections over time, for each client and server."""
        return self._plot("pool", _part(since, until))

    def tail(self) -> Plot:
        """Draw the slowest percent of each operation beside the calls around its median."""
        return self._plot("tail", Part())

    def _plot(self, name: str, part: Part) -> Plot:
        def draw() -> Any:
            try:
                from analyzer.report import plots_draw
            except ImportError:
                raise MissingTool("matplotlib is not installed", hint="pip install 'sdkledger[plot]'; .html needs nothing") from None
            return plots_draw.drawn(name, self._analysis, part.operation, part.since_ns, part.until_ns)

        return Plot(name, self._analysis, part, draw)

    def _known(self, operation: str | None) -> str | None:
        if operation is None:
            return None
        ledger = ledger_of(self._analysis)
        names = sorted({ledger.name(row) for row in ledger.rows})
        if operation not in names:
            hint = f"its operations: {', '.join(map(plain, names[:12]))}" if names else "it has none"
            raise UsageError(f"the answer has no operation {operation!r}", hint=hint)
        return operation


def _part(since: float | None, until: float | None, operation: str | None = None) -> Part:
    ends = [None if value is None else round(value * SECOND) for value in (since, until)]
    if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
        raise UsageError(f"nothing lies between {since} s and {until} s")
    return Part(operation, *ends)
