"""Where an exchange's time went, read from its row and its connection's: set-up included where the exchange paid for it."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.model.rows import Connection, Exchange
from analyzer.units import DurationNs, TimeNs


class Timing(NamedTuple):
    """The phases of one exchange: connect, client, send, wait and receive add up to `total_ns`. None is unknown, and counts as nothing.

    `wait` holds stall, network and server; where the last two are known, the three add up to it.
    """

    start_ns: TimeNs
    """First packet on behalf of the exchange: the SYN where it opened the connection, else the request's first byte."""
    total_ns: DurationNs
    connect_ns: DurationNs | None
    """None where the exchange opened no connection."""
    client_ns: DurationNs | None
    """From the end of set-up to the request; None without set-up."""
    send_ns: DurationNs
    wait_ns: DurationNs
    stall_ns: DurationNs | None
    """Part of wait: repair of lost requests."""
    network_ns: DurationNs | None
    """Part of wait."""
    server_ns: DurationNs | None
    """Part of wait."""
    receive_ns: DurationNs


def timing(exchange: Exchange, connection: Connection) -> Timing | None:
    """Return the phases of an exchange, none of them negative whatever the clock did; None where its request was not captured."""
    start, sent = exchange.request_start_ns, exchange.request_end_ns
    if start is None or sent is None:
        return None
    first, end = exchange.response_start_ns, exchange.response_end_ns
    if first is None or end is None:
        first = end = _given_up(connection, sent)
    # A response that begins before the request has ended: `send` ends there and `wait` is zero.
    sent = max(start, min(sent, first))
    first = max(first, sent)
    end = max(end, first)
    began, connect, client = start, None, None
    syn, took = connection.syn_ns, connection.connect_ns
    if exchange.index_on_connection == 0 and not connection.opened_ahead and syn is not None and took is not None:
        began = min(start, syn)
        connect = max(0, min(took, start - began))
        client = start - began - connect
    stall, network, server = _wait_parts(exchange, first - sent)
    return Timing(began, end - began, connect, client, sent - start, first - sent, stall, network, server, end - first)


def _given_up(connection: Connection, sent: TimeNs) -> TimeNs:
    """Return when nobody waited for an answer any more: the first FIN or RST after the request, else the connection's last packet."""
    closed = connection.closed_ns
    return closed if closed is not None and closed >= sent else max(sent, connection.last_ns)


def _wait_parts(exchange: Exchange, wait: DurationNs) -> tuple[DurationNs | None, DurationNs | None, DurationNs | None]:
    """Return stall, network and server as far as they fit into the wait; parts that do not add up to it say nothing."""
    stall, network, server = exchange.wait_stall_ns, exchange.network_ns, exchange.server_ns
    if stall is not None:
        stall = max(0, min(stall, wait))
    if network is None or server is None or min(network, server) < 0 or (stall or 0) + network + server != wait:
        return stall, None, None
    return stall, network, server
