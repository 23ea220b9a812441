"""Connections as tracks: handshakes and requests of each, what stood still, and reuse as arrows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from analyzer.model.rows import Connection, Exchange, Handshake
from analyzer.model.timing import Timing
from analyzer.report.exports.trace_events.events import Track, Tracks, facts
from analyzer.report.exports.trace_events.lanes import Lanes
from analyzer.report.exports.tries import Rows, request_times
from analyzer.report.traces import endpoint
from analyzer.units import TimeNs

CONNECTIONS = 200_000
"""Place of the first connection among the tracks of its client."""
_STALLS = {"request-repeated": "retransmission", "response-hole": "lost segment", "zero-window": "window closed"}


class Item(NamedTuple):
    """Something that a connection did for a time."""

    start_ns: TimeNs
    end_ns: TimeNs
    what: Exchange | Handshake | None
    """None is the TCP handshake."""
    parts: Timing | None


def connection_events(rows: Rows, tracks: Tracks) -> Iterator[str]:
    """Yield the connections; translated copies of others (NAT) are left out."""
    shaken = {row.connection_id: row for row in rows.analysis.handshakes}
    asked: dict[int, list[Exchange]] = {}
    for exchange in rows.analysis.exchanges:
        asked.setdefault(exchange.connection_id, []).append(exchange)
    for row in rows.analysis.connections:
        if row.copy_of is None:
            items = _items(row, asked.get(row.connection_id, []), shaken.get(row.connection_id))
            yield from _connection(row, items, tracks)


def _items(row: Connection, asked: list[Exchange], shaken: Handshake | None) -> list[Item]:
    items = []
    if row.syn_ns is not None:
        end = row.established_ns if row.established_ns is not None else row.closed_ns or row.last_ns
        items.append(Item(row.syn_ns, max(row.syn_ns, end), None, None))
    if shaken is not None:
        end = shaken.end_ns if shaken.end_ns is not None else row.closed_ns or row.last_ns
        items.append(Item(shaken.start_ns, max(shaken.start_ns, end), shaken, None))
    for exchange in asked:
        parts = request_times(exchange, row)
        if parts is not None:
            items.append(Item(parts.start_ns, parts.start_ns + parts.total_ns, exchange, parts))
    # In the order of time; what contains another thing first.
    return sorted(items, key=lambda item: (item.start_ns, -item.end_ns))


def _connection(row: Connection, items: list[Item], tracks: Tracks) -> Iterator[str]:
    number = row.connection_id
    label = f"tcp {number} → {endpoint(row)}"

    def track_of(lane: int) -> Track:
        kind = "tcp" if lane == 0 else f"tcp beside {lane}"
        return tracks.track(row.client_address, kind, number, label if lane == 0 else f"{label} (beside)", CONNECTIONS + number)

    main = track_of(0)
    start = min([row.first_ns, *(item.start_ns for item in items)])
    end = max([row.last_ns, *(item.end_ns for item in items)])
    yield tracks.slice(main, f"connection {number}", "connection", start, end, _about(row))
    lanes = Lanes()
    used = [item for item in items if isinstance(item.what, Exchange)]
    for item in items:
        track = track_of(lanes.take(item.start_ns, item.end_ns))
        if isinstance(item.what, Exchange):
            step = "s" if item is used[0] else "f" if item is used[-1] else "t"
            yield from _exchange(
                item.what, item, track, tracks, step if len(used) > 1 else None, linked=item.what.exchange_id in tracks.asked
            )
        elif item.what is None:
            about = facts(syn_retransmissions=row.syn_retransmissions, established=row.established_ns is not None)
            yield tracks.slice(track, "connect", "set-up", item.start_ns, item.end_ns, about)
        else:
            one = item.what
            about = facts(
                version=one.version, cipher=one.cipher, resumed=one.resumed, round_trips=one.round_trips, alpn=one.alpn, alert=one.alert,
                finished=one.end_ns is not None, client_ns=one.client_ns, server_ns=one.server_ns, ja4=one.ja4,
            )  # fmt: skip
            yield tracks.slice(track, "tls", "set-up", item.start_ns, item.end_ns, about)
    yield from _instants(row, used, main, tracks)


def _exchange(row: Exchange, item: Item, track: Track, tracks: Tracks, step: str | None, *, linked: bool) -> Iterator[str]:
    parts = item.parts
    assert parts is not None
    name = row.operation or " ".join(filter(None, (row.method, (row.target or "")[:80]))) or "request"
    about = facts(
        exchange=row.exchange_id, call=row.call_id, attempt=row.attempt, status=row.status, outcome=row.outcome, error=row.error_type,
        service=row.service, table=row.table_name, request_id=row.aws_request_id, request_bytes=row.request_bytes,
        response_bytes=row.response_bytes, idle_before_ns=row.idle_before_ns, evidence=row.evidence,
        frames=(row.first_packet_id, row.request_packet_id, row.response_packet_id),
    )  # fmt: skip
    yield tracks.slice(track, name, "exchange", item.start_ns, item.end_ns, about)
    # Arrows come before the phases, which may begin at the same moment.
    if linked:
        yield tracks.flow("f", track, "request", f"exchange {row.exchange_id}", item.start_ns)
    if step is not None:
        yield tracks.flow(step, track, "reuse", f"connection {row.connection_id}", item.start_ns)
    at = item.start_ns
    for phase, took in (("send", parts.send_ns), ("wait", parts.wait_ns), ("receive", parts.receive_ns)):
        if took:
            yield tracks.slice(track, phase, "phase", at, at + took, facts(duration_ns=took))
            if phase == "wait" and parts.network_ns is not None:
                inner = at
                for name_, part in (("stall", parts.stall_ns), ("network", parts.network_ns), ("server", parts.server_ns)):
                    if part:
                        yield tracks.slice(track, name_, "part", inner, inner + part, facts(duration_ns=part))
                        inner += part
        at += took


def _instants(row: Connection, used: list[Item], track: Track, tracks: Tracks) -> Iterator[str]:
    if row.syn_ns is not None and row.syn_retransmissions:
        yield tracks.instant(track, "SYN sent again", row.syn_ns + (row.syn_stall_ns or 0), facts(times=row.syn_retransmissions))
    for item in used:
        for stall in item.what.stalls if isinstance(item.what, Exchange) else ():
            about = facts(packet=stall.packet_id, stall_ns=stall.end_ns - stall.start_ns)
            yield tracks.instant(track, _STALLS.get(stall.kind, stall.kind), stall.end_ns, about)
    for closed, who in ((row.client_closed_ns, "client"), (row.server_closed_ns, "server")):
        if closed is not None:
            reset = row.closed_by.endswith("reset") and closed == row.closed_ns
            yield tracks.instant(track, f"{'RST' if reset else 'FIN or RST'} of the {who}", closed, facts(closed_by=row.closed_by))


def _about(row: Connection) -> dict[str, object]:
    return facts(
        tcp_stream=row.connection_id, client=f"{row.client_address}:{row.client_port}", server=f"{row.server_address}:{row.server_port}",
        server_name=row.server_name, service=row.service, protocol=row.protocol, exchanges=row.exchanges, min_rtt_ns=row.min_rtt_ns,
        retransmissions=row.retransmissions, bytes_sent=row.bytes_sent, bytes_received=row.bytes_received, closed_by=row.closed_by,
        opened_ahead=row.opened_ahead,
    )  # fmt: skip
