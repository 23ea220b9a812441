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
    """The words of a diagnosis; remedy names the fix in the SDK's own words.

    Severity is `warning`, which the time that a finding takes may make more or less of (`severity.weighed`), or `info` where it only tells.
    """

    code: str
    name: str
    severity: str
    summary: str
    remedy: str
    references: tuple[str, ...]
    rank: int = 50
    """Rules of lower rank are asked, and charged, first: what is more specific takes its cost before what is more general."""

    def finding(
        self,
        summary: str,
        *,
        cost_ns: DurationNs,
        confidence: str,
        severity: str | None = None,
        share: float | None = None,
        calls: Iterable[int] = (),
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
            calls=tuple(dict.fromkeys(calls)),
            connections=streams,
            packet_ids=proof[:MOST_PACKETS],
            display_filter=display_filter if display_filter is not None else streams_filter(streams),
            confidence=confidence,
            decides=decides,
            remedy=remedy or self.remedy,
            references=self.references,
            exchanges=tuple(exchanges),
        )


def streams_filter(connections: Iterable[ConnectionId]) -> str:
    """Return a Wireshark display filter for connections: `tcp.stream == 3`, `tcp.stream in {0..3, 7}`; of very many, for the first ones."""
    numbers = sorted(set(connections))[:MOST_STREAMS]
    if not numbers:
        return ""
    if len(numbers) == 1:
        return f"tcp.stream == {numbers[0]}"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    parts = [f"{first}..{last}" if last > first + 1 else ", ".join(map(str, dict.fromkeys((first, last)))) for first, last in runs]
    return f"tcp.stream in {{{', '.join(parts)}}}"
