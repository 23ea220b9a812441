"""Retries as the wire shows them, held against the back-off of their SDK: which mode it was in, and what that allows.

    seen = [Retry(1, "throttling", 51_000_000), Retry(2, "throttling", 100_400_000)]
    told("python-boto3", "dynamodb", seen, version="1.40.1")
    # 1st retry of legacy mode: 50.0 ms expected, 51.0 ms seen; 2nd retry: 100 ms expected, 100 ms seen

The formulas are data of the profiles; those from hearsay (`pauses.proves`) are never held against anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from analyzer import sdks
from analyzer.sdks.pauses import KINDS, attempts, default_mode, expected, interval, kind_of, possible_modes, proves
from analyzer.sdks.records import Mode, Profile, sure
from analyzer.units import MILLISECOND, SECOND, DurationNs, duration

SLACK_NS: DurationNs = 30 * MILLISECOND
"""What a client takes to wake up, sign and send; a pause longer by more than that was no pause of the SDK alone."""
EARLY_NS: DurationNs = 2 * MILLISECOND
"""Timers count whole milliseconds and may end one early (Node.js), and the answer was here before the client read it."""
LONGEST_PAUSE_NS: DurationNs = 25 * SECOND
"""The longest back-off of an SDK by default is 20 s; what comes later is another call, whatever id it carries."""
UNNAMED = "default"
"""The name of the only mode of an SDK that has none."""
MOST_TOLD = 3
"""Retries of different number that one sentence tells of."""
CLOCK_SKEW = frozenset({
    "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure",
})  # fmt: skip
"""Error types after which an SDK corrects its clock, signs again and tries once more (SDK for JavaScript v2, `lib/service.js`)."""


class Retry(NamedTuple):
    """A pause that another attempt followed."""

    number: int
    """The retry that it came before, from 1."""
    kind: str
    """What it came after: `throttling` or `transient`."""
    took_ns: DurationNs
    """From the end of the failed attempt to the first packet of the next."""
    slack_ns: DurationNs = SLACK_NS
    """What else may lie in it."""


class Verdict(NamedTuple):
    """What the back-off of an SDK says of some pauses."""

    modes: tuple[Mode, ...]
    """The modes that it may have been in and whose formulas are known, the narrowest first."""
    mode: Mode | None
    """The one that all the pauses fit; None where none does."""
    usual: bool | None
    """Whether that is the mode in which this version is by default; None where nobody knows."""


def kind(name: str | None, status: int | None, error_type: str | None) -> str | None:
    """Tell of which kind a failure is to an SDK; where its own list is unknown, as all others see it. None where it is not tried again.

    No status means no whole answer: a failed connection, a reset, a time-out.
    """
    profile = sdks.profile(name)
    found = kind_of(profile, status, error_type) if profile is not None else None
    if found is not None:
        return found
    if error_type is not None and error_type in sdks.throttling_types():
        return "throttling"
    if status is None or status >= 500 or (error_type is not None and error_type in _transient()):
        return "transient"
    return "throttling" if status == 429 else None


def is_retried(name: str | None, status: int | None, error_type: str | None) -> bool:
    """Tell whether an SDK may try again after an answer, or after none (status None)."""
    if kind(name, status, error_type) is not None:
        return True
    profile = sdks.profile(name)
    skews = profile is None or profile.retried is None or profile.retried.clock_skew is not False
    return skews and error_type is not None and error_type in CLOCK_SKEW


@cache
def most_attempts(name: str | None, service: str | None) -> int | None:
    """Return the most tries that any mode of an SDK makes of a call to a service by default; None where that is unknown."""
    profile = sdks.profile(name)
    known = [attempts(mode, service) for mode in profile.modes] if profile is not None else []
    return max((one for one in known if one is not None), default=None)


@cache
def longest_pause(name: str | None, service: str | None) -> DurationNs:
    """Return the longest pause (ns) that an SDK makes before any retry by default, never above `LONGEST_PAUSE_NS`; that where unknown."""
    profile = sdks.profile(name)
    found = [_longest(mode, service) for mode in profile.modes] if profile is not None else []
    return min(max(found, default=LONGEST_PAUSE_NS) or LONGEST_PAUSE_NS, LONGEST_PAUSE_NS)


@cache
def modes(name: str | None, version: str | None, marker: str | None, service: str | None, kinds: frozenset[str]) -> tuple[Mode, ...]:
    """Return the modes in which an SDK of a version may have been whose formulas for these kinds of failure are known for certain."""
    profile = sdks.profile(name)
    if profile is None:
        return ()
    found = possible_modes(profile, version, marker, name)
    return tuple(mode for mode in found if all(proves(mode, one, service) for one in kinds))


def judge(
    name: str | None, service: str | None, seen: Sequence[Retry], *, version: str | None = None, marker: str | None = None
) -> Verdict:
    """Tell which mode of an SDK made some pauses; `marker` is what the user agent says of it.

    Of several that fit it is the default, unless a narrower one fits two pauses or more.
    """
    known = modes(name, version, marker, service, frozenset(one.kind for one in seen))
    profile = sdks.profile(name)
    usual = default_mode(profile, version, name) if profile is not None else None
    # A rate limiter explains any pause, and so only where it is known to be on.
    limited = all(mode.limiter for mode in known)
    fitting = [mode for mode in known if all(fits(mode, service, one, limited=limited) for one in seen)]
    mode = fitting[0] if fitting else None
    if len(seen) < 2 and usual in fitting:
        mode = usual
    return Verdict(known, mode, mode is usual if mode is not None and usual is not None else None)


def fits(mode: Mode, service: str | None, one: Retry, *, limited: bool = False) -> bool:
    """Tell whether a pause is one that a mode makes; `limited`: with a rate limiter that may make it longer."""
    allowed = interval(mode, one.number, one.kind, service)
    if allowed is None:
        return False
    return allowed[0] - EARLY_NS <= one.took_ns and (limited or one.took_ns <= allowed[1] + one.slack_ns)


def told(
    name: str | None,
    service: str | None,
    seen: Sequence[Retry],
    *,
    version: str | None = None,
    marker: str | None = None,
    among: Sequence[Retry] = (),
) -> str:
    """Say which retries they were, what the mode allows and what was seen, without a full stop; nothing where no formula is known.

    `among` are all retries of the same client, by which the mode is told where one mode made them all.
    """
    known = {what: modes(name, version, marker, service, frozenset({what})) for what in KINDS}
    seen = [one for one in seen if known[one.kind]]
    if not seen:
        return ""
    verdict = judge(name, service, [one for one in among if known[one.kind]], version=version, marker=marker) if among else None
    if verdict is None or verdict.mode is None:
        verdict = judge(name, service, seen, version=version, marker=marker)
    if not verdict.modes:
        return ""
    if verdict.mode is None:
        return _odd(name, service, seen, verdict.modes)
    mode = verdict.mode
    groups: dict[tuple[int, str], list[Retry]] = {}
    for one in sorted(seen):
        groups.setdefault((one.number, one.kind), []).append(one)
    of = f" of {mode.title} mode" if mode.name != UNNAMED else f" of {sdks.title(name)}"
    parts: list[str] = []
    for (number, what), found in list(groups.items())[:MOST_TOLD]:
        allowed = interval(mode, number, what, service) or (0, 0)
        text = f"{ordinal(number)} retry{'' if parts else of}: {range_of(*allowed)} expected, {_seen(found)} seen"
        parts.append(text + (f" ({len(found)} times)" if len(found) > 1 else ""))
    more = len(groups) - len(parts)
    text = "; ".join(parts) + (f"; {more} more" if more else "")
    if marker is None and verdict.usual is False and mode.name != (_default_name(name, version) or mode.name):
        text += f"; by default this version is in {_default_name(name, version)} mode"
    return text


def told_of_credentials(name: str | None, service: str | None, number: int, took_ns: DurationNs) -> str:
    """Say the same of the pause before a retry of a request to a credential endpoint; nothing where no formula is known."""
    profile = sdks.profile(name)
    part = None if profile is None else profile.imds if service == "imds" else profile.container
    if profile is None or part is None or part.pause is None or not sure(part, "pause") or not 0 < number < (part.tries or 1):
        return ""
    return f"{ordinal(number)} retry of {sdks.title(name)}: {range_of(*expected(part.pause, number))} expected, {duration(took_ns)} seen"


def range_of(low: DurationNs, high: DurationNs) -> str:
    """Write what a formula allows: `200 ms`, `up to 200 ms`, `100 ms to 200 ms`, `no pause`."""
    if not high:
        return "no pause"
    if low == high:
        return duration(high)
    return f"{duration(low)} to {duration(high)}" if low else f"up to {duration(high)}"


def ordinal(number: int) -> str:
    """Write a number as one in a row: `1st`, `2nd`, `11th`, `23rd`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _seen(found: Sequence[Retry]) -> str:
    low, high = (pick(one.took_ns for one in found) for pick in (min, max))
    return duration(low) if duration(low) == duration(high) else f"{duration(low)} to {duration(high)}"


def _odd(name: str | None, service: str | None, seen: Sequence[Retry], known: Sequence[Mode]) -> str:
    """Say which pause no mode makes, and why that may be."""
    who = sdks.title(name)
    over = [(one.took_ns - one.slack_ns - _most(known, service, one), one) for one in seen]
    excess, odd = max(over)
    if excess > 0:
        longest = max(_longest(mode, service) for mode in known)
        profile = sdks.profile(name)
        adaptive = "adaptive mode, " if profile is not None and any(mode.limiter for mode in profile.modes) else ""
        return (
            f"{ordinal(odd.number)} retry: {duration(odd.took_ns)} seen, longer than any mode of {who} allows "
            f"({duration(_most(known, service, odd))} there, {duration(longest)} is the longest): {adaptive}a setting, or a busy program"
        )
    lone = [one for one in seen if not any(fits(mode, service, one) for mode in known)]
    odd = lone[0] if lone else seen[0]
    allowed = {
        range_of(*pause) + (f" in {mode.title} mode" if mode.name != UNNAMED else "")
        for mode in known
        if (pause := interval(mode, odd.number, odd.kind, service)) is not None
    }
    return (
        f"{ordinal(odd.number)} retry: {duration(odd.took_ns)} seen, {' or '.join(sorted(allowed))} expected: the pauses are not those of "
        f"{who} by default, its retry settings were changed"
    )


def _most(known: Sequence[Mode], service: str | None, one: Retry) -> DurationNs:
    """Return the longest pause before one retry in any of some modes."""
    return max((pause[1] for mode in known if (pause := interval(mode, one.number, one.kind, service)) is not None), default=0)


def _longest(mode: Mode, service: str | None) -> DurationNs:
    """Return the longest pause before the last retry of a mode."""
    last = max(1, (attempts(mode, service) or 1) - 1)
    capped = 30 if attempts(mode, service) is None else last
    found = [interval(mode, capped, one, service) for one in ("throttling", "transient")]
    return max((pause[1] for pause in found if pause is not None), default=0)


def _default_name(name: str | None, version: str | None) -> str | None:
    profile: Profile | None = sdks.profile(name)
    mode = default_mode(profile, version, name) if profile is not None else None
    return mode.title if mode is not None else None


@cache
def _transient() -> frozenset[str]:
    """Return the error types, throttling apart, that any of the SDKs tries again after."""
    known = {name for one in sdks.profiles().values() if one.retried is not None for name in one.retried.transient or ()}
    return frozenset(known | {"InternalServerError", "InternalFailure", "ServiceUnavailable"})
