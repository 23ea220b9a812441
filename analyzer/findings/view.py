"""What rules look at: the tables with their links resolved, and the account from which costs are taken so that none is taken twice."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Handshake, Span
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.units import DurationNs, TimeNs

Result = TypeVar("Result")

_CALL_ID: Callable[[Span], int] = attrgetter("call_id")

SET_UP = ("dns", "connect", "tls")
SLOTS = (
    "credentials", "dns", "connect", "tls", "send", "wait_stall", "network", "server", "wait", "receive", "failed", "backoff", "client",
    "unexplained",
)  # fmt: skip
"""What a call's time can be charged for: its phases, `wait` in its three parts; `wait` itself is what could not be split."""


class View:
    """One answer as the rules see it. Copies of connections and their exchanges are in the tables, but in no call.

    Of a part of a capture the calls are diagnosed, `service_calls` and `dialogues`; links lead into the whole, where the cause may lie.
    """

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._whole = whole = analysis.context or analysis
        self.connections: dict[int, Connection] = {row.connection_id: row for row in whole.connections}
        self.calls: dict[int, Call] = {row.call_id: row for row in whole.calls}
        self.service_calls: list[Call] = [row for row in analysis.calls if row.service not in CREDENTIAL_SERVICES]
        """Calls of AWS services, in order of their start; shares are shares of their time."""
        self.dialogues: list[Call] = [row for row in analysis.calls if row.service in CREDENTIAL_SERVICES]
        """Dialogues with credential endpoints."""
        self.total_ns: DurationNs = sum(row.duration_ns for row in self.service_calls)
        self._left: dict[tuple[int, str], DurationNs] = {}
        self._found: dict[Callable[[View], Any], Any] = {}

    @cached_property
    def exchanges(self) -> dict[int, Exchange]:
        """All exchanges by id."""
        return {row.exchange_id: row for row in self._whole.exchanges}

    @cached_property
    def asked(self) -> list[tuple[Call, Exchange]]:
        """The service calls, each with each of its exchanges, in order: most rules go through them once."""
        known = self.exchanges
        return [(call, known[number]) for call in self.service_calls for number in call.exchange_ids if number in known]

    @cached_property
    def asked_on(self) -> dict[int, list[tuple[Call, Exchange]]]:
        """The same by connection; the connections in the order of their first calls."""
        out: dict[int, list[tuple[Call, Exchange]]] = defaultdict(list)
        for pair in self.asked:
            out[pair[1].connection_id].append(pair)
        return out

    @cached_property
    def failing(self) -> list[tuple[Call, Exchange]]:
        """Those of `asked` without a good answer: an error, a broken one, or none."""
        return [pair for pair in self.asked if pair[1].outcome != "ok" or pair[1].error_type is not None]

    @cached_property
    def held_up(self) -> list[tuple[Call, Exchange]]:
        """Those of `asked` that stood still, for a repair, a closed window or a delayed ACK."""
        return [pair for pair in self.asked if pair[1].stalls or pair[1].held]

    @cached_property
    def answered(self) -> list[tuple[Call, Exchange]]:
        """The service calls, each with the exchange of its last attempt; those left out whose last attempt came to none."""
        known = self.exchanges
        return [
            (call, row)
            for call in self.service_calls
            if (numbers := call.exchange_ids) and (row := known.get(numbers[-1])) is not None and row.connection_id == call.connection_id
        ]

    @cached_property
    def ended_on(self) -> dict[int, list[Call]]:
        """The service calls by the connection of their last attempt; connections, and calls of each, in the order of the calls.

        What is alike for all calls of a connection (client, server, round trip) need not be looked up for each: there may be a million.
        """
        out: dict[int, list[Call]] = defaultdict(list)
        for call in self.service_calls:
            number = call.connection_id
            if number is not None:
                out[number].append(call)
        return out

    @cached_property
    def exchanges_on(self) -> dict[int, list[Exchange]]:
        """The exchanges of each connection, in order; copies too."""
        out: dict[int, list[Exchange]] = defaultdict(list)
        for row in self._whole.exchanges:
            out[row.connection_id].append(row)
        return out

    @cached_property
    def _spans(self) -> tuple[list[int], list[Span]]:
        """The spans in the order of their calls, as they come, and the call of each: quicker made than a list for every call."""
        spans = sorted(self._whole.spans, key=_CALL_ID)
        return list(map(_CALL_ID, spans)), spans

    @cached_property
    def guessed(self) -> set[int]:
        """The calls of which some set-up may be another's: its connection was opened ahead, or handed over."""
        return {span.call_id for span in self._whole.spans if span.evidence == "inferred" and span.phase in SET_UP}

    @cached_property
    def anomalies_on(self) -> dict[int, list[Anomaly]]:
        """The anomalies of each connection, ICMP errors that quote it among them."""
        out: dict[int, list[Anomaly]] = defaultdict(list)
        for row in self._whole.anomalies:
            if row.connection_id is not None:
                out[row.connection_id].append(row)
        return out

    @cached_property
    def copies_of(self) -> dict[int, list[Connection]]:
        """The translated copies (NAT) of each connection: what they show may prove, but makes no call."""
        out: dict[int, list[Connection]] = defaultdict(list)
        for row in self._whole.connections:
            if row.copy_of is not None:
                out[row.copy_of].append(row)
        return out

    @cached_property
    def seen_again(self) -> dict[int, list[tuple[Connection, Sequence[Exchange]]]]:
        """Each connection as it was seen elsewhere too, with its exchanges there: translated copies, and views of other capture points."""
        out: dict[int, list[tuple[Connection, Sequence[Exchange]]]] = defaultdict(list)
        for number, copies in self.copies_of.items():
            out[number] += [(copy, self.exchanges_on.get(copy.connection_id, [])) for copy in copies]
        for view in self._whole.elsewhere:
            original = self.connections.get(view.connection.connection_id)
            if original is not None:
                out[original.connection_id if original.copy_of is None else original.copy_of].append((view.connection, view.exchanges))
        return out

    @cached_property
    def handshakes_on(self) -> dict[int, list[Handshake]]:
        """The TLS handshakes of each connection, in order."""
        out: dict[int, list[Handshake]] = defaultdict(list)
        for row in self.analysis.handshakes:
            out[row.connection_id].append(row)
        return out

    @cached_property
    def finished_on(self) -> dict[int, Handshake]:
        """The first finished TLS handshake of each connection."""
        out: dict[int, Handshake] = {}
        for row in self.analysis.handshakes:
            if row.end_ns is not None:
                out.setdefault(row.connection_id, row)
        return out

    @cached_property
    def waiters(self) -> dict[int, list[Call]]:
        """The service calls that waited for each dialogue, by the dialogue's call id."""
        out: dict[int, list[Call]] = defaultdict(list)
        charged = {row.call_id for row in self.service_calls}
        for span in self._whole.spans:
            if span.dialogue_id is not None and span.call_id in charged:
                waiting = out[span.dialogue_id]
                if not waiting or waiting[-1].call_id != span.call_id:
                    waiting.append(self.calls[span.call_id])
        return out

    @cached_property
    def calls_on(self) -> dict[int, list[Call]]:
        """The calls and dialogues of each connection, in order; connections that came to nothing are in those that tried them."""
        out: dict[int, list[Call]] = defaultdict(list)
        for row in self._whole.calls:
            used, last = row.connection_ids, row.connection_id
            # Of nearly all calls the only one is the last.
            for number in used if len(used) == 1 and used[0] == last else dict.fromkeys((*used, last)):
                if number is not None:
                    out[number].append(row)
        return out

    @cached_property
    def called(self) -> set[int]:
        """The connections that are in a call or dialogue; those that came to nothing are in the ones that tried them."""
        out = set(chain.from_iterable(row.connection_ids for row in self._whole.calls))
        out.update(row.connection_id for row in self._whole.calls if row.connection_id is not None)
        return out

    @cached_property
    def first_answer_of(self) -> dict[str, TimeNs]:
        """When the first service call of each client address ended: from then on it is at work."""
        out: dict[str, TimeNs] = {}
        for row in self._whole.calls:
            if row.service not in CREDENTIAL_SERVICES:
                out[row.client_address] = min(row.end_ns, out.get(row.client_address, row.end_ns))
        return out

    @cached_property
    def encrypted_of(self) -> dict[str, list[Connection]]:
        """The TLS connections of each client address on which both sides spoke, by their start; translated copies left out."""
        out: dict[str, list[Connection]] = defaultdict(list)
        for row in sorted(self._whole.connections, key=lambda row: row.first_ns):
            if row.protocol == "tls" and row.copy_of is None and row.bytes_sent and row.bytes_received:
                out[row.client_address].append(row)
        return out

    def once(self, find: Callable[[View], Result]) -> Result:
        """Return what a function finds in this view; several rules ask for the same, which is looked up once. Nobody changes it."""
        if find not in self._found:
            self._found[find] = find(self)
        found: Result = self._found[find]
        return found

    def spans_of(self, call: Call) -> list[Span]:
        """Return the spans of a call, in order."""
        numbers, spans = self._spans
        first = bisect_left(numbers, call.call_id)
        return spans[first : bisect_right(numbers, call.call_id, first)]

    def exchanges_of(self, call: Call) -> list[Exchange]:
        """Return the exchanges of a call, in order; those that a filter removed are left out."""
        known = self.exchanges
        return [known[number] for number in call.exchange_ids if number in known]

    def final_exchange(self, call: Call) -> Exchange | None:
        """Return the exchange of a call's last attempt; None where that came to none, or its row is not in the answer."""
        numbers = call.exchange_ids
        row = self.exchanges.get(numbers[-1]) if numbers else None
        return row if row is not None and row.connection_id == call.connection_id else None

    def charge(self, call: Call, slot: str, most: DurationNs | None = None) -> DurationNs:
        """Take up to `most` ns (all, if None) from what is left of a slot of a call; return how much that was.

        Rules run in the order of their rank, so the more specific diagnosis is charged first and no nanosecond twice: the shares of all
        findings never sum above 100 %. Slots are `SLOTS`.
        """
        key = (call.call_id, slot)
        left = self._left.get(key)
        if left is None:
            left = capacity(call, slot)
        taken = left if most is None else max(0, min(left, most))
        self._left[key] = left - taken
        return taken

    def charge_all(self, calls: Iterable[Call], slots: Sequence[str]) -> DurationNs:
        """Charge whole slots of several calls; return the sum."""
        return sum(self.charge(call, slot) for call in calls for slot in slots)

    def charge_dialogue(self, dialogue: Call, most: DurationNs | None = None) -> tuple[DurationNs, list[Call]]:
        """Charge a dialogue's time to the calls that waited for it, to itself where none did; return the sum and the calls charged."""
        waiting = self.waiters.get(dialogue.call_id)
        if waiting:
            return sum(self.charge(call, "credentials", most) for call in waiting), waiting
        return self.charge(dialogue, "itself", most), [dialogue]

    def share(self, cost_ns: DurationNs, calls: Iterable[Call] = ()) -> float | None:
        """Return the share of a cost in the time of all service calls; None where there are none, or the calls charged are dialogues."""
        if not self.total_ns or any(call.service in CREDENTIAL_SERVICES for call in calls):
            return None
        return cost_ns / self.total_ns


def capacity(call: Call, slot: str) -> DurationNs:
    """Return how much of a call's time lies in a slot; `itself` is all of it (dialogues that nobody waited for)."""
    if slot == "wait":
        return max(0, call.wait_ns - (call.wait_stall_ns or 0) - (call.network_ns or 0) - (call.server_ns or 0))
    return _COLUMNS[slot](call) or 0


_COLUMNS: dict[str, Callable[[Call], DurationNs | None]] = {slot: attrgetter(f"{slot}_ns") for slot in SLOTS}
_COLUMNS["itself"] = attrgetter("duration_ns")
