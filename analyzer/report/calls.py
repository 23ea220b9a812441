"""Calls as rows of the ledger: their names, how they ended, which connection they used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import add, attrgetter
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Exchange
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.report.ledger import BATCH, PHASES, WAIT, Entry, Facts, Ledger, Spent, split
from analyzer.units import DurationNs, duration

_PHASES = (*PHASES[: PHASES.index("stall")], "wait", *PHASES[PHASES.index("receive") :])
"""Those that are columns of `calls`."""
_WAITED = _PHASES.index("wait")
_TIMES: Callable[[Call], tuple[DurationNs, ...]] = attrgetter(*(f"{phase}_ns" for phase in _PHASES))
_WAIT = attrgetter("wait_ns", "wait_stall_ns", "network_ns", "server_ns")
_FACTS: Callable[[Call], tuple[Any, ...]] = attrgetter(
    "duration_ns", "truncated", "ok", "reused", "status", "wait_stall_ns", "network_ns", "server_ns", *(f"{phase}_ns" for phase in _PHASES)
)
_TOTAL: Callable[[Call], DurationNs] = attrgetter("duration_ns")
_NAMED = attrgetter("service", "operation")


def is_dialogue(call: Call) -> bool:
    """Tell whether a call is a dialogue with a credential endpoint."""
    return call.service in CREDENTIAL_SERVICES


def service_calls(analysis: Analysis) -> list[Call]:
    """Return the calls of AWS services: what totals and shares are about."""
    return [call for call in analysis.calls if call.service not in CREDENTIAL_SERVICES]


def dialogues(analysis: Analysis) -> list[Call]:
    """Return the dialogues with credential endpoints."""
    return [call for call in analysis.calls if call.service in CREDENTIAL_SERVICES]


def unawaited(analysis: Analysis) -> list[Call]:
    """Return the dialogues that no call waited for."""
    awaited = {span.dialogue_id for span in analysis.spans if span.dialogue_id is not None}
    return [call for call in dialogues(analysis) if call.call_id not in awaited]


def name_of(call: Call) -> str:
    """Name what a call did: its operation; with the service before it unless that is DynamoDB."""
    if call.operation is None:
        return f"{call.service or 'unknown'} call"
    return call.operation if call.service in (None, "dynamodb") else f"{call.service} {call.operation}"


def answer_of(call: Call) -> str:
    """Say how a call ended, in a word or two; nothing where all is well."""
    if call.ok is not False:
        return ""
    if call.error_type is not None:
        return call.error_type
    return str(call.status) if call.status is not None else "no answer"


def spent_on(call: Call) -> Spent:
    """Return the time of a call in each of PHASES; together they are its duration."""
    times = _TIMES(call)
    return (*times[:_WAITED], *split(*_WAIT(call)), *times[_WAITED + 1 :])


class CallLedger(Ledger[Call]):
    """Calls of AWS services; where there are none that can be read, the dialogues with credential endpoints."""

    noun = "call"

    def __init__(self, analysis: Analysis, calls: list[Call] | None = None) -> None:
        self.rows = service_calls(analysis) if calls is None else calls
        if not self.rows:
            self.rows = dialogues(analysis)
        if self.rows and all(map(is_dialogue, self.rows)):
            self.noun = "dialogue"
        self._analysis = analysis
        self._exchanges: dict[int, Exchange] | None = None

    def number(self, row: Call) -> int:
        """Return the call id."""
        return row.call_id

    def name(self, row: Call) -> str:
        """Name the operation."""
        return name_of(row)

    def total(self, row: Call) -> DurationNs:
        """Return the call's duration."""
        return row.duration_ns

    def totals(self, rows: Sequence[Call]) -> list[DurationNs]:
        """Return the durations of calls."""
        return list(map(_TOTAL, rows))

    def facts(self, rows: Sequence[Call]) -> Facts:
        """Return what calls come to together. Each is looked at once, all further work is on columns: which takes half the time."""
        whole: list[DurationNs] = []
        total = failed = opened = silent = 0
        sums: Spent = (0,) * len(PHASES)
        for start in range(0, len(rows), BATCH):
            took, cut, fine, reused, status, stalls, networks, servers, *times = zip(*map(_FACTS, rows[start : start + BATCH]), strict=True)
            waits = tuple(zip(*map(split, times[_WAITED], stalls, networks, servers), strict=True))
            spent = (*times[:_WAITED], *waits, *times[_WAITED + 1 :])
            sums = tuple(map(add, sums, map(sum, spent)))
            total += sum(took)
            whole += [one for one, why in zip(took, cut, strict=True) if why is None]
            opened += reused.count(False)
            if False in fine:
                failed += fine.count(False)
                ends = zip(spent[WAIT], fine, status, strict=True)
                silent += sum(one for one, well, answer in ends if well is False and answer is None)
        return Facts(total, whole, failed, opened, silent, sums)

    def groups(self) -> dict[str, list[Call]]:
        """Return the calls by the name of their operation."""
        alike: dict[tuple[str | None, str | None], list[Call]] = defaultdict(list)
        for call in self.rows:
            alike[_NAMED(call)].append(call)
        out: dict[str, list[Call]] = {}
        for calls in alike.values():
            out.setdefault(name_of(calls[0]), []).extend(calls)
        return out

    def spent(self, row: Call) -> Spent:
        """Return the time in each of PHASES."""
        return spent_on(row)

    def well(self, row: Call) -> bool:
        """Tell whether the call succeeded, as far as is known."""
        return row.ok is not False

    def answered(self, row: Call) -> bool:
        """Tell whether an answer came at all."""
        return row.ok is not False or row.status is not None

    def whole(self, row: Call) -> bool:
        """Tell whether beginning and end were captured."""
        return row.truncated is None

    def opened(self, row: Call) -> bool:
        """Tell whether the call's final attempt paid for its connection."""
        return not row.reused

    def entry(self, row: Call) -> Entry:
        """Return the call as it is shown."""
        answer = answer_of(row)
        if row.truncated is not None:
            answer = f"{answer} (cut)".strip()
        return Entry(
            number=row.call_id,
            name=name_of(row),
            answer=answer,
            start_ns=row.start_ns,
            total_ns=row.duration_ns,
            spent=spent_on(row),
            attempts=row.attempts,
            connection=self._connection(row),
            first_packet_id=row.first_packet_id,
            last_packet_id=row.last_packet_id,
        )

    def _connection(self, row: Call) -> str:
        if row.connection_id is None:
            return ""
        if not row.reused:
            return f"{row.connection_id} new"
        if self._exchanges is None:
            self._exchanges = {exchange.exchange_id: exchange for exchange in self._analysis.exchanges}
        last = self._exchanges.get(row.exchange_ids[-1]) if row.exchange_ids else None
        idle = last.idle_before_ns if last is not None else None
        return f"{row.connection_id} idle {duration(idle)}" if idle is not None and idle > 0 else str(row.connection_id)
