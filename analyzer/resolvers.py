"""Lookups of several capture points, each read by itself: a query seen twice is neither a retry nor two lookups."""

from __future__ import annotations

from analyzer import dns
from analyzer.model.rows import Lookup
from analyzer.model.seams import ByteStream, Datagram, Sink
from analyzer.units import ConnectionId, PacketId, TimeNs


class Resolvers(dns.Lookups):
    """Is for several capture points what `dns.Lookups` is for one; `at` says whose packets come next."""

    def __init__(self, points: int) -> None:
        super().__init__(_nothing)
        self.rows: list[list[Lookup]] = [[] for _ in range(points)]
        """The lookups of each point, in the order in which they were settled."""
        self._each = [dns.Lookups(rows.append) for rows in self.rows]
        self._now = self._each[0]

    def at(self, point: int) -> None:
        """Go to a capture point."""
        self._now = self._each[point]

    def feed(self, datagram: Datagram, time: TimeNs, packet_id: PacketId) -> None:
        """Take a UDP datagram of the current point."""
        self._now.feed(datagram, time, packet_id)

    def sinks(self, client: bytes, server: bytes, client_to_server: ByteStream, server_to_client: ByteStream) -> tuple[Sink, Sink]:
        """Make the readers of a DNS connection of the current point."""
        return self._now.sinks(client, server, client_to_server, server_to_client)

    def connected(self, connection_id: ConnectionId, client: bytes, server: bytes, syn_ns: TimeNs) -> None:
        """Learn of a connection's first SYN at the current point."""
        self._now.connected(connection_id, client, server, syn_ns)

    def name_of(self, address: bytes, client: bytes | None = None) -> str | None:
        """Return the name of an address: as the current point knows it, else any."""
        named = (one.name_of(address, client) for one in (self._now, *self._each))
        return next(filter(None, named), None)

    def finish(self) -> None:
        """Settle all that is left, into `rows`."""
        for one in self._each:
            one.finish()


def _nothing(row: Lookup) -> None:
    """Take a row of the base class, which makes none."""
