"""Connections are kept open and reused (`keep_alive`), or all of them are open before the calls come (`warm_pool`).

A call that finds an idle connection begins with its request: name, connection, TLS and the program's time between them are gone. The first
call of a client, and calls that run beside others, still open one each: as many as the calls need at a time, counted on the shorter calls.
One that finds an idle connection only because others got shorter is open at worst. Where the server's side was seen to end idle
connections, it still does.
"""

from __future__ import annotations

from collections import defaultdict

from analyzer.findings.whatif.distribution import quartiles
from analyzer.findings.whatif.pools import Pool, Use, ends_idle, opened, pools, set_up
from analyzer.findings.whatif.scene import SET_UP, Lengths, Scene
from analyzer.findings.whatif.windows import INITIAL_WINDOW_BYTES
from analyzer.findings.words import median, plural
from analyzer.units import DurationNs, duration


def keep_alive(scene: Scene) -> str | None:
    """Let calls find the connections that earlier ones left; return why nothing changes, None where something does."""
    cold = warmed = limited = announced = 0
    found = pools(scene)
    for pool in found:
        announced += sum(_announced(scene, use) for use in pool.uses)
        before = opened(((use.arrive_ns, use.end_ns, 0) for use in pool.uses), pool.idle_limit_ns)
        after = opened(((use.arrive_ns, use.end_ns, use.set_up_ns) for use in pool.uses), pool.idle_limit_ns)
        without = _warm_but_for_limit(pool)
        usual = _usual(scene, pool)
        for use, opens, would_open, unlimited in zip(pool.uses, before, after, without, strict=True):
            if not use.set_up_ns:
                continue
            cold += 1
            if not would_open:
                _warm(scene, use, certain=not opens)
                warmed += 1
            else:
                _as_others(scene, use, usual)
                limited += not unlimited
    if not cold:
        return "no call waited for a connection"
    if limited:
        scene.notes.append(f"{limited} came too late: {ends_idle(found)}")
    if not warmed:
        return f"each of the {cold} that opened a connection needed one of its own" + (" or came too late" if limited else "")
    scene.notes.append(f"{warmed} of {cold} find a connection open, the others need one of their own")
    if announced:
        scene.notes.append(f"the server announced the end of {plural(announced, 'connection')} (Connection: close) and must not")
    return None


def _announced(scene: Scene, use: Use) -> bool:
    """Tell whether the server announced the end of the connection with the answer."""
    row = scene.view.final_exchange(use.call)
    return row is not None and row.closes == "server"


def warm_pool(scene: Scene) -> str | None:
    """Let no call wait for a connection; return why nothing changes, None where something does."""
    cold = [use for pool in pools(scene) for use in pool.uses if use.set_up_ns]
    for use in cold:
        _warm(scene, use, certain=True)
    if not cold:
        return "no call waited for a connection"
    took = duration(median(use.set_up_ns for use in cold))
    scene.notes.append(f"{len(cold)} need not open one, {took} each (median)" if len(cold) > 1 else f"1 need not open one, {took}")
    return None


def _warm_but_for_limit(pool: Pool) -> list[bool]:
    """Tell which uses would open a connection if none were ended while idle."""
    if pool.idle_limit_ns is None:
        return [True] * len(pool.uses)
    return opened((use.arrive_ns, use.end_ns, use.set_up_ns) for use in pool.uses)


def _usual(scene: Scene, pool: Pool) -> dict[str, Lengths]:
    """Return the quartiles of each part of set-up."""
    took: dict[str, list[DurationNs]] = defaultdict(list)
    for use in pool.uses:
        for part in set_up(scene.parts(use.call)) if use.set_up_ns else ():
            took[part.kind].append(part.likely)
    return {kind: quartiles(values) for kind, values in took.items()}


def _as_others(scene: Scene, use: Use, usual: dict[str, Lengths]) -> None:
    """Let set-up that stays be as quick, or as slow, as it was for most."""
    for part in set_up(scene.parts(use.call)):
        if part.kind in SET_UP:
            part.set(Lengths(min(part.low, usual[part.kind].low), part.likely, max(part.high, usual[part.kind].high)))


def _warm(scene: Scene, use: Use, *, certain: bool) -> None:
    """Take the set-up out of a call. A long answer may come in fewer rounds, since the window of a used connection has grown."""
    parts = scene.parts(use.call)
    for part in set_up(parts):
        part.set(Lengths(0, 0, 0 if certain else part.high))
    for part in parts:
        row = part.exchange
        if part.kind == "receive" and row is not None and row.response_bytes > INITIAL_WINDOW_BYTES:
            part.add(-_rounds_ns(part.likely, scene.rtt(part.connection_id)), 0, 0)


def _rounds_ns(took: DurationNs, rtt: DurationNs | None) -> DurationNs:
    """Return the whole round trips in the time that an answer took."""
    return took // rtt * rtt if rtt else 0
