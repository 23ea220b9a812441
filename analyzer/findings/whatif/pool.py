"""A client has a pool of N connections to a server: calls beyond wait for one, and no more than N are ever opened.

The calls are put into lanes, each a worker that calls one thing after the other and pauses between as long as it did; a call that waits
delays its lane. Waiting lies before a call's first packet, outside every phase: it is added to the call here. At most it is what calls
would wait that come when they came, whatever others wait (a server's requests do, a worker's do not).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from analyzer.findings.whatif.pools import Pool, Use, ends_idle, pools, set_up
from analyzer.findings.whatif.scene import NOTHING, OWN, Lengths, Scene
from analyzer.findings.words import median, plural
from analyzer.model.rows import Call
from analyzer.model.whatif import UNSEEN
from analyzer.units import DurationNs, TimeNs, count, duration

MOST_NAMED = 5
"""Calls that a note names."""
FATES = {
    "spared": ("no longer opens a connection: one of the pool is idle", "no longer open a connection: one of the pool is idle"),
    "spared may wait": (
        "no longer opens a connection: it finds one idle, or may wait",
        "no longer open a connection: they find one idle, or may wait",
    ),
    "spared waits": (
        "no longer opens a connection, but waits for one of the pool",
        "no longer open a connection, but wait for one of the pool",
    ),
    "waits": ("waits for a free one", "wait for a free one"),
    "may wait": ("may wait for a free one", "may wait for a free one"),
}
"""What becomes of a call, for one and for several: each has one fate. It waits in the most likely replay, or only in the hardest one."""


class Outcome(NamedTuple):
    """What became of a use."""

    queue_ns: DurationNs
    opens: bool
    end_ns: TimeNs


def pool(scene: Scene, size: int) -> str | None:
    """Give every client a pool of `size` connections; return why nothing changes, None where something does."""
    fates: dict[str, list[Call]] = {fate: [] for fate in FATES}
    ended: list[Pool] = []
    most = 0
    later: list[DurationNs] = []
    for one in pools(scene):
        lanes = in_lanes(one.uses)
        most = max(most, len(lanes))
        service = {use.call.call_id: scene.own(use.call) for use in one.uses}
        closed = _simulate(lanes, service, size, one.idle_limit_ns)
        # Where there is a connection for every lane, arriving at given times is no harder.
        fixed = _simulate([[use] for use in one.uses], service, size, one.idle_limit_ns) if size < len(lanes) else closed
        for fate, call in _apply(scene, one, closed, fixed):
            fates[fate].append(call)
        if one.idle_limit_ns is not None and any(use.set_up_ns and closed[use.call.call_id].opens for use in one.uses[len(lanes) :]):
            ended.append(one)
        if size < len(lanes):
            later.append(max(done.end_ns for done in closed.values()) - max(use.end_ns for use in one.uses))
    if not most:
        return "no call's connection is known"
    limit = f"{ends_idle(ended)}, of a pool too" if ended else ""
    told = [f"{_named(calls)} {FATES[fate][len(calls) > 1]}" for fate, calls in fates.items() if calls]
    scene.notes += told
    if limit and told:
        scene.notes.append(limit)
    if later and max(later) > 0:
        scene.notes.append(
            f"the last answer comes up to {duration(max(later))} later; SDKs that do not wait open another connection instead"
        )
    return None if told else "; ".join(filter(None, (_enough(scene, most, size), limit)))


def _named(calls: Sequence[Call]) -> str:
    """Write which calls are meant: `2 calls (10, 11)`."""
    numbers = sorted(call.call_id for call in calls)
    listed = ", ".join(map(str, numbers[:MOST_NAMED])) + (", ..." if len(numbers) > MOST_NAMED else "")
    return f"{plural(len(numbers), 'call')} ({listed})"


def _enough(scene: Scene, most: int, size: int) -> str:
    """Say why a pool changes no call. Of calls that wait for a connection now at most that is known: that there are some."""
    if size <= most or not any(finding.code == "pool-too-small" for finding in scene.view.analysis.findings):
        many = f"there are never more than {plural(most, 'call')} at a time"
        return f"{many}, on connections that are reused; what waits before its first packet is not seen"
    return (
        f"these calls came as fast as {plural(most, 'connection')} let them (pool-too-small), so {UNSEEN}; {count(size)} carry up to "
        f"{size / most:.1f} times as many calls a second where enough wait, and spare waiting that lies before a call's first packet"
    )


def in_lanes(uses: Sequence[Use]) -> list[list[Use]]:
    """Put uses into lanes, each with no two at the same time: a use follows the one that ended last before it."""
    busy: list[tuple[TimeNs, int]] = []
    free: list[int] = []
    lanes: list[list[Use]] = []
    for use in uses:
        while busy and busy[0][0] <= use.arrive_ns:
            free.append(heappop(busy)[1])
        if free:
            number = free.pop()
            lanes[number].append(use)
        else:
            number = len(lanes)
            lanes.append([use])
        heappush(busy, (use.end_ns, number))
    return lanes


def _simulate(
    lanes: Sequence[Sequence[Use]], service: dict[int, DurationNs], size: int, idle_limit_ns: DurationNs | None
) -> dict[int, Outcome]:
    """Replay lanes on so many connections, first come, first served; return what becomes of each call, by its id.

    The connection used last is taken first, as pools do; those that were idle for longer than the limit are gone.
    """
    ready = [(lane[0].arrive_ns, lane[0].call.call_id, number, 0) for number, lane in enumerate(lanes)]
    heapify(ready)
    busy: list[TimeNs] = []
    idle: list[TimeNs] = []
    out: dict[int, Outcome] = {}
    while ready:
        at, call_id, number, index = heappop(ready)
        lane = lanes[number]
        use = lane[index]
        while busy and busy[0] <= at:
            idle.append(heappop(busy))
        if idle and idle_limit_ns is not None and at - idle[-1] > idle_limit_ns:
            idle.clear()
        opens, start = False, at
        if idle:
            idle.pop()
        elif len(busy) < size:
            opens = True
        else:
            start = heappop(busy)
        end = start + service[call_id] - (0 if opens else use.set_up_ns)
        heappush(busy, end)
        out[call_id] = Outcome(start - at, opens, end)
        if index + 1 < len(lane):
            after = lane[index + 1]
            heappush(ready, (end + max(0, after.arrive_ns - use.end_ns), after.call.call_id, number, index + 1))
    return out


def _apply(scene: Scene, one: Pool, closed: dict[int, Outcome], fixed: dict[int, Outcome]) -> Iterator[tuple[str, Call]]:
    """Write the outcomes into the calls; yield the fate of each whose fate changes: one of FATES."""
    paid = [use.set_up_ns for use in one.uses if use.set_up_ns]
    usual = median(paid)
    first = one.uses[0].arrive_ns
    for use in one.uses:
        done, other = closed[use.call.call_id], fixed[use.call.call_id]
        if done.queue_ns or other.queue_ns:
            waits = sorted((done.queue_ns, other.queue_ns))
            scene.insert(use.call, "queue", OWN, Lengths(waits[0], done.queue_ns, waits[1]))
        if use.set_up_ns and not done.opens:
            for part in set_up(scene.parts(use.call)):
                part.set(NOTHING)
            yield "spared waits" if done.queue_ns else "spared may wait" if other.queue_ns else "spared", use.call
        elif done.queue_ns or other.queue_ns:
            yield "waits" if done.queue_ns else "may wait", use.call
        if done.opens and not use.set_up_ns and use.arrive_ns > first and usual:
            # It found a connection that an earlier call had opened, and which that one now does without.
            scene.insert(use.call, "connect", OWN, Lengths(0, 0, usual))
