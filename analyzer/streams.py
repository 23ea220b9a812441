"""Which connection a packet belongs to, once the connections are known (Wireshark's rules for `tcp.stream`)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import ip_address

from analyzer.model.rows import Connection
from analyzer.units import ConnectionId, PacketId


class Streams:
    """Finds connections by the addresses and ports of a packet, in either direction."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._known: dict[bytes, tuple[list[PacketId], list[ConnectionId]]] = {}
        for row in sorted(connections, key=lambda one: one.first_packet_id):
            client, server = ip_address(row.client_address).packed, ip_address(row.server_address).packed
            ports = row.client_port.to_bytes(2, "big"), row.server_port.to_bytes(2, "big")
            entry = self._known.setdefault(client + server + b"".join(ports), ([], []))
            self._known[server + client + ports[1] + ports[0]] = entry
            entry[0].append(row.first_packet_id)
            entry[1].append(row.connection_id)

    def of(self, key: bytes, packet_id: PacketId) -> ConnectionId | None:
        """Return the connection of a packet with `Segment.key`: of those with its endpoints the latest that had begun by then."""
        entry = self._known.get(key)
        if entry is None:
            return None
        at = bisect_right(entry[0], packet_id) - 1
        return entry[1][at] if at >= 0 else None
