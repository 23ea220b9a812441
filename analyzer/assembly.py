"""Rows put together from what several stages say of the same thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from analyzer.model.http import About, HttpExchange
from analyzer.model.rows import Connection, Exchange
from analyzer.units import SECOND, DurationNs, TimeNs

Wait: TypeAlias = tuple[DurationNs | None, DurationNs | None, DurationNs | None, DurationNs | None]
"""wait_stall_ns, network_ns, server_ns and stall_ns of an exchange."""
SET_UP_BELONGS_NS: DurationNs = SECOND
"""A connection's set-up belongs to its first exchange if the request begins within this time."""


def outcome(raw: HttpExchange) -> str:
    """Name how an exchange ended; the words are those of the output contract."""
    if raw.request is None or raw.request_start is None:
        return "cut"
    if raw.response is None:
        return "no-response"
    if not raw.response_complete:
        return "cut"
    if not raw.received:
        return "undelivered"
    return "error" if raw.response.status >= 400 else "ok"


def exchange_row(raw: HttpExchange, about: About, wait: Wait) -> Exchange:
    """Make the row of an exchange from what HTTP read, what AWS recognised and how the wait splits.

    By position, and past the named tuple's own constructor: this runs a million times.
    """
    request, response = raw.request, raw.response
    start, end, first, last = raw.request_start, raw.request_end, raw.response_start, raw.response_end
    start_ns = None if start is None else start[0]
    idle = None
    if raw.previous_end_ns is not None and start_ns is not None and start_ns >= raw.previous_end_ns:
        idle = start_ns - raw.previous_end_ns
    target, host, service, _, operation, error_type, request_id, invocation_id, attempt, sdk, sdk_version, *items = about
    return Exchange._make((
        raw.exchange_id,
        raw.link.connection_id,
        None,
        None,
        raw.index,
        idle,
        None if request is None else request.method,
        target,
        host,
        raw.request_version,
        service,
        operation,
        None if response is None else response.status,
        error_type,
        request_id,
        invocation_id,
        attempt,
        sdk,
        sdk_version,
        start_ns,
        None if end is None else end[0],
        None if first is None else first[0],
        None if last is None else last[0],
        raw.request_bytes,
        raw.response_bytes,
        *wait,
        "measured",
        raw.request_packet,
        raw.response_packet,
        outcome(raw),
        *items,  # table, count, scanned count, has more
        start[1] if start is not None else first[1] if first is not None else None,
        ",".join(map(str, raw.interim)) or None if raw.interim else None,
        raw.closes,
    ))  # fmt: skip


class Traffic(NamedTuple):
    """What the first exchange of a connection says of it."""

    first_request_ns: TimeNs | None
    host: str | None
    service: str | None
    region: str | None


def connection_rows(
    rows: Iterable[Connection],
    traffic: Mapping[int, Traffic],
    counts: Mapping[int, int],
    name_of: Callable[[str], str | None],
    service_of: Callable[[Connection, str | None], tuple[str | None, str | None]],
) -> list[Connection]:
    """Add names, services and exchanges to the connections."""
    rows = list(rows)
    names: dict[tuple[str, int], str] = {}
    for row in rows:
        known = traffic.get(row.connection_id)
        if known is not None and known.host:
            names.setdefault((row.server_address, row.server_port), known.host)
    out = []
    for row in rows:
        known = traffic.get(row.connection_id)
        host = known.host if known is not None else None
        called = host or names.get((row.server_address, row.server_port)) or name_of(row.server_address)
        told = known is not None and known.service is not None
        service, region = (known.service, known.region) if known is not None and told else service_of(row, called)
        first = known.first_request_ns if known is not None else None
        ahead = first is not None and row.established_ns is not None and first - row.established_ns > SET_UP_BELONGS_NS
        out.append(
            row._replace(server_name=called, service=service, region=region, opened_ahead=ahead, exchanges=counts.get(row.connection_id, 0))
        )
    return out
