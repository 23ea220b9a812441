"""Whose set-up was needed: connections sorted for the rules about set-up, so that no nanosecond is charged twice."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange
from analyzer.model.timing import timing
from analyzer.units import MILLISECOND, SECOND, DurationNs

CREDENTIAL_SERVICES = frozenset({"imds", "ecs-credentials", "eks-pod-identity", "sts"})
LATE_NS: DurationNs = 50 * MILLISECOND
"""A set-up that ended longer than this before the request is charged to it as an upper bound."""
DECIDES = "the program's own log of when it asked for the connection"
AT_ONCE_NS: DurationNs = SECOND
"""A connection that is closed this soon after its only answer was not kept for another request."""


class Paid(NamedTuple):
    """A connection whose set-up an exchange paid for."""

    connection: Connection
    first: Exchange
    cost_ns: DurationNs
    """First SYN to the client's ACK of the SYN-ACK, as far as the exchange waited for it."""

    @property
    def inferred(self) -> bool:
        """Whether the request came so late after set-up that the connection may have been opened for another one, or ahead."""
        established, start = self.connection.established_ns, self.first.request_start_ns
        return established is None or start is None or start - established > LATE_NS


class Client(NamedTuple):
    """What one client did towards one server name."""

    client: str
    server: str
    single: list[Paid]
    """Connections that carried one request and were then closed."""
    others: list[Paid]
    exchanges: int


def is_service(exchange: Exchange) -> bool:
    """Tell whether an exchange is with an AWS service rather than with a credential endpoint or anybody else."""
    return exchange.service is not None and exchange.service not in CREDENTIAL_SERVICES


def service_time(analysis: Analysis) -> DurationNs:
    """Return the time of all exchanges with AWS services, set-up included and copies left out: what shares are shares of."""
    connections = {row.connection_id: row for row in analysis.connections}
    total = 0
    for exchange in analysis.exchanges:
        if is_service(exchange) and exchange.copy_of is None:
            parts = timing(exchange, connections[exchange.connection_id])
            total += parts.total_ns if parts is not None else 0
    return total


def clients(analysis: Analysis) -> list[Client]:
    """Sort the connections of service exchanges by client and server name."""
    # By id, not by position: a narrowed answer lacks connections.
    connections = {row.connection_id: row for row in analysis.connections}
    by_connection: dict[int, list[Exchange]] = defaultdict(list)
    for exchange in analysis.exchanges:
        if is_service(exchange) and exchange.copy_of is None:
            by_connection[exchange.connection_id].append(exchange)
    groups: dict[tuple[str, str], Client] = {}
    for number, exchanges in by_connection.items():
        connection = connections[number]
        server = connection.server_name or connection.server_address
        key = (connection.client_address, server)
        group = groups.get(key, Client(connection.client_address, server, [], [], 0))
        groups[key] = group._replace(exchanges=group.exchanges + len(exchanges))
        first = exchanges[0]
        parts = timing(first, connection)
        if parts is None or parts.connect_ns is None:
            continue
        paid = Paid(connection, first, parts.connect_ns)
        (group.single if len(exchanges) == 1 and _closed_after(first, connection) else group.others).append(paid)
    return list(groups.values())


def not_reused(group: Client) -> bool:
    """Tell whether opening a connection a request is this client's way, not the end of the program."""
    return len(group.single) >= 2 and len(group.single) >= len(group.others)


def _closed_after(exchange: Exchange, connection: Connection) -> bool:
    if exchange.closes is not None:
        return True
    end = exchange.response_end_ns
    return connection.closed_by in ("client", "client-reset", "server") and end is not None and connection.last_ns - end < AT_ONCE_NS
