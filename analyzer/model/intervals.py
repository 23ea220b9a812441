"""Intervals of time that may overlap: what happened at the same time counts once."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.units import TimeNs


def union(times: Iterable[tuple[TimeNs, TimeNs]]) -> list[tuple[TimeNs, TimeNs]]:
    """Return intervals, each its start and end in ns, joined where they overlap or touch, in order."""
    out: list[tuple[TimeNs, TimeNs]] = []
    for start, end in sorted(times):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
