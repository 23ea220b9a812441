"""Findings as `analyzer findings` tells them to people: each with its code, claim, proof, filter, fix and gain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.report.claims import tell
from analyzer.report.layout import fold
from analyzer.report.markdown import claim_section
from analyzer.report.terminal import claim_lines


def diagnosed(analysis: Analysis, found: Iterable[Finding], form: str) -> Iterator[str]:
    """Yield findings line by line, as `markdown` or else as text. The code is what `--fail-on` and `analyzer rules` take."""
    for number, claim in enumerate(tell(analysis, list(found))):
        finding = claim.finding
        if form == "markdown":
            yield from list(claim_section(claim))[0 if number else 1 :]
            yield f"- rule: `{finding.code}` ({finding.severity})"
            continue
        if number:
            yield ""
        yield from claim_lines(claim)
        yield from fold(f"rule   {finding.code} ({finding.severity})", hang=7)
