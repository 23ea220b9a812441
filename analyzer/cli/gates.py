"""`--fail-on`: what must not be in an answer, for continuous integration."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from analyzer.errors import UsageError
from analyzer.findings import rules
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call
from analyzer.model.table import Table
from analyzer.narrow import NUMBER, OPERATORS, UNITS, condition
from analyzer.report.calls import service_calls
from analyzer.report.ledger import percentile
from analyzer.report.sentences import named, plural
from analyzer.report.text import plain
from analyzer.units import duration, percent

Gate: TypeAlias = Callable[[Analysis], tuple[bool, str]]
"""Looks at an answer: whether it fails, and why or why not."""
SEVERITIES = ("info", "warning", "error")
"""From the mildest on."""
RANK = re.compile(r"\s*(p[0-9]{1,2}|max)\s*(==|!=|>=|<=|=|>|<)\s*(.*?)\s*\Z", re.DOTALL)


def read_gate(text: str) -> Gate:
    """Read a gate: the code of a rule, a severity (that or worse), `p95>200ms` over all service calls, or a condition on any call.

    Raises UsageError for anything else.
    """
    if text in SEVERITIES:
        bad = SEVERITIES[SEVERITIES.index(text) :]
        return lambda analysis: _findings(analysis, text, lambda code, severity: severity in bad)
    codes = [loaded.rule.code for loaded in rules()]
    if text in codes:
        return lambda analysis: _findings(analysis, text, lambda code, severity: code == text)
    if (match := RANK.match(text)) is not None:
        return _rank(text, match[1], match[2], match[3])
    if not re.search(r"[=<>~]", text):
        raise UsageError(
            f"--fail-on knows no {text!r}",
            hint=f"a severity ({', '.join(SEVERITIES)}), a condition (duration_ns>2s, p95>200ms), or one of {', '.join(codes)}",
        )
    holds = condition(Table("calls", Call), text)
    return lambda analysis: _calls(analysis, text, holds)


def _findings(analysis: Analysis, text: str, bad: Callable[[str, str], bool]) -> tuple[bool, str]:
    found = [row for row in analysis.findings if bad(row.code, row.severity)]
    told = [row.code + (f" ({percent(row.share)} of all call time)" if row.share is not None else "") for row in found]
    return bool(found), _said(text, bool(found), ", ".join(told) or "no such finding")


def _rank(text: str, rank: str, sign: str, value: str) -> Gate:
    """Return the gate on a percentile of the durations of all service calls, those that the capture cuts left out."""
    match = NUMBER.fullmatch(value)
    if match is None:
        raise UsageError(f"{rank} is a duration, not {value!r}", hint=f"{rank}>200ms")
    from decimal import Decimal

    limit = round(Decimal(match[1]) * UNITS[match[2] or ""])
    share = 100 if rank == "max" else int(rank[1:])

    def check(analysis: Analysis) -> tuple[bool, str]:
        took = sorted(call.duration_ns for call in service_calls(analysis) if call.truncated is None)
        if not took:
            return False, _said(text, False, "no calls")
        found = percentile(took, share)
        met = OPERATORS[sign](found, limit)
        return met, _said(text, met, f"{rank} is {duration(found)} over {plural(len(took), 'call')}")

    return check


def _calls(analysis: Analysis, text: str, holds: Callable[[Call], bool]) -> tuple[bool, str]:
    found = [call.call_id for call in analysis.calls if holds(call)]
    return bool(found), _said(text, bool(found), named("call", found) if found else f"none of {plural(len(analysis.calls), 'call')}")


def _said(text: str, met: bool, why: str) -> str:
    return plain(f"--fail-on {text}: {'met' if met else 'not met'}: {why}")
