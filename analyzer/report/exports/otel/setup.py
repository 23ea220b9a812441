"""Setting up connections as OpenTelemetry spans: name lookup, TCP and TLS, in a trace of their own (as .NET does it)."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.model.rows import Connection, Handshake, Lookup
from analyzer.report.exports.otel import conventions as names
from analyzer.report.exports.otel.facts import about_connection, known, resource_of
from analyzer.report.exports.otel.model import Ids, Trace, Traced, Value
from analyzer.report.exports.tries import Rows
from analyzer.report.exports.words import bracketed
from analyzer.report.text import plain
from analyzer.units import TimeNs


def set_ups(rows: Rows, ids: Ids) -> Iterator[Trace]:
    """Yield the set-up of each connection whose SYN was captured, copies of others left out."""
    shaken = {row.connection_id: row for row in rows.analysis.handshakes}
    asked: dict[int, list[Lookup]] = {}
    for lookup in rows.analysis.lookups:
        for number in lookup.connection_ids:
            asked.setdefault(number, []).append(lookup)
    for row in rows.analysis.connections:
        if row.syn_ns is not None and row.copy_of is None:
            yield _set_up(row, row.syn_ns, asked.get(row.connection_id, []), shaken.get(row.connection_id), ids)


def _set_up(row: Connection, syn: TimeNs, lookups: list[Lookup], shaken: Handshake | None, ids: Ids) -> Trace:
    number = row.connection_id
    trace, root = ids.trace("connection", number), ids.span("connection", number)
    about = about_connection(row)
    name = plain(row.server_name or bracketed(row.server_address))
    below = [_lookup(one, trace, root, ids.span("connection", number, f"dns {one.lookup_id}")) for one in lookups if one.start_ns <= syn]
    opened, fault = _opened(row)
    where = f"{bracketed(row.server_address)}:{row.server_port}"
    wire: dict[str, Value | None] = {
        "syn_retransmissions": row.syn_retransmissions or None, "first_packet_id": row.first_packet_id,
        "established_packet_id": row.established_packet_id, "min_rtt_ns": row.min_rtt_ns, "opened_ahead": row.opened_ahead,
        "retransmissions": row.retransmissions, "closed_by": row.closed_by,
    }  # fmt: skip
    ours = known({names.OURS + key: value for key, value in wire.items()} | {names.ERROR_TYPE: fault})
    connect = names.CONNECT_SPAN.format(where=where)
    span_id = ids.span("connection", number, "tcp")
    below.append(Traced(trace, span_id, root, connect, names.INTERNAL, syn, max(syn, opened), about | ours, error=fault))
    if shaken is not None:
        below.append(_handshake(shaken, row, trace, root, ids.span("connection", number, "tls")))
    fault = next((one.error for one in below if one.error is not None and not one.name.startswith("DNS")), None)
    start, end = min(one.start_ns for one in below), max(one.end_ns for one in below)
    whole = names.SET_UP_SPAN.format(where=f"{name}:{row.server_port}")
    attributes = about | known({names.ERROR_TYPE: fault})
    first = Traced(trace, root, None, whole, names.INTERNAL, start, end, attributes, error=fault)
    return Trace(resource_of(row.client_address, None), [first, *below])


def _opened(row: Connection) -> tuple[TimeNs, str | None]:
    """Return when the TCP handshake ended, and why it failed if it did."""
    if row.established_ns is not None:
        return row.established_ns, None
    refused = row.closed_by.endswith("reset") and row.closed_ns is not None
    if refused and row.closed_ns is not None:
        return row.closed_ns, "connection-refused"
    return (row.icmp_ns, "unreachable") if row.icmp_ns is not None else (row.last_ns, "no-connection")


def _handshake(shaken: Handshake, row: Connection, trace: int, parent: int, span_id: int) -> Traced:
    end = shaken.end_ns if shaken.end_ns is not None else max(shaken.start_ns, row.closed_ns or row.last_ns)
    fault = None if shaken.end_ns is not None else shaken.alert or "unfinished"
    version = (shaken.version or "").partition(" ")[2] or (shaken.version or "").removeprefix("TLSv") or None
    about = known({
        names.TLS_PROTOCOL_NAME: "tls" if shaken.version else None, names.TLS_PROTOCOL_VERSION: version, names.TLS_CIPHER: shaken.cipher,
        names.TLS_RESUMED: shaken.resumed, names.TLS_ESTABLISHED: shaken.end_ns is not None, names.TLS_NEXT_PROTOCOL: shaken.alpn,
        names.SERVER_ADDRESS: shaken.server_name, names.STREAM: row.connection_id, names.ERROR_TYPE: fault,
        f"{names.OURS}round_trips": shaken.round_trips, f"{names.OURS}ja4": shaken.ja4,
        f"{names.OURS}first_packet_id": shaken.first_packet_id, f"{names.OURS}last_packet_id": shaken.last_packet_id,
    })  # fmt: skip
    name = names.TLS_SPAN.format(name=plain(shaken.server_name or row.server_name or bracketed(row.server_address)))
    return Traced(trace, span_id, parent, name, names.INTERNAL, shaken.start_ns, max(end, shaken.start_ns), about, error=fault)


def lookups_alone(rows: Rows, ids: Ids) -> Iterator[Trace]:
    """Yield the lookups that led to no connection, each as a trace."""
    for row in rows.analysis.lookups:
        if not row.connection_ids:
            trace, root = ids.trace("lookup", row.lookup_id), ids.span("lookup", row.lookup_id)
            yield Trace(resource_of(row.client_address, None), [_lookup(row, trace, None, root)])


def _lookup(row: Lookup, trace: int, parent: int | None, span_id: int) -> Traced:
    fault = None if row.rcode == "NOERROR" else row.rcode or "timeout"
    about = known({
        names.DNS_QUESTION: row.name, names.DNS_ANSWERS: list(row.answers) or None, names.ERROR_TYPE: fault,
        names.PEER_ADDRESS: row.resolver, f"{names.OURS}type": row.type, f"{names.OURS}tries": row.tries,
    })  # fmt: skip
    end = max(row.start_ns, row.end_ns if row.end_ns is not None else row.start_ns)
    return Traced(
        trace, span_id, parent, names.DNS_SPAN.format(name=plain(row.name)), names.INTERNAL, row.start_ns, end, about, error=fault
    )
