"""Rows that several outputs share, computed once: the operations, and the exchanges with their phases."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange
from analyzer.model.timing import Timing, timing
from analyzer.units import DurationNs, duration

PHASES = ("connect", "client", "send", "stall", "network", "server", "wait", "receive")
"""What the time of a request is split into, in the order in which it happens. `wait` is what could not be split into stall, network and
server."""


class Timed(NamedTuple):
    """An exchange with its connection and phases."""

    exchange: Exchange
    connection: Connection
    parts: Timing


class Operation(NamedTuple):
    """All exchanges of one operation."""

    name: str
    requests: int
    failed: int
    """Those without a complete answer below 400."""
    opened: int
    """Those that opened a connection first."""
    p50_ns: DurationNs
    p95_ns: DurationNs
    max_ns: DurationNs
    total_ns: DurationNs
    shares: dict[str, float]
    """Share of the total by phase: one of each of PHASES."""


def percentile(ordered: list[int], percent: int) -> int:
    """Return the smallest value of a sorted list that at least `percent` % of it do not exceed (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def phases_of(parts: Timing) -> dict[str, DurationNs]:
    """Return the time in each of PHASES; together they are the request's total."""
    stall, network, server = parts.stall_ns or 0, parts.network_ns or 0, parts.server_ns or 0
    return {
        "connect": parts.connect_ns or 0,
        "client": parts.client_ns or 0,
        "send": parts.send_ns,
        "stall": stall,
        "network": network,
        "server": server,
        "wait": parts.wait_ns - stall - network - server,
        "receive": parts.receive_ns,
    }


def name_of(exchange: Exchange) -> str:
    """Name what an exchange asked: service and operation, else the method and the host."""
    if exchange.service is not None and exchange.operation is not None:
        return exchange.operation if exchange.service == "dynamodb" else f"{exchange.service} {exchange.operation}"
    what = exchange.service or exchange.host or "unknown host"
    return f"{exchange.method or 'answer'} {what}"


def answer_of(exchange: Exchange) -> str:
    """Say how an exchange ended, in a word or two; nothing where all is well."""
    if exchange.outcome == "error":
        return str(exchange.status)
    return {"ok": "", "no-response": "no answer"}.get(exchange.outcome, exchange.outcome)


def timed(analysis: Analysis) -> list[Timed]:
    """Return the exchanges whose request was captured, with their phases; copies are left out."""
    rows = []
    connections = {row.connection_id: row for row in analysis.connections}
    for exchange in analysis.exchanges:
        if exchange.copy_of is not None:
            continue
        connection = connections[exchange.connection_id]
        parts = timing(exchange, connection)
        if parts is not None:
            rows.append(Timed(exchange, connection, parts))
    return rows


def operations(rows: list[Timed]) -> list[Operation]:
    """Return the operations, the one that took most time first."""
    groups: dict[str, list[Timed]] = defaultdict(list)
    for row in rows:
        groups[name_of(row.exchange)].append(row)
    out = []
    for name, group in groups.items():
        sums = dict.fromkeys(PHASES, 0)
        total = 0
        for row in group:
            total += row.parts.total_ns
            for phase, spent in phases_of(row.parts).items():
                sums[phase] += spent
        ordered = sorted(row.parts.total_ns for row in group)
        failed = sum(row.exchange.outcome != "ok" for row in group)
        opened = sum(row.parts.connect_ns is not None for row in group)
        shares = {phase: value / total if total else 0.0 for phase, value in sums.items()}
        middle, high = percentile(ordered, 50), percentile(ordered, 95)
        out.append(Operation(name, len(group), failed, opened, middle, high, ordered[-1], total, shares))
    return sorted(out, key=lambda operation: (-operation.total_ns, operation.name))


def slowest(rows: list[Timed], count: int) -> list[Timed]:
    """Return the slowest exchanges, slowest first; of equal ones the earlier first."""
    return sorted(rows, key=lambda row: (-row.parts.total_ns, row.exchange.exchange_id))[:count]


def connection_note(row: Timed) -> str:
    """Say which connection an exchange used: `3 new`, or `3 idle 1.3 s`: its number, and what it did before."""
    stream = str(row.connection.connection_id)
    if row.parts.connect_ns is not None:
        return f"{stream} new"
    idle = row.exchange.idle_before_ns
    return f"{stream} idle {duration(idle)}" if idle is not None and idle > 0 else stream
