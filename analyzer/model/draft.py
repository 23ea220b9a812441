"""Calls before their time is accounted for: which pieces of the wire belong to whom.

The AWS stage makes them, the latency stage reads them.
"""

from __future__ import annotations

from typing import NamedTuple

from analyzer.model.rows import Connection, Exchange
from analyzer.units import ConnectionId, PacketId, TimeNs


class Activity(NamedTuple):
    """A piece of set-up that an attempt waited for."""

    phase: str
    """dns, connect or tls."""
    start_ns: TimeNs
    end_ns: TimeNs
    connection_id: ConnectionId | None
    first_packet_id: PacketId | None
    last_packet_id: PacketId | None
    causes: tuple[str, ...] = ()
    evidence: str = "measured"
    shared: bool = False
    """Whether it is charged to several calls: fewer lookups than connections."""


class Attempt(NamedTuple):
    """An exchange with the set-up that it paid for, or a try that came to no exchange."""

    exchange: Exchange | None
    connection: Connection
    set_up: tuple[Activity, ...]
    """In order of time."""
    start_ns: TimeNs
    end_ns: TimeNs
    """Last byte of the response, or when nobody waited for one any more."""
    failed: bool
    """Whether another attempt followed because of how this one ended."""
    beside: tuple[Connection, ...] = ()
    """Connections to other addresses, given up or overtaken, on the way to this one."""
    causes: tuple[str, ...] = ()
    """Why its wait was long, where the exchange alone does not tell."""
    unseen: int = 0
    """How many attempts right before it are known of, and not in the capture."""


class Draft(NamedTuple):
    """One call: its attempts in order of time."""

    service: str | None
    operation: str | None
    attempts: tuple[Attempt, ...]
    truncated: str | None
    evidence: str
    is_dialogue: bool = False
    open_end: bool = False
    """Whether nothing on the wire says when the client gave up the last try."""

    @property
    def start_ns(self) -> TimeNs:
        """When its own first packet was sent."""
        return self.attempts[0].start_ns

    @property
    def end_ns(self) -> TimeNs:
        """Last byte of the final response, or when nobody waited for one any more."""
        return max(self.attempts[-1].end_ns, self.start_ns)

    @property
    def client_address(self) -> str:
        """Address of the client that made it."""
        return self.attempts[0].connection.client_address


class Placed(NamedTuple):
    """A draft in its place: its position in the list of all is its `call_id`."""

    draft: Draft
    dialogues: tuple[int, ...]
    """Ids of the dialogues that it waited for, in order."""
    shared: bool
    """Whether other calls waited for the last of them too."""
