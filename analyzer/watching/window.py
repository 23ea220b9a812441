"""The sliding set: what may still belong to an unfinished call. Calls are made of it as of a whole capture, and handed out once final.

Each look makes the calls of all rows in the window by the same function that a file's are made by. A call that is final is handed out once;
its rows stay as context, as long as they may tell something of a call that is not final, and then leave the window.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol, TypeAlias

from analyzer import aws, latency
from analyzer.model.draft import Draft, Placed
from analyzer.model.intervals import union
from analyzer.model.rows import Call, Connection, Exchange, Handshake, Lookup, Span
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.units import MILLISECOND, SECOND, ConnectionId, DurationNs, TimeNs
from analyzer.watching.passing import Sight

CONTEXT_NS: DurationNs = 3 * SECOND
"""How long what is over may tell something of what is not: a call begins within 1 s of its set-up's end or of a dialogue's."""
PLAIN_NS: DurationNs = 300 * MILLISECOND
"""The same of a call on an open connection, where no connection is being set up: the same answer seen in two places comes within 50 ms."""
TALKING_NS: DurationNs = 7 * SECOND
"""The same of what ran beside a dialogue: one that ends in silence lasts until its client's next call, 6 s at most."""
TOGETHER_NS: DurationNs = 1500 * MILLISECOND
"""Who else waited for the same dialogue has begun by then (within 1 s), and shown it by a request."""
USED_NS: DurationNs = 1100 * MILLISECOND
"""Who else used the same lookup has sent a SYN by then (within 1 s)."""
LONGEST_NS: DurationNs = 130 * SECOND
"""Nothing older is looked back at: Linux sends SYNs for 127 s."""
MOST_ROWS = 40_000
"""Exchanges in the window; beyond them the oldest leave it, final or not."""

Key: TypeAlias = tuple[str, int]
"""What names a call before it has a number: its first exchange, or its first connection where it has none."""


class Done(NamedTuple):
    """A call that is final, or shown as it is by now."""

    call: Call
    spans: tuple[Span, ...]
    exchanges: tuple[Exchange, ...]
    connections: tuple[Connection, ...]


class Calls(NamedTuple):
    """What one look found."""

    done: list[Done]
    """Calls that became final, in order of their end."""
    under_way: list[Done]
    """Calls that are not, in order of their start."""
    left: list[Exchange]
    """Exchanges that left the window without ever having been in a call."""
    lookups: list[Lookup]
    """Lookups that became final."""


NOTHING = Calls([], [], [], [])


class Stages(Protocol):
    """What the window asks of the running pass."""

    def dressed(self, exchanges: list[Exchange], connections: list[Connection]) -> list[Exchange]:
        """Return exchanges with what only their connections tell of them."""
        ...

    def placed(
        self, exchanges: list[Exchange], connections: list[Connection], lookups: list[Lookup], handshakes: list[Handshake]
    ) -> list[Placed]:
        """Return the calls that exchanges make."""
        ...

    def handshakes(self, connections: Iterable[ConnectionId]) -> list[Handshake]:
        """Return the handshakes of connections."""
        ...


class _Known(NamedTuple):
    """A call that was handed out and stays as context."""

    exchanges: tuple[int, ...]
    connections: tuple[ConnectionId, ...]
    start_ns: TimeNs
    end_ns: TimeNs
    credentials: bool
    first: bool
    """Whether it opened a connection."""


class Window:
    """Keeps the rows from which calls are made."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._exchanges: dict[int, Exchange] = {}
        self._lookups: dict[int, Lookup] = {}
        self._known: dict[Key, _Known] = {}
        self._numbers: dict[Key, int] = {}
        self._out: set[int] = set()
        """Exchanges in the window whose call was handed out."""
        self._past: set[int] = set()
        """Exchanges whose call has left the window, and that are not over on the wire: answers that nobody waits for."""
        self._spent: set[ConnectionId] = set()
        """Connections without exchanges whose call was handed out."""
        self._next_call = 0
        self._next_span = 0

    def __len__(self) -> int:
        return len(self._exchanges)

    def wants(self) -> set[ConnectionId]:
        """Return the connections of the exchanges in the window."""
        return {row.connection_id for row in self._exchanges.values()}

    def spent(self, connection: ConnectionId) -> bool:
        """Tell whether a connection without exchanges has served: its call was handed out, and is context no more."""
        return connection in self._spent

    def forget(self, connections: Iterable[ConnectionId]) -> None:
        """Learn that connections are remembered no more."""
        self._spent.difference_update(connections)

    def look(
        self,
        sight: Sight,
        connections: list[Connection],
        undecided: Collection[Connection],
        *,
        over: bool = False,
        opening: TimeNs | None = None,
    ) -> Calls:
        """Make the calls of what is in the window and under way; hand out those that are final, or with `over` all.

        `undecided` are connections that have not opened yet, and may: who waits beside them is not told before. `opening` is since when
        connections are being set up for requests that have not ended.
        """
        under_way_rows = [row for row in sight.under_way if row.exchange_id not in self._past] if self._past else sight.under_way
        for row in sight.finished:
            if row.exchange_id in self._past:
                self._past.discard(row.exchange_id)
            else:
                self._exchanges[row.exchange_id] = row
        for lookup in sight.lookups:
            self._lookups[lookup.lookup_id] = lookup
        if not self._exchanges and not under_way_rows and not connections:
            return Calls([], [], [], sight.lookups)
        rows = sorted([*self._exchanges.values(), *under_way_rows], key=lambda row: row.exchange_id)
        rows = self._stages.dressed(rows, connections)
        # An answer that was captured as another connection ends a request that is under way on its own.
        open_ends = {row.exchange_id: row.response_end_ns is None for row in under_way_rows}
        live = {row.exchange_id for row in rows if open_ends.get(row.exchange_id) is not None}
        live -= {row.exchange_id for row in rows if open_ends.get(row.exchange_id) and row.response_end_ns is not None}
        lookups = sorted([*self._lookups.values(), *sight.unsettled], key=lambda row: row.lookup_id)
        placed = self._stages.placed(rows, connections, lookups, self._stages.handshakes({row.connection_id for row in connections}))
        number_of = [self._number(one.draft) for one in placed]
        final = [over or self._is_final(at, placed, sight, live, undecided) for at in range(len(placed))]
        done: list[Done] = []
        under_way: list[Done] = []
        spans: dict[int, list[Span]] = {}
        for at, one in enumerate(placed):
            key = _key(one.draft)
            ids = [step.exchange.exchange_id for step in one.draft.attempts if step.exchange is not None]
            if key in self._known and not self._out.issuperset(ids):
                self._part(key)  # something joined it late: what is left becomes a call of its own with the next look
                continue
            if key in self._known:
                continue
            made = self._account(at, placed, number_of, spans)
            if not final[at]:
                under_way.append(made)
                continue
            done.append(made)
            self._hand_out(key, made, one.draft)
        starts = [one.call.start_ns for one in under_way]
        left = self._prune(sight.now, min(starts, default=sight.now), under_way, opening)
        done.sort(key=lambda one: one.call.end_ns)
        return Calls(done, under_way, left, sight.lookups)

    def flush(self) -> None:
        """Let everything leave the window that is over: the clock was set, and times before and after cannot be compared."""
        self._past.update(self._out.difference(self._exchanges))
        self._exchanges.clear()
        self._lookups.clear()
        self._spent.update(number for known in self._known.values() for number in known.connections)
        self._known.clear()
        self._numbers.clear()
        self._out.clear()

    # Its own.

    def _number(self, draft: Draft) -> int:
        key = _key(draft)
        number = self._numbers.get(key)
        if number is None:
            # What was shown while it connected keeps its number when its request is seen.
            number = self._numbers.pop(("connection", draft.attempts[0].connection.connection_id), None)
            if number is None:
                number = self._next_call
                self._next_call += 1
            self._numbers[key] = number
        return number

    def _is_final(self, at: int, placed: list[Placed], sight: Sight, live: Collection[int], undecided: Collection[Connection]) -> bool:
        one = placed[at]
        draft = one.draft
        if not _over(draft, sight.now, live):
            return False
        if one.dialogues:
            ends = [placed[number].draft for number in one.dialogues]
            if not all(_over(dialogue, sight.now, live) for dialogue in ends):
                return False
            if sight.now < max(dialogue.end_ns for dialogue in ends) + TOGETHER_NS:
                return False
        first = draft.attempts[0]
        if not any(step.set_up for step in draft.attempts):
            return True
        syn = first.connection.syn_ns
        if syn is not None and sight.now < syn + USED_NS:
            numbers = {step.connection.connection_id for step in draft.attempts if step.set_up}
            if any(not numbers.isdisjoint(lookup.connection_ids) for lookup in sight.unsettled):
                return False
        if not undecided or draft.is_dialogue:
            return True
        beside = (draft.client_address, aws.server_of(first.connection))
        reach = max(step.connection.established_ns or step.start_ns for step in draft.attempts)
        return not any((row.client_address, aws.server_of(row)) == beside and (row.syn_ns or 0) <= reach for row in undecided)

    def _account(self, at: int, placed: list[Placed], numbers: list[int], known: dict[int, list[Span]]) -> Done:
        """Make the ledger of a call."""
        one = placed[at]
        waited = []
        for dialogue in one.dialogues:
            if dialogue not in known:
                known[dialogue] = latency.account(numbers[dialogue], placed[dialogue].draft, (), False, 0)[1]
            waited.append((numbers[dialogue], known[dialogue]))
        call, spans = latency.account(numbers[at], one.draft, waited, one.shared, self._next_span)
        steps = one.draft.attempts
        rows = tuple(step.exchange for step in steps if step.exchange is not None)
        beneath = {row.connection_id: row for step in steps for row in (*step.beside, step.connection)}
        return Done(call, tuple(spans), rows, tuple(beneath.values()))

    def _hand_out(self, key: Key, made: Done, draft: Draft) -> None:
        call = made.call
        self._next_span += len(made.spans)
        self._out.update(call.exchange_ids)
        first = any(step.set_up for step in draft.attempts)
        self._known[key] = _Known(
            call.exchange_ids, call.connection_ids, call.start_ns, call.end_ns, draft.service in CREDENTIAL_SERVICES, first
        )  # fmt: skip

    def _part(self, key: Key) -> None:
        """Let a call that was handed out leave the window."""
        known = self._known.pop(key)
        self._numbers.pop(key, None)
        for number in known.exchanges:
            if self._exchanges.pop(number, None) is None:
                self._past.add(number)
            self._out.discard(number)
        self._spent.update(known.connections)

    def _prune(self, now: TimeNs, horizon: TimeNs, under_way: list[Done], opening: TimeNs | None) -> list[Exchange]:
        """Let what can tell nothing any more leave the window."""
        plain = max(now - CONTEXT_NS, min(now - PLAIN_NS, opening if opening is not None else now))
        horizon = max(min(horizon, now), now - LONGEST_NS)
        setting_up = [(one.call.start_ns, one.call.end_ns) for one in under_way if any(span.phase == "connect" for span in one.spans)]
        talking = [
            (known.start_ns, known.end_ns + TALKING_NS)
            for known in self._known.values()
            if known.credentials and known.end_ns >= horizon - TALKING_NS
        ] + [(one.call.start_ns, now) for one in under_way if one.call.service in CREDENTIAL_SERVICES]
        oldest = now - LONGEST_NS
        near = union([(max(start, oldest), end) for start, end in (*setting_up, *talking) if end >= oldest])
        for key, known in list(self._known.items()):
            if known.end_ns >= plain:
                continue
            if known.credentials and known.end_ns >= min(horizon, now) - TALKING_NS:
                continue
            if known.first and known.end_ns >= min(horizon, now) - CONTEXT_NS:
                continue
            if any(start <= known.end_ns and known.start_ns <= end for start, end in near):
                continue
            self._part(key)
        waiting = {number for one in under_way for number in one.call.exchange_ids}
        left = [
            row
            for number, row in self._exchanges.items()
            if number not in waiting and number not in self._out and _last(row) < now - CONTEXT_NS
        ]
        for row in left:
            del self._exchanges[row.exchange_id]
        for number, lookup in list(self._lookups.items()):
            if (lookup.end_ns or lookup.start_ns) < min(now - 2 * CONTEXT_NS, horizon - CONTEXT_NS):
                del self._lookups[number]
        self._bound()
        return left

    def _bound(self) -> None:
        """Keep the window within its bound, whatever is under way."""
        if len(self._exchanges) <= MOST_ROWS:
            return
        for key in list(self._known):
            self._part(key)
            if len(self._exchanges) <= MOST_ROWS:
                return
        for number in list(self._exchanges)[: len(self._exchanges) - MOST_ROWS]:
            del self._exchanges[number]


def _key(draft: Draft) -> Key:
    for step in draft.attempts:
        if step.exchange is not None:
            return "exchange", step.exchange.exchange_id
    return "connection", draft.attempts[0].connection.connection_id


def _over(draft: Draft, now: TimeNs, live: Collection[int]) -> bool:
    """Tell whether nothing that a call waits for is under way, and nothing more can come to it.

    Answers to attempts that were given up may still be repeated, to a client that is gone.
    """
    last = draft.attempts[-1].exchange
    if last is not None and last.exchange_id in live:
        return False
    if any(step.exchange is not None and not step.failed and step.exchange.exchange_id in live for step in draft.attempts):
        return False
    return now >= aws.final_at(draft)


def _last(row: Exchange) -> TimeNs:
    return max(
        time for time in (row.request_start_ns, row.request_end_ns, row.response_start_ns, row.response_end_ns, 0) if time is not None
    )
