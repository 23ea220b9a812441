"""Handshakes are TLS 1.3 (`tls13`), or resume the session of an earlier one (`resumption`).

TLS 1.3 saves the second round trip of a full TLS 1.2 handshake (RFC 8446 section 2; RFC 5246 section 7.3) and nothing else. A resumed
handshake has no certificate, no signature and no key exchange to wait for: of TLS 1.2 it saves that round trip too (RFC 5246 figure 2), and
of either the extra round trips of a certificate beyond the initial window. What is left of the computing is read from resumed handshakes of
the same client; without any it lies between none and all, and half is as good a guess as there is. The first handshake stays full.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator

from analyzer.findings.whatif.distribution import quartiles
from analyzer.findings.whatif.scene import OWN, Lengths, Part, Scene
from analyzer.findings.words import plural
from analyzer.model.rows import Call, Handshake
from analyzer.units import ConnectionId, DurationNs, TimeNs

OLD = frozenset({"SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2"})
"""Versions whose full handshake takes a second round trip."""
SEEN = 3
"""Resumed handshakes that tell what one takes."""


def tls13(scene: Scene) -> str | None:
    """Make handshakes TLS 1.3; return why nothing changes, None where something does."""
    old = {number for number, row in scene.view.finished_on.items() if row.version in OLD and not row.resumed}
    shaken = any(True for _ in _handshakes(scene))
    full = 0
    for _, part, row in _handshakes(scene, old) if old else ():
        if row.connection_id not in old or part.rounds < 2:
            continue
        trip = _trip(scene, part.connection_id)
        if trip is None:
            continue
        part.add(-trip.high, -trip.likely, -trip.low)
        part.rounds -= 1
        scene.modern.add(row.connection_id)
        full += 1
    if full:
        scene.notes.append(f"{plural(full, 'full TLS 1.2 handshake')} {'saves' if full == 1 else 'save'} a round trip")
        return None
    return (
        "no call waited for a TLS handshake" if not shaken else "no call waited for a full handshake of TLS 1.2: others take one round trip"
    )


def resumption(scene: Scene) -> str | None:
    """Resume sessions; return why nothing changes, None where something does."""
    sessions: dict[tuple[str, str], TimeNs] = {}
    seen: dict[tuple[str, str], list[DurationNs]] = defaultdict(list)
    for row in sorted(scene.view.analysis.handshakes, key=lambda row: row.start_ns):
        key = _client(scene, row)
        if key is None or row.end_ns is None:
            continue
        sessions[key] = min(sessions.get(key, row.end_ns), row.end_ns)
        if row.resumed:
            seen[key].append((row.client_ns or 0) + (row.server_ns or 0))
    take = {key: quartiles(times) for key, times in seen.items() if len(times) >= SEEN}
    shaken = resumed = 0
    for call, part, row in _handshakes(scene):
        shaken += 1
        key = _client(scene, row)
        if row.resumed or key is None or sessions.get(key, row.start_ns) >= row.start_ns:
            continue
        _resume(scene, call, part, row, take.get(key))
        resumed += 1
    if resumed:
        how = "they take what resumed ones take here" if take else "what they still compute is not seen here: half is taken"
        scene.notes.append(f"{plural(resumed, 'full handshake')} resumed; {how}")
        return None
    return "no call waited for a TLS handshake" if not shaken else "each full handshake was the first of its client, with nothing to resume"


def _handshakes(scene: Scene, on: Container[ConnectionId] | None = None) -> Iterator[tuple[Call, Part, Handshake]]:
    """Yield the handshakes that calls waited for; of calls that ended `on` some connections only, where those are given."""
    for call in scene.left():
        if not call.tls_ns or (on is not None and not any(number in on for number in call.connection_ids)):
            continue
        for part in scene.parts(call):
            if part.kind == "tls" and part.where == OWN and (row := scene.handshake(part.connection_id)) is not None:
                yield call, part, row


def _client(scene: Scene, row: Handshake) -> tuple[str, str] | None:
    under = scene.view.connections.get(row.connection_id)
    return (under.client_address, row.server_name or under.server_address) if under is not None else None


def _trip(scene: Scene, number: ConnectionId | None) -> Lengths | None:
    """Return the round trip of a connection: its shortest at least, what connecting took at most."""
    rtt = scene.rtt(number)
    if rtt is None or number is None:
        return None
    row = scene.view.connections[number]
    connect = max(rtt, (row.connect_ns or rtt) - (row.syn_stall_ns or 0)) if number not in scene.trips else rtt
    return Lengths(rtt, rtt, connect)


def _resume(scene: Scene, call: Call, part: Part, row: Handshake, left: Lengths | None) -> None:
    """Resume the session of a handshake; `left` is what resumed ones compute, where that is known."""
    trip = _trip(scene, part.connection_id) or Lengths(0, 0, 0)
    # What a HelloRetryRequest costs stays: it is about the key share, which a resumed handshake sends too.
    spare = max(0, part.rounds - 1 - row.retried)
    part.add(-spare * trip.high, -spare * trip.likely, -spare * trip.low)
    part.rounds -= spare
    spent = max(0, part.likely - part.rounds * trip.likely)
    if left is None:
        left = Lengths(0, spent // 2, spent)
    part.add(min(0, left.low - spent), min(0, left.likely - spent), min(0, left.high - spent))
    if row.version in OLD and row.connection_id not in scene.modern:
        # The client of a full TLS 1.2 handshake ends it with the server's last flight still to read; of a resumed one with its own.
        for after in _right_after(scene.parts(call), part):
            after.set(Lengths(0, after.likely // 2, after.high))


def _right_after(parts: list[Part], part: Part) -> list[Part]:
    """Return the program's own time between a handshake and the request."""
    at = parts.index(part) + 1
    return [one for one in parts[at : at + 1] if one.kind == "client" and one.where == OWN]
