"""How many round trips a long message takes: slow start."""

from __future__ import annotations

INITIAL_WINDOW_BYTES = 10 * 1460
"""What a sender sends on a new connection before it waits for an ACK (RFC 6928)."""


def slow_start(size: int) -> int:
    """Return how often the sender of so many bytes waits for ACKs on a new connection: the window doubles each time (RFC 5681 3.1)."""
    rounds, sent = 0, INITIAL_WINDOW_BYTES
    while sent < size:
        rounds += 1
        sent += INITIAL_WINDOW_BYTES << rounds
    return rounds
