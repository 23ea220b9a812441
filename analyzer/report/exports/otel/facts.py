"""What OpenTelemetry's attributes say of calls, exchanges, connections and spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from analyzer.model.rows import Call, Connection, Exchange, Span
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.report.exports.otel import conventions as names
from analyzer.report.exports.otel.model import Value
from analyzer.report.exports.tries import PHASES
from analyzer.report.exports.words import url_of
from analyzer.report.text import plain


def known(facts: Mapping[str, Value | None]) -> dict[str, Value]:
    """Return the facts that are known, text made safe: OpenTelemetry has no null."""
    return {name: value if isinstance(value, (int, float)) else _safe(value) for name, value in facts.items() if value is not None}


def _safe(value: str | Sequence[str]) -> str | list[str]:
    return plain(value) if isinstance(value, str) else [plain(one) for one in value]


def resource_of(client: str, sdk: str | None) -> dict[str, Value]:
    """Return whose spans these are: of a client nothing is known but its address, and its SDK."""
    return known({names.SERVICE_NAME: f"{sdk or 'client'} {client}", names.HOST_IP: [client]})


def call_name(call: Call) -> str:
    """Return the name of a call's span as the AWS conventions have it: `DynamoDB.GetItem`."""
    service = names.SERVICE_IDS.get(call.service or "", call.service)
    return plain(f"{service or 'unknown'}.{call.operation}" if call.operation else f"{service or 'unknown'} call")


def about_call(call: Call, under: Connection | None, last: Exchange | None, error: str | None) -> dict[str, Value]:
    """Return the attributes of a call; `last` is its last exchange, `under` the connection of its final attempt."""
    facts: dict[str, Value | None] = {}
    service = names.SERVICE_IDS.get(call.service or "", call.service)
    if call.service is not None and call.service not in names.NO_RPC:
        facts |= {
            names.RPC_SYSTEM: names.AWS_API, names.RPC_SYSTEM_NAME: names.AWS_API, names.RPC_SERVICE: service,
            names.RPC_METHOD: call.operation,
        }  # fmt: skip
    if call.service == "dynamodb":
        facts |= {names.DB_SYSTEM: names.DYNAMODB, names.TABLE_NAMES: [call.table_name] if call.table_name else None}
    if last is not None:
        facts |= {names.AWS_REQUEST_ID: last.aws_request_id, names.COUNT: last.count, names.SCANNED_COUNT: last.scanned_count}
    if under is not None:
        facts |= {
            names.CLOUD_REGION: under.region, names.SERVER_ADDRESS: under.server_name or under.server_address,
            names.SERVER_PORT: under.server_port,
        }  # fmt: skip
    ours: dict[str, Value | None] = {
        "call_id": call.call_id, "chain_id": call.chain_id, "kind": "dialogue" if call.service in CREDENTIAL_SERVICES else "call",
        "sdk": call.sdk, "attempts": call.attempts, "reused": call.reused, "truncated": call.truncated, "evidence": call.evidence,
        "duration_ns": call.duration_ns, "stall_ns": call.stall_ns, "wait_stall_ns": call.wait_stall_ns, "network_ns": call.network_ns,
        "server_ns": call.server_ns, "first_packet_id": call.first_packet_id, "last_packet_id": call.last_packet_id,
    }  # fmt: skip
    ours |= {f"{phase}_ns": took for phase in PHASES if (took := getattr(call, f"{phase}_ns"))}
    status = {names.STATUS: call.status, names.ERROR_TYPE: error}
    return known(facts | status | {names.OURS + name: value for name, value in ours.items()})


def about_connection(row: Connection) -> dict[str, Value]:
    """Return the attributes of a connection: addresses, ports, names."""
    return known({
        names.SERVER_ADDRESS: row.server_name or row.server_address, names.SERVER_PORT: row.server_port,
        names.PEER_ADDRESS: row.server_address, names.PEER_PORT: row.server_port, names.LOCAL_ADDRESS: row.client_address,
        names.LOCAL_PORT: row.client_port, names.TRANSPORT: "tcp", names.NETWORK_TYPE: _type_of(row.server_address),
        names.STREAM: row.connection_id,
    })  # fmt: skip


def about_exchange(exchange: Exchange | None, connection: Connection | None) -> dict[str, Value]:
    """Return the attributes of an HTTP client span; of a try that never came to a request those of its connection."""
    facts = about_connection(connection) if connection is not None else {}
    if exchange is None:
        return facts
    ours: dict[str, Value | None] = {
        "exchange_id": exchange.exchange_id, "outcome": exchange.outcome, "evidence": exchange.evidence,
        "index_on_connection": exchange.index_on_connection, "idle_before_ns": exchange.idle_before_ns,
        "wait_stall_ns": exchange.wait_stall_ns, "network_ns": exchange.network_ns, "server_ns": exchange.server_ns,
        "stall_ns": exchange.stall_ns, "invocation_id": exchange.invocation_id, "request_packet_id": exchange.request_packet_id,
        "response_packet_id": exchange.response_packet_id,
    }  # fmt: skip
    http: dict[str, Value | None] = {
        names.METHOD: exchange.method, names.STATUS: exchange.status, names.PROTOCOL_NAME: "http",
        names.PROTOCOL_VERSION: exchange.http_version, names.REQUEST_SIZE: exchange.request_bytes,
        names.RESPONSE_SIZE: exchange.response_bytes, names.AWS_REQUEST_ID: exchange.aws_request_id,
        names.URL_FULL: url_of(connection, exchange) if connection is not None else None,
    }  # fmt: skip
    return facts | known(http | {names.OURS + name: value for name, value in ours.items()})


def about_span(span: Span) -> dict[str, Value]:
    """Return the attributes of a phase."""
    ours: dict[str, Value | None] = {
        "phase": span.phase, "inner_phase": span.inner_phase, "attempt": span.attempt, "causes": list(span.causes) or None,
        "evidence": span.evidence, "first_packet_id": span.first_packet_id, "last_packet_id": span.last_packet_id,
        "shared": span.shared or None, "duration_ns": span.end_ns - span.start_ns,
    }  # fmt: skip
    return known({names.STREAM: span.connection_id} | {names.OURS + name: value for name, value in ours.items()})


def _type_of(address: str) -> str | None:
    try:
        return f"ipv{ip_address(address).version}"
    except ValueError:
        return None
