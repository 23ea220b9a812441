"""Two answers held against each other: what is told of them, as tables and sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from analyzer.model.table import Table
from analyzer.units import DurationNs

QUANTILES = ("p50", "p95", "p99")
MEAN = "mean"
LEAST_CALLS = {"p50": 8, "p95": 72, "p99": 368}
"""Calls on each side from which on an interval of a percentile exists: with fewer its end lies beyond the largest value. Of all else 8."""


class Difference(NamedTuple):
    """One measure of one operation, before and after: the row of the table `differences`.

    The measures are p50, p95, p99 (nearest rank) and mean of the durations, and the mean time a call spends in each phase: those add up to
    the mean. Calls that the capture cuts are left out.
    """

    operation: str
    measure: str
    """p50, p95, p99, mean, or a phase."""
    calls_before: int
    calls_after: int
    before_ns: DurationNs
    after_ns: DurationNs
    change_ns: DurationNs
    """After less before."""
    low_ns: DurationNs | None
    """The 95 % bootstrap interval of `change_ns`; None where there are too few calls for one."""
    high_ns: DurationNs | None
    chance: float | None
    """Two-sided probability of such a change by chance, for this measure alone: by the bootstrap of the interval; of a percentile without
    one by how many calls lie beyond it. None where neither says anything."""
    changed: bool
    """Whether the two differ by more than chance explains (all measures of all operations taken together) and enough to matter."""


class Matched(NamedTuple):
    """An operation that both answers hold: the row of the table `operations`."""

    operation: str
    calls_before: int
    calls_after: int
    """All of them, those that the capture cuts included."""
    cut_before: int
    cut_after: int
    """Those that the capture cuts: they are in no percentile, mean or phase."""
    failed_before: int
    failed_after: int
    opened_before: int
    opened_after: int
    """Those that waited for a connection to be opened."""
    total_before_ns: DurationNs
    total_after_ns: DurationNs
    verdict: str
    """faster, slower, changed (parts of it did), same, few (too few calls to tell)."""
    beside: bool
    """Whether it is a dialogue with a credential endpoint, in no total of service calls."""
    pooled: bool
    """Whether it is all calls of the operations that both sides hold, taken together."""


class Unmatched(NamedTuple):
    """An operation that only one answer holds: the row of the table `unmatched`."""

    operation: str
    side: str
    """before, after."""
    calls: int
    p50_ns: DurationNs | None
    """None where the capture cuts all of them."""
    total_ns: DurationNs


class FindingChange(NamedTuple):
    """What became of the findings of one code: the row of the table `findings`."""

    code: str
    what: str
    """gone, new, changed, same; or unmasked (named only because the rest got shorter), masked (the reverse)."""
    title: str
    severity: str
    """The worse of the two."""
    before_ns: DurationNs
    """Cost of all findings of the code."""
    after_ns: DurationNs
    before_share: float | None
    """Of all service calls' time."""
    after_share: float | None
    calls_before: int
    """Calls that they name."""
    calls_after: int
    summary: str
    """First sentence of the dearest: after, where it is still there."""
    remedy: str
    """Of one that is new; empty otherwise."""


class Fact(NamedTuple):
    """Something that is not a time and differs between the two: the row of the table `facts`."""

    name: str
    before: str
    after: str


@dataclass(slots=True)
class Side:
    """One of the two answers, in a few facts."""

    name: str
    """Its files."""
    calls: int
    """Those that are compared, dialogues beside them apart."""
    total_ns: DurationNs
    vantage: str | None
    saved: bool
    """Whether it is a saved report."""
    version: str | None
    """Of a saved report: the version of the analyzer that made it."""
    dialogues: int = 0
    """With credential endpoints, beside service calls: those that are not counted among `calls`."""


@dataclass(slots=True)
class Comparison:
    """The answer to `compare`. Shows itself: text in a terminal, HTML in a notebook."""

    before: Side
    after: Side
    noun: str
    """What is compared: call, dialogue, request."""
    verdict: list[str]
    """The answer in sentences, the most important first."""
    warnings: list[str]
    """Why some numbers cannot be compared."""
    operations: Table[Matched]
    """Most time first."""
    differences: Table[Difference]
    unmatched: Table[Unmatched]
    findings: Table[FindingChange]
    facts: Table[Fact]
    same: bool = False
    """Whether both hold the very same calls."""
    changed: bool = False
    """Whether any operation got faster or slower, or a part of it did, by more than chance or for a reason that is no chance."""
    tests: int = 0
    """Measures that were tested; the more, the larger a difference must be to be called one."""
    show: Callable[[Comparison, str], str] | None = field(default=None, repr=False)
    """Writes it in a form: text, html."""

    def of(self, operation: str) -> Table[Difference]:
        """Return the measures of one operation."""
        return self.differences.where(operation=operation)

    def __str__(self) -> str:
        return self.show(self, "text") if self.show is not None else " ".join(self.verdict)

    __repr__ = __str__

    def _repr_html_(self) -> str | None:
        """Show verdict and tables in a notebook."""
        return self.show(self, "html") if self.show is not None else None
