"""Made-up rows and answers: each call names only what its test is about, everything else is an ordinary DynamoDB client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile, CaptureInfo, Interface
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Finding, Lookup, Span
from analyzer.model.table import Table

START = 1_795_000_000_000_000_000
"""When the made-up captures begin: 2026-11-18."""
MS = 1_000_000


def connection(number: int = 0, **changes: Any) -> Connection:
    """A connection opened at START + 100 ms a number, set up in 10 ms, closed by the client."""
    opened = START + number * 100 * MS
    row = Connection(
        connection_id=number,
        client_address="10.0.1.23",
        client_port=40000 + number,
        server_address="3.218.180.10",
        server_port=80,
        server_name="dynamodb.us-east-1.amazonaws.com",
        service="dynamodb",
        region="us-east-1",
        first_ns=opened,
        last_ns=opened + 60 * MS,
        syn_ns=opened,
        established_ns=opened + 10 * MS,
        connect_ns=10 * MS,
        min_rtt_ns=10 * MS,
        client_rtt_ns=MS // 10,
        initial_rtt_ns=10 * MS,
        packets_sent=6,
        packets_received=5,
        bytes_sent=900,
        bytes_received=700,
        retransmissions=0,
        fast_retransmissions=0,
        spurious_retransmissions=0,
        out_of_order=0,
        duplicate_acks=0,
        keep_alives=0,
        zero_windows=0,
        lost_segments=0,
        completeness=31,
        lost_before_capture=False,
        closed_by="client",
        opened_ahead=False,
        copy_of=None,
        exchanges=1,
        first_packet_id=1 + 20 * number,
        last_packet_id=20 + 20 * number,
        client_rule="syn",
        protocol="http/1.1",
        duplicates=0,
        gap_bytes=0,
        cut_packets=0,
        icmp_errors=0,
        closed_ns=opened + 60 * MS,
        closed_packet_id=19 + 20 * number,
        client_closed_ns=opened + 60 * MS,
        server_closed_ns=None,
        established_packet_id=3 + 20 * number,
        syn_retransmissions=0,
        syn_stall_ns=0,
        server_ttl=60,
        icmp_ns=None,
    )
    return row._replace(**changes)


def exchange(number: int = 0, on: Connection | None = None, **changes: Any) -> Exchange:
    """A Query on the connection `on`, asked 1 ms after its set-up: 1 ms send, 10 ms network, 4 ms server, 2 ms receive."""
    under = on if on is not None else connection(number)
    asked = under.first_ns + 11 * MS
    row = Exchange(
        exchange_id=number,
        connection_id=under.connection_id,
        copy_of=None,
        call_id=None,
        index_on_connection=0,
        idle_before_ns=None,
        method="POST",
        target="/",
        host="dynamodb.us-east-1.amazonaws.com",
        http_version="1.1",
        service="dynamodb",
        operation="Query",
        status=200,
        error_type=None,
        aws_request_id=f"REQUEST{number}",
        invocation_id=None,
        attempt=1,
        sdk="python-boto3",
        sdk_version="1.44.5",
        request_start_ns=asked,
        request_end_ns=asked + MS,
        response_start_ns=asked + 15 * MS,
        response_end_ns=asked + 17 * MS,
        request_bytes=800,
        response_bytes=600,
        wait_stall_ns=0,
        network_ns=10 * MS,
        server_ns=4 * MS,
        stall_ns=0,
        evidence="measured",
        request_packet_id=under.first_packet_id + 4,
        response_packet_id=under.first_packet_id + 8,
        outcome="ok",
        table_name="Orders",
        count=3,
        scanned_count=3,
        has_more=False,
        first_packet_id=under.first_packet_id + 3,
        interim=None,
        closes=None,
        imds_version=None,
        request_acknowledged=True,
        request_repeats=0,
        response_repeats=0,
        response_ttl=60,
        head_end_ns=None,
        body_start_ns=None,
        response_start_packet_id=under.first_packet_id + 6,
        request_end_packet_id=under.first_packet_id + 4,
        response_end_packet_id=under.first_packet_id + 8,
        continues=False,
        stalls=(),
    )
    return row._replace(**changes)


def later(number: int, on: Connection, index: int, **changes: Any) -> Exchange:
    """A further exchange on a connection, 50 ms after the one before."""
    first = exchange(number, on)
    moved = {
        name: getattr(first, name) + index * 50 * MS
        for name in ("request_start_ns", "request_end_ns", "response_start_ns", "response_end_ns")
    }
    return first._replace(index_on_connection=index, idle_before_ns=33 * MS, **moved)._replace(**changes)


def call(number: int = 0, on: Connection | None = None, **changes: Any) -> Call:
    """The call of `exchange(number, on)`: it opened its connection in 10 ms, 1 ms client, 1 ms send, 14 ms wait, 2 ms receive."""
    under = on if on is not None else connection(number)
    only = exchange(number, under)
    assert only.response_end_ns is not None
    row = Call(
        call_id=number,
        chain_id=None,
        service="dynamodb",
        operation="Query",
        sdk="python-boto3",
        start_ns=under.first_ns,
        end_ns=only.response_end_ns,
        duration_ns=only.response_end_ns - under.first_ns,
        attempts=1,
        ok=True,
        error_type=None,
        credentials_ns=0,
        dns_ns=0,
        connect_ns=10 * MS,
        tls_ns=0,
        send_ns=MS,
        wait_ns=14 * MS,
        receive_ns=2 * MS,
        failed_ns=0,
        backoff_ns=0,
        client_ns=MS,
        unexplained_ns=0,
        stall_ns=0,
        wait_stall_ns=0,
        network_ns=10 * MS,
        server_ns=4 * MS,
        reused=False,
        truncated=None,
        connection_id=under.connection_id,
        client_address=under.client_address,
        client_port=under.client_port,
        first_packet_id=under.first_packet_id,
        last_packet_id=only.response_packet_id or under.last_packet_id,
        evidence="measured",
        table_name="Orders",
        status=200,
        exchange_ids=(number,),
        connection_ids=(under.connection_id,),
    )
    return row._replace(**changes)


def warm(number: int, on: Connection, index: int, **changes: Any) -> Call:
    """The call of `later(number, on, index)`: on an open connection, 1 ms send, 14 ms wait, 2 ms receive."""
    under = later(number, on, index)
    assert under.request_start_ns is not None
    assert under.response_end_ns is not None
    return call(number, on)._replace(
        start_ns=under.request_start_ns,
        end_ns=under.response_end_ns,
        duration_ns=17 * MS,
        connect_ns=0,
        client_ns=0,
        reused=True,
    )._replace(**changes)  # fmt: skip


def spans(of: Call, *parts: tuple[str, int], first: int = 0, **changes: Any) -> list[Span]:
    """The spans of a call, one after the other from its start: (phase, length in ns); without parts those of its phase columns."""
    order = ("credentials", "dns", "connect", "tls", "client", "failed", "backoff", "unexplained", "send", "wait", "receive")
    parts = parts or tuple((phase, took) for phase in order if (took := getattr(of, f"{phase}_ns")))
    rows, at = [], of.start_ns
    for number, (phase, took) in enumerate(parts, first):
        rows.append(
            Span(
                span_id=number,
                call_id=of.call_id,
                attempt=of.attempts,
                phase=phase,
                inner_phase=None,
                start_ns=at,
                end_ns=at + took,
                connection_id=of.connection_id,
                dialogue_id=None,
                first_packet_id=of.first_packet_id,
                last_packet_id=of.last_packet_id,
                causes=(),
                evidence="measured",
                shared=False,
            )._replace(**changes)
        )
        at += took
    return rows


def span(of: Call, phase: str, start_ns: int, took: int, **changes: Any) -> Span:
    """A span of a call that begins `start_ns` after it."""
    (row,) = spans(of._replace(start_ns=of.start_ns + start_ns), (phase, took))
    return row._replace(**changes)


def dialogue(number: int = 0, on: Connection | None = None, **changes: Any) -> Call:
    """A dialogue with IMDS that took 30 ms and got its credentials in three requests on one connection: 25 ms of it server."""
    under = on if on is not None else connection(number, server_address="169.254.169.254", server_port=80, service="imds", server_name=None)
    return (
        call(number, under)
        ._replace(
            service="imds",
            operation="GetCredentials",
            end_ns=under.first_ns + 30 * MS,
            duration_ns=30 * MS,
            connect_ns=MS,
            client_ns=2 * MS,
            send_ns=0,
            wait_ns=27 * MS,
            receive_ns=0,
            network_ns=2 * MS,
            server_ns=25 * MS,
            table_name=None,
        )
        ._replace(**changes)
    )


def lookup(number: int = 0, **changes: Any) -> Lookup:
    """A lookup of the service's name that connection 0 used."""
    row = Lookup(
        number,
        "10.0.1.23",
        "10.0.0.2",
        "dynamodb.us-east-1.amazonaws.com",
        "A",
        START - 5 * MS,
        START - MS,
        1,
        ("3.218.180.10",),
        "NOERROR",
        (0,),
        (1, 2),
    )
    return row._replace(**changes)


def finding(**changes: Any) -> Finding:
    """A proven finding."""
    row = Finding(
        "cold-connection", "info", "Cold connections", "1 of 1 requests opened a connection first: 10.0 ms.",
        10 * MS, 0.5, (), (0,), (1, 4), "tcp.stream == 0", "proven", None, "Keep connections open.", ("RFC 9293 section 3.5",), (0,),
    )  # fmt: skip
    return row._replace(**changes)


def info(**changes: Any) -> CaptureInfo:
    """A whole capture of one file."""
    facts: dict[str, Any] = {
        "files": [CaptureFile("made-up.pcap", 1, 100, "pcap")],
        "interfaces": [Interface(0, 0, 1, 262144)],
        "packets": 100,
        "bytes": 20_000,
        "first_ns": START,
        "last_ns": START + 2_000 * MS,
    }
    return CaptureInfo(**{**facts, **changes})


def analysis(
    connections: Sequence[Connection] | None = None,
    exchanges: Sequence[Exchange] | None = None,
    *,
    lookups: Sequence[Lookup] = (),
    calls: Sequence[Call] = (),
    spans: Sequence[Span] = (),
    anomalies: Sequence[Anomaly] = (),
    capture: CaptureInfo | None = None,
    vantage: str | None = "client",
    check: Callable[[Analysis], Iterable[Finding]] | None = None,
) -> Analysis:
    """An answer; without rows one connection with one exchange."""
    connections = [connection()] if connections is None else connections
    exchanges = [exchange(number, row) for number, row in enumerate(connections)] if exchanges is None else exchanges
    return Analysis(
        capture=capture if capture is not None else info(),
        vantage=vantage,
        connections=Table("connections", Connection, connections),
        lookups=Table("lookups", Lookup, lookups),
        exchanges=Table("exchanges", Exchange, exchanges),
        calls=Table("calls", Call, calls),
        spans=Table("spans", Span, spans),
        anomalies=Table("anomalies", Anomaly, anomalies),
        check=check,
    )
