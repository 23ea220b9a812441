"""The row of a call: what its ledger adds up to, and what its exchanges say of it."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.latency.waits import covered
from analyzer.model.draft import Draft
from analyzer.model.rows import Call, Exchange, Span
from analyzer.units import ConnectionId, DurationNs, PacketId, TimeNs

PHASES = ("credentials", "dns", "connect", "tls", "send", "wait", "receive", "failed", "backoff", "client", "unexplained")
"""In the order of the columns of `calls`."""
WAIT = PHASES.index("wait")


def usual(call_id: int, draft: Draft, first_span: int) -> tuple[Call, list[Span]] | None:
    """Return what `account` would for a call of one good exchange on an open connection, in one go; None for any other.

    Most calls of a busy capture are of this kind, and there may be a million of them.
    """
    if len(draft.attempts) != 1:
        return None
    exchange, connection, set_up, asked, end, _, beside, causes, unseen = draft.attempts[0]
    if (
        exchange is None
        or set_up
        or beside
        or causes
        or unseen
        or exchange.stalls
        or exchange.held
        or exchange.outcome != "ok"
        or draft.truncated
    ):
        return None
    sent, first, last = exchange.request_end_ns, exchange.response_start_ns, exchange.response_end_ns
    if sent is None or first is None or last is None or not asked <= sent <= first <= last == end or exchange.head_end_ns is not None:
        return None
    stall, network, server = exchange.wait_stall_ns, exchange.network_ns, exchange.server_ns
    if stall is None or network is None or server is None or stall + network + server != first - sent:
        return None
    one, evidence = exchange.connection_id, exchange.evidence
    packet, answer = exchange.first_packet_id, exchange.response_end_packet_id
    if packet is None or answer is None:
        return None
    make = tuple.__new__
    spans = [
        make(
            Span,
            (first_span, call_id, 1, "send", None, asked, sent, one, None, packet, exchange.request_end_packet_id, (), evidence, False),
        )
    ]
    begun_by = exchange.response_start_packet_id
    if first > sent:
        last_asked = exchange.request_end_packet_id
        spans.append(
            make(Span, (first_span + 1, call_id, 1, "wait", None, sent, first, one, None, last_asked, begun_by, (), evidence, False))
        )
    if end > first:
        number = first_span + len(spans)
        spans.append(make(Span, (number, call_id, 1, "receive", None, first, end, one, None, begun_by, answer, (), evidence, False)))
    return make(Call, (
        call_id, None, draft.service, draft.operation, exchange.sdk, asked, end, end - asked, 1, True, exchange.error_type,
        0, 0, 0, 0, sent - asked, first - sent, end - first, 0, 0, 0, 0, exchange.stall_ns, stall, network, server, True, None, one,
        connection.client_address, connection.client_port, min(packet, answer), max(packet, answer), draft.evidence, exchange.table_name,
        exchange.status, (exchange.exchange_id,), (one,),
    )), spans  # fmt: skip


def call_row(
    call_id: int,
    draft: Draft,
    sums: Sequence[DurationNs],
    end: TimeNs,
    number: int,
    start: TimeNs,
    waited: Sequence[tuple[int, Sequence[Span]]],
) -> Call:
    """Return a call's row: `sums` are the times in each of PHASES, `number` the attempts, `waited` the dialogues that it waited for."""
    final = draft.attempts[-1]
    exchange, connection = final.exchange, final.connection
    wait_stall = network = server = status = error = sdk = table = None
    ok: bool | None = False
    if exchange is not None:
        status, error, sdk, table = exchange.status, exchange.error_type, exchange.sdk, exchange.table_name
        ok = exchange.outcome == "ok"
        wait_stall, network, server = _wait_parts(exchange, sums[WAIT], draft)
    if draft.truncated in ("end", "both"):
        ok = None
    steps: list[Exchange] = []
    packets: list[PacketId] = []
    connections: dict[ConnectionId, None] = {}
    for attempt in draft.attempts:
        under, asked = attempt.connection, attempt.exchange
        named = [attempt.set_up[0].first_packet_id, under.first_packet_id] if attempt.set_up else []
        if asked is not None:
            steps.append(asked)
            named += [asked.first_packet_id, asked.response_end_packet_id or asked.request_end_packet_id]
        else:
            named += [under.first_packet_id, under.last_packet_id]
        packets += [one for one in named if one is not None]
        for row in attempt.beside:
            connections[row.connection_id] = None
        connections[under.connection_id] = None
    packets += [span.first_packet_id for _, spans in waited for span in spans if span.first_packet_id is not None]
    return Call._make((
        call_id,
        None,
        draft.service,
        draft.operation,
        sdk if sdk is not None else next((step.sdk for step in steps if step.sdk), None),
        start,
        end,
        end - start,
        number,
        ok,
        error,
        *sums,
        _stalls(draft, start, end),
        wait_stall,
        network,
        server,
        exchange is not None and not final.set_up,
        draft.truncated,
        connection.connection_id,
        connection.client_address,
        connection.client_port,
        min(packets),
        max(packets),
        draft.evidence,
        table,
        status,
        tuple([step.exchange_id for step in steps]),
        tuple(connections),
    ))  # fmt: skip


def _wait_parts(exchange: Exchange, wait: DurationNs, draft: Draft) -> tuple[DurationNs | None, DurationNs | None, DurationNs | None]:
    """Return stall, network and server of the call's `wait`; of several waits their sums. Parts that do not add up to it say nothing."""
    stall, network, server = exchange.wait_stall_ns, exchange.network_ns, exchange.server_ns
    steps = [one.exchange for one in draft.attempts if not one.failed and one.exchange is not None]
    if len(steps) > 1:
        parts = [(one.wait_stall_ns, one.network_ns, one.server_ns) for one in steps]
        if any(value is None for part in parts for value in part):
            return None, None, None
        stall, network, server = (sum(part[index] or 0 for part in parts) for index in range(3))
    if stall is None or network is None or server is None:
        return (min(stall, wait) if stall is not None else None), None, None
    rest = wait - stall - network - server
    if rest and exchange.head_end_ns is not None and exchange.body_start_ns is not None:
        # The wait for 100 Continue: one round trip, and the server's time.
        extra = min(rest, network)
        network, server, rest = network + extra, server + rest - extra, 0
    return (stall, network, server) if rest == 0 and min(stall, network, server) >= 0 else (min(stall, wait), None, None)


def _stalls(draft: Draft, start: TimeNs, end: TimeNs) -> DurationNs | None:
    """Return the time in which the call's progress waited for a repair; overlaps count once. None where nothing is known of any attempt."""
    known = False
    found = []
    for attempt in draft.attempts:
        if attempt.set_up or attempt.exchange is None:
            waiting = [(row.syn_ns, row.syn_stall_ns) for row in (*attempt.beside, attempt.connection)]
            found += [(syn, syn + stall) for syn, stall in waiting if syn is not None and stall]
        exchange = attempt.exchange
        if exchange is None:
            continue
        known = known or exchange.stall_ns is not None
        found += [(stall.start_ns, stall.end_ns) for stall in exchange.stalls]
    if not found:
        return 0 if known else None
    return covered([(max(a, start), min(b, end)) for a, b in found])
