"""Which known timers the gaps of a finding fit, in a sentence: all rules ask the same function, so that they cannot disagree."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer import timers
from analyzer.timers import REPAIRS, Gap
from analyzer.units import DurationNs

MOST_NAMED = 2
"""Timers that one sentence names; of more nobody can tell which gap is whose."""


def told(gaps: Iterable[Gap]) -> str:
    """Say whose timers gaps fit, with a space before it: ` That is the SYN timer (1 s).`; nothing where any fits none, or too many."""
    names: dict[str, None] = {}
    for gap in gaps:
        names[timers.name(gap)] = None
        if len(names) > MOST_NAMED:
            return ""
    if not names or "" in names:
        return ""
    return f" That is {' and '.join(names)}." if len(names) == 1 else f" These are {' and '.join(names)}."


def repaired(took_ns: DurationNs, rtt_ns: DurationNs | None, repeats: int) -> str:
    """Name what ended a stall: `fast retransmit`, `A or B` where both fit; `another timer` where the length does not tell."""
    return " or ".join(REPAIRS[code][0] for code in timers.repair(took_ns, rtt_ns, repeats)) or "another timer"
