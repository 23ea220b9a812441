"""What a batch says in sums: latency per host, operation and hour, and findings over all captures."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from analyzer.errors import UsageError
from analyzer.fleet.tables import FleetTable, Piece
from analyzer.model.finding import SEVERITIES
from analyzer.model.rows import Finding
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.report.saved import read_columns
from analyzer.units import SECOND, DurationNs, TimeNs

HOUR_NS: DurationNs = 3600 * SECOND
BY = ("host", "set", "service", "operation", "hour")
"""What calls can be told apart by."""


class Latency(NamedTuple):
    """Calls that have something in common. What they were not told apart by is None."""

    host: str | None
    set: str | None
    service: str | None
    operation: str | None
    hour_ns: TimeNs | None
    """Beginning of the hour (UTC) in which they started."""
    calls: int
    failed: int
    """Those that did not end well."""
    retried: int
    """Those that took more than one attempt."""
    p50_ns: DurationNs | None
    """Percentiles are nearest rank and leave calls out whose start or end is not in a capture, like the mean and the largest."""
    p95_ns: DurationNs | None
    p99_ns: DurationNs | None
    max_ns: DurationNs | None
    mean_ns: DurationNs | None
    total_ns: DurationNs
    """Sum of all durations."""


class Diagnosis(NamedTuple):
    """One rule's findings over all captures."""

    code: str
    severity: str
    """The worst of them."""
    hosts: tuple[str, ...]
    sets: int
    calls: int
    """Calls that they name, each counted once in its capture."""
    cost_ns: DurationNs
    share: float
    """Of all service calls' time."""
    summary: str
    """What the dearest of them says."""
    example: str
    """The set that it is of."""
    remedy: str


class _Sum:
    """Durations of calls."""

    __slots__ = ("calls", "durations", "failed", "retried", "total")

    def __init__(self) -> None:
        self.durations = array("q")
        self.calls = self.failed = self.retried = self.total = 0

    def row(self, key: dict[str, Any]) -> Latency:
        ordered = sorted(self.durations)

        def rank(percent: int) -> DurationNs | None:
            return ordered[(len(ordered) * percent + 99) // 100 - 1] if ordered else None

        return Latency(
            key.get("host"), key.get("set"), key.get("service"), key.get("operation"), key.get("hour"),
            self.calls, self.failed, self.retried, rank(50), rank(95), rank(99),
            ordered[-1] if ordered else None, sum(ordered) // len(ordered) if ordered else None, self.total,
        )  # fmt: skip


def latency(pieces: Iterable[Piece], by: Sequence[str]) -> list[Latency]:
    """Return the latency of calls told apart by some of BY, in that order. Raises UsageError for what they cannot be told apart by."""
    wrong = [name for name in by if name not in BY]
    if wrong:
        raise UsageError(f"calls are not told apart by {', '.join(wrong)}", hint=f"by any of {', '.join(BY)}")
    sums: dict[tuple[Any, ...], _Sum] = {}
    columns = ("service", "operation", "start_ns", "duration_ns", "ok", "attempts", "truncated")
    for piece in pieces:
        fixed = {"host": piece.host, "set": piece.name}
        for service, operation, start, duration, ok, attempts, truncated in read_columns(piece.path, columns):
            values = {**fixed, "service": service, "operation": operation, "hour": start // HOUR_NS * HOUR_NS} if by else {}
            key = tuple(values[name] for name in by)
            found = sums.get(key)
            if found is None:
                found = sums[key] = _Sum()
            found.calls += 1
            found.failed += ok is False
            found.retried += attempts > 1
            found.total += duration
            if truncated is None:
                found.durations.append(duration)
    order = sorted(sums, key=lambda key: tuple((value is None, value if value is not None else "") for value in key))
    return [sums[key].row(dict(zip(by, key, strict=True))) for key in order]


def diagnoses(findings: FleetTable[Finding], pieces: Sequence[Piece]) -> list[Diagnosis]:
    """Return what was found, dearest first; `pieces` are those of the calls, whose time costs are a share of."""
    total = sum(row.total_ns for row in latency(pieces, ("service",)) if row.service not in CREDENTIAL_SERVICES)
    found: dict[str, list[tuple[Piece, Finding]]] = {}
    for piece in findings.pieces:
        for row in findings.of(piece):
            found.setdefault(row.code, []).append((piece, row))
    out = []
    for code, rows in found.items():
        dearest, finding = max(rows, key=lambda pair: pair[1].cost_ns)
        cost = sum(row.cost_ns for _, row in rows)
        out.append(
            Diagnosis(
                code=code,
                severity=max((row.severity for _, row in rows), key=_severity),
                hosts=tuple(sorted({piece.host for piece, _ in rows})),
                sets=len({piece.name for piece, _ in rows}),
                calls=len({call for _, row in rows for call in row.calls}),
                cost_ns=cost,
                share=cost / total if total else 0.0,
                summary=finding.summary,
                example=dearest.name,
                remedy=finding.remedy,
            )
        )
    return sorted(out, key=lambda row: (-row.cost_ns, -_severity(row.severity), row.code))


def _severity(name: str) -> int:
    return SEVERITIES.index(name) if name in SEVERITIES else -1
