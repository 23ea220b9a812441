"""A comparison as HTML: a card for notebooks, and one self-contained page without scripts and with a strict content security policy."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

from analyzer.model.comparison import MEAN, QUANTILES, Comparison, Difference
from analyzer.report.colours import PHASE_COLOURS
from analyzer.report.comparison import (
    MASKED,
    about,
    explained,
    findings_cells,
    measures_cells,
    operations_cells,
    shown_findings,
    shown_operations,
)
from analyzer.report.grids import Cells
from analyzer.report.html import BOX, safe
from analyzer.units import duration

STYLE = """
:root{color-scheme:light dark;--line:#8886;--good:#1b7f3b;--bad:#b3261e;--quiet:#5b6068}
@media (prefers-color-scheme:dark){:root{--good:#6fd08c;--bad:#ff9a8f;--quiet:#a8adb5}}
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.05rem;color:var(--quiet);font-weight:600;margin:0 0 .4rem}
.answer{font-size:1.25rem;line-height:1.4;margin:.2rem 0 .6rem}
h2{font-size:1.05rem;margin:2rem 0 .5rem}
.warning{border-left:4px solid var(--bad);padding:.2rem .8rem;margin:.8rem 0}
.quiet{color:var(--quiet);margin:.2rem 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.18rem .7rem;text-align:right;border-bottom:1px solid var(--line);white-space:pre}
th{font-weight:600}
th.left,td.left{text-align:left}
.faster{color:var(--good);font-weight:600}
.slower{color:var(--bad);font-weight:600}
svg{display:block;width:100%;height:auto;margin:.3rem 0}
svg text{fill:currentColor;font:11px system-ui,sans-serif}
ul{padding-left:1.2rem}
@media print{body{max-width:none}}
"""
LEFT = frozenset({"operation", "verdict", "finding", "what", "sure", "measure"})
WIDTH = 900
BAR = 22
LABELLED = 0.07
"""A phase with less of the longer bar has no room for its name; the table below names it."""


def page(comparison: Comparison, *, verbose: bool = False) -> Iterator[str]:
    """Yield one self-contained HTML page. Nothing that came from packets is markup in it, and it loads nothing."""
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    first, *rest = comparison.verdict or ["Nothing to compare."]
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
    yield f"<title>{safe(first)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    yield f'<h1>Before and after</h1>\n<p class="answer">{safe(first)}</p>\n'
    yield from (f"<p>{safe(sentence)}</p>\n" for sentence in rest)
    yield from (f'<p class="warning">{safe(warning)}</p>\n' for warning in comparison.warnings)
    yield from (f'<p class="quiet">{safe(line)}</p>\n' for line in about(comparison))
    rows = list(comparison.operations)
    if len(rows) > 1:
        yield "<h2>Operations</h2>\n"
        yield _table(operations_cells(rows, comparison))
    for name in shown_operations(comparison, verbose=True):
        measures = list(comparison.of(name))
        yield f"<h2>{safe(name)}</h2>\n"
        yield bars(measures)
        cells = measures_cells(measures)
        yield _table(cells._replace(head=["measure", *cells.head[1:]]))
    findings = shown_findings(comparison, verbose=True)
    if findings:
        yield "<h2>Findings</h2>\n"
        yield _table(findings_cells(findings))
        if any(row.what in ("masked", "unmasked") for row in findings):
            yield f'<p class="quiet">{safe(MASKED)}</p>\n'
        for row in findings:
            if row.remedy and row.severity != "info":
                yield f"<p><b>{safe(row.title)}:</b> {safe(row.summary)} {safe(row.remedy)}</p>\n"
    if len(comparison.facts):
        listed = "".join(f"<li>{safe(row.name)}: {safe(row.before)} -&gt; {safe(row.after)}</li>" for row in comparison.facts)
        yield f"<h2>Besides</h2>\n<ul>{listed}</ul>\n"
    yield from (f'<p class="quiet">{safe(line)}</p>\n' for line in explained(comparison))
    yield "</main>\n</body>\n</html>\n"


def bars(measures: list[Difference]) -> str:
    """Return a picture of the mean call before and after, phase by phase, to one scale."""
    phases = [row for row in measures if row.measure not in (*QUANTILES, MEAN)]
    longest = max((sum(row.before_ns for row in phases), sum(row.after_ns for row in phases)), default=0)
    if not longest:
        return ""
    parts = []
    for place, (word, side) in enumerate((("before", "before_ns"), ("after", "after_ns"))):
        top, left = place * (BAR + 10), 60.0
        parts.append(f'<text x="0" y="{top + 15}">{word}</text>')
        for row in phases:
            spent = getattr(row, side)
            width = (WIDTH - 60) * spent / longest
            if width < 0.3:
                continue
            label = safe(f"{row.measure} {duration(spent)}")
            parts.append(
                f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{PHASE_COLOURS.get(row.measure, "#888888")}">'
                f"<title>{label}</title></rect>"
            )
            if spent >= LABELLED * longest:
                parts.append(f'<text x="{left + 2:.1f}" y="{top + BAR + 9}">{safe(row.measure)}</text>')
            left += width
    said = "; ".join(f"{row.measure} {duration(row.before_ns)} before, {duration(row.after_ns)} after" for row in phases)
    height = 2 * (BAR + 10)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{safe(said)}">{"".join(parts)}</svg>\n'


def _table(cells: Cells) -> str:
    left = {0, *(index for index, name in enumerate(cells.head) if name in LEFT)}

    def row(values: list[str], tag: str) -> str:
        made = []
        for index, value in enumerate(values):
            classes = ["left"] * (index in left) + [value] * (value in ("faster", "slower"))
            named = f' class="{" ".join(classes)}"' if classes else ""
            scope = ' scope="col"' if tag == "th" else ""
            made.append(f"<{tag}{scope}{named}>{safe(value)}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(row(values, "td") for values in cells.body)
    return f'<div class="scroll"><table><thead>{row(cells.head, "th")}</thead><tbody>{body}</tbody></table></div>\n'


def card(comparison: Comparison) -> str:
    """Return what a notebook shows: the answer, and the measures of what changed."""
    first, *rest = comparison.verdict or ["Nothing to compare."]
    parts = [f'<p style="font-weight:bold;margin:0.3em 0">{safe(first)}</p>']
    parts += [f'<p style="margin:0.3em 0">{safe(line)}</p>' for line in (*rest, *(f"warning: {text}" for text in comparison.warnings))]
    parts += [f'<p style="opacity:0.75;margin:0.2em 0">{safe(line)}</p>' for line in about(comparison)]
    for name in shown_operations(comparison, verbose=False) if not comparison.same else []:
        measures = list(comparison.of(name))
        parts += [bars(measures), _table(measures_cells(measures))]
    return f'<div style="{BOX}">{"".join(parts)}</div>'
