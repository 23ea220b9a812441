"""What a known timer is: its length with tolerance, who sets it, what starts and what ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from analyzer.units import MILLISECOND, SECOND, DurationNs

KINDS: Mapping[str, tuple[str, str]] = {
    "syn": ("the first SYN", "the same SYN sent again"),
    "address": ("the SYN to one address", "the SYN to the next one"),
    "connect": ("the first SYN", "the client's giving up: its next activity"),
    "delayed-ack": ("data arrives", "the pure ACK of it, round trip apart"),
    "query": ("a name is asked for", "the query is sent again"),
    "silence": ("the last byte of a request", "the client's giving up: its FIN, RST or next activity"),
    "idle": ("the last byte of an answer", "the FIN or RST of a connection that nobody used since"),
    "pause": ("the end of a failed attempt", "the first packet of the next"),
    "continue": ("the head of a request with Expect: 100-continue", "its body, without a 100 Continue"),
}
"""Kinds of gaps: what starts and what ends each."""

EARLY_NS: DurationNs = 2 * MILLISECOND
"""Timers never ring early, but a clock that ticks every millisecond, or a packet captured late, makes them look so."""
EARLY = 0.002
"""The same as a share: two clocks drift apart."""


class Timer(NamedTuple):
    """A timer somebody sets. A gap fits if it is not shorter than `low_ns` nor longer than `high_ns`."""

    code: str
    kind: str
    """One of KINDS."""
    name: str
    """What it is called in a sentence, its length included."""
    length_ns: DurationNs
    """The longest, where the pause is drawn at random."""
    low_ns: DurationNs
    high_ns: DurationNs
    sets: str
    """Who sets it."""
    source: str
    """Where its length is documented or set."""

    @property
    def width_ns(self) -> DurationNs:
        """How many gaps fit: the narrower, the more it says."""
        return self.high_ns - self.low_ns


def length(value: DurationNs) -> str:
    """Write the length of a timer as whoever set it would: `250 ms`, `1 s`, `3.1 s`, `350 s`."""
    if value < SECOND:
        return f"{value / MILLISECOND:g} ms"
    return f"{value / SECOND:g} s"


def exact(
    code: str, kind: str, name: str, length_ns: DurationNs, sets: str, source: str, *, late_ns: DurationNs, late: float = 0.0
) -> Timer:
    """Make a timer of one length that rings up to `late_ns` and the share `late` of its length late."""
    low = length_ns - max(EARLY_NS, round(EARLY * length_ns))
    return Timer(code, kind, name, length_ns, max(0, low), length_ns + late_ns + round(late * length_ns), sets, source)
