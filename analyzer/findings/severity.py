"""How grave a finding is: by its share of the calls' time, in one place for all rules.

A rule says what its finding is at its usual weight: `warning`; `info` where it only tells (the price of any start, a doubt, the capture
itself); `error` where a call failed of it. What is between follows from the time: a warning that takes little of it is information, one
that takes half of it is an error.
"""

from __future__ import annotations

from analyzer.findings.view import View
from analyzer.model.rows import Call, Finding
from analyzer.units import MILLISECOND, DurationNs

SLIGHT = 0.05
"""Below this share of the time of all service calls nobody would notice it gone, unless it spoils the calls that it names."""
SPOILT = 0.5
"""From this share of the time of the calls that it names on, these would take half the time without it."""
NOTICED_NS: DurationNs = 100 * MILLISECOND
"""What each of them must lose for that to count: the delay from which on people notice one (Nielsen, `Response Times`)."""
GRAVE = 0.5
"""From this share of the time of all service calls on it is what the program spends its time on."""


def weighed(view: View, finding: Finding) -> Finding:
    """Return a finding with the severity that its time gives it.

    Only warnings are weighed, and only where their time can be set against that of calls: what failed stays an error, what only tells stays
    information, and what costs nothing by itself (IMDSv1 in place of IMDSv2) is no question of time. A cause that is merely possible is
    never an error.
    """
    share = finding.share
    if finding.severity != "warning" or share is None or finding.cost_ns <= 0:
        return finding
    if share >= GRAVE and finding.confidence != "possible":
        return finding._replace(severity="error")
    if share < SLIGHT and not _spoils(finding.cost_ns, [view.calls[number] for number in finding.calls if number in view.calls]):
        return finding._replace(severity="info")
    return finding


def _spoils(cost_ns: DurationNs, calls: list[Call]) -> bool:
    """Tell whether a cost that is slight over all calls is much for those that pay it."""
    return cost_ns >= SPOILT * sum(call.duration_ns for call in calls) and cost_ns >= NOTICED_NS * len(calls)
