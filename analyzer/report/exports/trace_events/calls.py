"""Calls and name lookups as tracks: what each client waited for, as many lanes as calls overlapped."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from analyzer.model.rows import Call, Span
from analyzer.report.calls import answer_of, name_of
from analyzer.report.exports.trace_events.events import Track, Tracks, facts
from analyzer.report.exports.trace_events.lanes import Lanes
from analyzer.report.exports.tries import PHASES, Rows, Try, doing
from analyzer.report.exports.words import fault_of
from analyzer.units import TimeNs

CALLS, LOOKUPS = 0, 100_000
"""Places of the tracks of a client: calls first, then lookups, then connections."""


def call_events(rows: Rows, tracks: Tracks) -> Iterator[str]:
    """Yield the calls with their tries and phases, dialogues with credential endpoints included, and the arrows from those."""
    lanes: dict[str, Lanes] = {}
    awaited = {span.dialogue_id for span in rows.analysis.spans if span.dialogue_id is not None}
    ended: dict[int, tuple[Track, TimeNs]] = {}
    waits: list[tuple[Span, Track]] = []
    for call in rows.calls():
        lane = lanes.setdefault(call.client_address, Lanes()).take(call.start_ns, call.end_ns)
        track = tracks.track(call.client_address, "calls", lane, "calls" if lane == 0 else f"calls ({lane + 1})", CALLS + lane)
        yield tracks.slice(track, name_of(call), "call", call.start_ns, call.end_ns, _about(call))
        if call.call_id in awaited:
            ended[call.call_id] = track, max(call.start_ns, call.end_ns - 1)
        for one in rows.tries(call):
            yield from _try(one, track, tracks)
            waits += ((span, track) for span in _last_waits(one))
    for span, track in waits:
        if span.dialogue_id in ended:
            source, time = ended[span.dialogue_id]
            number = f"dialogue {span.dialogue_id} {span.call_id}"
            end = max(span.start_ns, span.end_ns - 1)
            yield tracks.flow("s", source, "credentials", number, min(time, end))
            yield tracks.flow("f", track, "credentials", number, end)


def _last_waits(one: Try) -> list[Span]:
    """Return the last span of each dialogue that a try waited for."""
    return list({span.dialogue_id: span for span in one.spans if span.dialogue_id is not None}.values())


def _try(one: Try, track: Track, tracks: Tracks) -> Iterator[str]:
    own = one.own
    for span in one.around:
        yield _phase(span, span.phase, track, tracks)
    if not own:
        return
    exchange, fault = one.exchange, fault_of(one)
    name = f"attempt {one.attempt}" if one.attempt is not None else "request"
    if exchange is not None and exchange.method:
        name = f"{name}: {exchange.method} {(exchange.target or '')[:80]}".rstrip()
    about = facts(
        attempt=one.attempt,
        failed=fault if one.failed else None,
        status=exchange.status if exchange is not None else None,
        outcome=exchange.outcome if exchange is not None else fault,
        tcp_stream=one.connection.connection_id if one.connection is not None else None,
        causes=one.causes(),
    )
    yield tracks.slice(track, name, "attempt", own[0].start_ns, own[-1].end_ns, about)
    if exchange is not None and exchange.exchange_id not in tracks.asked:
        # Before its phases, which may begin at the same moment: an arrow belongs to the innermost slice that was open before it.
        tracks.asked.add(exchange.exchange_id)
        yield tracks.flow("s", track, "request", f"exchange {exchange.exchange_id}", own[0].start_ns)
    for span in own:
        yield _phase(span, doing(span), track, tracks)


def _phase(span: Span, name: str, track: Track, tracks: Tracks) -> str:
    if span.phase == "credentials" and span.inner_phase:
        name = f"credentials: {span.inner_phase}"
    about = facts(
        phase=span.phase, inner_phase=span.inner_phase, duration_ns=span.end_ns - span.start_ns, causes=span.causes,
        tcp_stream=span.connection_id, dialogue=span.dialogue_id, frames=(span.first_packet_id, span.last_packet_id),
        evidence=span.evidence, shared=span.shared or None,
    )  # fmt: skip
    return tracks.slice(track, name, "phase", span.start_ns, span.end_ns, about)


def _about(call: Call) -> dict[str, object]:
    phases = {f"{phase}_ns": took for phase in PHASES if (took := getattr(call, f"{phase}_ns"))}
    return facts(
        call=call.call_id, chain=call.chain_id, service=call.service, sdk=call.sdk, table=call.table_name, duration_ns=call.duration_ns,
        attempts=call.attempts, ok=call.ok, answer=answer_of(call) or None, status=call.status, truncated=call.truncated,
        evidence=call.evidence, network_ns=call.network_ns, server_ns=call.server_ns, stall_ns=call.stall_ns, **phases,
    )  # fmt: skip


def lookup_events(rows: Rows, tracks: Tracks) -> Iterator[str]:
    """Yield the name lookups, A and AAAA at the same time on lanes of their own."""
    lanes: dict[str, Lanes] = {}
    for row in sorted(rows.analysis.lookups, key=attrgetter("start_ns", "lookup_id")):
        end = row.end_ns if row.end_ns is not None else row.start_ns
        lane = lanes.setdefault(row.client_address, Lanes()).take(row.start_ns, end)
        name = "DNS" if lane == 0 else f"DNS ({lane + 1})"
        track = tracks.track(row.client_address, "dns", lane, name, LOOKUPS + lane)
        about = facts(
            lookup=row.lookup_id, resolver=row.resolver, tries=row.tries, rcode=row.rcode or "no answer", answers=row.answers,
            tcp_streams=row.connection_ids,
        )  # fmt: skip
        yield tracks.slice(track, f"{row.type} {row.name}", "dns", row.start_ns, max(row.start_ns, end), about)
