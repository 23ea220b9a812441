"""Plots drawn by matplotlib, from the same rows, series and colours as the report page. Importing this needs matplotlib."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from analyzer.model.analysis import Analysis
from analyzer.report.colours import PHASE_COLOURS
from analyzer.report.ledger import PHASES
from analyzer.report.page.facts import sample
from analyzer.report.sentences import plural
from analyzer.report.series import pool_curves, profile
from analyzer.report.tail import SLOWEST_PERCENT, tails
from analyzer.report.text import plain
from analyzer.report.traces import MOST_LANES, Trace, drawn_connections, lanes, ledger_of, reach_of, traces
from analyzer.units import MILLISECOND, SECOND, DurationNs, count, duration

STYLE: dict[Any, Any] = {
    # Text from packets is no formula, and two runs write the same file.
    "text.parse_math": False, "text.usetex": False, "svg.hashsalt": "analyzer", "svg.fonttype": "none", "font.family": "sans-serif",
    "font.size": 9.0, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10.0, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "legend.frameon": False, "figure.constrained_layout.use": True, "figure.facecolor": "white",
}  # fmt: skip
MOST_LABEL = 40
MOST_TAILS = 8
MOST_CURVES = 6
CROWDED = 5_000
"""Shapes from which on an SVG holds them as a picture."""
NAMES = {"open": PHASE_COLOURS["connect"], "busy": PHASE_COLOURS["server"]}
WIDTH = 9.6
"""Inches."""


def written(figure: Figure, form: str, dpi: int) -> bytes:
    """Return a figure as a file of a form (svg, png)."""
    out = io.BytesIO()
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # A name in a script that the font lacks is shown as boxes; that is no reason to complain.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        metadata = {"Date": None} if form == "svg" else {"Software": "analyzer"}
        figure.savefig(out, format=form, dpi=dpi, metadata=metadata)
    return out.getvalue()


def drawn(name: str, analysis: Analysis, operation: str | None, since: DurationNs | None, until: DurationNs | None) -> Figure:
    """Draw a plot by its name."""
    with mpl.rc_context(STYLE):
        figure = Figure()
        FigureCanvasAgg(figure)
        if name == "waterfall":
            _waterfall(figure, analysis, since, until)
        else:
            {"phases": _phases, "latency": _latency, "pool": _pool, "tail": _tail}[name](figure, analysis, operation)
        if name in ("waterfall", "latency", "pool"):
            for axes in figure.axes:
                axes.set_xlim(left=None if since is None else since / SECOND, right=None if until is None else until / SECOND)
    return figure


def _nothing(figure: Figure, text: str) -> None:
    figure.set_size_inches(WIDTH, 1.2)
    figure.text(0.02, 0.5, text, va="center")


def _label(text: str, most: int = MOST_LABEL) -> str:
    text = plain(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _waterfall(figure: Figure, analysis: Analysis, since: DurationNs | None, until: DurationNs | None) -> None:
    made = list(traces(analysis, sample(analysis)))
    if not made:
        return _nothing(figure, "Nothing here has a waterfall.")
    first, reach = analysis.capture.first_ns or 0, reach_of(made)
    shown = []
    for row in drawn_connections(analysis, made):
        spans = [(row.first_ns, row.closed_ns if row.closed_ns is not None else row.last_ns), *filter(None, [reach.get(row.connection_id)])]
        if any((until is None or start - first <= until) and (since is None or end - first >= since) for start, end in spans):
            shown.append(row)
    if not shown:
        return _nothing(figure, "No connection lies in this part of the capture.")
    where = lanes(shown, reach)
    figure.set_size_inches(WIDTH, max(1.8, min(9.0, 1.1 + 0.22 * len(where.lanes))))
    axes = figure.subplots()
    ends = [row.closed_ns if row.closed_ns is not None else row.last_ns for row in shown]
    axes.hlines(
        [where.at[row.connection_id] for row in shown], [(row.first_ns - first) / SECOND for row in shown],
        [(end - first) / SECOND for end in ends], color="#c8ccd0", lw=1, zorder=1, rasterized=len(shown) > CROWDED,
    )  # fmt: skip
    seen = _boxes(axes, made, where.at, first)
    labels = [_label(lane.label) for lane in where.lanes] if len(where.lanes) <= MOST_LANES else []
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(where.lanes) - 0.5, -0.5)
    axes.autoscale(axis="x")
    axes.margins(x=0.01)
    noun = "calls" if len(analysis.calls) else "requests"
    axes.set_title(f"{noun} over connections")
    axes.set_xlabel("seconds from the start of the capture" + (f"\n{_label(where.only, 110)}" if where.only else ""))
    _legend_below(figure, (PHASES[number] for number in sorted(seen)))


def _boxes(axes: Axes, made: Sequence[Trace], at: dict[int, int], first: int) -> set[int]:
    """Draw the pieces; return the phases among them."""
    boxes: dict[int, list[Any]] = {}
    for trace in made:
        begin = trace.start_ns - first
        for piece in trace.pieces:
            end = begin + piece.duration_ns
            lane = at.get(piece.connection_id) if piece.connection_id is not None else None
            if lane is not None:
                left, right, low, high = begin / SECOND, end / SECOND, lane - 0.36, lane + 0.36
                boxes.setdefault(piece.phase, []).append([(left, low), (left, high), (right, high), (right, low)])
            begin = end
    crowded = sum(map(len, boxes.values())) > CROWDED
    for phase, shapes in boxes.items():
        colour = PHASE_COLOURS[PHASES[phase]]
        # A line of its own colour keeps visible what is shorter than a pixel.
        axes.add_collection(PolyCollection(shapes, facecolors=colour, edgecolors=colour, linewidths=0.3, rasterized=crowded, zorder=2))
    return set(boxes)


def _legend_below(figure: Figure, phases: Iterable[str]) -> None:
    handles = [Patch(color=PHASE_COLOURS[phase], label=phase) for phase in phases]
    if handles:
        figure.legend(handles=handles, loc="outside lower left", ncols=min(8, len(handles)))


def _rows(analysis: Analysis, operation: str | None) -> tuple[Any, list[Any]]:
    ledger = ledger_of(analysis)
    return ledger, [row for row in ledger.rows if operation is None or ledger.name(row) == operation]


def _phases(figure: Figure, analysis: Analysis, operation: str | None) -> None:
    ledger, rows = _rows(analysis, operation)
    whole = [row for row in rows if ledger.whole(row)]
    slices = profile(ledger, whole)
    if not slices:
        return _nothing(figure, f"No {ledger.noun} was captured whole.")
    figure.set_size_inches(WIDTH, 4.0)
    axes = figure.subplots()
    floor = [0.0] * len(slices)
    shown = [number for number in range(len(PHASES)) if any(part.spent[number] for part in slices)]
    for number in shown:
        heights = [part.spent[number] / MILLISECOND for part in slices]
        axes.bar(range(len(slices)), heights, bottom=floor, width=0.88, color=PHASE_COLOURS[PHASES[number]])
        floor = [low + height for low, height in zip(floor, heights, strict=True)]
    step = max(1, len(slices) // 12)
    ticks = [*range(len(slices) - 1, -1, -step)]
    axes.set_xticks(ticks, [f"{100 * (slices[tick].first + slices[tick].rows) / len(whole):.4g} %" for tick in ticks])
    axes.set_ylabel("mean, ms")
    axes.set_xlabel(f"{plural(len(whole), ledger.noun)} from the fastest to the slowest; the slowest groups are ever smaller")
    axes.set_title(_label(f"what slow ones are made of: {operation}") if operation is not None else "what slow ones are made of")
    axes.margins(x=0.01)
    _legend_below(figure, (PHASES[number] for number in shown))


def _latency(figure: Figure, analysis: Analysis, operation: str | None) -> None:
    ledger, rows = _rows(analysis, operation)
    if not rows:
        return _nothing(figure, f"There are no {ledger.noun}s.")
    figure.set_size_inches(WIDTH, 3.8)
    axes = figure.subplots()
    first = analysis.capture.first_ns or 0
    points: dict[tuple[int, bool], tuple[list[float], list[float]]] = {}
    for row in rows:
        spent = ledger.spent(row)
        kind = max(range(len(PHASES)), key=spent.__getitem__), ledger.well(row)
        xs, ys = points.setdefault(kind, ([], []))
        xs.append((_start(row) - first) / SECOND)
        ys.append(max(ledger.total(row), 1000) / MILLISECOND)
    for (phase, well), (xs, ys) in sorted(points.items()):
        axes.scatter(
            xs, ys, s=9 if well else 26, marker="o" if well else "D", color=PHASE_COLOURS[PHASES[phase]], alpha=0.8, linewidths=0.3,
            edgecolors="none" if well else "black", rasterized=len(rows) > CROWDED,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    low, high = axes.get_ylim()
    # Within a decade or two the powers of ten are too few to read a value by.
    axes.yaxis.set_minor_formatter(FuncFormatter(_minor_tick if high / low < 60 else lambda value, at: ""))
    axes.set_xlabel("seconds from the start of the capture; diamonds did not end well; colour: the phase that took most")
    axes.set_title(_label(f"latency over time: {operation}") if operation is not None else "latency over time")
    _legend_below(figure, dict.fromkeys(PHASES[phase] for phase, _ in sorted(points)))


def _tick(value: float, _: int | None) -> str:
    return duration(round(value * MILLISECOND))


def _minor_tick(value: float, at: int | None) -> str:
    return _tick(value, at) if f"{value:e}"[0] in "25" else ""


def _start(row: Any) -> int:
    start: int = row.parts.start_ns if hasattr(row, "parts") else row.start_ns
    return start


def _pool(figure: Figure, analysis: Analysis, _: str | None) -> None:
    made = pool_curves(analysis)[:MOST_CURVES]
    if not made:
        return _nothing(figure, "No connection was opened.")
    figure.set_size_inches(WIDTH, 0.8 + 1.7 * len(made))
    first, last = analysis.capture.first_ns or 0, analysis.capture.last_ns or 0
    all_axes = figure.subplots(len(made), 1, sharex=True, squeeze=False)[:, 0]
    for axes, pool in zip(all_axes, made, strict=True):
        times = [(time - first) / SECOND for time in [*pool.times_ns, max(last, pool.times_ns[-1])]]
        axes.fill_between(times, [*pool.busy, pool.busy[-1]], step="post", color=NAMES["busy"], alpha=0.6, lw=0, label="busy")
        axes.step(times, [*pool.open, pool.open[-1]], where="post", color=NAMES["open"], lw=1.2, label="open")
        axes.set_ylim(bottom=0)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_title(
            f"{_label(pool.name)}: {plural(len(pool.pool.connection_ids), 'connection')}, {plural(pool.pool.requests, 'request')}"
        )
    all_axes[0].legend(loc="upper right", ncols=2)
    all_axes[-1].set_xlabel("seconds from the start of the capture")


def _tail(figure: Figure, analysis: Analysis, _: str | None) -> None:
    made = tails(analysis)[:MOST_TAILS]
    if not made:
        return _nothing(figure, "No operation has calls enough to compare its tail with its median.")
    figure.set_size_inches(WIDTH, 1.2 + 0.75 * len(made))
    axes = figure.subplots()
    seen: set[int] = set()
    ticks, labels = [], []
    for number, tail in enumerate(made):
        for offset, group, name in ((0.0, tail.slow, f"slowest {count(len(tail.slow.numbers))}"), (0.42, tail.middle, "median")):
            left = 0.0
            for phase, spent in enumerate(group.spent):
                if spent:
                    axes.barh(number + offset, spent / MILLISECOND, left=left, height=0.38, color=PHASE_COLOURS[PHASES[phase]])
                    left += spent / MILLISECOND
                    seen.add(phase)
            axes.text(left, number + offset, f" {duration(group.total_ns)}", va="center", fontsize=8)
            ticks.append(number + offset)
            labels.append(f"{_label(tail.operation)}, {name}")
    axes.set_yticks(ticks, labels)
    axes.set_ylim(len(made) - 0.3, -0.4)
    axes.margins(x=0.08)
    axes.set_xlabel("mean, ms")
    axes.set_title(f"the slowest {SLOWEST_PERCENT} % beside the median")
    _legend_below(figure, (PHASES[number] for number in sorted(seen)))
