"""Which calls of two answers are held against each other: by operation, and where it cannot be read by service and SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.report.calls import CallLedger, dialogues, name_of, service_calls
from analyzer.report.ledger import PHASES, Ledger, Spent
from analyzer.report.requests import RequestLedger
from analyzer.units import DurationNs, TimeNs

SPLIT = tuple(PHASES.index(phase) for phase in ("stall", "network", "server"))
"""Parts of a wait."""
WAIT = PHASES.index("wait")
LEAST_SPLIT = 0.8
"""Where fewer waits are split into network and server than this part of those on the other side, only the whole wait is compared."""

ALIKE = 0.1
"""Part of the calls that may be of another operation than on the other side, for all calls to be compared as one."""


class Timed(NamedTuple):
    """A call as it is compared."""

    number: int
    start_ns: TimeNs
    total_ns: DurationNs
    spent: Spent


@dataclass(slots=True)
class Sample:
    """The calls of one operation on one side."""

    rows: list[Timed] = field(default_factory=list)
    """Those that the capture holds from beginning to end, in order of time."""
    numbers: set[int] = field(default_factory=set)
    """Ids of all."""
    failed: int = 0
    opened: int = 0
    total_ns: DurationNs = 0

    @property
    def calls(self) -> int:
        """Return how many there are, those that the capture cuts included."""
        return len(self.numbers)

    @property
    def cut(self) -> int:
        """Return how many the capture cuts."""
        return len(self.numbers) - len(self.rows)

    def phase(self, name: str) -> list[DurationNs]:
        """Return the time that each whole call spent in a phase."""
        index = PHASES.index(name)
        return [row.spent[index] for row in self.rows]


@dataclass(slots=True)
class Pair:
    """One operation on both sides; of one that only one side holds, the other sample is empty."""

    name: str
    before: Sample
    after: Sample
    beside: bool = False
    """Whether it is a dialogue beside service calls."""
    pooled: bool = False
    """Whether it is all calls of the matched operations together."""

    @property
    def matched(self) -> bool:
        """Tell whether both sides hold it."""
        return bool(self.before.numbers and self.after.numbers)


@dataclass(slots=True)
class Pairs:
    """All operations of two answers."""

    noun: str
    pairs: list[Pair]
    notes: list[str]
    """Why operations, or network and server, are not told apart."""

    def own(self) -> list[Pair]:
        """Return those that count: of service calls, without dialogues beside them, each once."""
        return [pair for pair in self.pairs if not pair.beside and not pair.pooled]


def match(before: Analysis, after: Analysis, *, split: bool = True) -> Pairs:
    """Pair the operations of two answers, the one that takes most time first. Without `split` network and server are one: `wait`."""
    noun, ledgers = _ledgers(before, after)
    notes: list[str] = []
    namers = _namers(ledgers, notes) if noun != "request" else [ledger.name for ledger in ledgers]
    samples = [_samples(ledger, ledger.rows, name) for ledger, name in zip(ledgers, namers, strict=True)]
    found = _pairs(*samples)
    if noun == "call":
        aside = [CallLedger(side, dialogues(side)) if dialogues(side) else None for side in (before, after)]
        beside = [_samples(ledger, ledger.rows, ledger.name) if ledger is not None else {} for ledger in aside]
        for pair in _pairs(*beside):
            pair.beside = True
            found.append(pair)
    if not split or not _both_split(found):
        if split and found:
            notes.append("Network and server time cannot be told apart on both sides: their sum is compared (wait).")
        _merge_waits(found)
    return Pairs(noun, [*_pooled(found, noun), *found], notes)


def _pooled(pairs: Sequence[Pair], noun: str) -> list[Pair]:
    """Return all calls of the matched operations together, where there are several, done about as often on both sides."""
    matched = [pair for pair in pairs if pair.matched and not pair.beside]
    counts = [[getattr(pair, side).calls for pair in matched] for side in ("before", "after")]
    if len(matched) < 2:
        return []
    shares = [[number / sum(side) for number in side] for side in counts]
    if sum(abs(one - other) for one, other in zip(*shares, strict=True)) / 2 > ALIKE:
        return []
    return [Pair(f"all {noun}s", _joined([pair.before for pair in matched]), _joined([pair.after for pair in matched]), pooled=True)]


def _joined(samples: Sequence[Sample]) -> Sample:
    return Sample(
        rows=sorted((row for sample in samples for row in sample.rows), key=lambda row: (row.start_ns, row.number)),
        numbers=set().union(*(sample.numbers for sample in samples)),
        failed=sum(sample.failed for sample in samples),
        opened=sum(sample.opened for sample in samples),
        total_ns=sum(sample.total_ns for sample in samples),
    )


def _ledgers(before: Analysis, after: Analysis) -> tuple[str, list[Ledger[Any]]]:
    sides = (before, after)
    if any(service_calls(side) for side in sides):
        return "call", [CallLedger(side, service_calls(side)) if service_calls(side) else _Nothing(side) for side in sides]
    if any(len(side.calls) for side in sides):
        return "dialogue", [CallLedger(side) for side in sides]
    return "request", [RequestLedger(side) for side in sides]


class _Nothing(CallLedger):
    """A side without calls of services: its dialogues stand beside."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self.rows = []


def _namers(ledgers: Sequence[Ledger[Any]], notes: list[str]) -> list[Callable[[Any], str]]:
    """Return how calls are named so that both sides name alike what one of them cannot read."""
    known: list[dict[str | None, bool]] = []
    for ledger in ledgers:
        named: dict[str | None, bool] = {}
        for call in ledger.rows:
            named[call.service] = named.get(call.service, False) or call.operation is not None
        known.append(named)
    blind = {service for service in known[0].keys() & known[1].keys() if known[0][service] != known[1][service]}
    for service in sorted(blind, key=str):
        side = "before" if not known[0][service] else "after"
        why = "are not known" if service in CREDENTIAL_SERVICES else "cannot be read (encrypted, no keys)"
        notes.append(f"Operations of {service or 'an unknown service'} {why} {side}: compared as one.")
    sdks = [{call.sdk for call in ledger.rows if call.operation is None or call.service in blind} for ledger in ledgers]
    by_sdk = all(len(side) > 1 and None not in side for side in sdks) and sdks[0] == sdks[1]

    def name(call: Call) -> str:
        if call.operation is not None and call.service not in blind:
            return name_of(call)
        text = name_of(call._replace(operation=None))
        return f"{text} of {call.sdk}" if by_sdk else text

    return [name, name]


def _samples(ledger: Ledger[Any], rows: Iterable[Any], name: Callable[[Any], str]) -> dict[str, Sample]:
    samples: dict[str, Sample] = {}
    for row in rows:
        sample = samples.setdefault(name(row), Sample())
        number, total = ledger.number(row), ledger.total(row)
        sample.numbers.add(number)
        sample.failed += not ledger.well(row)
        sample.opened += ledger.opened(row)
        sample.total_ns += total
        if ledger.whole(row):
            start = row.start_ns if isinstance(row, Call) else row.parts.start_ns
            sample.rows.append(Timed(number, start, total, ledger.spent(row)))
    for sample in samples.values():
        sample.rows.sort(key=lambda one: (one.start_ns, one.number))
    return samples


def _pairs(before: dict[str, Sample], after: dict[str, Sample]) -> list[Pair]:
    names = dict.fromkeys([*before, *after])
    made = [Pair(name, before.get(name, Sample()), after.get(name, Sample())) for name in names]
    return sorted(made, key=lambda pair: (-max(pair.before.total_ns, pair.after.total_ns), pair.name))


def _both_split(pairs: Sequence[Pair]) -> bool:
    """Tell whether about as many waits are split into network and server on the one side as on the other."""
    shares = []
    for side in ("before", "after"):
        rows = [row for pair in pairs for row in getattr(pair, side).rows]
        waited = [row for row in rows if row.spent[WAIT] or any(row.spent[index] for index in SPLIT)]
        shares.append(sum(not row.spent[WAIT] for row in waited) / len(waited) if waited else 1.0)
    return min(shares) >= LEAST_SPLIT * max(shares)


def _merge_waits(pairs: Sequence[Pair]) -> None:
    for sample in (sample for pair in pairs for sample in (pair.before, pair.after)):
        sample.rows = [row._replace(spent=_merged(row.spent)) for row in sample.rows]


def _merged(spent: Spent) -> Spent:
    parts = list(spent)
    for index in SPLIT:
        parts[WAIT] += parts[index]
        parts[index] = 0
    return tuple(parts)
