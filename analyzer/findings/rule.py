"""What a rule is: a diagnosis with its words, and the function that makes findings of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from analyzer.model.rows import Finding
from analyzer.units import ConnectionId, DurationNs, PacketId

MOST_PACKETS = 24
"""Packets named as proof; a proof that nobody can read through is none."""
MOST_STREAMS = 40
"""Connections named in a display filter."""


class Rule(NamedTuple):
    """The words of a diagnosis. Severity is `info`, `warning` or `error`; remedy names the fix in the SDK's own words."""

    code: str
    name: str
    severity: str
    summary: str
    remedy: str
    references: tuple[str, ...]

    def finding(
        self,
        summary: str,
        *,
        cost_ns: DurationNs,
        confidence: str,
        severity: str | None = None,
        share: float | None = None,
        exchanges: Iterable[int] = (),
        connections: Iterable[ConnectionId] = (),
        packet_ids: Iterable[PacketId | None] = (),
        display_filter: str | None = None,
        decides: str | None = None,
        remedy: str | None = None,
    ) -> Finding:
        """Make a finding of this rule; without a display filter, one for its connections."""
        streams = tuple(dict.fromkeys(connections))
        proof = tuple(dict.fromkeys(packet for packet in packet_ids if packet is not None))
        return Finding(
            code=self.code,
            severity=severity or self.severity,
            title=self.name,
            summary=summary,
            cost_ns=cost_ns,
            share=share,
            calls=(),
            connections=streams,
            packet_ids=proof[:MOST_PACKETS],
            display_filter=display_filter if display_filter is not None else streams_filter(streams),
            confidence=confidence,
            decides=decides,
            remedy=remedy or self.remedy,
            references=self.references,
            exchanges=tuple(exchanges),
        )


def streams_filter(connections: tuple[ConnectionId, ...]) -> str:
    """Return a Wireshark display filter for connections."""
    if not connections:
        return ""
    if len(connections) == 1:
        return f"tcp.stream == {connections[0]}"
    return f"tcp.stream in {{{', '.join(map(str, connections[:MOST_STREAMS]))}}}"
