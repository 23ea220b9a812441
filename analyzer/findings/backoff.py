"""How the SDKs pause before a retry of a throttled DynamoDB request: tells whether the pauses seen are theirs, and in which retry mode.

The formulas, and where each is from, are data of the SDK (`analyzer.sdks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from analyzer import sdks
from analyzer.findings.words import sdk_name
from analyzer.sdks.pauses import delay_of, expected, proves
from analyzer.sdks.records import Delay
from analyzer.units import MILLISECOND, DurationNs, duration

SLACK_NS: DurationNs = 30 * MILLISECOND
"""What a client takes to wake up, sign and send; a pause longer by more than that was no pause of the SDK alone."""
KIND, SERVICE = "throttling", "dynamodb"


class Known(NamedTuple):
    """A retry mode whose formula is known for certain."""

    title: str
    delay: Delay

    def fits(self, retry: int, pause: DurationNs) -> bool:
        """Tell whether a pause before the given retry is this mode's."""
        low, high = expected(self.delay, retry)
        return low <= pause <= high + SLACK_NS

    def told(self) -> str:
        """Describe it in words."""
        skipped = sum(high == 0 for _, high in self.delay.firsts_ms)
        low, high = expected(self.delay._replace(firsts_ms=()), skipped + 1)
        if not skipped:
            how = f"{duration(high)} before the first retry, then"
        else:
            how = f"none before the first {'retry' if skipped == 1 else f'{skipped} retries'}, then {duration(high)}, then"
        if low == high:
            return f"{how} double"
        return f"at random up to {how} up to double"


class Pause(NamedTuple):
    """The time between a refused answer and the next activity."""

    retry: int
    """The retry that it came before, from 1."""
    took_ns: DurationNs


@cache
def modes(sdk: str | None) -> tuple[Known, ...]:
    """Return the modes of an SDK whose pauses after throttling by DynamoDB are known, the narrowest first."""
    profile = sdks.profile(sdk)
    if profile is None:
        return ()
    found = ((mode.title, delay_of(mode, KIND, SERVICE)) for mode in profile.modes if proves(mode, KIND, SERVICE))
    return tuple(Known(title, delay) for title, delay in found if delay is not None)


def told(sdk: str | None, pauses: Sequence[Pause]) -> str:
    """Say whether the pauses are those of the SDK's back-off, and of which mode; nothing where the SDK is unknown or made none."""
    known = modes(sdk)
    if not known or not pauses:
        return ""
    name = sdk_name(sdk)
    for mode in known:
        if all(mode.fits(*pause) for pause in pauses):
            return f"The pauses fit the back-off of {name} in {mode.title} mode ({mode.told()})."
    over = [(max(expected(mode.delay, pause.retry)[1] for mode in known), pause) for pause in pauses]
    most, odd = max(over, key=lambda pair: pair[1].took_ns - pair[0])
    if most + SLACK_NS < odd.took_ns:
        return (
            f"The pauses are longer than the back-off of {name} ({duration(odd.took_ns)} before retry {odd.retry}): "
            "adaptive mode, a setting, or a busy program."
        )
    return f"The pauses are not those of {name} by default: its retry settings were changed."
