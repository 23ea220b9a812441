"""The timers of SDKs and their HTTP clients, read from their profiles: time limits, idle limits, head starts, back-off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from math import isfinite

from analyzer import sdks
from analyzer.sdks.pauses import KINDS, delay_of, expected, proves
from analyzer.sdks.records import Profile, Sourced, source_of, sure
from analyzer.timers.records import Timer, exact, length
from analyzer.units import MILLISECOND, DurationNs

LATE_NS: DurationNs = 30 * MILLISECOND
"""What a program takes to notice that its timer rang, and to act."""
LATE = 0.05
CONTAINERS = frozenset({"ecs-credentials", "eks-pod-identity"})
MOST_NAMED = 3
"""SDKs that are named where nobody knows which it was."""
OTHER = "service"


@cache
def of(sdk: str | None, to: str | None) -> tuple[Timer, ...]:
    """Return the timers of an SDK towards a service (`imds`, `ecs-credentials`, ...); where it is unknown those of all, like with like."""
    where = to if to == "imds" or to in CONTAINERS else OTHER
    profile = sdks.profile(sdk)
    if profile is not None:
        return tuple(_of(profile, sdk or profile.name, sdks.title(sdk) or profile.name, where))
    alike: dict[tuple[str, DurationNs], dict[str, Timer]] = defaultdict(dict)
    for name, one in sdks.profiles().items():
        titles = [user.title for user in sorted(one.users.values(), key=lambda user: user.kind != "sdk")]
        title = titles[0] if titles else name
        for timer in _of(one, name, title, where):
            alike[timer.kind, timer.length_ns].setdefault(title, timer)
    out = []
    for (kind, took), found in alike.items():
        first, *others = found.values()
        if not others:
            out.append(first)
            continue
        every = list(found)
        more = f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else ""
        listed = ", ".join(every[:MOST_NAMED]) + more
        code = f"{kind}-{where}-{took // MILLISECOND}"
        out.append(first._replace(code=code, name=f"{WORDS[kind]} of {length(took)} ({listed})", sets=listed))
    return tuple(out)


WORDS = {"silence": "a time limit", "connect": "a connect time limit", "idle": "an idle limit", "address": "a head start"}
ENDPOINTS = {"imds": "IMDS ", "ecs-credentials": "container credentials ", "eks-pod-identity": "container credentials "}


def _of(profile: Profile, sdk: str, title: str, where: str) -> Iterator[Timer]:
    if where == "imds" and profile.imds is not None:
        imds = profile.imds
        for figure in ("read_ms", "whole_ms"):
            yield from _limit("silence", sdk, title, imds, figure, getattr(imds, figure), where)
        yield from _limit("connect", sdk, title, imds, "connect_ms", imds.connect_ms, where)
    elif where in CONTAINERS and profile.container is not None:
        yield from _limit("silence", sdk, title, profile.container, "read_ms", profile.container.read_ms, where)
        yield from _limit("connect", sdk, title, profile.container, "connect_ms", profile.container.connect_ms, where)
    if where != OTHER:
        return
    for pool in profile.pools[:1]:
        for figure in ("read_ms", "whole_ms"):
            yield from _limit("silence", sdk, title, pool, figure, getattr(pool, figure), where)
        yield from _limit("connect", sdk, title, pool, "connect_ms", pool.connect_ms, where)
        yield from _limit("idle", sdk, title, pool, "idle_ms", pool.idle_ms, where)
        yield from _limit("address", sdk, title, pool, "race_ms", pool.race_ms, where)


def _limit(kind: str, sdk: str, title: str, part: Sourced, figure: str, value: float | None, where: str) -> Iterator[Timer]:
    if value is None or value <= 0 or not isfinite(value) or not sure(part, figure):
        return
    took = round(value * MILLISECOND)
    what = {"silence": "time limit", "connect": "connect time limit", "idle": "idle limit", "address": "head start of an address"}[kind]
    name = f"the {ENDPOINTS.get(where, '')}{what} of {title} ({length(took)})"
    yield exact(f"{kind}-{where}-{figure[:-3]}-{sdk}", kind, name, took, title, source_of(part, figure), late_ns=LATE_NS, late=LATE)


@cache
def pauses(sdk: str | None, to: str | None, retry: int, failure: str | None = None) -> tuple[Timer, ...]:
    """Return the pauses that an SDK makes before retry `retry` of a request to a service.

    `failure` is one of `sdks.pauses.KINDS`; after a failure of unknown kind those of all kinds are possible.
    """
    profile = sdks.profile(sdk)
    if profile is None or retry < 1:
        return ()
    title = sdks.title(sdk) or profile.name
    out = []
    part = profile.imds if to == "imds" else profile.container if to in CONTAINERS else None
    if to == "imds" or to in CONTAINERS:
        if part is not None and part.pause is not None and sure(part, "pause"):
            out.append(_pause(f"pause-{to}-{sdk}", f"the back-off of {title}", title, part.source, *expected(part.pause, retry)))
        return tuple(out)
    for mode in profile.modes:
        for kind in KINDS if failure is None else (failure,):
            delay = delay_of(mode, kind, to)
            if delay is not None and proves(mode, kind, to):
                what = f"the back-off of {title} in {mode.title} mode"
                code = f"pause-{OTHER}-{mode.title.replace(' ', '-')}-{sdk}"
                out.append(_pause(code, what, title, source_of(mode, kind), *expected(delay, retry)))
    return tuple(dict.fromkeys(out))


def _pause(code: str, what: str, sets: str, source: str, low: DurationNs, high: DurationNs) -> Timer:
    told = "none" if not high else length(high) if low == high else f"at random up to {length(high)}"
    return Timer(code, "pause", f"{what} ({told})", high, max(0, low - 2 * MILLISECOND), high + LATE_NS, sets, source)
