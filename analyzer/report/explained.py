"""One explained call as text, Markdown, JSON and HTML; shows itself in a terminal and in a notebook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from analyzer.model.analysis import SCHEMA, Analysis
from analyzer.report import html
from analyzer.report.document import analyzer_version
from analyzer.report.explain import SLOWEST, explain, in_ms, offsets
from analyzer.report.grids import Cells
from analyzer.report.layout import WIDTH, cells, fold
from analyzer.report.ledger import packets
from analyzer.report.markdown import claim_section, code, fenced
from analyzer.report.markdown import table as markdown_table
from analyzer.report.sentences import plural
from analyzer.report.steps import Step
from analyzer.report.terminal import claim_lines
from analyzer.report.text import markdown
from analyzer.report.waterfall import ASCII, BLOCKS, Ink, waterfall
from analyzer.units import count, milliseconds

MOST_STEPS = 60
"""Lines of a call that text shows; of a call with more the first and last of them."""
INDENT = 9
"""Cells before the filter of a line."""


class Explanation:
    """The explanation of one call: `str` is its text, `json()` and `markdown()` are its other forms, a notebook shows it as HTML."""

    def __init__(self, analysis: Analysis, call: int | str = SLOWEST) -> None:
        self._made = explain(analysis, call)
        self._offsets = offsets(self._made.steps, self._made.call.start_ns, self._made.call.duration_ns)

    @property
    def call_id(self) -> int:
        """The call that is explained."""
        return self._made.call.call_id

    @property
    def steps(self) -> tuple[Step, ...]:
        """The lines of its ledger, in order of time."""
        return self._made.steps

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def text(self, *, unicode: bool = True) -> str:
        """Return the explanation for a terminal, none of its lines wider than 100 cells; without `unicode` the bars are plain ASCII."""
        return "\n".join(self._lines(BLOCKS if unicode else ASCII))

    def _lines(self, ink: Ink) -> Iterator[str]:
        made = self._made
        for line in made.head:
            yield from fold(line)
        yield ""
        yield f"{'attempt':7}  {'phase':11} {'at ms':>7} {'took':>7}  what happened"
        hidden = 0
        for number, step in enumerate(made.steps):
            if MOST_STEPS * 2 // 3 <= number < len(made.steps) - MOST_STEPS // 3:
                hidden += 1
                if hidden == 1:
                    left = made.steps[number : len(made.steps) - MOST_STEPS // 3]
                    spent = milliseconds(sum(one.duration_ns for one in left), 1)
                    yield f"{'':21} {plural(len(left), 'line')} of {spent} ms in all not shown (--format json has them)"
                continue
            yield from self._step(number, step)
        total = self._total()
        yield f"{'':7}  {'sum':11} {'':7} {total:>7}  {self._closing()}"
        yield ""
        bars = made.bars()
        yield from waterfall(bars[:MOST_STEPS], made.call.duration_ns, ink)
        if len(bars) > MOST_STEPS:
            yield f"and {count(len(bars) - MOST_STEPS)} more"
        for claim in made.claims:
            yield ""
            yield from claim_lines(claim)

    def _step(self, number: int, step: Step) -> Iterator[str]:
        at, took, parts = self._offsets[number]
        attempt = "" if step.attempt is None else str(step.attempt)
        yield from self._row(f"{attempt:>7}  {step.phase:11} {at:>7} {took:>7}  ", step.text)
        for part, spent in zip(step.parts, parts, strict=True):
            yield from self._row(f"{'':7}    {'- ' + part.name:17} {spent:>7}  ", part.text)
        yield from _filter_line(step)

    def _row(self, left: str, text: str) -> Iterator[str]:
        """Yield columns with folded text to their right."""
        room = max(30, WIDTH - len(left))
        first, *rest = fold(text, width=room)
        yield left + first
        yield from (" " * len(left) + line for line in rest)

    def _total(self) -> str:
        return in_ms(self._made.call.duration_ns, self._made.call.duration_ns)

    def _closing(self) -> str:
        made = self._made
        total = f"{count(made.call.duration_ns)} ns"
        if made.closed:
            return f"= the call's duration to the nanosecond: {total}"
        return f"the call's duration, {total}; its lines add up to {count(sum(step.duration_ns for step in made.steps))} ns"

    def _table(self) -> Cells:
        """Return the ledger as cells, parts of a wait as rows of their own."""
        body = []
        for step, (at, took, parts) in zip(self._made.steps, self._offsets, strict=True):
            shown = _packets_of(step)
            attempt = "" if step.attempt is None else str(step.attempt)
            body.append([attempt, step.phase, at, took, step.text, shown, step.display_filter])
            body += [["", f"- {part.name}", "", spent, part.text, "", ""] for part, spent in zip(step.parts, parts, strict=True)]
        body.append(["", "sum", "", self._total(), self._closing(), "", ""])
        return Cells(["attempt", "phase", "at ms", "took ms", "what happened", "packets", "filter"], body)

    def markdown(self) -> str:
        """Return the explanation as Markdown. Nothing that came from packets is markup in it."""
        made = self._made
        title, *rest = made.head
        whole = self._table()
        lines = [f"## {markdown(title)}", "", *(f"- {markdown(line)}" for line in rest), ""]
        lines += markdown_table(Cells(whole.head[:-1], [row[:-1] for row in whole.body]))
        lines += ["", "Wireshark display filters of these lines:", ""]
        for step in made.steps:
            lines.append(f"- {step.phase}: {code(step.display_filter)}")
        lines += ["", *fenced(waterfall(made.bars()[:MOST_STEPS], made.call.duration_ns), "text")]
        for claim in made.claims:
            lines += claim_section(claim)
        return "\n".join(lines)

    def json(self) -> str:
        """Return the explanation as one JSON document: the call's row, its lines with their parts, and the findings that name it."""
        made = self._made
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "analyzer_version": analyzer_version(),
            "call": _row_of(made.call),
            "head": list(made.head),
            "closed": made.closed,
            "steps": [
                {
                    "attempt": step.attempt,
                    "phase": step.phase,
                    "start_ns": step.start_ns,
                    "end_ns": step.end_ns,
                    "offset_ns": step.start_ns - made.call.start_ns,
                    "duration_ns": step.duration_ns,
                    "text": step.text,
                    "first_packet_id": step.first_packet_id,
                    "last_packet_id": step.last_packet_id,
                    "display_filter": step.display_filter,
                    "parts": [{"name": part.name, "duration_ns": part.duration_ns, "text": part.text} for part in step.parts],
                    "span_ids": list(step.span_ids),
                }
                for step in made.steps
            ],
            "findings": [_row_of(claim.finding) for claim in made.claims],
        }
        return json.dumps(document, indent=1)

    def _repr_html_(self) -> str:
        """Show the explanation in a notebook."""
        made = self._made
        title, *rest = made.head
        parts = [f'<p style="font-weight:bold;margin:0.3em 0">{html.safe(title)}</p>']
        parts += [html.paragraph(line, html.QUIET) for line in rest]
        parts.append(html.table(self._table()))
        parts.append(html.bars(made.bars(), made.call.duration_ns))
        parts += [html.claim_box(claim) for claim in made.claims]
        return f'<div style="{html.BOX}">{"".join(parts)}</div>'


def _filter_line(step: Step) -> Iterator[str]:
    """Yield the packets and the filter of a line, in one line that can be copied if there is room for it."""
    shown = _packets_of(step)
    text = f"packet{'s' if '-' in shown else ''} {shown}: {step.display_filter}" if shown else step.display_filter
    if cells(text) > WIDTH - INDENT:
        text = step.display_filter
    for line in fold(text, width=WIDTH - INDENT):
        yield " " * INDENT + line


def _packets_of(step: Step) -> str:
    """Write the packets of a line: `19-31`, `19`; `19-` and `-31` where one end is not known."""
    first, last = step.first_packet_id, step.last_packet_id
    if first is not None and last is not None:
        return packets((first, last))
    return f"{first}-" if first is not None else f"-{last}" if last is not None else ""


def _row_of(row: Any) -> dict[str, Any]:
    """Return a row as a dictionary, tuples as lists."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row._asdict().items()}
