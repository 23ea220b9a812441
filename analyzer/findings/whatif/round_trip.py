"""The endpoints are a given round trip away.

Every wait for a round trip changes by as much: connecting, each flight of a handshake, the network's part of a wait, and the rounds in
which a long request or answer came, by slow start from ten segments (RFC 6928, RFC 5681 section 3.1) but never more than the round trips
that fit into the time it took. The server's own time, name servers, repairs of losses (their timers have floors) and pauses stay.
"""

from __future__ import annotations

from analyzer.findings.whatif.scene import CREDENTIALS, Part, Scene
from analyzer.findings.whatif.windows import slow_start
from analyzer.model.intervals import union
from analyzer.units import DurationNs, duration

BARELY = 0.8
"""A transfer that took nearly a round trip waited for one: capture times and segments put together by the network card shorten it."""


def round_trip(scene: Scene, rtt_ns: DurationNs) -> str | None:
    """Set the round trip to all endpoints; return why nothing changes, None where something does."""
    known = [call for call in scene.left() if scene.rtt(call.connection_id) is not None]
    if not known:
        return "no round trip is known"
    behind = [row.client_rtt_ns or 0 for row in (scene.view.connections[call.connection_id or 0] for call in known)]
    if scene.view.analysis.vantage == "server":
        far = duration(sorted(behind)[len(behind) // 2])
        return f"the capture was taken at the server: the way to the client ({far}) is in no call's time"
    for call in known:
        for part in scene.parts(call):
            if part.where != CREDENTIALS:
                _change(scene, part, rtt_ns)
    trips = sorted(scene.rtt(call.connection_id) or 0 for call in known)
    scene.notes.append(f"{duration(trips[len(trips) // 2])} away now; the server's own time, lookups and credentials stay")
    for number in {number for call in known for number in call.connection_ids}:
        scene.trips[number] = rtt_ns
    return None


def _change(scene: Scene, part: Part, rtt_ns: DurationNs) -> None:
    now = scene.rtt(part.connection_id)
    if now is None or not now:
        return
    if part.kind in ("connect", "tls"):
        part.add(*[part.rounds * (rtt_ns - now)] * 3)
    elif part.kind == "network":
        if part.likely <= now:
            part.add(*[part.likely * (rtt_ns - now) // now] * 3)
        else:
            _rounds(part, now, rtt_ns, 1 + slow_start(part.exchange.request_bytes if part.exchange is not None else 0))
    elif part.kind in ("send", "receive") and part.exchange is not None:
        size = part.exchange.request_bytes if part.kind == "send" else part.exchange.response_bytes
        _rounds(part, now, rtt_ns, slow_start(size))


def _rounds(part: Part, now: DurationNs, rtt_ns: DurationNs, most: int) -> None:
    """Change the round trips in a transfer. It may have had none (a slow link), or have been nothing else (a small window)."""
    moving = min(part.likely, part.end - part.start - _stalled(part))
    fit = int(max(0, moving) / now + 1 - BARELY)
    likely = min(most, fit) * (rtt_ns - now)
    every = fit * (rtt_ns - now) if most else 0
    part.add(min(every, likely, 0), likely, max(every, likely, 0))


def _stalled(part: Part) -> DurationNs:
    """Return how much of a part its message stood still."""
    stalls = part.exchange.stalls if part.exchange is not None else ()
    inside = ((max(stall.start_ns, part.start), min(stall.end_ns, part.end)) for stall in stalls)
    return sum(end - start for start, end in union(pair for pair in inside if pair[0] < pair[1]))
