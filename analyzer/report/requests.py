"""Requests as rows of the ledger, for captures whose HTTP is neither AWS's nor a credential endpoint's: nothing makes calls of it."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange
from analyzer.model.timing import Timing, timing
from analyzer.report.ledger import Entry, Ledger, Spent, split
from analyzer.units import DurationNs, duration


class Timed(NamedTuple):
    """An exchange with its connection and phases."""

    exchange: Exchange
    connection: Connection
    parts: Timing
    tls_ns: DurationNs = 0
    """Part of `parts.client_ns` in which the client waited for the connection's TLS handshake."""


def timed(analysis: Analysis) -> list[Timed]:
    """Return the exchanges whose request was captured, with their phases; copies are left out."""
    rows = []
    connections = {row.connection_id: row for row in analysis.connections}
    shaken = {row.connection_id: row.duration_ns for row in analysis.handshakes}
    for exchange in analysis.exchanges:
        connection = connections.get(exchange.connection_id)
        if exchange.copy_of is not None or connection is None:
            continue
        parts = timing(exchange, connection)
        if parts is not None:
            opened = parts.connect_ns is not None
            rows.append(
                Timed(exchange, connection, parts, min(shaken.get(exchange.connection_id) or 0, parts.client_ns or 0) if opened else 0)
            )
    return rows


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


def spent_on(parts: Timing, tls_ns: DurationNs = 0) -> Spent:
    """Return the time of an exchange in each of PHASES; together they are its total."""
    wait = split(parts.wait_ns, parts.stall_ns, parts.network_ns, parts.server_ns)
    return (0, 0, parts.connect_ns or 0, tls_ns, (parts.client_ns or 0) - tls_ns, parts.send_ns, *wait, parts.receive_ns, 0, 0, 0)


def connection_note(row: Timed) -> str:
    """Say which connection an exchange used: `3 new`, or `3 idle 1.3 s`: its number, and what it did before."""
    stream = str(row.connection.connection_id)
    if row.parts.connect_ns is not None:
        return f"{stream} new"
    idle = row.exchange.idle_before_ns
    return f"{stream} idle {duration(idle)}" if idle is not None and idle > 0 else stream


class RequestLedger(Ledger[Timed]):
    """All requests that were captured, with the set-up that each paid for."""

    noun = "request"

    def __init__(self, analysis: Analysis) -> None:
        self.rows = timed(analysis)

    def number(self, row: Timed) -> int:
        """Return the exchange id."""
        return row.exchange.exchange_id

    def name(self, row: Timed) -> str:
        """Name what was asked."""
        return name_of(row.exchange)

    def total(self, row: Timed) -> DurationNs:
        """Return the time from the first packet to the last."""
        return row.parts.total_ns

    def spent(self, row: Timed) -> Spent:
        """Return the time in each of PHASES."""
        return spent_on(row.parts, row.tls_ns)

    def well(self, row: Timed) -> bool:
        """Tell whether a complete answer below 400 came."""
        return row.exchange.outcome == "ok"

    def answered(self, row: Timed) -> bool:
        """Tell whether an answer came at all."""
        return row.exchange.outcome != "no-response"

    def whole(self, row: Timed) -> bool:
        """Tell whether the answer was captured to its end."""
        return row.exchange.outcome != "cut"

    def opened(self, row: Timed) -> bool:
        """Tell whether the request waited for its connection to be opened."""
        return row.parts.connect_ns is not None

    def entry(self, row: Timed) -> Entry:
        """Return the request as it is shown."""
        exchange = row.exchange
        return Entry(
            number=exchange.exchange_id,
            name=name_of(exchange),
            answer=answer_of(exchange),
            start_ns=row.parts.start_ns,
            total_ns=row.parts.total_ns,
            spent=spent_on(row.parts, row.tls_ns),
            attempts=1,
            connection=connection_note(row),
            first_packet_id=exchange.first_packet_id,
            last_packet_id=exchange.response_packet_id or exchange.request_packet_id,
        )
