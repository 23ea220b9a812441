"""No packet is lost: the times in which a call waited for a repair are gone.

These are the stalls of its exchanges (a request sent again, a hole in an answer), SYNs sent again, and lookups asked again, which then take
what others take that were answered at once. Losses also make the window small in which long messages are sent (RFC 5681 section 3.1): on
connections that lost packets these take the rounds of slow start and as long as the quickest of them took for as many bytes, if that is
less than what the repairs leave; what the repairs leave is the most. A receiver that closed its window is no loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import TypeAlias

from analyzer.findings.stalls import LOSS, lost_packets
from analyzer.findings.whatif.distribution import quartiles
from analyzer.findings.whatif.scene import CREDENTIALS, NOTHING, Lengths, Part, Scene, cut
from analyzer.findings.whatif.windows import INITIAL_WINDOW_BYTES, slow_start
from analyzer.findings.words import plural
from analyzer.model.intervals import union
from analyzer.model.rows import Call, Exchange
from analyzer.units import ConnectionId, DurationNs, TimeNs

IN_WAIT = frozenset({"stall", "network", "server"})
"""Parts of a wait: what it stalled for is one of its own, the others hold none."""

Way: TypeAlias = tuple[str, str, str]
"""Client address, server address, and `send` or `receive`."""


def no_loss(scene: Scene) -> str | None:
    """Take repairs out of the calls; return why nothing changes, None where something does."""
    asked_again, usual = _lookups(scene)
    long = {number: row for number, row in scene.view.exchanges.items() if _is_long(row)}
    quickest = _rates(scene, long.values())
    slower = 0
    for call in scene.left():
        changed = False
        # Most calls lost nothing, and their parts need not be made.
        repairs = union(_repairs(scene, call)) if call.stall_ns or call.connect_ns or call.failed_ns else ()
        if repairs:
            for part in scene.parts(call):
                if part.kind == "stall" and part.where != CREDENTIALS:
                    changed = changed or part.likely > 0
                    part.set(NOTHING)
            for start, end in repairs:
                changed = cut(scene.parts(call), start, end, _may_stall) or changed
        if not long.keys().isdisjoint(call.exchange_ids) and (repairs or _lost(scene, call.connection_id)):
            for part in scene.parts(call):
                changed = _with_window(scene, part, quickest) or changed
        if call.dns_ns and usual is not None and asked_again.intersection(call.connection_ids):
            for part in scene.parts(call):
                if part.kind == "dns" and part.connection_id in asked_again and part.likely > usual.likely:
                    part.set(usual)
                    changed = True
        slower += changed
    if not slower:
        return "no call waited for a lost packet"
    scene.notes.append(f"{plural(slower, 'call')} with repairs to wait for, or windows that losses had made small")
    return None


def _lost(scene: Scene, number: ConnectionId | None) -> bool:
    under = scene.view.connections.get(number) if number is not None else None
    return under is not None and lost_packets(under) > 0


def _way(scene: Scene, row: Exchange, kind: str) -> Way | None:
    under = scene.view.connections.get(row.connection_id)
    return (under.client_address, under.server_address, kind) if under is not None else None


def _is_long(row: Exchange) -> bool:
    """Tell whether a message of an exchange takes more than the window that a connection begins with."""
    return row.request_bytes > INITIAL_WINDOW_BYTES or row.response_bytes > INITIAL_WINDOW_BYTES


def _rates(scene: Scene, long: Iterable[Exchange]) -> dict[Way, float]:
    """Return the nanoseconds that a byte of a long message took, of the quickest: so fast is the way at least."""
    out: dict[Way, float] = {}
    for row in long:
        asked, sent, first, last = row.request_start_ns, row.request_end_ns, row.response_start_ns, row.response_end_ns
        if row.request_bytes > INITIAL_WINDOW_BYTES and asked is not None and sent is not None and (way := _way(scene, row, "send")):
            # Its last bytes are under way as long as its wait for the network is longer than a round trip.
            queued = max(0, (row.network_ns or 0) - (scene.rtt(row.connection_id) or 0))
            out[way] = min(out.get(way, inf), (sent - asked + queued) / row.request_bytes)
        if row.response_bytes > INITIAL_WINDOW_BYTES and first is not None and last is not None and (way := _way(scene, row, "receive")):
            out[way] = min(out.get(way, inf), (last - first) / row.response_bytes)
    return out


def _with_window(scene: Scene, part: Part, quickest: dict[Way, float]) -> bool:
    """Let a long message be sent in the window that it had without losses; tell whether that makes it shorter."""
    row = part.exchange
    if part.kind not in ("send", "receive") or part.where == CREDENTIALS or row is None or not _lost(scene, part.connection_id):
        return False
    size = row.request_bytes if part.kind == "send" else row.response_bytes
    rtt, way = scene.rtt(part.connection_id), _way(scene, row, part.kind)
    if size <= INITIAL_WINDOW_BYTES or rtt is None or way is None:
        return False
    rounds = slow_start(size) * rtt
    likely = rounds + round(quickest.get(way, 0.0) * size)
    if likely >= part.likely:
        return False
    part.set(Lengths(min(part.low, rounds), likely, part.high))
    return True


def _may_stall(part: Part) -> bool:
    return part.where != CREDENTIALS and part.kind not in IN_WAIT


def _repairs(scene: Scene, call: Call) -> Iterator[tuple[TimeNs, TimeNs]]:
    if call.stall_ns:
        for row in scene.view.exchanges_of(call):
            yield from ((stall.start_ns, stall.end_ns) for stall in row.stalls if stall.kind in LOSS)
    if call.connect_ns or call.failed_ns:
        for number in call.connection_ids:
            under = scene.view.connections.get(number)
            # An address that never answered was not lost on the way: it is dead.
            if under is not None and under.syn_ns is not None and under.syn_stall_ns and under.established_ns is not None:
                yield under.syn_ns, under.syn_ns + under.syn_stall_ns


def _lookups(scene: Scene) -> tuple[set[ConnectionId], Lengths | None]:
    """Return the connections whose lookup was asked more than once, and what one takes that is answered at once."""
    again: set[ConnectionId] = set()
    clean: list[DurationNs] = []
    for row in scene.view.analysis.lookups:
        if row.tries > 1:
            again.update(row.connection_ids)
        elif row.end_ns is not None:
            clean.append(row.end_ns - row.start_ns)
    return again, quartiles(clean) if clean else None
