"""What must not have got worse: `--fail-on` of `compare`, for continuous integration.

A gate on a time fails where the number after is beyond the limit *and* the difference is no chance: the 95 % interval of the change,
corrected for as many operations as the gate looks at, holds no zero (of a percentile without an interval: the exact test of how many calls
lie beyond it). So a gate fails at most once in twenty runs of unchanged code, whatever the limit, and far less often where the limit is
wider than the noise. Where there are too few calls to test the gate judges nothing and says so; with `!` at its end it judges by the number
alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from analyzer.comparing.statistics import LEAST
from analyzer.errors import UsageError
from analyzer.model.comparison import MEAN, QUANTILES, Comparison, Difference
from analyzer.model.condition import UNITS, close
from analyzer.model.finding import SEVERITIES
from analyzer.report.ledger import PHASES
from analyzer.report.sentences import plural
from analyzer.report.text import plain
from analyzer.units import duration

SURE = 0.05
"""Chance that a gate on a time fails though nothing changed, at most."""
_NUMBER = r"([0-9]{1,12}(?:\.[0-9]{1,9})?)"
TIME = re.compile(rf"\s*(?:(?P<operation>\S.*?)\s+)?(?P<measure>\w+)\s*\+\s*{_NUMBER}\s*(?P<unit>%|ns|us|µs|ms|s)\s*(?P<alone>!?)\s*\Z")
FINDING = re.compile(r"\s*finding\s*=\s*([\w-]+)\s*\Z")
MEASURES = (*QUANTILES, MEAN, *PHASES)
HINT = "p95 +10%, p50 +5ms, 'GetItem mean +10%', server +2ms, finding=throttled, finding=warning"


class Judgement(NamedTuple):
    """What a gate says of a comparison."""

    met: bool
    """Whether it fails."""
    reason: str
    judged: bool = True
    """Whether there was anything to judge."""


Gate: TypeAlias = Callable[[Comparison], Judgement]


def read_gate(text: str) -> Gate:
    """Read a gate: `[OPERATION] MEASURE +N%` or `+Nms`, or `finding=CODE` (a severity: that or worse). Raises UsageError.

    A measure is p50, p95, p99, mean, or a phase (its mean over all calls).
    """
    if (match := FINDING.match(text)) is not None:
        return _finding(text, match[1])
    match = TIME.match(text)
    if match is None:
        raise UsageError(f"--fail-on knows no {text!r}", hint=HINT)
    name = match["measure"].lower()
    if name not in MEASURES:
        meant = close(name, MEASURES)
        raise UsageError(f"--fail-on knows no measure {name!r}", hint=f"did you mean {meant[0]}?" if meant else ", ".join(MEASURES))
    number = Decimal(match[3])
    share = number / 100 if match["unit"] == "%" else None
    limit = round(number * UNITS[match["unit"]]) if share is None else 0
    return lambda comparison: _time(comparison, text, match["operation"], name, share, limit, bool(match["alone"]))


def _time(comparison: Comparison, text: str, operation: str | None, name: str, share: Decimal | None, limit: int, alone: bool) -> Judgement:
    own = {row.operation for row in comparison.operations if not row.pooled and not row.beside} or {
        row.operation for row in comparison.operations if not row.pooled
    }
    named = {operation} if operation is not None else own
    rows = [row for row in comparison.differences if row.measure == name and row.operation in named]
    if not rows:
        there = any(row.operation in named for row in comparison.differences)
        if there:  # a phase that no call has, before or after
            return Judgement(False, _said(text, False, f"no call spent time in {name}"))
        what = f"no operation {operation!r} on both sides" if operation is not None else "no operation is on both sides"
        return Judgement(False, plain(f"--fail-on {text}: nothing to judge: {what}"), judged=False)
    judged = rows if alone else [row for row in rows if row.chance is not None]
    if not judged:
        calls = max(min(row.calls_before, row.calls_after) for row in rows)
        why = f"{plural(calls, comparison.noun)} on one side, of {LEAST} at least; '{text.strip()}!' judges by the number alone"
        return Judgement(False, plain(f"--fail-on {text}: nothing to judge: {why}"), judged=False)
    over = [row for row in judged if _beyond(row, share, limit)]
    worse = [row for row in over if alone or (row.chance is not None and row.chance <= SURE / len(judged))]
    if worse:
        return Judgement(True, _said(text, True, "; ".join(map(_told, worse))))
    if over:
        return Judgement(False, _said(text, False, f"{'; '.join(map(_told, over))}, which may be chance"))
    return Judgement(False, _said(text, False, _told(max(judged, key=lambda row: row.change_ns))))


def _beyond(row: Difference, share: Decimal | None, limit: int) -> bool:
    allowed = row.before_ns * share if share is not None else limit
    return row.change_ns > 0 and row.change_ns > allowed


def _told(row: Difference) -> str:
    ratio = f" ({100 * row.change_ns / row.before_ns:+.1f} %)" if row.before_ns else ""
    return f"{row.operation} {row.measure} {duration(row.before_ns)} -> {duration(row.after_ns)}{ratio}"


def _finding(text: str, wanted: str) -> Gate:
    from analyzer.findings import rules

    codes = [loaded.rule.code for loaded in rules()]
    if wanted not in SEVERITIES and wanted not in codes:
        meant = close(wanted, codes)
        raise UsageError(f"there is no rule {wanted!r}", hint=f"did you mean {meant[0]}?" if meant else f"one of {', '.join(codes)}")
    bad = SEVERITIES[SEVERITIES.index(wanted) :] if wanted in SEVERITIES else ()

    def check(comparison: Comparison) -> Judgement:
        found = [row for row in comparison.findings if row.what == "new" and (row.code == wanted or row.severity in bad)]
        told = ", ".join(f"{row.code} is new" for row in found)
        return Judgement(bool(found), _said(text, bool(found), told or "no such finding is new"))

    return check


def _said(text: str, met: bool, why: str) -> str:
    return plain(f"--fail-on {text}: {'met' if met else 'not met'}: {why}")
