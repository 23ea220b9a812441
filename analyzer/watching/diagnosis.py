"""Findings of calls as they end: the rules look at the last calls, as often as there is time for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.watching.window import Done

LOOKED_AT = 200
"""Calls that the rules look at: enough to tell what is usual."""
MOST = 1000
"""Of more calls at once only the last are diagnosed as they end: the others are in the report at the end."""
SHARE = 0.1
"""Of the time that may be spent on it. What is not diagnosed as it ends is diagnosed in the report at the end."""
INFO = "info"


class Diagnosis:
    """Names the findings of new calls. `recent` makes an answer of the last so many calls."""

    def __init__(self, recent: Callable[[int], Analysis], steady: Callable[[], float] = time.monotonic) -> None:
        self._recent = recent
        self._steady = steady
        self._free_at = 0.0
        self.findings: Sequence[Finding] = ()
        """Of the last calls, dearest first, as of the last diagnosis."""

    def of(self, done: Sequence[Done], *, surely: bool = False) -> dict[int, tuple[str, ...]]:
        """Return the codes of findings, info aside, by call; empty where there was no time, unless it must be (`surely`)."""
        begun = self._steady()
        if not done or (begun < self._free_at and not surely):
            return {}
        self.findings = list(self._recent(max(LOOKED_AT, min(len(done), MOST))).findings)
        took = self._steady() - begun
        self._free_at = begun + took / SHARE
        return by_call(self.findings, {one.call.call_id for one in done})


def by_call(findings: Iterable[Finding], wanted: set[int]) -> dict[int, tuple[str, ...]]:
    """Return the codes of findings by call."""
    out: dict[int, list[str]] = {}
    for finding in findings:
        if finding.severity != INFO:
            for number in wanted.intersection(finding.calls):
                out.setdefault(number, []).append(finding.code)
    return {number: tuple(dict.fromkeys(codes)) for number, codes in out.items()}
