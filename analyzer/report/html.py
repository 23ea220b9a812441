"""What a notebook shows: small pieces of HTML with their style in them, no scripts, everything from packets escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analyzer.model.analysis import Analysis
from analyzer.report.claims import LABELS, Claim
from analyzer.report.colours import colour_of
from analyzer.report.grids import Cells, entries_grid, explained, operations_grid
from analyzer.report.sentences import plural
from analyzer.report.summary import summarize
from analyzer.report.text import markup
from analyzer.report.waterfall import Bar
from analyzer.report.worth import short
from analyzer.units import DurationNs, duration

BOX = "border:1px solid #8888;border-radius:4px;padding:0.6em 0.9em;max-width:70em"
QUIET = "opacity:0.75;margin:0.2em 0"
SLOWEST = 3
"""Calls that a card lists."""
LINES = "margin:0.2em 0 0.2em 1em"


def safe(text: str) -> str:
    """Return text for HTML: what moves a cursor or reorders as an escape, what is markup as an entity."""
    return markup(text)


def paragraph(text: str, style: str = "margin:0.3em 0") -> str:
    """Return a paragraph."""
    return f'<p style="{style}">{safe(text)}</p>'


def table(grid: Cells) -> str:
    """Return a table; numbers stand to the right."""
    left = grid.left()

    def row(cells: Iterable[str], tag: str) -> str:
        sides = ("left" if index in left else "right" for index in range(len(grid.head)))
        made = [f'<{tag} style="text-align:{side}">{safe(cell)}</{tag}>' for side, cell in zip(sides, cells, strict=True)]
        return f"<tr>{''.join(made)}</tr>"

    return f"<table><thead>{row(grid.head, 'th')}</thead><tbody>{''.join(row(cells, 'td') for cells in grid.body)}</tbody></table>"


def claim_box(claim: Claim) -> str:
    """Return a finding: title, claim, and the lines below it."""
    shown = {label: safe(claim.lines[label]) for label in LABELS if label in claim.lines}
    if "filter" in shown:
        shown["filter"] = f"<code>{shown['filter']}</code>"
    lines = [f'<p style="{LINES}"><b>{label}:</b> {text}</p>' for label, text in shown.items()]
    return f'<p style="margin:0.6em 0 0.2em"><b>{safe(claim.title)}</b>: {safe(claim.text)}</p>{"".join(lines)}'


def bars(drawn: Sequence[Bar], total_ns: DurationNs) -> str:
    """Return a waterfall: a bar a line, at its place in time."""
    rows = []
    for bar in drawn:
        start, length = (100 * value / total_ns if total_ns else 0.0 for value in (bar.start_ns, bar.duration_ns))
        block = f"margin-left:{start:.3f}%;width:{length:.3f}%;min-width:1px;height:0.8em;background:{colour_of(bar.label)}"
        label, took = safe(bar.label), safe(duration(bar.duration_ns))
        rows.append(
            f'<tr><td style="text-align:left">{label}</td><td style="width:30em"><div style="{block}"></div></td><td>{took}</td></tr>'
        )
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def card(analysis: Analysis) -> str:
    """Return the summary card of an answer: headline, findings, operations, the slowest calls."""
    said = summarize(analysis, slow=SLOWEST)
    parts = [f'<p style="font-weight:bold;margin:0.3em 0">{safe(" ".join(said.headline))}</p>'] if said.headline else []
    parts += [paragraph(line, QUIET) for line in said.about + said.remarks]
    parts += [claim_box(claim) for claim in said.claims]
    if said.more_claims:
        parts.append(paragraph(f"and {plural(said.more_claims, 'more finding')}", QUIET))
    if said.whatif:
        parts.append(table(short(said.whatif)))
    if said.operations:
        parts.append(table(operations_grid(said.operations, said.noun).cells()))
        if said.more_operations:
            parts.append(paragraph(f"and {plural(said.more_operations, 'more operation')}", QUIET))
        parts.append(table(entries_grid(said.slowest, said.first_ns, said.noun).cells()))
        parts += [paragraph(line, QUIET) for line in explained(said.operations, said.noun, long_requests=said.long_requests)]
    return f'<div style="{BOX}">{"".join(parts)}</div>'
