"""Dialogues with credential endpoints as the rules see them: who asked, what was asked when, and what waiting for it cost."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from analyzer.findings.view import View
from analyzer.findings.words import plural, sdk_name
from analyzer.model.intervals import union
from analyzer.model.rows import Call, Connection, Exchange
from analyzer.units import MILLISECOND, SECOND, ConnectionId, DurationNs, TimeNs, count, duration

IMDS = frozenset({"imds"})
ENDPOINTS = frozenset({"imds", "ecs-credentials", "eks-pod-identity"})
"""Credential endpoints with an address of their own. STS is not one: it is a service behind a name, and what ails it ails any service."""
ENDPOINT_NAMES = {
    "imds": "the instance metadata service (IMDS)",
    "ecs-credentials": "the credential endpoint of ECS",
    "eks-pod-identity": "the EKS Pod Identity agent",
}
WANTED = {"GetCredentials": "credentials", "GetRegion": "its region", "GetMetadata": "instance metadata"}
DISABLE = "set AWS_EC2_METADATA_DISABLED=true"
"""How a program is told not to ask IMDS, in all SDKs but one (AWS SDKs and Tools Reference Guide, IMDS credential provider)."""
GIVEN_UP_NS: DurationNs = 400 * MILLISECOND
"""A request without an answer for less than this may just be cut off by the end of the program or of the capture: the shortest time that an
SDK waits for an answer is 500 ms (Go v2, `defaultResponseHeaderTimeout`), others wait 1 s and more."""
PATIENCE_NS: DurationNs = 10 * SECOND
"""No SDK waits longer than this for an answer by default."""
PAUSE_NS: DurationNs = 2 * SECOND
"""The next try of an SDK comes within this time: the pauses between the tries of SDK for JavaScript v2 reach 0.8 s."""
SAME_MOMENT_NS: DurationNs = MILLISECOND
"""A client may open its next connection this long before it closes the one that it gave up."""


class Dialogue(NamedTuple):
    """One dialogue with the rows that it consists of, in order of time."""

    call: Call
    exchanges: tuple[Exchange, ...]
    connections: tuple[Connection, ...]
    """Those that never opened among them."""
    marks: tuple[TimeNs, ...]
    """When it began something: first packets of connections, first bytes of requests."""
    known: Mapping[ConnectionId, Connection]
    """Connections by id, its own among them."""

    def under(self, exchange: Exchange) -> Connection | None:
        """Return the connection of an exchange; None where a filter removed it."""
        return self.known.get(exchange.connection_id)

    def begin(self, exchange: Exchange) -> TimeNs:
        """Return when the attempt at an exchange began: with its connection, where it paid for one."""
        asked = exchange.request_start_ns if exchange.request_start_ns is not None else self.call.start_ns
        under = self.under(exchange)
        if under is None or exchange.index_on_connection or under.opened_ahead or under.syn_ns is None:
            return asked
        return min(asked, under.syn_ns)

    def next_mark(self, after: TimeNs) -> TimeNs | None:
        """Return when it began something later than `after`; None where nothing followed."""
        index = bisect_right(self.marks, after)
        return self.marks[index] if index < len(self.marks) else None

    def kept(self, exchange: Exchange) -> tuple[TimeNs, TimeNs]:
        """Return from when to when an exchange kept the dialogue: up to what it began next."""
        following = self.next_mark(exchange.request_start_ns if exchange.request_start_ns is not None else self.call.start_ns)
        return self.begin(exchange), following if following is not None else self.call.end_ns

    def given_up(self, exchange: Exchange) -> tuple[TimeNs, TimeNs] | None:
        """Return when the client stopped waiting for an answer, and when it began what came next.

        It stops with its FIN or RST; where that cannot be seen (it waits behind bytes that nobody acknowledged), with its next activity.
        None where it was still waiting at the end of what was captured.
        """
        asked = exchange.request_start_ns
        if asked is None:
            return None
        under = self.under(exchange)
        closed = under.client_closed_ns if under is not None else None
        if closed is None or closed < asked:
            following = self.next_mark(asked)
            return None if following is None else (following, following)
        index = bisect_left(self.marks, max(asked + 1, closed - SAME_MOMENT_NS))
        following = self.marks[index] if index < len(self.marks) else max(closed, self.call.end_ns)
        return closed, max(closed, following)

    def tokens(self) -> list[Exchange]:
        """Return its token requests."""
        return [row for row in self.exchanges if row.operation == "PutToken"]

    def without_token(self) -> list[Exchange]:
        """Return its requests without a token (IMDSv1) that were answered."""
        return [row for row in self.exchanges if row.imds_version == 1 and row.status is not None]


def askers(view: View, services: frozenset[str]) -> list[list[Dialogue]]:
    """Return the dialogues with endpoints of some services, a list for each client and service, in order of their start."""
    groups: dict[tuple[str, str | None], list[Dialogue]] = {}
    for call in view.dialogues:
        if call.service in services:
            groups.setdefault((call.client_address, call.service), []).append(_dialogue(view, call))
    return list(groups.values())


def _dialogue(view: View, call: Call) -> Dialogue:
    exchanges = view.exchanges_of(call)
    numbers = dict.fromkeys((*call.connection_ids, *(row.connection_id for row in exchanges)))
    connections = sorted((view.connections[one] for one in numbers if one in view.connections), key=lambda row: row.first_ns)
    marks = [row.syn_ns for row in connections if row.syn_ns is not None]
    marks += [row.request_start_ns for row in exchanges if row.request_start_ns is not None]
    return Dialogue(call, tuple(exchanges), tuple(connections), tuple(sorted(marks)), view.connections)


def unasked(view: View) -> dict[str, list[tuple[Connection, TimeNs]]]:
    """Return, for each client, connections to IMDS that opened and on which it waited in vain for a request of its own to come through.

    With each comes when the client gave it up: its FIN or RST, else what it began next. Only those that stood alone for 400 ms or more (a
    port check is closed at once, a spare connection stands beside another), and several in a row or with a request without a token after.
    """
    silent: dict[str, list[Connection]] = defaultdict(list)
    for row in view.connections.values():
        if row.service in IMDS and row.copy_of is None and row.syn_ns is not None and _carried_nothing(row):
            silent[row.client_address].append(row)
    asked: dict[str, list[Exchange]] = defaultdict(list)
    marks: dict[str, list[TimeNs]] = defaultdict(list)
    if silent:
        for row in view.connections.values():
            if row.service in IMDS and row.client_address in silent and row.copy_of is None:
                marks[row.client_address].append(row.first_ns)
                asked[row.client_address] += view.exchanges_on.get(row.connection_id, [])
    return {client: kept for client, rows in silent.items() if (kept := _in_vain(rows, asked[client], sorted(marks[client])))}


def _carried_nothing(row: Connection) -> bool:
    carried = row.exchanges or row.bytes_sent or row.bytes_received or row.gap_bytes
    return row.established_ns is not None and not carried


def _in_vain(rows: list[Connection], asked: list[Exchange], marks: list[TimeNs]) -> list[tuple[Connection, TimeNs]]:
    if any(row.operation == "PutToken" for row in asked):
        return []  # token requests do come as far as here
    asked = sorted((row for row in asked if row.request_start_ns is not None), key=lambda row: row.request_start_ns or 0)
    starts = [row.request_start_ns or 0 for row in asked]
    runs: list[list[tuple[Connection, TimeNs]]] = []
    for row in sorted(rows, key=lambda row: row.first_ns):
        opened = row.established_ns or row.first_ns
        at, mark = bisect_right(starts, opened), bisect_right(marks, opened)
        following = [time for time in (*starts[at : at + 1], *marks[mark : mark + 1], row.client_closed_ns) if time is not None]
        before = asked[at - 1] if at else None
        busy = before is not None and (before.response_end_ns is None or before.response_end_ns > opened)
        over = min(following, default=opened)
        if busy or not GIVEN_UP_NS <= over - opened <= PATIENCE_NS:
            continue
        if runs and row.first_ns - runs[-1][-1][1] <= PAUSE_NS:
            runs[-1].append((row, over))
        else:
            runs.append([(row, over)])
    found = []
    for run in runs:
        after = bisect_left(starts, run[-1][1])
        went_on = after < len(asked) and starts[after] - run[-1][1] <= PAUSE_NS and asked[after].imds_version == 1
        found += run if len(run) > 1 or went_on else []
    return found


def wanted(dialogue: Dialogue) -> str | None:
    """Name what a dialogue asked for; None where it got to say nothing."""
    return WANTED.get(dialogue.call.operation, "instance metadata") if dialogue.call.operation is not None else None


def lead(view: View, dialogues: Sequence[Dialogue]) -> str:
    """Begin the first sentence of a finding: which calls waited for the dialogues and how long, or else which client.

    `GetItem took 4403 ms; 4362 ms of it waited for credentials`, `A client (172.17.0.2) waited 4305 ms for credentials`. Dialogues beside
    them, for which no call is seen to have waited, are counted apart: else what follows would be more than the calls took.
    """
    waiting = waiters(view, dialogues)
    beside = [one.call.duration_ns for one in dialogues if not view.waiters.get(one.call.call_id)]
    more = f", beside {plural(len(beside), 'more dialogue')} ({duration(sum(beside))}) that no call is seen to wait for" if beside else ""
    if len(waiting) == 1:
        (call,) = waiting
        name = call.operation or "A call"
        return f"{name} took {duration(call.duration_ns)}; {duration(call.credentials_ns)} of it waited for credentials{more}"
    if waiting:
        calls = f"{count(len(waiting))} of {plural(len(view.service_calls), 'call')}"
        return f"{calls} waited for credentials, {duration(sum(call.credentials_ns for call in waiting))} in all{more}"
    first = dialogues[0]
    spent = duration(sum(one.call.duration_ns for one in dialogues))
    who = f"A client ({first.call.client_address})"
    wish = next((wish for one in dialogues if (wish := wanted(one)) is not None), None)
    times = "" if len(dialogues) == 1 else f" {count(len(dialogues))} times"
    in_all = "" if len(dialogues) == 1 else " in all"
    if wish is None:
        return f"{who} tried to reach {ENDPOINT_NAMES.get(first.call.service or '', 'a credential endpoint')}{times} for {spent}{in_all}"
    if all(one.call.ok is False for one in dialogues):
        return f"{who} asked for {wish}{times} for {spent}{in_all} and got none"
    if len(dialogues) == 1:
        return f"{who} waited {spent} for {wish}"
    return f"{who} asked for {wish}{times} and waited {spent}{in_all}"


def waiters(view: View, dialogues: Iterable[Dialogue]) -> list[Call]:
    """Return the service calls that waited for any of the dialogues, each once, in order."""
    found = {call.call_id: call for one in dialogues for call in view.waiters.get(one.call.call_id, ())}
    return [found[number] for number in sorted(found)]


def charge(view: View, wasted: Iterable[tuple[Dialogue, tuple[TimeNs, TimeNs]]]) -> tuple[DurationNs, list[Call]]:
    """Charge intervals of dialogues to whoever waited for them; return the sum and the calls, dialogues themselves where nobody did.

    Where calls waited for some of the dialogues, the others cost nobody anything that is seen: the sum stays within the calls' time.
    """
    inside: dict[int, list[tuple[TimeNs, TimeNs]]] = defaultdict(list)
    dialogues: dict[int, Call] = {}
    for dialogue, (start, end) in wasted:
        call = dialogues.setdefault(dialogue.call.call_id, dialogue.call)
        inside[call.call_id].append((max(start, call.start_ns), min(end, call.end_ns)))
    cost = 0
    calls: dict[int, Call] = {}
    waited = any(view.waiters.get(number) for number in dialogues)
    for number, call in dialogues.items():
        if waited and not view.waiters.get(number):
            continue
        most = sum(end - start for start, end in union(pair for pair in inside[number] if pair[0] < pair[1]))
        taken, paid = view.charge_dialogue(call, most)
        cost += taken
        calls.update({one.call_id: one for one in paid})
    return cost, [calls[number] for number in sorted(calls)]


def each(dialogues: Iterable[Dialogue]) -> list[Dialogue]:
    """Return the dialogues, each once."""
    return list({one.call.call_id: one for one in dialogues}.values())


def failed(dialogues: Iterable[Dialogue]) -> bool:
    """Tell whether any of the dialogues ended without what it asked for."""
    return any(one.call.ok is False for one in dialogues)


def sdk_of(dialogues: Iterable[Dialogue]) -> str | None:
    """Return the SDK of the dialogues, where they tell one."""
    return next((one.call.sdk for one in dialogues if one.call.sdk is not None), None)


def sdk_words(sdk: str | None) -> str:
    """Name an SDK in a sentence; the client where it is unknown."""
    name = sdk_name(sdk)
    return f"the {name}" if name.startswith(("SDK", "AWS")) else name or "the client"


def capital(text: str) -> str:
    """Return a text with a capital first letter, for the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def streams(rows: Iterable[Exchange]) -> list[ConnectionId]:
    """Return the connections of exchanges, each once."""
    return list(dict.fromkeys(row.connection_id for row in rows))


def answered_in(row: Exchange) -> DurationNs | None:
    """Return how long the answer to a request took from its last byte to the answer's first; None where there is none."""
    if row.request_end_ns is None or row.response_start_ns is None:
        return None
    return max(0, row.response_start_ns - row.request_end_ns)


def address_of(dialogue: Dialogue) -> str:
    """Return the address that a dialogue went to."""
    return dialogue.connections[0].server_address if dialogue.connections else "the endpoint"
