"""Rows of the ledger as pieces over connections and time: what waterfalls draw, and where.

Computed once for the report page and for plots. A row's pieces follow each other without gaps and add up to its duration.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Span
from analyzer.report.calls import CallLedger
from analyzer.report.ledger import PHASES, Ledger, split
from analyzer.report.requests import RequestLedger, Timed, spent_on
from analyzer.units import ConnectionId, DurationNs, PacketId, TimeNs

MOST_LANES = 64
"""Connections that get a lane of their own; more share lanes, as slots that are free again once a connection has ended."""
INDEX = {phase: number for number, phase in enumerate(PHASES)}
STALL = INDEX["stall"]
ELSEWHERE = frozenset({"credentials", "backoff", "client", "unexplained"})
"""Phases that are drawn with the call's own connection: they happen on another one, or on none."""


class Piece(NamedTuple):
    """A part of a row: a phase without interruption on one connection."""

    phase: int
    """Index in PHASES."""
    inner: int
    """Index in PHASES of what a failed attempt or a dialogue did in it; -1 for nothing known."""
    duration_ns: DurationNs
    connection_id: ConnectionId | None
    """Where it is drawn."""
    first_packet_id: PacketId | None
    last_packet_id: PacketId | None


class Trace(NamedTuple):
    """A row of the ledger with its pieces."""

    row: Any
    """A Call, or a request with its phases."""
    start_ns: TimeNs
    connection_id: ConnectionId | None
    pieces: list[Piece]


def ledger_of(analysis: Analysis) -> Ledger[Any]:
    """Return the rows that reports are about: calls of services, else dialogues, else requests."""
    return CallLedger(analysis) if len(analysis.calls) else RequestLedger(analysis)


def traces(analysis: Analysis, wanted: Container[int] | None = None) -> Iterator[Trace]:
    """Yield rows with their pieces: calls, dialogues included; requests where there are no calls. `wanted` are their ids, None for all."""
    if len(analysis.calls):
        spans: dict[int, list[Span]] = {}
        for span in analysis.spans:
            if wanted is None or span.call_id in wanted:
                spans.setdefault(span.call_id, []).append(span)
        for call in analysis.calls:
            if wanted is None or call.call_id in wanted:
                yield Trace(call, call.start_ns, call.connection_id, list(_of_call(call, spans.get(call.call_id, []))))
        return
    for row in RequestLedger(analysis).rows:
        if wanted is None or row.exchange.exchange_id in wanted:
            yield Trace(row, row.parts.start_ns, row.connection.connection_id, _of_request(row))


def _of_call(call: Call, spans: list[Span]) -> Iterator[Piece]:
    # The ledger splits a call's wait as a whole: of several spans the first ones take what comes first.
    left = [
        [phase, spent]
        for phase, spent in enumerate(split(call.wait_ns, call.wait_stall_ns, call.network_ns, call.server_ns), STALL)
        if spent
    ]
    for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id)):
        on = span.connection_id if span.connection_id is not None and span.phase not in ELSEWHERE else call.connection_id
        ends = span.first_packet_id, span.last_packet_id
        took = span.end_ns - span.start_ns
        if span.phase == "wait":
            for part in left:
                spent = min(took, part[1])
                if spent > 0:
                    part[1] -= spent
                    took -= spent
                    yield Piece(part[0], -1, spent, on, *ends)
        if took:
            yield Piece(INDEX.get(span.phase, INDEX["unexplained"]), INDEX.get(span.inner_phase or "", -1), took, on, *ends)


def _of_request(row: Timed) -> list[Piece]:
    exchange = row.exchange
    ends = exchange.first_packet_id, exchange.response_packet_id or exchange.request_packet_id
    return [
        Piece(number, -1, took, row.connection.connection_id, *ends) for number, took in enumerate(spent_on(row.parts, row.tls_ns)) if took
    ]


class Lane(NamedTuple):
    """A line of the waterfall: one connection, or one slot of those between the same client and server."""

    label: str
    """Not made safe yet."""
    connection_ids: list[ConnectionId]


class Lanes(NamedTuple):
    """Where the connections of a waterfall are drawn."""

    lanes: list[Lane]
    at: dict[ConnectionId, int]
    """Index of each connection's lane."""
    only: str
    """What all of them have in common and no label says: the server, where there is only one; and what a lane is."""


def endpoint(row: Connection) -> str:
    """Name the server of a connection: its name where there is one, and its port."""
    name = row.server_name or (f"[{row.server_address}]" if ":" in row.server_address else row.server_address)
    return name if row.server_name and name.endswith(f":{row.server_port}") else f"{name}:{row.server_port}"


def lanes(connections: Iterable[Connection], reach: dict[ConnectionId, tuple[TimeNs, TimeNs]], most: int = MOST_LANES) -> Lanes:
    """Give each connection a lane, in order of time; more than `most` share lanes, by client and server.

    `reach` is how far what is drawn on a connection goes beyond its own packets, by id.
    """
    rows = sorted(connections, key=lambda row: (row.first_ns, row.connection_id))
    servers = {endpoint(row) for row in rows}
    only = f"all to {next(iter(servers))}" if len(servers) == 1 else ""
    if len(rows) <= most:
        made = [
            Lane(f"stream {row.connection_id}" if only else f"{row.connection_id}  {endpoint(row)}", [row.connection_id]) for row in rows
        ]
        return Lanes(made, {row.connection_id: number for number, row in enumerate(rows)}, only)
    several = len({row.client_address for row in rows}) > 1
    groups: dict[str, list[Connection]] = {}
    for row in rows:
        parts = [row.client_address] if several else []
        groups.setdefault(" -> ".join(parts if only else [*parts, endpoint(row)]), []).append(row)
    made, at = [], {}
    for name, members in groups.items():
        for number, slot in enumerate(_slots(members, reach), 1):
            at.update(dict.fromkeys(slot, len(made)))
            made.append(Lane(f"{name}  #{number}".strip(), slot))
    share = f"{len(rows)} connections in {len(made)} slots: a slot is free again once its connection has ended"
    return Lanes(made, at, f"{only}; {share}" if only else share)


def _slots(rows: list[Connection], reach: dict[ConnectionId, tuple[TimeNs, TimeNs]]) -> list[list[ConnectionId]]:
    """Share slots among connections so that none overlap: each takes the lowest that is free."""
    spans = []
    for row in rows:
        start, end = reach.get(row.connection_id, (row.first_ns, row.last_ns))
        spans.append((min(start, row.first_ns), max(end, row.last_ns), row.connection_id))
    slots: list[list[ConnectionId]] = []
    busy: list[tuple[TimeNs, int]] = []
    free: list[int] = []
    for start, end, connection_id in sorted(spans):
        while busy and busy[0][0] < start:
            heappush(free, heappop(busy)[1])
        if free:
            number = heappop(free)
            slots[number].append(connection_id)
        else:
            number = len(slots)
            slots.append([connection_id])
        heappush(busy, (end, number))
    return slots


def reach_of(made: Iterable[Trace]) -> dict[ConnectionId, tuple[TimeNs, TimeNs]]:
    """Return how far what is drawn on each connection goes, by id."""
    out: dict[ConnectionId, tuple[TimeNs, TimeNs]] = {}
    for trace in made:
        at = trace.start_ns
        for piece in trace.pieces:
            end = at + piece.duration_ns
            if piece.connection_id is not None:
                known = out.get(piece.connection_id)
                out[piece.connection_id] = (at, end) if known is None else (min(known[0], at), max(known[1], end))
            at = end
    return out


def drawn_connections(analysis: Analysis, made: Iterable[Trace]) -> list[Connection]:
    """Return the connections that a waterfall shows: those that calls use, and others to the same services."""
    used = {piece.connection_id for trace in made for piece in trace.pieces}
    if len(analysis.calls):
        used |= {number for call in analysis.calls for number in call.connection_ids}
    return [
        row for row in analysis.connections
        if row.connection_id in used or (row.copy_of is None and (row.service is not None or row.exchanges > 0))
    ]  # fmt: skip
