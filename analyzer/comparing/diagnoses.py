"""What became of the findings: gone, new, changed; and those that are named only because the rest of the time went away, or came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analyzer.comparing.causes import CAUSES
from analyzer.comparing.matching import Pair
from analyzer.model.analysis import Analysis
from analyzer.model.comparison import FindingChange
from analyzer.model.finding import SEVERITIES
from analyzer.model.rows import Finding
from analyzer.report.headline import sentence
from analyzer.report.ledger import PHASES
from analyzer.report.sentences import first_sentence
from analyzer.units import MILLISECOND, DurationNs

CHANGED_SHARE = 0.05
CHANGED_TIMES = 1.5
"""A finding on both sides changed where its share moved by this much and its cost for each call by this factor."""
LIKE = 0.1
"""Phases whose mean moved by less than this share of it did not move."""
LEAST_NS = MILLISECOND // 10


def finding_changes(before: Analysis, after: Analysis, pairs: Sequence[Pair]) -> list[FindingChange]:
    """Return what became of the findings, code by code: gone and new first, the dearest first."""
    sides = [_by_code(side.findings) for side in (before, after)]
    calls = [sum(getattr(pair, side).calls for pair in pairs) for side in ("before", "after")]
    found = [_change(code, sides[0].get(code, []), sides[1].get(code, []), pairs, calls) for code in dict.fromkeys([*sides[0], *sides[1]])]
    order = ("gone", "new", "changed", "masked", "unmasked", "same")
    return sorted(
        found,
        key=lambda row: (order.index(row.what), -SEVERITIES.index(row.severity), -max(row.before_ns, row.after_ns), row.code),
    )


def _by_code(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    grouped: dict[str, list[Finding]] = {}
    for row in findings:
        grouped.setdefault(row.code, []).append(row)
    return grouped


def _change(code: str, was: list[Finding], now: list[Finding], pairs: Sequence[Pair], calls: list[int]) -> FindingChange:
    costs = [sum(row.cost_ns for row in rows) for rows in (was, now)]
    shares = [_share(rows) for rows in (was, now)]
    if was and now:
        what = (
            "changed" if _changed(costs, shares, calls) and _moved(code, pairs, fell=costs[1] * calls[0] < costs[0] * calls[1]) else "same"
        )
    elif was:
        what = "gone" if not costs[0] or _moved(code, pairs, fell=True) else "masked"
    else:
        what = "new" if not costs[1] or _moved(code, pairs, fell=False) else "unmasked"
    shown = max(now or was, key=lambda row: row.cost_ns)
    return FindingChange(
        code=code,
        what=what,
        title=shown.title,
        severity=max((row.severity for row in (*was, *now)), key=lambda name: SEVERITIES.index(name) if name in SEVERITIES else 0),
        before_ns=costs[0],
        after_ns=costs[1],
        before_share=shares[0],
        after_share=shares[1],
        calls_before=len({number for row in was for number in row.calls}),
        calls_after=len({number for row in now for number in row.calls}),
        summary=sentence(shown) if shown.cost_ns else first_sentence(shown.summary)[0],
        remedy=shown.remedy if what == "new" else "",
    )


def _share(rows: Sequence[Finding]) -> float | None:
    known = [row.share for row in rows if row.share is not None]
    return min(1.0, sum(known)) if known else None


def _changed(costs: list[DurationNs], shares: list[float | None], calls: list[int]) -> bool:
    one, other = (cost / number if number else 0.0 for cost, number in zip(costs, calls, strict=True))
    moved = abs((shares[0] or 0.0) - (shares[1] or 0.0)) >= CHANGED_SHARE
    return moved and max(one, other) > CHANGED_TIMES * min(one, other)


def _moved(code: str, pairs: Sequence[Pair], *, fell: bool) -> bool:
    """Tell whether the phases that a finding is about went its way: the mean of all calls; True where nothing tells."""
    cause = CAUSES.get(code)
    if cause is None or not cause.phases:
        return True
    means: list[float] = []
    for side in ("before", "after"):
        rows = [row for pair in pairs for row in getattr(pair, side).rows]
        if not rows:
            return True
        indexes = [PHASES.index(phase) for phase in cause.phases]
        means.append(sum(row.spent[index] for row in rows for index in indexes) / len(rows))
    less = means[0] - means[1] if fell else means[1] - means[0]
    return bool(less > max(LEAST_NS, LIKE * min(means)))
