"""The row of a diagnosis; `model.rows` names it with the others."""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.units import ConnectionId, DurationNs, PacketId

SEVERITIES: Final = ("info", "warning", "error")
"""From what only tells to what spoils a call."""
CONFIDENCES: Final = ("possible", "likely", "proven")
"""From the least on."""


class Finding(NamedTuple):
    """A diagnosis with its cost and proof."""

    code: str
    severity: str
    """info, warning or error."""
    title: str
    summary: str
    cost_ns: DurationNs
    """What removing the cause would save, summed over the calls it names."""
    share: float | None
    """Of all service calls' time."""
    calls: tuple[int, ...]
    connections: tuple[ConnectionId, ...]
    packet_ids: tuple[PacketId, ...]
    display_filter: str
    confidence: str
    """proven, likely or possible."""
    decides: str | None
    """The observation that would decide, unless proven."""
    remedy: str
    references: tuple[str, ...]
    exchanges: tuple[int, ...]
    """Exchanges that it is about."""
    frames: tuple[str, ...] = ()
    """`file:frame` of each of the packets, where there are several files."""
