"""An answer as OpenTelemetry spans, whatever carries them: a file, or an exporter.

A call is a trace of its own: a client span, below it a client span for each try (HTTP), and below both an internal span for each span of
the ledger, so that the spans of phases in a trace add up to its root. A dialogue with a credential endpoint is a call too; the
`credentials` spans of a call that waited for it link to it. Setting up a connection is a trace of its own, to which each try on that
connection links: it may begin before the request, and is shared by later ones. Ids are hashes of the capture and the row: two runs give
the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Span
from analyzer.report.calls import answer_of
from analyzer.report.exports.otel import conventions as names
from analyzer.report.exports.otel.facts import about_call, about_exchange, about_span, call_name, known, resource_of
from analyzer.report.exports.otel.model import Event, Ids, Link, Trace, Traced
from analyzer.report.exports.otel.setup import lookups_alone, set_ups
from analyzer.report.exports.tries import Lone, Rows, doing
from analyzer.report.exports.words import fault_of, fault_of_exchange
from analyzer.report.text import plain
from analyzer.units import DurationNs, TimeNs

_STALLS = {"request-repeated": "tcp.retransmission", "response-hole": "tcp.lost_segment", "zero-window": "tcp.zero_window"}


def traces(analysis: Analysis) -> Iterator[Trace]:
    """Yield the traces of an answer: set-up of connections, calls with dialogues, and requests that belong to no call."""
    rows, ids = Rows(analysis), Ids(analysis)
    yield from set_ups(rows, ids)
    yield from lookups_alone(rows, ids)
    for call in rows.calls():
        yield _of_call(call, rows, ids)
    for one in rows.lone():
        yield _of_lone(one, ids)


def _of_call(call: Call, rows: Rows, ids: Ids) -> Trace:
    trace, root = ids.trace("call", call.call_id), ids.span("call", call.call_id)
    tries = rows.tries(call)
    last = next((one.exchange for one in reversed(tries) if one.exchange is not None), None)
    under = rows.connections.get(call.connection_id) if call.connection_id is not None else None
    error = plain(answer_of(call)) if call.ok is False else None
    made = [
        Traced(
            trace, root, None, call_name(call), names.CLIENT, call.start_ns, call.end_ns, about_call(call, under, last, error),
            error=error,
        )
    ]  # fmt: skip
    for number, one in enumerate(tries):
        own = one.own
        made += (_phase(span, span.phase, trace, root, ids) for span in one.around)
        if not own:
            continue
        span_id = ids.span("call", call.call_id, f"try {number}")
        attributes, fault = about_exchange(one.exchange, one.connection), fault_of(one)
        attributes = {**attributes, **known({f"{names.OURS}call_id": call.call_id, f"{names.OURS}attempt": one.attempt})}
        if one.attempt is not None and one.attempt > 1:
            attributes[names.RESEND_COUNT] = one.attempt - 1
        if fault is not None:
            attributes[names.ERROR_TYPE] = fault
        made.append(
            Traced(
                trace, span_id, root, _request_name(one.exchange), names.CLIENT, own[0].start_ns, own[-1].end_ns, attributes,
                _events(one.exchange, one.connection, own[0].start_ns, own[-1].end_ns), _to_set_up(one.connection, ids), fault,
            )
        )  # fmt: skip
        made += (_phase(span, doing(span), trace, span_id, ids) for span in own)
    made += (_beside(other, trace, root, ids) for other in rows.beside(call, tries))
    return Trace(resource_of(call.client_address, call.sdk), made)


def _beside(one: Lone, trace: int, parent: int, ids: Ids) -> Traced:
    """Return the span of a request that ran beside what its call waited for: it has no phases."""
    start, end, fault = one.parts.start_ns, one.parts.start_ns + one.parts.total_ns, fault_of_exchange(one.exchange)
    attributes = {**about_exchange(one.exchange, one.connection), f"{names.OURS}beside": True}
    if fault is not None:
        attributes[names.ERROR_TYPE] = fault
    return Traced(
        trace, ids.span("exchange", one.exchange.exchange_id, "beside"), parent, _request_name(one.exchange), names.CLIENT, start, end,
        attributes, _events(one.exchange, one.connection, start, end), _to_set_up(one.connection, ids), fault,
    )  # fmt: skip


def _of_lone(one: Lone, ids: Ids) -> Trace:
    exchange, parts = one.exchange, one.parts
    trace, root = ids.trace("exchange", exchange.exchange_id), ids.span("exchange", exchange.exchange_id)
    fault = fault_of_exchange(exchange)
    end = parts.start_ns + parts.total_ns
    attributes = about_exchange(exchange, one.connection)
    if fault is not None:
        attributes[names.ERROR_TYPE] = fault
    made = [
        Traced(
            trace, root, None, _request_name(exchange), names.CLIENT, parts.start_ns, end, attributes,
            _events(exchange, one.connection, parts.start_ns, end), _to_set_up(one.connection, ids), fault,
        )
    ]  # fmt: skip
    phases: list[tuple[str, DurationNs | None]] = [
        ("connect", parts.connect_ns), ("client", parts.client_ns), ("send", parts.send_ns), ("wait", parts.wait_ns),
        ("receive", parts.receive_ns),
    ]  # fmt: skip
    at = parts.start_ns
    for phase, took in phases:
        if took:
            span_id = ids.span("exchange", exchange.exchange_id, phase)
            made.append(Traced(trace, span_id, root, phase, names.INTERNAL, at, at + took, {f"{names.OURS}phase": phase}))
            at += took
    return Trace(resource_of(one.connection.client_address, exchange.sdk), made)


def _phase(span: Span, name: str, trace: int, parent: int, ids: Ids) -> Traced:
    links: tuple[Link, ...] = ()
    if span.dialogue_id is not None:
        links = (Link(ids.trace("call", span.dialogue_id), ids.span("call", span.dialogue_id), {f"{names.OURS}shared": span.shared}),)
    span_id = ids.span("span", span.span_id)
    return Traced(trace, span_id, parent, name, names.INTERNAL, span.start_ns, span.end_ns, about_span(span), links=links)


def _request_name(exchange: Exchange | None) -> str:
    """Return a span's name as the HTTP conventions have it: the method, HTTP where it is not known; what never became a request says so."""
    if exchange is None:
        return "connect"
    return plain(exchange.method) if exchange.method else "HTTP"


def _to_set_up(connection: Connection | None, ids: Ids) -> tuple[Link, ...]:
    if connection is None or connection.syn_ns is None or connection.copy_of is not None:
        return ()
    number = connection.connection_id
    return (Link(ids.trace("connection", number), ids.span("connection", number), {names.STREAM: number}),)


def _events(exchange: Exchange | None, connection: Connection | None, start: TimeNs, end: TimeNs) -> tuple[Event, ...]:
    """Return what stood still in an exchange, and a FIN or RST within it."""
    found = []
    for stall in exchange.stalls if exchange is not None else ():
        about = known({f"{names.OURS}stall_ns": stall.end_ns - stall.start_ns, f"{names.OURS}packet_id": stall.packet_id})
        found.append(Event(_STALLS.get(stall.kind, f"tcp.{stall.kind}"), stall.end_ns, about))
    closed = connection.closed_ns if connection is not None else None
    if connection is not None and closed is not None and start <= closed <= end:
        about = known({f"{names.OURS}packet_id": connection.closed_packet_id, f"{names.OURS}by": connection.closed_by})
        found.append(Event("tcp.reset" if connection.closed_by.endswith("reset") else "tcp.fin", closed, about))
    return tuple(sorted(found, key=lambda event: event.time_ns))
