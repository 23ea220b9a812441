"""What a client kept open towards an endpoint over time: the rows of `pool`, and the series behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from analyzer.model.table import Table
from analyzer.units import ConnectionId, DurationNs, TimeNs


class Pool(NamedTuple):
    """The connections of one client address to one endpoint (server name and port), over all the time in which any was open.

    A connection is busy from the first byte of a request to the last of its answer, or until nobody waited for one any more; else it is
    idle. Translated copies (NAT) and connections that never opened are left out.
    """

    client_address: str
    server: str
    """Server name, else its address."""
    server_port: int
    service: str | None
    start_ns: TimeNs
    """When the first of them was opened, or seen."""
    span_ns: DurationNs
    """From then until the last was closed, or the capture ended."""
    opened: int
    """Connections whose SYN was captured."""
    already_open: int
    """Connections that were open before the capture, or whose SYN it lacks."""
    most_open: int
    most_busy: int
    mean_open: float
    mean_busy: float
    """Requests a second times what each takes (Little's law): the time in which connections were busy, by `span_ns`."""
    needed: int
    """The same for the busiest second, rounded up: as many connections would have been enough."""
    requests: int
    took_ns: DurationNs | None
    """Time for which a request keeps its connection busy, the median."""
    idle_p50_ns: DurationNs | None
    """Time between two requests on a connection, the median; None where none carried two."""
    idle_p90_ns: DurationNs | None
    idle_max_ns: DurationNs | None
    followed_at_once: int
    """Requests that began at most 1 ms, or a quarter of `took_ns`, after the answer before, while every other open connection was busy:
    they may have been waiting. Threads that each call in a loop look the same; 0 of a client with one connection, where nobody can tell."""
    full_ns: DurationNs
    """Time in which every open connection was busy, more than one of them: an upper bound of the time in which requests may have waited."""
    closed_by_client: int
    closed_by_server: int
    closed_by_reset: int
    left_open: int
    """At the end of the capture."""
    idle_closer: str | None
    """Who ended connections that had been idle for more than 1 s: client, server or reset; of several the one that ended most."""
    idle_closed: int
    """How many it ended."""
    idle_close_ns: DurationNs | None
    """After how long, the median."""
    idle_close_timer: str | None
    """The timer that these times fit, where they are alike."""
    connect_ns: DurationNs
    """What opening them took, the sum of first SYN to ACK."""
    handshakes_full: int
    handshakes_resumed: int
    handshake_ns: DurationNs
    """What their TLS handshakes took, the sum."""
    connection_ids: tuple[ConnectionId, ...]


class PoolChange(NamedTuple):
    """How many connections of a pool were open and busy from a moment on, until the next row of that pool."""

    client_address: str
    server: str
    server_port: int
    time_ns: TimeNs
    open: int
    busy: int
    idle: int


class Pools(Table[Pool]):
    """All pools of an answer, the most used first; `changes` is the series over time, made when it is asked for."""

    def __init__(self, rows: Iterable[Pool], changes: Callable[[], Iterable[PoolChange]]) -> None:
        super().__init__("pool", Pool, rows)
        self._changes = changes
        self._series: Table[PoolChange] | None = None

    @property
    def changes(self) -> Table[PoolChange]:
        """The series: a row for each moment at which a connection was opened, closed, taken or given back; by pool, in order of time."""
        if self._series is None:
            self._series = Table("pool_changes", PoolChange, self._changes())
        return self._series
