"""The closed ledger as outputs share it: rows whose time is accounted for, the operations they make, and the slowest of them.

What the rows are (calls, or requests where there are no calls) is known to `calls.py` and `requests.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from heapq import nlargest
from operator import add
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from analyzer.units import DurationNs, PacketId, TimeNs

PHASES = (
    "credentials", "dns", "connect", "tls", "client", "send", "stall", "network", "server", "wait", "receive", "failed", "backoff",
    "unexplained",
)  # fmt: skip
"""What time is split into, in the order in which it happens. `stall`, `network` and `server` are parts of the wait for an answer; `wait` is
what could not be split into them."""
Spent: TypeAlias = tuple[DurationNs, ...]
"""Time in each of PHASES; together they are the row's duration."""
Row = TypeVar("Row")


class Entry(NamedTuple):
    """A row of the ledger as it is shown."""

    number: int
    """Its call id, or exchange id."""
    name: str
    answer: str
    """How it ended, in a word or two; nothing where all is well."""
    start_ns: TimeNs
    total_ns: DurationNs
    spent: Spent
    attempts: int
    connection: str
    """Its connection, and what that did before: `3 new`, `3 idle 1.3 s`."""
    first_packet_id: PacketId | None
    last_packet_id: PacketId | None


class Operation(NamedTuple):
    """All rows of one operation."""

    name: str
    rows: int
    failed: int
    """Those that did not end well."""
    opened: int
    """Those that waited for a connection to be opened."""
    truncated: int
    """Those whose beginning or end is outside the capture: they count, and are left out of the percentiles."""
    p50_ns: DurationNs | None
    """None where all are truncated, as the next two."""
    p95_ns: DurationNs | None
    max_ns: DurationNs | None
    total_ns: DurationNs
    spent: Spent
    silent_ns: DurationNs
    """Part of the waiting that no answer ended."""

    @property
    def shares(self) -> dict[str, float]:
        """Share of the total by phase."""
        return {phase: spent / self.total_ns if self.total_ns else 0.0 for phase, spent in zip(PHASES, self.spent, strict=True)}


class Facts(NamedTuple):
    """What some rows come to together; the names are those of `Operation`."""

    total_ns: DurationNs
    whole_ns: list[DurationNs]
    """The durations of those whose beginning and end were captured."""
    failed: int
    opened: int
    silent_ns: DurationNs
    spent: Spent


class Ledger(ABC, Generic[Row]):
    """Rows of one kind, and how to read each. Nothing is made of a row before it is asked for: there may be a million."""

    noun: str
    """What a row is called: call, dialogue, request."""
    rows: Sequence[Row]

    @abstractmethod
    def name(self, row: Row) -> str:
        """Name the operation."""

    @abstractmethod
    def total(self, row: Row) -> DurationNs:
        """Return the row's duration."""

    def totals(self, rows: Sequence[Row]) -> list[DurationNs]:
        """Return the durations of rows."""
        return list(map(self.total, rows))

    @abstractmethod
    def spent(self, row: Row) -> Spent:
        """Return the time in each of PHASES."""

    @abstractmethod
    def well(self, row: Row) -> bool:
        """Tell whether the row ended well."""

    @abstractmethod
    def answered(self, row: Row) -> bool:
        """Tell whether an answer came at all."""

    @abstractmethod
    def whole(self, row: Row) -> bool:
        """Tell whether beginning and end were captured."""

    @abstractmethod
    def opened(self, row: Row) -> bool:
        """Tell whether the row waited for its connection to be opened."""

    @abstractmethod
    def entry(self, row: Row) -> Entry:
        """Return the row as it is shown."""

    @abstractmethod
    def number(self, row: Row) -> int:
        """Return the row's id."""

    def total_ns(self) -> DurationNs:
        """Return the time of all rows together."""
        return sum(self.totals(self.rows))

    def slowest(self, count: int) -> list[Entry]:
        """Return the slowest rows, slowest first; of equal ones the earlier first."""
        totals = self.totals(self.rows)
        least = min(nlargest(count, totals), default=None)
        if least is None:
            return []
        slow = [row for row, total in zip(self.rows, totals, strict=True) if total >= least]
        return [self.entry(row) for row in sorted(slow, key=lambda row: (-self.total(row), self.number(row)))[:count]]

    def groups(self) -> dict[str, list[Row]]:
        """Return the rows by the name of their operation."""
        out: dict[str, list[Row]] = {}
        for row in self.rows:
            out.setdefault(self.name(row), []).append(row)
        return out

    def operations(self) -> list[Operation]:
        """Return the operations, the one that took most time first."""
        made = [self._operation(name, rows) for name, rows in self.groups().items()]
        return sorted(made, key=lambda operation: (-operation.total_ns, operation.name))

    def facts(self, rows: Sequence[Row]) -> Facts:
        """Return what rows come to together."""
        sums: Spent = (0,) * len(PHASES)
        for start in range(0, len(rows), BATCH):
            batch = map(self.spent, rows[start : start + BATCH])
            sums = tuple(map(add, sums, map(sum, zip(*batch, strict=True))))
        return Facts(
            total_ns=sum(self.totals(rows)),
            whole_ns=[self.total(row) for row in rows if self.whole(row)],
            failed=sum(not self.well(row) for row in rows),
            opened=sum(map(self.opened, rows)),
            silent_ns=sum(self.spent(row)[WAIT] for row in rows if not self.answered(row)),
            spent=sums,
        )

    def _operation(self, name: str, rows: list[Row]) -> Operation:
        facts = self.facts(rows)
        ordered = sorted(facts.whole_ns)
        return Operation(
            name=name,
            rows=len(rows),
            failed=facts.failed,
            opened=facts.opened,
            truncated=len(rows) - len(ordered),
            p50_ns=percentile(ordered, 50) if ordered else None,
            p95_ns=percentile(ordered, 95) if ordered else None,
            max_ns=ordered[-1] if ordered else None,
            total_ns=facts.total_ns,
            spent=facts.spent,
            silent_ns=facts.silent_ns,
        )


WAIT = PHASES.index("wait")
BATCH = 4096
"""Rows added up at a time: sums of columns are quicker than sums of rows, and there may be a million."""


def percentile(ordered: Sequence[int], percent: int) -> int:
    """Return the smallest value of a sorted list that at least `percent` % of it do not exceed (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def split(wait: DurationNs, stall: DurationNs | None, network: DurationNs | None, server: DurationNs | None) -> Spent:
    """Return stall, network, server and the rest of a wait, as far as they fit into it; parts that do not say nothing."""
    stalled = max(0, min(stall, wait)) if stall else 0
    if network is None or server is None or min(network, server) < 0 or stalled + network + server > wait:
        return stalled, 0, 0, wait - stalled
    return stalled, network, server, wait - stalled - network - server


def packets(ids: Iterable[PacketId | None]) -> str:
    """Write packet numbers as a range: `19-31`, `19`; nothing where none is known."""
    return "-".join(map(str, dict.fromkeys(number for number in ids if number is not None)))
