"""Made-up rows and answers: each call names only what its test is about, everything else is an ordinary DynamoDB client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile, CaptureInfo, Interface
from analyzer.model.rows import Anomaly, Connection, Exchange, Finding, Lookup
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
        anomalies=Table("anomalies", Anomaly, anomalies),
        check=check,
    )
