"""Rows put together from what several stages say of the same thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from analyzer.model.http import About, HttpExchange
from analyzer.model.rows import Connection, Exchange
from analyzer.units import SECOND, DurationNs, TimeNs

SET_UP_BELONGS_NS: DurationNs = SECOND
"""A connection's set-up belongs to its first exchange if the request begins within this time."""


class WaitParts(NamedTuple):
    """See `latency.Wait`."""

    wait_stall_ns: DurationNs | None
    network_ns: DurationNs | None
    server_ns: DurationNs | None
    stall_ns: DurationNs | None


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


def exchange_row(raw: HttpExchange, about: About, wait: tuple[DurationNs | None, DurationNs | None, DurationNs | None, DurationNs | None]) -> Exchange:
    """Make the row of an exchange from what HTTP read, what AWS recognised and how the wait splits. Fields by position: this runs a million times."""
    request, response = raw.request, raw.response
    start, end, first, last = raw.request_start, raw.request_end, raw.response_start, raw.response_end
    start_ns = start[0] if start is not None else None
    idle = None
    if raw.previous_end_ns is not None and start_ns is not None:
        idle = start_ns - raw.previous_end_ns
    return Exchange(
        raw.exchange_id,
        raw.link.connection_id,
        None,
        None,
        raw.index,
        idle,
        request.method if request is not None else None,
        about.target,
        about.host,
        raw.request_version,
        about.service,
        about.operation,
        response.status if response is not None else None,
        about.error_type,
        about.aws_request_id,
        about.invocation_id,
        about.attempt,
        about.sdk,
        about.sdk_version,
        start_ns,
        end[0] if end is not None else None,
        first[0] if first is not None else None,
        last[0] if last is not None else None,
        raw.request_bytes,
        raw.response_bytes,
        *wait,
        "measured",
        raw.request_packet,
        raw.response_packet,
        outcome(raw),
        about.table_name,
        about.count,
        about.scanned_count,
        about.has_more,
        start[1] if start is not None else first[1] if first is not None else None,
        ",".join(map(str, raw.interim)) or None,
        raw.closes,
    )


class Traffic(NamedTuple):
    """What the exchanges say of their connection."""

    exchanges: int
    first_request_ns: TimeNs | None
    host: str | None
    service: str | None
    region: str | None


def connection_rows(
    rows: Iterable[Connection],
    traffic: dict[int, Traffic],
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
        name = known.host if known is not None and known.host else names.get((row.server_address, row.server_port)) or name_of(row.server_address)
        service, region = (known.service, known.region) if known is not None and known.service else service_of(row, name)
        first = known.first_request_ns if known is not None else None
        ahead = first is not None and row.established_ns is not None and first - row.established_ns > SET_UP_BELONGS_NS
        out.append(
            row._replace(
                server_name=name, service=service, region=region, opened_ahead=ahead, exchanges=known.exchanges if known is not None else 0
            )
        )
    return out
