"""Which known timer a gap fits: one function for all who talk of gaps, so that they cannot disagree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from analyzer import sdks
from analyzer.timers import clients
from analyzer.timers.known import SYSTEM
from analyzer.timers.records import KINDS, Timer, length
from analyzer.timers.repairs import REPAIRS
from analyzer.units import MILLISECOND, SECOND, DurationNs, duration

WIDER = 4
"""A timer that as many times more gaps would fit than the narrowest one that fits says nothing beside it."""
ROUND_NS: DurationNs = SECOND
"""Idle limits are set in whole seconds: one that is no known one is a timer all the same where it is round, and long enough."""
ROUND_WITHIN = 0.003
ROUND_SLACK_NS: DurationNs = 20 * MILLISECOND
LEAST_ROUND_NS: DurationNs = 3 * SECOND
"""Of shorter pauses one in thirty is as round by chance."""
UNITS_NS: Sequence[DurationNs] = (ROUND_NS, 5 * SECOND, 10 * SECOND, 30 * SECOND, 60 * SECOND, 300 * SECOND)
ROUNDER = 20
"""The unit in which a time must be round is at least as many times what it may be off: or half of all long times were."""


PREFIX = "timer"
"""What a cause that names a timer begins with."""
OR = "|"
"""Stands between the codes of timers that fit equally."""


class Fit(NamedTuple):
    """A timer that a gap fits, and why."""

    timer: Timer
    gap_ns: DurationNs

    @property
    def reason(self) -> str:
        """Say why it fits: what starts and ends it, its length, the gap, its source."""
        starts, ends = KINDS[self.timer.kind]
        low, high = duration(self.timer.low_ns), duration(self.timer.high_ns)
        return f"{starts} to {ends} took {duration(self.gap_ns)}, within {low} to {high}; {self.timer.source}"


class Gap(NamedTuple):
    """A gap and what is known of it."""

    kind: str
    """One of `records.KINDS`."""
    took_ns: DurationNs
    sdk: str | None = None
    """As in the column of that name."""
    to: str | None = None
    """The service, as in the column `service`."""
    by: str | None = None
    """Of `idle`: who closed, client or server."""
    repeats: int | None = None
    """Of `syn`: which copy ended the gap, from 1."""
    retry: int = 1
    """Of `pause`: which retry it came before, from 1."""
    failure: str | None = None
    """Of `pause`: the kind of failure before it (`sdks.pauses.KINDS`)."""


def fits(gap: Gap) -> tuple[Fit, ...]:
    """Return the timers that a gap fits, those that say most; several where they fit equally, none where none does."""
    found = [timer for timer in _known(gap) if timer.kind == gap.kind and timer.low_ns <= gap.took_ns <= timer.high_ns]
    if not found:
        return ()
    narrowest = min(timer.width_ns for timer in found)
    kept = {timer.name: timer for timer in found if timer.width_ns <= WIDER * max(narrowest, MILLISECOND)}
    return tuple(Fit(timer, gap.took_ns) for timer in kept.values())


def _known(gap: Gap) -> Sequence[Timer]:
    """Return the timers that may have made a gap."""
    if gap.kind == "pause":
        return clients.pauses(gap.sdk, gap.to, gap.retry, gap.failure)
    if gap.kind in ("silence", "connect"):
        return clients.of(gap.sdk, gap.to)
    if gap.kind == "address":
        own = [timer for timer in clients.of(gap.sdk, gap.to) if timer.kind == gap.kind] if gap.sdk is not None else []
        return own or SYSTEM
    if gap.kind == "idle":
        return (*(clients.of(gap.sdk, gap.to) if gap.by != "server" else ()), *(SYSTEM if gap.by != "client" else ()))
    if gap.kind == "syn" and gap.repeats is not None:
        return [timer for timer in SYSTEM if timer.kind == "syn" and int(timer.code.rpartition("-")[2]) == gap.repeats]
    return SYSTEM


def named(found: Sequence[Fit]) -> str:
    """Name the timers that fit: `A`, `A or B`; nothing where none does."""
    return " or ".join(fit.timer.name for fit in found)


def name(gap: Gap) -> str:
    """Name the timers that a gap fits, as `fits` finds them; an idle time that is round though no known limit is `a timer of 4 s`."""
    text = named(fits(gap))
    took = gap.took_ns
    if text or gap.kind != "idle" or took < LEAST_ROUND_NS:
        return text
    off = max(ROUND_SLACK_NS, ROUND_WITHIN * took)
    unit = next((unit for unit in UNITS_NS if unit >= ROUNDER * off), UNITS_NS[-1])
    whole = (took + unit // 2) // unit * unit
    return f"a timer of {length(whole)}" if abs(took - whole) <= off else ""


def cause(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the timers that fit a gap equally as one cause of a span: `timer:CODE`, `timer:CODE|CODE`; nothing where none fits."""
    joined = OR.join(codes)
    return (f"{PREFIX}:{joined}",) if joined else ()


def causes(gap: Gap) -> tuple[str, ...]:
    """Return the timers that a gap fits as a cause of a span."""
    return cause(fit.timer.code for fit in fits(gap))


def word(text: str) -> str | None:
    """Return the words of a cause that names timers, `A or B`; None for any other cause, and where nobody knows them."""
    prefix, colon, codes = text.partition(":")
    if not colon or prefix != PREFIX:
        return None
    known = [_words().get(code) for code in codes.split(OR)]
    return " or ".join(title for title in known if title is not None) or None


@cache
def _words() -> Mapping[str, str]:
    out = {timer.code: timer.name for timer in SYSTEM} | {code: title for code, (title, _) in REPAIRS.items()}
    for sdk in (None, *sdks.users()):
        for to in (None, "imds", *clients.CONTAINERS):
            out.update({timer.code: timer.name for timer in clients.of(sdk, to)})
            # Of a pause the length is another before each retry: without it.
            out.update({timer.code: timer.name.rpartition(" (")[0] for timer in clients.pauses(sdk, to, 1)})
            out.update({timer.code: timer.name.rpartition(" (")[0] for timer in clients.pauses(sdk, "dynamodb" if to is None else to, 1)})
    return out
