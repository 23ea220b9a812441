"""The report as one HTML page that needs nothing else: style, scripts and data are in it, and its policy lets nothing in or out."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.report.colours import PHASE_COLOURS
from analyzer.report.document import analyzer_version
from analyzer.report.page import sections
from analyzer.report.page.facts import facts
from analyzer.report.page.pack import Pack
from analyzer.report.page.sections import joined, safe
from analyzer.report.summary import Summary, summarize
from analyzer.report.text import plain
from analyzer.units import DurationNs

HERE = Path(__file__).parent
SCRIPTS = ("base", "store", "window", "waterfall", "detail", "list", "plots", "main")
"""Our scripts, in the order in which they are joined: each defines what those after it use."""
LISTED = 20
"""Slowest rows that stand in the page itself: what is printed, and what a browser without scripts shows."""
TITLES = {
    "answer": "Answer",
    "findings": "Findings",
    "ledger": "Ledger",
    "waterfall": "Waterfall",
    "latency": "Latency",
    "phases": "Phases",
    "pool": "Connections",
    "tail": "Tail",
    "quality": "Capture",
}


@cache
def asset(name: str) -> str:
    """Return a file of the page."""
    return (HERE / "assets" / name).read_text(encoding="utf-8")


@cache
def script() -> str:
    """Return our scripts as one."""
    parts = "\n".join(asset(f"{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


@cache
def library() -> str:
    """Return Apache ECharts as its project ships it, with its licence at its head."""
    return (HERE / "vendored" / "echarts.min.js").read_text(encoding="utf-8")


@cache
def style() -> str:
    """Return the style, a colour for each phase included."""
    colours = "\n".join(f".p-{name} {{ fill: {colour}; }}\n.k-{name} {{ background: {colour}; }}" for name, colour in PHASE_COLOURS.items())
    return f"{asset('page.css')}\n{colours}\n"


def fingerprint(text: str) -> str:
    """Return a source for a content security policy: the hash of an inline script or style (CSP Level 3, section 2.3.1)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def policy() -> str:
    """Return the content security policy: nothing is loaded, nothing is sent, only our own scripts and style count."""
    return "; ".join((
        "default-src 'none'",
        f"script-src {fingerprint(library())} {fingerprint(script())}",
        f"style-src {fingerprint(style())}",
        "base-uri 'none'",
        "form-action 'none'",
    ))  # fmt: skip


def embedded(value: Any) -> str:
    """Return a document that can stand in a script element: nothing in it ends the element or begins a comment (HTML, section 4.12.1.3)."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def printed(parts: Iterator[str]) -> str:
    """Return what only paper and browsers without scripts show."""
    return f'<div class="printed">{joined(parts)}</div>'


class HtmlRenderer:
    """The report as one HTML page; with `only`, one picture of it (waterfall, phases, latency, pool, tail).

    `names` and `filters` are the captures and options as asked for: they stand in the commands that the page shows. `operation` is the one
    that pictures show first; `since_ns` and `until_ns` are the time that they show first, from the start of the capture.
    """

    name = "html"
    suffix = ".html"

    def __init__(
        self,
        *,
        names: tuple[str, ...] = (),
        filters: tuple[str, ...] = (),
        only: str | None = None,
        operation: str | None = None,
        since_ns: DurationNs | None = None,
        until_ns: DurationNs | None = None,
    ) -> None:
        self._names = names
        self._filters = filters
        self._only = only
        self._first = {"operation": operation and plain(operation), "since": since_ns, "until": until_ns}

    def render(self, analysis: Analysis) -> Iterator[str]:
        """Yield the page in pieces. Nothing that came from packets is markup or script in it."""
        said = summarize(analysis, slow=LISTED, verbose=True, names=self._names, filters=self._filters)
        title = ", ".join(dict.fromkeys(PurePath(file.name).name for file in analysis.capture.files)) or "capture"
        yield from self._head(title)
        yield from self._body(analysis, said, title)
        yield f'<script type="application/json" id="facts">{self._facts(analysis, said)}</script>\n'
        yield f'<script type="text/plain" id="columns">{self._pack.blob()}</script>\n'
        yield f"<script>{library()}</script>\n<script>{script()}</script>\n</body>\n</html>\n"

    def _head(self, title: str) -> Iterator[str]:
        yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        yield f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
        yield f'<meta name="color-scheme" content="light dark">\n<meta name="generator" content="analyzer {safe(analyzer_version())}">\n'
        yield f"<title>{safe(title)} - analyzer</title>\n<style>{style()}</style>\n</head>\n"

    def _body(self, analysis: Analysis, said: Summary, title: str) -> Iterator[str]:
        noun = said.noun
        whole = self._only is None
        parts: dict[str, tuple[str, Callable[[], str]]] = {
            "answer": ("The answer", lambda: joined(sections.answer(said, said.operations))),
            "findings": (f"Findings ({len(said.claims)})", lambda: joined(sections.findings(said, noun))),
            "ledger": ("Where the time went", lambda: joined(sections.ledger(said))),
            "waterfall": (f"{noun.capitalize()}s over connections", lambda: asset("waterfall.html") + printed(sections.slowest(said))),
            "latency": ("Latency over time", lambda: asset("latency.html")),
            "phases": ("What slow ones are made of", lambda: asset("phases.html")),
            "pool": ("Connections over time", lambda: asset("pool.html")),
            "tail": ("The tail", lambda: joined(sections.tail_parts(analysis))),
            "quality": ("The capture", lambda: joined(sections.quality(analysis, said))),
        }
        shown = {name: part for name, part in parts.items() if whole or name == self._only}
        kind = "report" if whole else "single"
        yield f'<body class="{kind}">\n<a class="skip" href="#main">Skip to the report</a>\n<header>'
        yield f'<h1>{safe(title)}</h1><div class="about">{joined(f"<p>{safe(line)}</p>" for line in said.about[:3])}</div>'
        yield '<button type="button" id="theme" class="script" aria-label="Switch between light and dark">theme</button></header>\n'
        if whole:
            links = joined(f'<a href="#{name}">{TITLES[name]}</a>' for name in shown)
            yield f'<nav aria-label="Sections">{links}</nav>\n'
        yield '<main id="main" tabindex="-1">\n<noscript><p class="quiet">Charts and the list of all rows need scripts.</p></noscript>\n'
        for name, (heading, make) in shown.items():
            yield f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{safe(heading)}</h2>{make()}</section>\n'
        yield f"</main>\n<footer>{asset('footer.html')}<p>Made by analyzer {safe(analyzer_version())}.</p></footer>\n"
        yield '<div id="said" role="status" aria-live="polite"></div>\n'

    def _facts(self, analysis: Analysis, said: Summary) -> str:
        self._pack = Pack()
        made = facts(analysis, self._pack, captures=said.captures)
        made["columns"] = self._pack.directory
        made["first"] = self._first
        return embedded(made)
