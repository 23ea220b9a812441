"""The connections of a client to an endpoint in a paragraph: how many there were, how many were needed, who closed them, what they cost."""

from __future__ import annotations

from analyzer.model.analysis import Analysis
from analyzer.model.pool import Pool
from analyzer.report.sentences import plural
from analyzer.units import count, duration

MOST_POOLS = 6
"""Pools that a report tells of; the table has all."""
CLOSERS = {"client": "The client closed", "server": "The server closed", "reset": "A reset ended"}


def paragraphs(analysis: Analysis) -> list[str]:
    """Return a paragraph for each pool of more than one connection, the most used first; texts are not made safe yet."""
    if analysis.pooled is None:
        return []
    return [paragraph(pool) for pool in analysis.pool() if pool.most_open > 1 and pool.requests][:MOST_POOLS]


def paragraph(pool: Pool) -> str:
    """Tell of one pool."""
    before = f" ({count(pool.already_open)} open before the capture)" if pool.already_open else ""
    text = f"{plural(pool.opened, 'connection')} opened{before}, at most {count(pool.most_open)} open and "
    text += f"{count(pool.most_busy)} busy at once. "
    busy = f"{pool.mean_busy:.1f}" if pool.mean_busy >= 0.1 else "fewer than 0.1"
    text += f"{plural(pool.requests, 'request')}{f' of {duration(pool.took_ns)} each (median)' if pool.took_ns is not None else ''} kept "
    text += f"{busy} busy on average, at most {count(pool.needed)} over a second (Little's law)."
    if pool.followed_at_once:
        text += f" {plural(pool.followed_at_once, 'request')} followed the answer before at once while all others were busy."
    if pool.idle_p50_ns is not None and pool.idle_max_ns is not None:
        text += f" Between two requests a connection rested {duration(pool.idle_p50_ns)} (median), at most {duration(pool.idle_max_ns)}."
    if pool.idle_closer is not None and pool.idle_close_ns is not None:
        alone = pool.idle_closed == 1
        timer = f": {pool.idle_close_timer}" if pool.idle_close_timer is not None else "" if alone else " (median)"
        ones = "one that was" if alone else f"{count(pool.idle_closed)} that were"
        text += f" {CLOSERS[pool.idle_closer]} {ones} idle for {duration(pool.idle_close_ns)}{timer}."
    text += f" Opening them took {duration(pool.connect_ns)} in all"
    if pool.handshakes_full or pool.handshakes_resumed:
        shaken = plural(pool.handshakes_full + pool.handshakes_resumed, "TLS handshake")
        text += f", {shaken} ({count(pool.handshakes_full)} full) {duration(pool.handshake_ns)}"
    return f"Connections of {pool.client_address} to {pool.server}:{pool.server_port}: {text}."
