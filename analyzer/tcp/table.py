"""Connections as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address

from analyzer.model.rows import Connection, Repeated
from analyzer.tcp import analysis
from analyzer.tcp._half import Half
from analyzer.tcp.flow import Flow
from analyzer.tcp.identifications import unseen
from analyzer.tcp.opening import syn_stall
from analyzer.units import PacketId

SYN, DATA = 1, 8
"""Bits of `tcp.completeness`."""


@lru_cache(maxsize=4096)
def _address(packed: bytes) -> str:
    return str(ip_address(packed))


def _completeness(flow: Flow) -> int:
    """Return the final `tcp.completeness`; for a single packet that is no SYN it is 0 (observed)."""
    first, second = flow.halves
    if first.packets + second.packets == 1 and not flow.completeness & SYN:
        return 0
    payload = first.stream.unique_bytes() or second.stream.unique_bytes()  # the loop does not set the bit
    return flow.completeness | (DATA if payload else 0)


def _repeats(flow: Flow, client: Half) -> tuple[Repeated, ...]:
    """Return why segments were sent again."""
    if flow.repeats is None:
        return ()
    return tuple(
        Repeated(
            one.packet_id,
            "client" if one.half is client else "server",
            one.flag,
            one.cause,
            one.proof,
            one.original,
            one.after_ns,
            one.seen,
        )
        for one in flow.repeats.all
    )


def unseen_before(flow: Flow) -> Mapping[PacketId, int]:
    """Return how many packets of the server were lost before the capture point, by the packet of it that showed their loss."""
    client = flow.client_half if flow.client_half is not None else flow.first_half
    return {one.packet_id: one.packets for one in unseen(client.other)}


def row(flow: Flow) -> Connection:
    """Make a connection's row; names, service and exchanges are for others to add."""
    first, second = flow.halves
    client, rule = flow.client_half, flow.client_rule
    if client is None:
        client, rule = first, "first-packet"
    server = client.other
    key = flow.key
    width = (len(key) - 4) // 2
    ends = [(_address(key[:width]), flow.ports[0]), (_address(key[width : 2 * width]), flow.ports[1])]
    if client is not first:
        ends.reverse()
    up, down = client.stream, server.stream
    counts = (flow.counts or {}).get
    connect = None
    if flow.syn_ns is not None and flow.established_ns is not None:
        connect = flow.established_ns - flow.syn_ns
    lost = sum(one.packets for half in (client, server) for one in unseen(half))
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
        lost_before_capture=bool(up.gap_bytes() or down.gap_bytes() or lost),
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
        client_ttl=client.ttl if client.seen else None,
        unseen_packets=lost,
        repeats=_repeats(flow, client),
    )


def over_all(kept: Connection, views: Sequence[Flow]) -> Connection:
    """Return the row of a connection that was captured at several points with what Wireshark counts over all of them.

    Times, round trips, bytes and what was lost stay those of the one view that is `kept`; packets of the others are `duplicates`.
    """
    merged = next((flow.merged for flow in views if flow.merged is not None), None)
    if merged is None:
        return kept
    rows = [row(flow) for flow in views]
    sent = received = completeness = 0
    for one in rows:
        same = (one.client_address, one.client_port) == (kept.client_address, kept.client_port)
        sent += one.packets_sent if same else one.packets_received
        received += one.packets_received if same else one.packets_sent
        completeness |= one.completeness & ~SYN
    # Wireshark counts a SYN only where it is the connection's first packet.
    completeness |= min(rows, key=lambda one: one.first_packet_id).completeness & SYN
    counts = merged.counts.get
    return kept._replace(
        initial_rtt_ns=merged.initial_rtt_ns,
        packets_sent=sent,
        packets_received=received,
        retransmissions=counts(analysis.RETRANSMISSION, 0),
        fast_retransmissions=counts(analysis.FAST, 0),
        spurious_retransmissions=counts(analysis.SPURIOUS, 0),
        out_of_order=counts(analysis.OUT_OF_ORDER, 0),
        duplicate_acks=counts(analysis.DUPLICATE_ACK, 0),
        keep_alives=counts(analysis.KEEP_ALIVE, 0),
        zero_windows=counts(analysis.ZERO_WINDOW, 0),
        lost_segments=counts(analysis.LOST_SEGMENT, 0),
        completeness=completeness,
        first_packet_id=min(one.first_packet_id for one in rows),
        last_packet_id=max(one.last_packet_id for one in rows),
        duplicates=sent + received - kept.packets_sent - kept.packets_received + kept.duplicates,
        icmp_errors=sum(one.icmp_errors for one in rows),
    )
