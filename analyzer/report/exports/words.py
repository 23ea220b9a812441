"""Words and addresses that several exports share: absolute URLs, moments, names of calls and tries, why one failed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote

from analyzer.model.rows import Call, Connection, Exchange
from analyzer.report.calls import answer_of, name_of
from analyzer.report.exports.tries import Try
from analyzer.report.text import plain
from analyzer.units import SECOND, TimeNs, milliseconds

LAST_NS: TimeNs = 253_402_300_799_999_999_999
"""The end of the year 9999: what formats with four digits for a year can say."""
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
PORTS = {"http": 80, "https": 443}


def scheme_of(connection: Connection, exchange: Exchange | None) -> str:
    """Return https where the connection speaks TLS, http else."""
    hidden = exchange is not None and exchange.evidence in ("decrypted", "inferred")
    return "https" if hidden or connection.protocol == "tls" else "http"


def bracketed(address: str) -> str:
    """Return an address as URLs write it (RFC 3986 section 3.2.2)."""
    return f"[{address}]" if ":" in address else address


def url_of(connection: Connection, exchange: Exchange | None) -> str:
    """Return the absolute URL of a request, without a fragment, as far as it is known; of none the root of the server.

    What no URL may hold (RFC 3986) is percent-encoded; a host that is no host name gives way to the server's address.
    """
    scheme = scheme_of(connection, exchange)
    port: str | None = str(connection.server_port)
    known = exchange.host if exchange is not None else None
    if exchange is not None and exchange.target_form == "authority":
        known, scheme = exchange.target, "https"  # CONNECT names what the tunnel is for, not the proxy
    found = _HOST.fullmatch(known or "")
    if found is None:
        found = _HOST.fullmatch(connection.server_name or "") or _HOST.fullmatch(bracketed(connection.server_address))
    elif exchange is not None and exchange.target_form in ("absolute", "authority"):
        port = None  # the connection's port is that of a proxy
    name = found["name"] if found is not None else "unknown"
    port = found["port"] if found is not None and found["port"] else port
    where = name if port is None or port == str(PORTS[scheme]) else f"{name}:{port}"
    path = exchange.target if exchange is not None and exchange.target_form != "authority" else None
    path = path or "/"
    if not path.startswith("/"):
        path = f"/{path}"
    path = quote(path, safe="/?:@!$&'()*+,;=-._~%", errors="replace")
    return f"{scheme}://{where}{_LONE_PERCENT.sub('%25', path)}"


def version_of(exchange: Exchange | None) -> str:
    """Return the protocol of a request as HTTP writes it (`HTTP/1.1`); empty where nobody can read it."""
    version = exchange.http_version if exchange is not None else None
    return f"HTTP/{plain(version)}" if version else ""


def iso(time: TimeNs) -> str:
    """Return a time as ISO 8601 in UTC with nine digits; years that it cannot say become the nearest that it can."""
    time = max(0, min(time, LAST_NS))
    return f"{datetime.fromtimestamp(time // SECOND, UTC):%Y-%m-%dT%H:%M:%S}.{time % SECOND:09d}Z"


def call_title(call: Call) -> str:
    """Name a call with its number, duration and end: `call 3: Query 45.2 ms, ThrottlingException`."""
    parts = [f"call {call.call_id}: {plain(name_of(call))} {milliseconds(call.duration_ns)} ms"]
    if call.attempts > 1:
        parts.append(f"{call.attempts} attempts")
    if call.ok is False:
        parts.append(plain(answer_of(call)))
    if call.truncated:
        parts.append(f"truncated at {call.truncated}")
    return ", ".join(parts)


def fault_of(one: Try) -> str | None:
    """Say why a try got no answer that counts, in a word; None where it got one."""
    exchange = one.exchange
    if exchange is None:
        connection = one.connection
        closed = connection.closed_by if connection is not None else ""
        if connection is not None and connection.established_ns is not None:
            return "given-up" if not closed.endswith("reset") else "connection-reset"
        refused = closed.endswith("reset")
        return "connection-refused" if refused else "unreachable" if connection is not None and connection.icmp_errors else "no-connection"
    return fault_of_exchange(exchange)


def fault_of_exchange(exchange: Exchange) -> str | None:
    """Say why an exchange brought no good answer: its error type, its status where that is an error, or its outcome."""
    if exchange.outcome in ("no-response", "undelivered", "cut"):
        return exchange.outcome
    if exchange.outcome == "error":
        if exchange.error_type is not None:
            return plain(exchange.error_type)
        return str(exchange.status) if exchange.status is not None else "error"
    return None
