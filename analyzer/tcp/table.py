"""Connections as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from socket import inet_ntoa
from typing import Final, TypeAlias

from analyzer.model.rows import Connection, Repeated
from analyzer.tcp import analysis
from analyzer.tcp._half import Half
from analyzer.tcp.flow import Flow
from analyzer.tcp.identifications import unseen
from analyzer.tcp.opening import syn_stall
from analyzer.units import PacketId

SYN: Final = 1
DATA: Final = 8
"""Bits of `tcp.completeness`."""
Counts: TypeAlias = tuple[int, int, int, int, int, int, int, int]


@lru_cache(maxsize=4096)
def _address(packed: bytes) -> str:
    return inet_ntoa(packed) if len(packed) == 4 else str(ip_address(packed))


def _completeness(flow: Flow, *, payload: bool) -> int:
    """Return the final `tcp.completeness`; for a single packet that is no SYN it is 0 (observed)."""
    first, second = flow.halves
    if first.packets + second.packets == 1 and not flow.completeness & SYN:
        return 0
    return flow.completeness | (DATA if payload else 0)  # the loop does not set the bit


def _counts(counts: dict[int, int] | None) -> Counts:
    """Return how many segments carry each flag of `analysis`, in the order of the columns."""
    if counts is None:
        return 0, 0, 0, 0, 0, 0, 0, 0
    return (
        counts.get(analysis.RETRANSMISSION, 0),
        counts.get(analysis.FAST, 0),
        counts.get(analysis.SPURIOUS, 0),
        counts.get(analysis.OUT_OF_ORDER, 0),
        counts.get(analysis.DUPLICATE_ACK, 0),
        counts.get(analysis.KEEP_ALIVE, 0),
        counts.get(analysis.ZERO_WINDOW, 0),
        counts.get(analysis.LOST_SEGMENT, 0),
    )


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
    key, (first_port, second_port) = flow.key, flow.ports
    width = (len(key) - 4) // 2
    host, port, peer, peer_port = _address(key[:width]), first_port, _address(key[width : 2 * width]), second_port
    if client is not first:
        host, port, peer, peer_port = peer, peer_port, host, port
    up, down = client.stream, server.stream
    sent, received, gaps = up.unique_bytes(), down.unique_bytes(), up.gap_bytes() + down.gap_bytes()
    connect = None
    if flow.syn_ns is not None and flow.established_ns is not None:
        connect = flow.established_ns - flow.syn_ns
    lost = _lost(client) + _lost(server)
    last = first.last_time if first.seen else second.last_time
    if second.seen and second.last_time > last:
        last = second.last_time
    process = flow.process
    again, fast, spurious, out_of_order, duplicate_acks, keep_alives, zero_windows, lost_segments = _counts(flow.counts)
    # By position, and past the named tuple's own constructor: there may be millions, and 56 names would take several times as long.
    return tuple.__new__(Connection, (
        flow.connection_id,
        host,
        port,
        peer,
        peer_port,
        None,  # server_name
        None,  # service
        None,  # region
        flow.first_ns,
        last,
        flow.syn_ns,
        flow.established_ns,
        connect,
        up.rtt_ns,
        down.rtt_ns,
        flow.initial_rtt_ns,
        client.packets,
        server.packets,
        sent,
        received,
        again,
        fast,
        spurious,
        out_of_order,
        duplicate_acks,
        keep_alives,
        zero_windows,
        lost_segments,
        _completeness(flow, payload=bool(sent or received)),
        bool(gaps or lost),
        flow.closer or "open",
        False,  # opened_ahead
        None,  # copy_of
        0,  # exchanges
        flow.first_id,
        max(first.last_id, second.last_id),  # 0 of a direction that was not seen
        rule,
        flow.protocol,
        flow.duplicates,
        gaps,
        up.cut + down.cut,
        flow.icmp_errors,
        flow.closed_ns,
        flow.closed_id,
        client.closed_ns,
        server.closed_ns,
        flow.established_id,
        flow.syn_again.count if flow.syn_again is not None else 0,
        syn_stall(flow),
        server.ttl if server.seen else None,
        client.icmp_ns,
        client.ttl if client.seen else None,
        lost,
        _repeats(flow, client),
        process.process_id if process is not None else None,
        process.name if process is not None else None,
    ))  # fmt: skip


def _lost(half: Half) -> int:
    """Return how many packets of a direction were lost before the capture point."""
    numbers = half.numbers
    return sum([one.packets for one in unseen(half)]) if numbers is not None and numbers.passed else 0


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
