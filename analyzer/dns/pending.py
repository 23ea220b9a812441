"""A lookup that is not final yet: what was asked, what was answered, and until when it may still change."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from ipaddress import ip_address

from analyzer.model.rows import Lookup
from analyzer.units import SECOND, ConnectionId, PacketId, TimeNs

USE_WITHIN_NS = SECOND
"""A SYN this long after the answer still counts as its use; later ones used a cache."""
RETRY_WITHIN_NS = 30 * SECOND
"""An unanswered lookup is given up after this: the longest retry timer of a stub resolver (`options timeout:30`, resolv.conf(5))."""
MAX_TRIES = 64
"""Queries of one lookup; a client that asks on gets another row, so that no row grows without end."""


class State(Enum):
    """How far a lookup came."""

    ASKED = "asked"
    TRUNCATED = "truncated"
    """Answered, but cut (TC): the client is expected to ask again by TCP."""
    ANSWERED = "answered"


class Pending:
    """A lookup in the making. `tries` and `packet_ids` have at most `MAX_TRIES` queries."""

    __slots__ = (
        "addresses",
        "answer_path",
        "client",
        "connection_ids",
        "end_ns",
        "keys",
        "last_try_ns",
        "lookup_id",
        "name",
        "packet_ids",
        "port",
        "rcode",
        "resolver",
        "sibling",
        "start_ns",
        "state",
        "tries",
        "type",
        "used",
    )

    def __init__(self, lookup_id: int, client: bytes, name: str, type_: str, port: int, time: TimeNs) -> None:
        self.lookup_id = lookup_id
        self.client = client
        self.name = name
        self.type = type_
        self.port = port
        self.start_ns = time
        self.last_try_ns = time
        self.resolver = b""
        self.tries = 0
        self.packet_ids: list[PacketId] = []
        self.keys: list[tuple[object, ...]] = []
        self.state = State.ASKED
        self.end_ns: TimeNs | None = None
        self.rcode: str | None = None
        self.addresses: tuple[bytes, ...] = ()
        self.answer_path: int | None = None
        self.connection_ids: list[ConnectionId] = []
        self.used = 0
        self.sibling: Pending | None = None

    def ask(self, resolver: bytes, by_tcp: bool, time: TimeNs, packet_id: PacketId) -> None:
        """Note one more query; an answer that came before is void, since the client did not take it.

        Going on by TCP after a truncated answer is no try of its own: nothing failed.
        """
        if not (by_tcp and self.state is State.TRUNCATED):
            self.tries += 1
        self.state = State.ASKED
        self.end_ns = self.rcode = self.answer_path = None
        self.addresses = ()
        self.last_try_ns = time
        self.resolver = resolver
        self.packet_ids.append(packet_id)

    def own_due(self) -> TimeNs:
        """Return the time after which nothing can be added to this lookup, its sibling aside."""
        if self.state is State.ANSWERED and self.end_ns is not None:
            return self.end_ns + USE_WITHIN_NS
        return self.last_try_ns + RETRY_WITHIN_NS

    def due(self) -> TimeNs:
        """Return the time after which the row is final: a program that asked for A and AAAA connects when both are done."""
        return self.own_due() if self.sibling is None else max(self.own_due(), self.sibling.own_due())

    def ready_ns(self, syn_ns: TimeNs) -> TimeNs | None:
        """Return when a program that sent a SYN at `syn_ns` had the answer it waited for (its sibling's, if that came later)."""
        if self.end_ns is None or self.end_ns > syn_ns:
            return None
        other = self.sibling.end_ns if self.sibling is not None else None
        return self.end_ns if other is None or other > syn_ns else max(self.end_ns, other)

    def row(self) -> Lookup:
        """Make the row of the `lookups` table."""
        return Lookup(
            lookup_id=self.lookup_id,
            client_address=_text(self.client),
            resolver=_text(self.resolver),
            name=self.name,
            type=self.type,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            tries=self.tries,
            answers=_texts(self.addresses) if self.type in ("A", "AAAA") else (),
            rcode=self.rcode,
            connection_ids=tuple(self.connection_ids),
            packet_ids=tuple(self.packet_ids),
        )


@lru_cache(4096)
def _text(address: bytes) -> str:
    return str(ip_address(address))


def _texts(addresses: Sequence[bytes]) -> tuple[str, ...]:
    return tuple([_text(address) for address in addresses])
