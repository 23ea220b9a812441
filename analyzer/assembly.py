"""Rows put together from what several stages say of the same thing."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from analyzer.model.capture import CaptureInfo
from analyzer.model.http import About, HttpExchange
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Handshake, Held, Stall
from analyzer.units import SECOND, DurationNs, TimeNs

Wait: TypeAlias = tuple[DurationNs | None, DurationNs | None, DurationNs | None, DurationNs | None, tuple[Stall, ...], tuple[Held, ...]]
"""wait_stall_ns, network_ns, server_ns, stall_ns, stalls and held of an exchange."""
SET_UP_BELONGS_NS: Final[DurationNs] = SECOND
"""A connection's set-up belongs to its first exchange if the request begins within this time."""
MOST_NAMED: Final = 10
"""Connections that a note names."""
NO_COPIES: Mapping[int, int] = MappingProxyType({})
NO_HANDSHAKES: Mapping[int, Handshake] = MappingProxyType({})
_CALL: Final = Exchange._fields.index("call_id")
_NAMES: Final = Connection._fields.index("server_name")
_NAMES_END: Final = Connection._fields.index("region") + 1
_USE: Final = Connection._fields.index("opened_ahead")
_USE_END: Final = Connection._fields.index("exchanges") + 1
"""Where `connection_rows` fills in server_name, service and region, and opened_ahead, copy_of and exchanges."""


def outcome(raw: HttpExchange) -> str:
    """Name how an exchange ended; the words are those of the output contract."""
    unread = raw.evidence == "inferred"
    if raw.request_start is None or (raw.request is None and not unread):
        return "cut"
    if raw.response_start is None if unread else raw.response is None:
        return "no-response"
    if not raw.response_complete:
        return "cut"
    if not raw.received:
        return "undelivered"
    return "error" if raw.response is not None and raw.response.status >= 400 else "ok"


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
    (
        target,
        host,
        service,
        _,
        operation,
        error_type,
        request_id,
        invocation_id,
        attempt,
        sdk,
        sdk_version,
        table,
        count,
        scanned,
        more,
        imds,
        continues,
        retry_mode,
        unprocessed,
    ) = about
    wait_stall, network, server, stall, stalls, held = wait
    return tuple.__new__(Exchange, (
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
        wait_stall,
        network,
        server,
        stall,
        raw.evidence,
        raw.request_packet,
        raw.response_packet,
        outcome(raw),
        table,
        count,
        scanned,
        more,
        start[1] if start is not None else first[1] if first is not None else None,
        ",".join(map(str, raw.interim)) or None if raw.interim else None,
        raw.closes,
        imds,
        None if start is None else raw.request_acknowledged,
        raw.request_repeats,
        raw.response_repeats,
        raw.response_ttl,
        raw.head_end_ns,
        raw.body_start_ns,
        None if first is None else first[1],
        None if end is None else end[1],
        None if last is None else last[1],
        continues,
        stalls,
        held,
        retry_mode,
        unprocessed,
        None if request is None else "origin" if request.target[:1] == b"/" else _form(request.target),
        0,
    ))  # fmt: skip


def _form(target: bytes) -> str:
    """Name the form of a request's target that is no path (RFC 9112 section 3.2)."""
    return "asterisk" if target == b"*" else "absolute" if b"://" in target[:9] else "authority"


def with_calls(exchanges: list[Exchange], calls: Iterable[Call]) -> list[Exchange]:
    """Return the exchanges, each with the id of its call."""
    of = {number: call.call_id for call in calls for number in call.exchange_ids}
    make = tuple.__new__
    out: list[Exchange] = []
    for row in exchanges:
        call_id = of.get(row[0])
        if call_id is not None:
            cells: list[Any] = list(row)  # by slices of the row, compiled code would take each number of it apart
            cells[_CALL] = call_id
            row = make(Exchange, cells)
        out.append(row)
    return out


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
    copies: Mapping[int, int] = NO_COPIES,
    handshakes: Mapping[int, Handshake] = NO_HANDSHAKES,
    names: dict[tuple[str, int], str] | None = None,
) -> list[Connection]:
    """Add names, services, exchanges and, from `copies`, the connection that each is a translated copy of.

    A list of rows is filled in place, so that there are never twice as many rows as connections.

    The set-up of a connection ends with its handshake, where there is one in `handshakes`. `names` are those by which servers are known
    from connections that are not among the rows; those of the rows are added. `service_of` is asked once for each server: what it tells
    of a row must rest on the server's address, port and name.
    """
    rows = rows if isinstance(rows, list) else list(rows)
    names = {} if names is None else names
    hosts: list[str | None] = []
    for row in rows:
        known, shaken = traffic.get(row.connection_id), handshakes.get(row.connection_id)
        host = (shaken.server_name if shaken is not None else None) or (known.host if known is not None else None)
        hosts.append(host)
        if host:
            names.setdefault((row.server_address, row.server_port), host)
    name_of = cache(name_of)  # the servers are few
    places: dict[tuple[str, int, str | None], tuple[str | None, str | None]] = {}
    make = tuple.__new__
    for index, host in enumerate(hosts):
        row = rows[index]
        number, server, established = row.connection_id, (row.server_address, row.server_port), row.established_ns
        known, shaken = traffic.get(number), handshakes.get(number)
        called = host or names.get(server) or name_of(row.server_address)
        first = None
        place: tuple[str | None, str | None] | None = None
        if known is not None:
            first = known.first_request_ns
            if known.service is not None:
                place = known.service, known.region
        if place is None:
            place = places.get((*server, called))
            if place is None:
                place = places[(*server, called)] = service_of(row, called)
        ready = shaken.end_ns if shaken is not None and shaken.end_ns is not None else established
        ahead = first is not None and established is not None and ready is not None and first - ready > SET_UP_BELONGS_NS
        use = ahead, copies.get(number), counts.get(number, 0)
        filled = row[:_NAMES] + (called, place[0], place[1]) + row[_NAMES_END:_USE] + use + row[_USE_END:]  # noqa: RUF005 - half the time
        rows[index] = make(Connection, filled)
    return rows


def with_sdks(exchanges: Iterable[Exchange], handshakes: Mapping[int, Handshake], by_hello: Callable[[str], str | None]) -> list[Exchange]:
    """Return the exchanges, each inferred one with a service with the SDK, or family of SDKs, that its ClientHello shows."""
    told = {number: by_hello(row.ja4) for number, row in handshakes.items() if row.ja4 is not None}
    if not any(told.values()):
        return list(exchanges)
    make, at = tuple.__new__, Exchange._fields.index("sdk")
    return [
        make(Exchange, (*row[:at], told.get(row.connection_id), *row[at + 1 :]))
        if row.evidence == "inferred" and row.service is not None and row.sdk is None
        else row
        for row in exchanges
    ]


def with_services(exchanges: Iterable[Exchange], connections: Iterable[Connection]) -> list[Exchange]:
    """Return the exchanges, each inferred one without a service with that of its connection, which may have been named only later."""
    services = {row.connection_id: row.service for row in connections if row.service is not None}
    return [
        row._replace(service=services[row.connection_id])
        if row.service is None and row.evidence == "inferred" and row.connection_id in services
        else row
        for row in exchanges
    ]


def mark_copies(exchanges: Iterable[Exchange], copies: Mapping[int, int]) -> list[Exchange]:
    """Return the exchanges, each on a copied connection with the connection that it is a copy of."""
    if not copies:
        return list(exchanges)
    return [row._replace(copy_of=copies[row.connection_id]) if row.connection_id in copies else row for row in exchanges]


def note_opaque(info: CaptureInfo, opaque: Mapping[str, Sequence[tuple[int, str]]], emit: Callable[[Anomaly], None]) -> None:
    """Say which encrypted connections keys were given for in vain: `opaque` names them by reason, each with what was the matter."""
    for why, found in opaque.items():
        numbers = [number for number, _ in found]
        listed = ", ".join(map(str, numbers[:MOST_NAMED])) + (f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else "")
        connections = "connection" if len(numbers) == 1 else "connections"
        info.notes.append(f"not decrypted: {connections} {listed} ({why}); what was said there is inferred from sizes and times")
        for number, what in found:
            emit(Anomaly("not-decrypted", None, number, f"{why}: {what}" if what else why))


def join_one_way(exchanges: Iterable[Exchange], pairs: Mapping[int, int], unfinished: Container[int] = ()) -> list[Exchange]:
    """Return the exchanges, in the same order, with those joined whose request and answer were captured as two connections.

    NAT before the capture point translates one direction only. `pairs` names for each connection with only the client's packets the one
    with only the server's; `unfinished` holds the ids of answers that began and did not end, which the row of an answer without its
    request does not tell. The joined row is the request's with what the answer says, and `inferred`; the answer's row stays and gets
    `copy_of`, so that it makes no call.
    """
    rows = list(exchanges)
    if not pairs:
        return rows
    of_answers = {answers: requests for requests, answers in pairs.items()}
    asked: dict[int, list[int]] = {}
    answered: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        if row.connection_id in pairs and row.request_start_ns is not None and row.response_start_ns is None:
            asked.setdefault(row.connection_id, []).append(index)
        elif row.connection_id in of_answers and row.response_start_ns is not None and row.request_start_ns is None:
            answered.setdefault(of_answers[row.connection_id], []).append(index)
    for connection, answers in answered.items():
        requests = asked.get(connection, [])
        previous = None
        for request, answer in _couples(rows, requests, answers):
            rows[request] = previous = _joined(rows[request], rows[answer], previous, finished=rows[answer].exchange_id not in unfinished)
        for index in answers:
            rows[index] = rows[index]._replace(copy_of=connection)
    return rows


def _couples(rows: list[Exchange], requests: list[int], answers: list[int]) -> list[tuple[int, int]]:
    """Pair requests with answers by order, where each answer then follows its request; else each answer with the last request before it."""
    couples = list(zip(requests, answers, strict=False))
    if len(requests) == len(answers) and all(_follows(rows[answer], rows[request]) for request, answer in couples):
        return couples
    couples = []
    at = 0
    for answer in answers:
        latest = None
        while at < len(requests) and _follows(rows[answer], rows[requests[at]]):
            latest = requests[at]
            at += 1
        if latest is not None:
            couples.append((latest, answer))
    return couples


def _follows(answer: Exchange, request: Exchange) -> bool:
    first, asked = answer.response_start_ns, request.request_start_ns
    return first is not None and asked is not None and first >= asked


def _joined(request: Exchange, answer: Exchange, previous: Exchange | None, *, finished: bool) -> Exchange:
    idle = None
    if previous is not None and previous.response_end_ns is not None and request.request_start_ns is not None:
        idle = request.request_start_ns - previous.response_end_ns
    good = answer.status is not None and answer.status < 400
    return request._replace(
        idle_before_ns=idle if idle is None or idle >= 0 else None,
        status=answer.status,
        error_type=answer.error_type,
        aws_request_id=answer.aws_request_id,
        response_start_ns=answer.response_start_ns,
        response_end_ns=answer.response_end_ns,
        response_bytes=answer.response_bytes,
        evidence="inferred",
        response_packet_id=answer.response_packet_id,
        response_start_packet_id=answer.response_start_packet_id,
        response_end_packet_id=answer.response_end_packet_id,
        outcome="cut" if not finished else "ok" if good else "error",
        count=answer.count,
        scanned_count=answer.scanned_count,
        has_more=answer.has_more,
        unprocessed=answer.unprocessed,
        interim=answer.interim,
        closes="both" if request.closes and answer.closes else request.closes or answer.closes,
        request_acknowledged=True,
        response_repeats=answer.response_repeats,
        response_ttl=answer.response_ttl,
    )
