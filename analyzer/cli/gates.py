"""`--fail-on`: what must not be in an answer, for continuous integration."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from analyzer.errors import UsageError
from analyzer.findings import rules
from analyzer.model.analysis import Analysis
from analyzer.model.condition import NUMBER, OPERATORS, UNITS, condition
from analyzer.model.finding import SEVERITIES
from analyzer.model.rows import Call
from analyzer.model.table import Table
from analyzer.report.calls import dialogues, service_calls
from analyzer.report.ledger import percentile
from analyzer.report.sentences import named, plural
from analyzer.report.text import plain
from analyzer.units import duration, percent


class Verdict(NamedTuple):
    """What a gate says of an answer."""

    met: bool
    """Whether the answer fails."""
    reason: str
    judged: bool = True
    """Whether there was anything to judge."""


Gate: TypeAlias = Callable[[Analysis], Verdict]
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


def _findings(analysis: Analysis, text: str, bad: Callable[[str, str], bool]) -> Verdict:
    found = [row for row in analysis.findings if bad(row.code, row.severity)]
    told = [row.code + (f" ({percent(row.share)} of all call time)" if row.share is not None else "") for row in found]
    return Verdict(bool(found), _said(text, bool(found), ", ".join(told) or "no such finding"))


def _rank(text: str, rank: str, sign: str, value: str) -> Gate:
    """Return the gate on a percentile of the durations of all service calls, else of dialogues, without those that the capture cuts."""
    match = NUMBER.fullmatch(value)
    if match is None:
        raise UsageError(f"{rank} is a duration, not {value!r}", hint=f"{rank}>200ms")
    from decimal import Decimal

    number = Decimal(match[1])
    if match[2] is None and number:
        raise UsageError(f"{rank}{sign}{value} has no unit", hint=f"{rank}{sign}{value}ms, or s, us, ns")
    limit = round(number * UNITS[match[2] or ""])
    share = 100 if rank == "max" else int(rank[1:])

    def check(analysis: Analysis) -> Verdict:
        rows, noun = service_calls(analysis), "call"
        if not rows:
            rows, noun = dialogues(analysis), "dialogue"
        took = sorted(call.duration_ns for call in rows if call.truncated is None)
        if not took:
            why = f"none of {plural(len(rows), noun)} is wholly in the capture" if rows else "there are no calls"
            return _nothing(text, why)
        found = percentile(took, share)
        met = OPERATORS[sign](found, limit)
        return Verdict(met, _said(text, met, f"{rank} is {duration(found)} over {plural(len(took), noun)}"))

    return check


def _calls(analysis: Analysis, text: str, holds: Callable[[Call], bool]) -> Verdict:
    if not len(analysis.calls):
        return _nothing(text, "there are no calls")
    found = [call.call_id for call in analysis.calls if holds(call)]
    why = named("call", found) if found else f"none of {plural(len(analysis.calls), 'call')}"
    return Verdict(bool(found), _said(text, bool(found), why))


def _nothing(text: str, why: str) -> Verdict:
    return Verdict(False, plain(f"--fail-on {text}: nothing to judge: {why}"), judged=False)


def _said(text: str, met: bool, why: str) -> str:
    return plain(f"--fail-on {text}: {'met' if met else 'not met'}: {why}")
