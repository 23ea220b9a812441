"""How long an SDK pauses before it tries again, and for how long it asks for an IMDS token in vain, by the figures of its profile."""

from __future__ import annotations

import math
import re

from analyzer.sdks.records import UNVERIFIED, Delay, Imds, Mode, Profile, source_of
from analyzer.units import MILLISECOND, DurationNs

MOST_DOUBLINGS = 30
"""Retries that count for the length of a pause: beyond that every formula is above its cap, and without one nobody waits 20 months."""
DYNAMODB = frozenset({"dynamodb", "dynamodbstreams"})
"""Services for which the SDKs have back-off and attempts of their own."""
KINDS = ("throttling", "transient")


def expected(delay: Delay, retry: int) -> tuple[DurationNs, DurationNs]:
    """Return the shortest and longest pause (ns) before retry n, n from 1. Raises ValueError for n below 1."""
    if retry < 1:
        raise ValueError(f"retries count from 1, not from {retry}")
    if retry <= len(delay.firsts_ms):
        low, high = delay.firsts_ms[retry - 1]
    else:
        high = min(delay.base_ms * delay.factor ** min(retry - 1, MOST_DOUBLINGS), delay.cap_ms)
        low = {"none": high, "equal": high / 2}.get(delay.jitter, 0.0)
    return round(low * MILLISECOND), round(high * MILLISECOND)


def delay_of(mode: Mode, kind: str, service: str | None = None) -> Delay | None:
    """Return the formula of a mode for a kind of error (`throttling`, `transient`) of a service; None where it is unknown."""
    own = mode.delays.get(f"dynamodb-{kind}") if service in DYNAMODB else None
    return own or mode.delays.get(kind)


def proves(mode: Mode, kind: str, service: str | None = None) -> bool:
    """Tell whether the formula of a mode for a kind of error is known from more than hearsay."""
    if delay_of(mode, kind, service) is None:
        return False
    own = f"dynamodb-{kind}"
    return not source_of(mode, own if service in DYNAMODB and own in mode.delays else kind).startswith(UNVERIFIED)


def interval(
    mode: Mode, retry: int, kind: str, service: str | None = None, *, retry_after_ms: float | None = None
) -> tuple[DurationNs, DurationNs] | None:
    """Return the shortest and longest pause (ns) that a mode makes before retry n (n from 1), None where its formula is unknown.

    `retry_after_ms` is the response's `x-amz-retry-after`; modes that read it wait for it, up to a limit above their own pause.
    """
    delay = delay_of(mode, kind, service)
    if delay is None:
        return None
    low, high = expected(delay, retry)
    if retry_after_ms is not None and mode.retry_after_plus_ms is not None and math.isfinite(retry_after_ms):
        more = round(mode.retry_after_plus_ms * MILLISECOND)
        hint = round(retry_after_ms * MILLISECOND)
        low, high = min(max(hint, low), low + more), min(max(hint, high), high + more)
    return low, high


def attempts(mode: Mode, service: str | None = None) -> int | None:
    """Return how many tries a mode makes of a call to a service, the first included; None where that is unknown."""
    if service in DYNAMODB and mode.attempts_dynamodb is not None:
        return mode.attempts_dynamodb
    return mode.attempts


def possible_modes(profile: Profile, version: str | None = None, marker: str | None = None, user: str | None = None) -> tuple[Mode, ...]:
    """Return the modes in which an SDK may have been, narrowest first: all that its version has, or those of the user agent's marker.

    A marker is what the user agent says: `cfg/retry-mode#MARKER`, the letter in its features, or the mode's name.

    Versions of programs that count otherwise (`User.other_versions`) say nothing.
    """
    known = profile.users.get(user) if user is not None else None
    number = None if known is not None and known.other_versions else _number(version)
    there = [one for one in profile.modes if number is None or _within(number, one.since, one.before)]
    named = [one for one in there if marker is not None and marker in (one.marker, one.feature, one.name)]
    return tuple(named or there)


def default_mode(profile: Profile, version: str | None, user: str | None = None) -> Mode | None:
    """Return the mode in which an SDK is unless it was set otherwise; None where that cannot be told."""
    known = profile.users.get(user) if user is not None else None
    number = None if known is not None and known.other_versions else _number(version)
    defaults = [one for one in profile.modes if one.default_since is not None]
    if number is not None:
        defaults = [one for one in defaults if _within(number, one.default_since, one.default_before)]
    return defaults[0] if len(defaults) == 1 else None


def kind_of(profile: Profile, status: int | None, error_type: str | None) -> str | None:
    """Tell of which kind a failure is to an SDK, `throttling` or `transient`; None where it does not retry it, or nobody knows.

    No status means no answer: a failed connection, a reset or a time-out.
    """
    retried = profile.retried
    if retried is None:
        return None
    if status is None:
        return "transient" if retried.no_answer else None
    if error_type is not None:
        if error_type in (retried.throttling or ()):
            return "throttling"
        if error_type in (retried.transient or ()):
            return "transient"
    if status in (retried.throttling_statuses or ()):
        return "throttling"
    return "transient" if status in (retried.statuses or ()) else None


def gives_up_after(imds: Imds) -> tuple[DurationNs, DurationNs] | None:
    """Return the shortest and longest time (ns) for which an SDK asks for a token that is never answered; None where that is unknown.

    The connection comes about at once, as it does where the answers die of their hop limit.
    """
    limits = [one for one in (imds.read_ms, imds.whole_ms) if one is not None]
    tries = imds.tries
    if not limits or tries is None or imds.retried is None or not math.isfinite(min(limits)):
        return None
    again = tries if "timeout" in imds.retried else 1
    wait = round(min(limits) * imds.sends * MILLISECOND)
    low = high = again * wait
    for retry in range(1, again):
        if imds.pause is None:
            return None
        least, most = expected(imds.pause, retry)
        low, high = low + least, high + most
    if imds.operation_ms is not None:
        low, high = min(low, round(imds.operation_ms * MILLISECOND)), min(high, round(imds.operation_ms * MILLISECOND))
    return low, high


def goes_on_without_token(profile: Profile, status: int) -> bool | None:
    """Tell whether an SDK may go on without an IMDS token after an answer with a status; None where that is not known."""
    imds = profile.imds
    if imds is None or imds.goes_on is None:
        return None
    if not imds.goes_on:
        return False
    stops = imds.stops_after or ()
    return str(status) not in stops and f"{status // 100}xx" not in stops


def _number(version: str | None) -> tuple[int, ...] | None:
    found = re.match(r"\d{1,9}(?:\.\d{1,9}){0,3}", version) if version else None
    return tuple(map(int, found[0].split("."))) if found else None


def _within(number: tuple[int, ...], since: str | None, before: str | None) -> bool:
    first, end = _number(since), _number(before)
    return (first is None or number >= first) and (end is None or number < end)
