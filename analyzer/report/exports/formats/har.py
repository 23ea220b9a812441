"""HAR 1.2 (HTTP Archive): what the network panels of browsers and a hundred tools read.

An entry is one request of a call, or one connection of a call that never came to a request (status 0, as browsers write it). `time` and
`timings` are its share of the call: what the call did before (credentials, back-off, its own time) is `blocked`, so that the entries of a
call follow each other without gaps and add up to its duration. Each call is a page, to which its entries refer.

Rules that other exporters broke are kept (HAR 1.2, ahmadnassri/har-spec): `ssl` is part of `connect` and not added again; what does not
apply is -1, on a reused connection `dns`, `connect` and `ssl`; `send`, `wait` and `receive` are never negative, nothing is null; our own
fields begin with `_`. Of headers only those are there whose value a table holds, and of bodies nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from analyzer.model.analysis import SCHEMA, Analysis
from analyzer.model.rows import Call, Connection, Exchange
from analyzer.report.document import analyzer_version
from analyzer.report.exports.format import Document
from analyzer.report.exports.tries import GAPS, Lone, Rows, Try, doing
from analyzer.report.exports.words import call_title, fault_of, fault_of_exchange, iso, url_of, version_of
from analyzer.report.text import plain
from analyzer.units import DurationNs

COMMENT = (
    "Made from a packet capture. An entry's time is its share of the call that it belongs to (its page): blocked is what the call did "
    "before the request: waiting for credentials, back-off, its own time. Fields that begin with _ are not HAR's; response headers that "
    "begin with _ were not on the wire, they show what the call was where a viewer has columns for headers only."
)
MOST_PARAMETERS = 100
"""Query parameters that are listed; the URL holds all."""
UNKNOWN = -1
"""HAR's word for what does not apply, or is not known."""
_ENCODE = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def render(analysis: Analysis, lines: bool = False) -> Iterator[str]:
    """Yield a HAR document in pieces, an entry a line, sorted by their start."""
    del lines
    rows = Rows(analysis)
    creator = {"name": "analyzer", "version": analyzer_version()}
    head = {"version": "1.2", "creator": creator, "comment": COMMENT, "_schema": SCHEMA}
    yield f'{{"log":{_ENCODE(head)[:-1]},\n"pages":['
    before = "\n"
    for call in rows.calls():
        yield before + _ENCODE(_page(call))
        before = ",\n"
    yield '],\n"entries":['
    before = "\n"
    for one in rows.in_order():
        yield before + _ENCODE(_entry(one) if isinstance(one, Try) else _lone(one))
        before = ",\n"
    yield "]}}\n"


def _page(call: Call) -> dict[str, Any]:
    times = {"onContentLoad": UNKNOWN, "onLoad": _ms(call.duration_ns)}
    return {
        "startedDateTime": iso(call.start_ns), "id": _page_id(call), "title": call_title(call), "pageTimings": times,
        "_call": call.call_id, "_durationNs": call.duration_ns,
    }  # fmt: skip


def _page_id(call: Call) -> str:
    return f"call_{call.call_id}"


def _entry(one: Try) -> dict[str, Any]:
    call, exchange = one.call, one.exchange
    fault = fault_of(one)
    made = _common(one.connection, exchange, fault, _shown(call, one.attempt, exchange))
    about: dict[str, Any] = {
        "startedDateTime": iso(one.start_ns),
        "time": _ms(one.duration_ns),
        "pageref": _page_id(call),
        "timings": _timings(one),
        "comment": call_title(call) + (f" (attempt {one.attempt})" if one.attempt is not None and call.attempts > 1 else ""),
        "_call": call.call_id,
        "_chain": call.chain_id,
        "_attempt": one.attempt,
        "_attempts": call.attempts,
        "_service": call.service and plain(call.service),
        "_operation": call.operation and plain(call.operation),
        "_sdk": call.sdk and plain(call.sdk),
        "_ok": call.ok,
        "_truncated": call.truncated,
        "_durationNs": one.duration_ns,
        "_phases": {f"{phase}_ns": took for phase, took in one.spent().items()},
        "_spans": [
            {
                "phase": span.phase, "inner_phase": span.inner_phase, "duration_ns": span.end_ns - span.start_ns,
                "causes": list(map(plain, span.causes)), "dialogue_id": span.dialogue_id, "shared": span.shared,
                "frames": [span.first_packet_id, span.last_packet_id],
            }
            for span in one.spans
        ],
        "_causes": list(map(plain, one.causes())),
    }  # fmt: skip
    return about | made


def _lone(one: Lone) -> dict[str, Any]:
    parts, exchange = one.parts, one.exchange
    comment = "part of no call" if one.beside is None else f"beside {call_title(one.beside)}, and no part of its time"
    made = _common(one.connection, exchange, fault_of_exchange(exchange), _shown(None, exchange.attempt, exchange))
    connect = _ms(parts.connect_ns) if parts.connect_ns is not None else UNKNOWN
    timings = {
        "blocked": _ms(parts.client_ns) if parts.client_ns else UNKNOWN, "dns": UNKNOWN, "connect": connect, "ssl": UNKNOWN,
        "send": _ms(parts.send_ns), "wait": _ms(parts.wait_ns), "receive": _ms(parts.receive_ns),
    }  # fmt: skip
    about: dict[str, Any] = {
        "startedDateTime": iso(parts.start_ns), "time": _ms(parts.total_ns), "timings": timings, "comment": comment,
        "_call": None, "_beside": one.beside.call_id if one.beside is not None else None, "_durationNs": parts.total_ns,
    }  # fmt: skip
    return about | made


def _common(connection: Connection | None, exchange: Exchange | None, fault: str | None, shown: list[dict[str, str]]) -> dict[str, Any]:
    """Return what entries of calls and of lone requests have in common."""
    made: dict[str, Any] = {
        "request": _request(connection, exchange),
        "response": _response(exchange, fault, shown),
        "cache": {},
        "_resourceType": "fetch",
    }
    if connection is not None:
        made |= {
            "serverIPAddress": connection.server_address,
            "connection": str(connection.connection_id),
            "_tcpStream": connection.connection_id,
            "_client": {"address": connection.client_address, "port": connection.client_port},
            "_serverPort": connection.server_port,
        }
    if exchange is not None:
        made |= {
            "_exchange": exchange.exchange_id,
            "_outcome": exchange.outcome,
            "_evidence": exchange.evidence,
            "_errorType": exchange.error_type and plain(exchange.error_type),
            "_table": exchange.table_name and plain(exchange.table_name),
            "_frames": {
                "request": [exchange.first_packet_id, exchange.request_packet_id],
                "response": [exchange.response_start_packet_id, exchange.response_packet_id],
            },
            "_components": {
                "wait_stall_ns": exchange.wait_stall_ns, "network_ns": exchange.network_ns, "server_ns": exchange.server_ns,
                "stall_ns": exchange.stall_ns,
            },
        }  # fmt: skip
    return made


def _timings(one: Try) -> dict[str, float | int]:
    """Return the time of each span under the name that HAR has for it."""
    sums: dict[str, DurationNs] = {}
    for span in one.spans:
        what = doing(span)
        name = "blocked" if what in GAPS else "ssl" if what == "tls" else what
        sums[name] = sums.get(name, 0) + span.end_ns - span.start_ns
    ssl = sums.get("ssl")
    if ssl is not None:
        sums["connect"] = sums.get("connect", 0) + ssl
    optional = {name: _ms(sums[name]) if name in sums else UNKNOWN for name in ("blocked", "dns", "connect", "ssl")}
    return optional | {name: _ms(sums.get(name, 0)) for name in ("send", "wait", "receive")}


def _request(connection: Connection | None, exchange: Exchange | None) -> dict[str, Any]:
    url = url_of(connection, exchange) if connection is not None else "http://unknown/"
    query = parse_qsl(url.partition("?")[2][:8192], keep_blank_values=True)[:MOST_PARAMETERS]
    headers = [] if exchange is None else [("host", exchange.host), ("amz-sdk-invocation-id", exchange.invocation_id)]
    size = exchange.request_bytes if exchange is not None else 0
    return {
        "method": plain(exchange.method) if exchange is not None and exchange.method else "",
        "url": url,
        "httpVersion": version_of(exchange),
        "cookies": [],
        "headers": _headers(headers),
        "queryString": [{"name": plain(name), "value": plain(value)} for name, value in query],
        "headersSize": UNKNOWN,
        "bodySize": UNKNOWN,
        "_bytes": size,
    }


def _response(exchange: Exchange | None, fault: str | None, shown: list[dict[str, str]]) -> dict[str, Any]:
    status = (exchange.status if exchange is not None else None) or 0
    size = exchange.response_bytes if exchange is not None else 0
    known = [("x-amzn-requestid", exchange.aws_request_id)] if exchange is not None else []
    made = {
        "status": status,
        "statusText": _PHRASES.get(status, ""),
        "httpVersion": version_of(exchange),
        "cookies": [],
        "headers": _headers(known) + shown,
        "content": {"size": 0, "mimeType": "x-unknown", "comment": "bodies are not kept"},
        "redirectURL": "",
        "headersSize": UNKNOWN,
        "bodySize": UNKNOWN,
        "_transferSize": size,
        "_bytes": size,
    }
    if fault is not None and not status:
        made["_error"] = fault
    return made


def _headers(known: list[tuple[str, str | None]]) -> list[dict[str, str]]:
    return [{"name": name, "value": plain(value)} for name, value in known if value]


def _shown(call: Call | None, attempt: int | None, exchange: Exchange | None) -> list[dict[str, str]]:
    """Return what a viewer shows in columns of its own: it has no others than those of response headers."""
    operation = call.operation if call is not None else exchange.operation if exchange is not None else None
    return _headers([
        ("_operation", operation),
        ("_call", str(call.call_id) if call is not None else None),
        ("_attempt", str(attempt) if attempt is not None else None),
        ("_error", exchange.error_type if exchange is not None else None),
    ])  # fmt: skip


def _ms(duration: DurationNs) -> float | int:
    """Return milliseconds: a double holds nanoseconds of up to a hundred days exactly in six decimals."""
    whole, rest = divmod(duration, 1_000_000)
    return duration / 1_000_000 if rest else whole


FORMAT = Document("har", (".har",), "HAR 1.2: network panels of Chrome, Edge and Firefox, HAR viewers", render)
