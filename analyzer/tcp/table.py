"""Connections as rows."""

from __future__ import annotations

from ipaddress import ip_address

from analyzer.model.rows import Connection
from analyzer.tcp import analysis
from analyzer.tcp.flow import Flow
from analyzer.tcp.opening import syn_stall

SYN, DATA = 1, 8
"""Bits of `tcp.completeness`."""


def _completeness(flow: Flow) -> int:
    """Return the final `tcp.completeness`; for a single packet that is no SYN it is 0 (observed)."""
    first, second = flow.halves
    if first.packets + second.packets == 1 and not flow.completeness & SYN:
        return 0
    payload = first.stream.unique_bytes() or second.stream.unique_bytes()  # the loop does not set the bit
    return flow.completeness | (DATA if payload else 0)


def row(flow: Flow) -> Connection:
    """Make a connection's row; names, service and exchanges are for others to add."""
    first, second = flow.halves
    client, rule = flow.client_half, flow.client_rule
    if client is None:
        client, rule = first, "first-packet"
    server = client.other
    key = flow.key
    width = (len(key) - 4) // 2
    ends = [(str(ip_address(key[:width])), flow.ports[0]), (str(ip_address(key[width : 2 * width])), flow.ports[1])]
    if client is not first:
        ends.reverse()
    up, down = client.stream, server.stream
    counts = (flow.counts or {}).get
    connect = None
    if flow.syn_ns is not None and flow.established_ns is not None:
        connect = flow.established_ns - flow.syn_ns
    last = max((half for half in (first, second) if half.seen), key=lambda half: half.last_id)
    return Connection(
        connection_id=flow.connection_id,
        client_address=ends[0][0],
        client_port=ends[0][1],
        server_address=ends[1][0],
        server_port=ends[1][1],
        server_name=None,
        service=None,
        region=None,
        first_ns=flow.first_ns,
        last_ns=max(half.last_time for half in (first, second) if half.seen),
        syn_ns=flow.syn_ns,
        established_ns=flow.established_ns,
        connect_ns=connect,
        min_rtt_ns=up.rtt_ns,
        client_rtt_ns=down.rtt_ns,
        initial_rtt_ns=flow.initial_rtt_ns,
        packets_sent=client.packets,
        packets_received=server.packets,
        bytes_sent=up.unique_bytes(),
        bytes_received=down.unique_bytes(),
        retransmissions=counts(analysis.RETRANSMISSION, 0),
        fast_retransmissions=counts(analysis.FAST, 0),
        spurious_retransmissions=counts(analysis.SPURIOUS, 0),
        out_of_order=counts(analysis.OUT_OF_ORDER, 0),
        duplicate_acks=counts(analysis.DUPLICATE_ACK, 0),
        keep_alives=counts(analysis.KEEP_ALIVE, 0),
        zero_windows=counts(analysis.ZERO_WINDOW, 0),
        lost_segments=counts(analysis.LOST_SEGMENT, 0),
        completeness=_completeness(flow),
        lost_before_capture=bool(up.gap_bytes() or down.gap_bytes()),
        closed_by=flow.closer or "open",
        opened_ahead=False,
        copy_of=None,
        exchanges=0,
        first_packet_id=flow.first_id,
        last_packet_id=last.last_id,
        client_rule=rule,
        protocol=flow.protocol,
        duplicates=flow.duplicates,
        gap_bytes=up.gap_bytes() + down.gap_bytes(),
        cut_packets=up.cut + down.cut,
        icmp_errors=flow.icmp_errors,
        closed_ns=flow.closed_ns,
        closed_packet_id=flow.closed_id,
        client_closed_ns=client.closed_ns,
        server_closed_ns=server.closed_ns,
        established_packet_id=flow.established_id,
        syn_retransmissions=flow.syn_again.count if flow.syn_again is not None else 0,
        syn_stall_ns=syn_stall(flow),
        server_ttl=server.ttl if server.seen else None,
        icmp_ns=client.icmp_ns,
    )
