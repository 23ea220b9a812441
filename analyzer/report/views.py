"""Rows that several outputs share, computed once: the operations, and the exchanges with their phases."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange
from analyzer.model.timing import Timing, timing
from analyzer.units import DurationNs


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
    """Share of the total by phase: connect, client, send, stall, network, server, wait (not split), receive."""


def percentile(ordered: list[int], share: float) -> int:
    """Return the value at a share of a sorted list (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def name_of(exchange: Exchange) -> str:
    """Name what an exchange asked: service and operation, else the method and the host."""
    if exchange.service is not None and exchange.operation is not None:
        return exchange.operation if exchange.service == "dynamodb" else f"{exchange.service} {exchange.operation}"
    what = exchange.service or exchange.host or "unknown host"
    return f"{exchange.method or 'answer'} {what}"


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
        sums = dict.fromkeys(("connect", "client", "send", "stall", "network", "server", "wait", "receive"), 0)
        total = 0
        for row in group:
            parts = row.parts
            total += parts.total_ns
            sums["connect"] += parts.connect_ns or 0
            sums["client"] += parts.client_ns or 0
            sums["send"] += parts.send_ns
            sums["receive"] += parts.receive_ns
            if parts.network_ns is None or parts.server_ns is None:
                sums["wait"] += parts.wait_ns
            else:
                sums["stall"] += parts.stall_ns or 0
                sums["network"] += parts.network_ns
                sums["server"] += parts.server_ns
        ordered = sorted(row.parts.total_ns for row in group)
        failed = sum(row.exchange.outcome != "ok" for row in group)
        opened = sum(row.parts.connect_ns is not None for row in group)
        shares = {phase: value / total if total else 0.0 for phase, value in sums.items()}
        out.append(Operation(name, len(group), failed, opened, percentile(ordered, 0.5), percentile(ordered, 0.95), ordered[-1], total, shares))
    return sorted(out, key=lambda operation: (-operation.total_ns, operation.name))


def slowest(rows: list[Timed], count: int) -> list[Timed]:
    """Return the slowest exchanges, slowest first; of equal ones the earlier first."""
    return sorted(rows, key=lambda row: (-row.parts.total_ns, row.exchange.exchange_id))[:count]


def connection_note(row: Timed) -> str:
    """Say which connection an exchange used: `new, stream 3`, or `stream 3, idle 1.3 s before`."""
    from analyzer.units import duration

    stream = f"stream {row.connection.connection_id}"
    if row.parts.connect_ns is not None:
        return f"new, {stream}"
    idle = row.exchange.idle_before_ns
    return f"{stream}, idle {duration(idle)}" if idle is not None and idle > 0 else stream
