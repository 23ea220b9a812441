"""Where an exchange's time went, read from its row and its connection's: set-up included where the exchange paid for it."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.model.rows import Connection, Exchange
from analyzer.units import DurationNs, TimeNs


class Timing(NamedTuple):
    """The phases of one exchange (design words: connect, client, send, wait, receive). They add up to `total_ns`; None is unknown, and counts as nothing."""

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
    """Return the phases of an exchange; None where its request was not captured."""
    start, sent = exchange.request_start_ns, exchange.request_end_ns
    if start is None or sent is None:
        return None
    first, end = exchange.response_start_ns, exchange.response_end_ns
    if first is None or end is None:
        first = end = sent
    # A response that begins before the request has ended: `send` ends there and `wait` is zero.
    sent = min(sent, max(first, start))
    began, connect, client = start, None, None
    if exchange.index_on_connection == 0 and not connection.opened_ahead and connection.connect_ns is not None and connection.syn_ns is not None:
        began = connection.syn_ns
        connect = connection.connect_ns
        client = max(0, start - began - connect)
        connect = start - began - client
    first, end = max(first, sent), max(end, first, sent)
    return Timing(
        began,
        end - began,
        connect,
        client,
        sent - start,
        first - sent,
        exchange.wait_stall_ns,
        exchange.network_ns,
        exchange.server_ns,
        end - first,
    )
