"""What changes would gain, in short: the few lines of a report that `analyzer whatif` tells in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.model.analysis import Analysis
from analyzer.model.table import Table
from analyzer.model.whatif import WhatIf
from analyzer.report.grids import Cells, spent_cell
from analyzer.report.layout import aligned, fits, shorten
from analyzer.units import DurationNs, percent

WORTH = 0.05
"""A change that gains less of the calls' time is not worth a line of a report."""
MOST = 3
LEAST, ALL = 0.01, 100
"""For programs, which sort for themselves."""
HEADING = "what if"
TITLE_CELLS = (40, 30, 20)
"""Widths that a title may have: the first at which the table fits is taken."""


def worthwhile(analysis: Analysis, least: float = WORTH, most: int = MOST) -> list[WhatIf]:
    """Return the changes worth a line of a report, largest gain first; none where the answer was made without a replay."""
    if analysis.imagine is None:
        return []
    from analyzer.findings import whatif

    return whatif.worthwhile(analysis, least, most)


def gains(analysis: Analysis) -> Iterator[Table[WhatIf]]:
    """Yield the table `whatif`: every change that gains something worth a word; no table where the answer was made without a replay."""
    if analysis.imagine is not None:
        yield Table("whatif", WhatIf, worthwhile(analysis, LEAST, ALL))


def short(rows: Sequence[WhatIf]) -> Cells:
    """Return a line a change: median, 95th percentile and total before and after, in ms, and the share that it gains."""
    body = []
    for row in rows:
        pairs = ((row.p50_before_ns, row.p50_ns), (row.p95_before_ns, row.p95_ns), (row.total_before_ns, row.total_ns))
        body.append([row.title, *(_became(*pair) for pair in pairs), percent(row.share)])
    return Cells([HEADING, "p50", "p95", "total", "gain"], body)


def _became(before: DurationNs | None, after: DurationNs | None) -> str:
    if before is None or after is None:
        return ""
    return spent_cell(before) if before == after else f"{spent_cell(before)} -> {spent_cell(after)}"


def fitted(rows: Sequence[WhatIf]) -> list[str]:
    """Return the same as lines for a terminal."""
    cells = short(rows)
    lines: list[str] = []
    for width in TITLE_CELLS:
        lines = aligned([cells.head, *([shorten(first, width), *rest] for first, *rest in cells.body)], (0,))
        if fits(lines):
            break
    return lines
