"""The rows of the result tables: names, order and meaning of every column (the output contract).

Rows are named tuples rather than frozen dataclasses: as immutable, as typed and as large, but several times cheaper to make (an exchange
0.3 to 0.8 µs against 5.5), which counts at a million exchanges. Names ending in `_ns` are integers: `TimeNs` nanoseconds since the epoch,
`DurationNs` nanoseconds. None is unknown and never satisfies a condition; zero means measured zero. Links are ids and point downward.
"""

from __future__ import annotations

from typing import NamedTuple

from analyzer.model.finding import Finding as Finding
from analyzer.model.repeats import Repeated as Repeated
from analyzer.model.stalls import Held as Held
from analyzer.model.stalls import Stall as Stall
from analyzer.units import ConnectionId, DurationNs, PacketId, TimeNs


class Connection(NamedTuple):
    """One TCP connection (RFC 9293). Packet and flag counts cover both directions together unless the name says one."""

    connection_id: ConnectionId
    client_address: str
    client_port: int
    server_address: str
    server_port: int
    server_name: str | None
    """SNI, else Host, else the name under which the same address and port was seen anywhere in the capture."""
    service: str | None
    region: str | None
    first_ns: TimeNs
    last_ns: TimeNs
    syn_ns: TimeNs | None
    """First SYN."""
    established_ns: TimeNs | None
    """When the client acknowledged the SYN-ACK."""
    connect_ns: DurationNs | None
    """First SYN to the client's ACK of the SYN-ACK."""
    min_rtt_ns: DurationNs | None
    """Smallest round trip between capture point and server."""
    client_rtt_ns: DurationNs | None
    """Smallest round trip between capture point and client."""
    initial_rtt_ns: DurationNs | None
    """Wireshark's `tcp.analysis.initial_rtt`: last SYN to the first segment with ACK and without SYN."""
    packets_sent: int
    """By the client."""
    packets_received: int
    bytes_sent: int
    """By the client: the union of the sequence ranges of payload, by IP length; keep-alive probes excluded."""
    bytes_received: int
    retransmissions: int
    """`tcp.analysis.retransmission`: fast and spurious ones included."""
    fast_retransmissions: int
    spurious_retransmissions: int
    out_of_order: int
    duplicate_acks: int
    keep_alives: int
    zero_windows: int
    lost_segments: int
    completeness: int
    """`tcp.completeness`, its final value: 1 SYN, 2 SYN+ACK, 4 ACK, 8 DATA, 16 FIN, 32 RST."""
    lost_before_capture: bool
    """Whether bytes were acknowledged that the capture does not hold, or packets sent that it never saw (`unseen_packets`)."""
    closed_by: str
    """Sender of the first FIN or RST: client, server, client-reset, server-reset, middlebox-reset, open."""
    opened_ahead: bool
    """Whether no request began within 1 s of the end of set-up: then set-up is in no call."""
    copy_of: ConnectionId | None
    """The connection that this one is a translated copy of (NAT)."""
    exchanges: int
    first_packet_id: PacketId
    last_packet_id: PacketId
    client_rule: str
    """How the client was told: syn, syn-ack, port, request, first-payload."""
    protocol: str | None
    """http/1.1, tls, dns or None: what the first bytes said."""
    duplicates: int
    """Copies of packets seen on another interface, VLAN or hop; they count as packets and for nothing else."""
    gap_bytes: int
    """Stream bytes that the capture does not hold, both directions."""
    cut_packets: int
    """Packets whose payload the snapshot length cut."""
    icmp_errors: int
    """ICMP errors that quote a segment of this connection."""
    closed_ns: TimeNs | None
    """First FIN or RST."""
    closed_packet_id: PacketId | None
    """The packet with the first FIN or RST."""
    client_closed_ns: TimeNs | None
    """The client's first FIN or RST."""
    server_closed_ns: TimeNs | None
    """The server's first FIN or RST."""
    established_packet_id: PacketId | None
    """The packet with which the client acknowledged the SYN-ACK."""
    syn_retransmissions: int
    """SYNs sent again."""
    syn_stall_ns: DurationNs | None
    """First SYN to the copy that was answered (the last copy, where none was); None without SYN."""
    server_ttl: int | None
    """IP TTL or hop limit of the server's first segment, as captured."""
    icmp_ns: TimeNs | None
    """First ICMP error that says that a segment of the client did not arrive."""
    client_ttl: int | None = None
    """IP TTL or hop limit of the client's first segment, as captured."""
    unseen_packets: int = 0
    """Packets of both sides that were lost before the capture point, proven by IPv4 identifications that were passed over; 0 also where
    those of neither side tell."""
    repeats: tuple[Repeated, ...] = ()
    """Its segments that were sent again or came late, each with its cause; the first 1000."""
    process_id: int | None = None
    """The process at the local end, where the capture names it (macOS: PKTAP, process blocks of a pcapng); live, by the kernel's tables."""
    process: str | None = None
    """Its name."""


class Lookup(NamedTuple):
    """One name asked of a resolver (RFC 1035), with all its tries."""

    lookup_id: int
    client_address: str
    resolver: str
    name: str
    type: str
    """A, AAAA, ..."""
    start_ns: TimeNs
    """First query."""
    end_ns: TimeNs | None
    """The answer, or None."""
    tries: int
    answers: tuple[str, ...]
    """Addresses of an answer, in its order."""
    rcode: str | None
    """NOERROR, NXDOMAIN, ...; None without an answer."""
    connection_ids: tuple[ConnectionId, ...]
    """Connections that used the answer: their SYN went to one of its addresses within 1 s."""
    packet_ids: tuple[PacketId, ...]


class Exchange(NamedTuple):
    """One HTTP request and its final response (RFC 9110)."""

    exchange_id: int
    connection_id: ConnectionId
    copy_of: ConnectionId | None
    call_id: int | None
    index_on_connection: int
    """0 for the first; counts from 1 where the connection's start was not captured."""
    idle_before_ns: DurationNs | None
    """Previous response's last byte on this connection to this request's first byte."""
    method: str | None
    target: str | None
    """Path and query without secrets."""
    host: str | None
    http_version: str | None
    service: str | None
    operation: str | None
    status: int | None
    error_type: str | None
    aws_request_id: str | None
    invocation_id: str | None
    attempt: int | None
    sdk: str | None
    sdk_version: str | None
    request_start_ns: TimeNs | None
    request_end_ns: TimeNs | None
    """Last byte of the request first put on the wire."""
    response_start_ns: TimeNs | None
    """First packet that carries any byte of the final response."""
    response_end_ns: TimeNs | None
    """Last byte of the final response, all bytes before it present."""
    request_bytes: int
    response_bytes: int
    wait_stall_ns: DurationNs | None
    network_ns: DurationNs | None
    server_ns: DurationNs | None
    stall_ns: DurationNs | None
    """Time in which progress waited for the network to repair itself."""
    evidence: str
    """measured, decrypted or inferred."""
    request_packet_id: PacketId | None
    response_packet_id: PacketId | None
    outcome: str
    """ok, error, undelivered, cut, no-response."""
    table_name: str | None
    count: int | None  # type: ignore[assignment]  # the contract's column name; nobody counts a row's values
    scanned_count: int | None
    has_more: bool | None
    first_packet_id: PacketId | None
    """Packet with the first byte of the request (of the response where the request was not captured)."""
    interim: str | None
    """Status of an interim response (100, 101, ...), comma-separated."""
    closes: str | None
    """Who announced `Connection: close`: client, server, both, None."""
    imds_version: int | None
    """Of requests to IMDS: 2 for a token request or one with a token, 1 without."""
    request_acknowledged: bool | None
    """Whether the server acknowledged the whole request; None where its direction was not captured."""
    request_repeats: int
    """Segments of the request that were sent again."""
    response_repeats: int
    """Segments of the response that were sent again."""
    response_ttl: int | None
    """IP TTL or hop limit, as captured, of the packet with the response's first byte."""
    head_end_ns: TimeNs | None
    """With `Expect: 100-continue`: last byte of the head; None otherwise."""
    body_start_ns: TimeNs | None
    """With `Expect: 100-continue`: first byte of the body; None otherwise."""
    response_start_packet_id: PacketId | None
    """The packet at `response_start_ns`."""
    request_end_packet_id: PacketId | None
    """The packet at `request_end_ns`; `request_packet_id` unless the capture lacks a part of the request."""
    response_end_packet_id: PacketId | None
    """The packet at `response_end_ns`; `response_packet_id` unless the capture lacks a part of the response."""
    continues: bool | None
    """Whether the request goes on where a page stopped (ExclusiveStartKey present); None where its window does not show it."""
    stalls: tuple[Stall, ...]
    """What `stall_ns` is the union of, in order of time."""
    held: tuple[Held, ...] = ()
    """Where it waited for a delayed ACK, in order of time; no part of `stall_ns`."""
    retry_mode: str | None = None
    """How its SDK retries, where the user agent says so: legacy, standard, adaptive."""
    unprocessed: bool | None = None
    """Whether a batch answer left items or keys undone (UnprocessedItems, UnprocessedKeys not empty); None where it cannot be seen."""
    target_form: str | None = None
    """Form of the request's target (RFC 9112 section 3.2): origin, absolute (to a proxy), authority (CONNECT), asterisk."""
    unseen_before_response: int = 0
    """Packets of the server between its last one before the response and the response's first, proven by their identifications, that were
    lost before the capture point."""


class Handshake(NamedTuple):
    """One TLS handshake (RFC 8446, RFC 5246)."""

    connection_id: ConnectionId
    start_ns: TimeNs
    end_ns: TimeNs | None
    duration_ns: DurationNs | None
    version: str | None
    cipher: str | None
    server_name: str | None
    alpn: str | None
    resumed: bool | None
    round_trips: int | None
    ja4: str | None
    """Fingerprint of the ClientHello (FoxIO)."""
    decrypted: bool
    """Whether records of the connection could be decrypted."""
    client_ns: DurationNs | None = None
    """Time in which the client let the server wait: its own computing, as seen at the capture point."""
    server_ns: DurationNs | None = None
    """Time in which the server let the client wait, round trips taken off."""
    certificate_bytes: int | None = None
    """Size of the server's Certificate message; None where it was not sent, or cannot be read (TLS 1.3 without keys)."""
    early_data: bool = False
    """Whether the client sent early data (0-RTT)."""
    retried: bool = False
    """Whether the server asked for another ClientHello (HelloRetryRequest)."""
    alert: str | None = None
    """First alert other than close_notify that could be read, with its sender: `server handshake_failure`."""
    first_packet_id: PacketId | None = None
    last_packet_id: PacketId | None = None
    """The packet at `end_ns`; where there is none, the last of the handshake."""


class Call(NamedTuple):
    """One SDK operation as the program saw it, from its first packet on."""

    call_id: int
    chain_id: int | None
    service: str | None
    operation: str | None
    sdk: str | None
    start_ns: TimeNs
    end_ns: TimeNs
    duration_ns: DurationNs
    attempts: int
    ok: bool | None
    error_type: str | None
    credentials_ns: DurationNs
    dns_ns: DurationNs
    connect_ns: DurationNs
    tls_ns: DurationNs
    send_ns: DurationNs
    wait_ns: DurationNs
    receive_ns: DurationNs
    failed_ns: DurationNs
    backoff_ns: DurationNs
    client_ns: DurationNs
    unexplained_ns: DurationNs
    stall_ns: DurationNs | None
    wait_stall_ns: DurationNs | None
    network_ns: DurationNs | None
    server_ns: DurationNs | None
    reused: bool
    truncated: str | None
    connection_id: ConnectionId | None
    client_address: str
    client_port: int | None
    first_packet_id: PacketId
    last_packet_id: PacketId
    evidence: str
    """measured, decrypted or inferred."""
    table_name: str | None
    status: int | None
    """HTTP status of the last answer."""
    exchange_ids: tuple[int, ...]
    """Its exchanges, in order: one an attempt; of a dialogue all."""
    connection_ids: tuple[ConnectionId, ...]
    """Its connections, those without exchanges included (addresses given up or overtaken, connections that never came about)."""


class Span(NamedTuple):
    """A phase of a call with start and end; a call's spans are contiguous."""

    span_id: int
    call_id: int
    attempt: int | None
    phase: str
    inner_phase: str | None
    start_ns: TimeNs
    end_ns: TimeNs
    connection_id: ConnectionId | None
    dialogue_id: int | None
    first_packet_id: PacketId | None
    last_packet_id: PacketId | None
    causes: tuple[str, ...]
    evidence: str
    shared: bool


class Anomaly(NamedTuple):
    """The capture or a peer broke a rule; a row, never a crash."""

    code: str
    packet_id: PacketId | None
    connection_id: ConnectionId | None
    detail: str
