"""Which of TCP's timers repaired a loss: their lengths depend on the round trip, so these are formulas and no table."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.units import MILLISECOND, DurationNs

TIMEOUT_NS: DurationNs = 200 * MILLISECOND
"""Linux' shortest retransmission timeout, which the smoothed round trip is added to (TCP_RTO_MIN; RFC 6298 section 2)."""
PROBE_SLACK_NS: DurationNs = 10 * MILLISECOND
"""A tail loss probe waits two round trips and two ticks of the kernel's clock (RFC 8985 section 7.2; ticks of 4 ms)."""
TIMEOUT_SLACK_NS: DurationNs = 20 * MILLISECOND
REPAIRED = 0.75
"""From this share of the round trip on a hole was repaired by sending again."""
DOUBLINGS = 6

REPAIRS: Mapping[str, tuple[str, str]] = {
    "retransmission-timeout": ("retransmission timeout", "RFC 6298; Linux: 200 ms + round trip, doubled each time; a single segment's "
                               "tail loss probe rings at the same moment"),
    "tail-loss-probe": ("tail loss probe", "RFC 8985 section 7.2: two round trips"),
    "fast-retransmit": ("fast retransmit", "RFC 5681 section 3.2, RFC 8985 section 6: one round trip"),
}  # fmt: skip
"""What repairs are called, and the source of their length."""


def repair(took_ns: DurationNs, rtt_ns: DurationNs | None, repeats: int = 1) -> tuple[str, ...]:
    """Return what ended a stall, by its length against the round trip: codes of REPAIRS, two where both fit equally, none where none does.

    `repeats` says how often the bytes were sent again: with each the timeout doubles (RFC 6298 section 5.5).
    """
    if rtt_ns is None:
        return ("retransmission-timeout",) if took_ns >= TIMEOUT_NS else ()
    near = []
    for number in range(1, min(max(repeats, 1), DOUBLINGS) + 1):
        turns = (1 << number) - 1
        low, high = turns * (TIMEOUT_NS + 0.95 * rtt_ns), turns * (TIMEOUT_NS + 1.3 * rtt_ns + TIMEOUT_SLACK_NS)
        if low <= took_ns <= high:
            near.append("retransmission-timeout")
            break
    if 1.95 * rtt_ns <= took_ns <= 2.2 * rtt_ns + PROBE_SLACK_NS:
        near.append("tail-loss-probe")
    if near:
        return tuple(near)
    if took_ns >= TIMEOUT_NS + rtt_ns // 2:
        return ("retransmission-timeout",)
    if REPAIRED * rtt_ns <= took_ns <= 1.6 * rtt_ns:
        return ("fast-retransmit",)
    if 1.6 * rtt_ns < took_ns <= 2.5 * rtt_ns + PROBE_SLACK_NS:
        return ("tail-loss-probe",)
    return ()
