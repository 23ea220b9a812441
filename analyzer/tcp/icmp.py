"""ICMP errors as rows: what a router or host says about a packet of ours (RFC 792, RFC 4443)."""

from __future__ import annotations

from ipaddress import ip_address

from analyzer.model.rows import Anomaly
from analyzer.model.seams import IcmpError
from analyzer.tcp._half import Half
from analyzer.units import ConnectionId, PacketId, TimeNs

NAMES = {
    (4, 3): "icmp-unreachable", (4, 4): "icmp-source-quench", (4, 5): "icmp-redirect", (4, 11): "icmp-time-exceeded",
    (4, 12): "icmp-parameter-problem",
    (6, 1): "icmp-unreachable", (6, 2): "icmp-too-big", (6, 3): "icmp-time-exceeded",
    (6, 4): "icmp-parameter-problem",
}  # fmt: skip
LOST = frozenset({(4, 3), (4, 11), (6, 1), (6, 3)})
"""Destination unreachable and time exceeded."""
REASONS = {
    (4, 3, 0): "network unreachable", (4, 3, 1): "host unreachable", (4, 3, 2): "protocol unreachable", (4, 3, 3): "port unreachable",
    (4, 3, 4): "fragmentation needed", (4, 3, 9): "network prohibited",
    (4, 3, 10): "host prohibited", (4, 3, 13): "administratively prohibited",
    (4, 11, 0): "TTL exceeded in transit", (4, 11, 1): "fragment reassembly time exceeded",
    (6, 1, 0): "no route", (6, 1, 1): "administratively prohibited", (6, 1, 3): "address unreachable", (6, 1, 4): "port unreachable",
    (6, 3, 0): "hop limit exceeded in transit",
}  # fmt: skip

FRAGMENTATION_NEEDED = (4, 3, 4)


def says_lost(error: IcmpError) -> bool:
    """Tell whether the quoted packet did not arrive and none like it will: unreachable, prohibited, or out of hops or time.

    "Fragmentation needed" and "packet too big" ask for smaller packets (RFC 1191, RFC 8201) and say nothing of the others.
    """
    kind = error.version, error.type
    return kind in LOST and (*kind, error.code) != FRAGMENTATION_NEEDED


def take_error(half: Half | None, error: IcmpError, time: TimeNs, packet_id: PacketId) -> Anomaly:
    """Join an ICMP error to the direction and packet that it quotes, where that is known, and return its row."""
    if half is None:
        return describe(error, None, packet_id, None)
    half.flow.icmp_errors += 1
    if half.icmp_ns is None and says_lost(error):
        half.icmp_ns = time
    quoted = None
    if error.quoted_seq is not None:
        half.stream.sync()
        quoted = half.stream.packet_of(error.quoted_seq)
    return describe(error, quoted, packet_id, half.flow.connection_id)


def describe(error: IcmpError, quoted: PacketId | None, packet_id: PacketId, connection_id: ConnectionId | None) -> Anomaly:
    """Make the row of an ICMP error; `quoted` is the packet that it quotes, where that is known."""
    code = NAMES.get((error.version, error.type), "icmp-error")
    reason = REASONS.get((error.version, error.type, error.code), f"type {error.type} code {error.code}")
    about = {6: "TCP", 17: "UDP"}.get(error.quoted_protocol, f"protocol {error.quoted_protocol}")
    key = error.quoted_key
    if len(key) in (12, 36):
        width = (len(key) - 4) // 2
        source, target = ip_address(key[:width]), ip_address(key[width : 2 * width])
        ports = int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big")
        about += f" {source}:{ports[0]} to {target}:{ports[1]}" if width == 4 else f" [{source}]:{ports[0]} to [{target}]:{ports[1]}"
    if quoted is not None:
        about += f", packet {quoted}"
    return Anomaly(code, packet_id, connection_id, f"{ip_address(error.source)} says {reason}: {about}")
