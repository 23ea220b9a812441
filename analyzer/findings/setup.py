"""Which calls paid for a connection of their own, and which clients open one for every request."""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from analyzer.findings.view import SET_UP, View
from analyzer.findings.words import median
from analyzer.model.rows import Call, Connection, Exchange
from analyzer.units import MILLISECOND, SECOND, DurationNs, duration

FLOOR_NS: DurationNs = MILLISECOND
"""Set-up shorter than this is that of a loopback or of a neighbour in the rack: nobody would notice it gone."""
WORTH = 0.02
"""Set-up below this share of the time of the calls that paid for it is not worth a finding."""
FELT = 0.05
"""Not reusing connections must cost at least this share of the calls that paid for it."""
AT_ONCE_NS: DurationNs = SECOND
"""A connection that is closed this soon after its only answer was not kept for another request; idle limits are seconds and longer."""
DECIDES = "the program's own log of when it asked for the connection"


class Paid(NamedTuple):
    """A call that set up the connection on which it was answered."""

    call: Call
    connection: Connection
    closes: str | None = None
    """Who announced `Connection: close` with its last exchange: client, server, both, None."""
    gap_ns: DurationNs | None = None
    """From the last byte of its answer to the first FIN or RST of its connection."""


class Client(NamedTuple):
    """What one SDK on one client address did towards one server name."""

    address: str
    server: str
    sdk: str | None
    calls: list[Call]
    single: list[Paid]
    """Calls whose connection carried only them and was then closed."""
    others: set[int]
    """Connections that carried more, or were kept."""


def paid(view: View) -> list[Paid]:
    """Return the service calls that waited for set-up of their final connection, in order of their start."""
    out = []
    for call in view.service_calls:
        if call.dns_ns + call.connect_ns + call.tls_ns < FLOOR_NS:
            continue
        under = view.connections.get(call.connection_id) if call.connection_id is not None else None
        if under is None:
            continue
        last = view.exchanges.get(call.exchange_ids[-1]) if call.exchange_ids else None
        ended = last.response_end_ns if last is not None else None
        closed = under.closed_ns
        gap = closed - ended if closed is not None and ended is not None and closed >= ended else None
        out.append(Paid(call, under, last.closes if last is not None else None, gap))
    return out


def set_up_ns(call: Call) -> DurationNs:
    """Return how long a call waited for name, connection and TLS of its final attempt."""
    return call.dns_ns + call.connect_ns + call.tls_ns


def own_ns(call: Call) -> DurationNs:
    """Return the time of a call without what it lost before its final attempt: set-up is compared with the rest."""
    return call.duration_ns - call.credentials_ns - call.failed_ns - call.backoff_ns


def inferred(view: View, calls: list[Call]) -> bool:
    """Tell whether any of the calls may have waited for a connection that was opened ahead or for another."""
    return any(call.call_id in view.guessed for call in calls)


def server_of(row: Connection) -> str:
    """Return what names the server of a connection: its name, or address and port where it has none."""
    return row.server_name or f"{row.server_address}:{row.server_port}"


def clients(view: View) -> list[Client]:
    """Sort the service calls by client address, server and SDK; none where no connection carried a single call."""
    used = {number: under for number in view.ended_on if (under := view.connections.get(number)) is not None}
    single = {number for number, under in used.items() if _is_single(view, under)}
    if not single:
        return []
    waited = {one.call.call_id: one for one in view.once(paid)}
    groups: dict[tuple[str, str, str | None], Client] = {}
    for number, under in used.items():
        server = server_of(under)
        for (address, sdk), alike in groupby(view.ended_on[number], key=_WHOSE):
            key = (address, server, sdk)
            group = groups.get(key)
            if group is None:
                group = groups[key] = Client(*key, [], [], set())
            calls = list(alike)
            group.calls.extend(calls)
            if number in single:
                group.single.extend(waited[call.call_id] for call in calls if call.call_id in waited)
            else:
                group.others.add(number)
    for group in groups.values():
        group.calls.sort(key=_CALL_ID)
        group.single.sort(key=lambda one: one.call.call_id)
    return sorted(groups.values(), key=lambda group: group.calls[0].call_id)


def _is_single(view: View, under: Connection) -> bool:
    """Tell whether a connection was opened for one exchange: by its own count, since a narrowed answer lacks exchanges."""
    if under.exchanges != 1:
        return False
    exchanges = view.exchanges_on.get(under.connection_id, [])
    return len(exchanges) == 1 and closed_at_once(exchanges[0], under)


_WHOSE, _CALL_ID = attrgetter("client_address", "sdk"), attrgetter("call_id")


def closed_at_once(exchange: Exchange, under: Connection) -> bool:
    """Tell whether a connection was ended right after an answer, or its end was announced with it."""
    if exchange.closes is not None:
        return True
    end = exchange.response_end_ns
    if end is None or under.closed_ns is None or under.closed_by not in ("client", "client-reset", "server"):
        return False
    return under.closed_ns - end < AT_ONCE_NS


def wasted(group: Client) -> list[Paid]:
    """Return the calls of a client that paid because it does not reuse connections; none where it does, or where it is not worth a word.

    One connection a request must be this client's way, not the end of the program: at least two of them, and half of all.
    """
    if len(group.single) < 2 or len(group.single) < len(group.others):
        return []
    out = avoidable(group.single)
    calls = [one.call for one in out]
    return out if sum(map(set_up_ns, calls)) >= max(FLOOR_NS, FELT * sum(map(own_ns, calls))) else []


def avoidable(single: list[Paid]) -> list[Paid]:
    """Return the calls that would have found an idle connection had each been kept after its answer.

    Calls that ran at the same time need a connection each; so does the first.
    """
    ends: list[int] = []
    out = []
    for one in sorted(single, key=lambda one: (one.call.start_ns, one.call.call_id)):
        if ends and ends[0] <= one.call.start_ns:
            heappop(ends)
            out.append(one)
        heappush(ends, one.call.end_ns)
    return out


def parts(calls: list[Call]) -> str:
    """Write the median of each part of set-up that took time: `dns 3.3 ms, connect 8.1 ms, tls 30.4 ms`."""
    shown = []
    for phase in SET_UP:
        took = median(getattr(call, f"{phase}_ns") for call in calls)
        if took:
            shown.append(f"{phase} {duration(took)}")
    return ", ".join(shown)


def by_server(rows: list[Connection]) -> dict[tuple[str, str], list[Connection]]:
    """Sort connections by client address and server."""
    out: dict[tuple[str, str], list[Connection]] = defaultdict(list)
    for row in rows:
        out[row.client_address, server_of(row)].append(row)
    return out
