"""What the search for twins needs of a connection: a few fields, which can be handed from process to process."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from analyzer.tcp.opening import Mark
from analyzer.units import ConnectionId, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp.flow import Flow

End: TypeAlias = tuple[bytes, int]


class OpenedHalf(Protocol):
    """One direction, as far as the search looks at it."""

    @property
    def seen(self) -> bool:
        """Whether any segment was seen."""
        ...

    @property
    def base_seq(self) -> int | None:
        """Initial sequence number."""
        ...

    @property
    def other(self) -> OpenedHalf:
        """The other direction."""
        ...


class Opened(Protocol):
    """A connection, as far as the search looks at it: a `Flow`, or its `Outline`."""

    @property
    def connection_id(self) -> ConnectionId:
        """Its number."""
        ...

    @property
    def point(self) -> int:
        """The capture point that saw it."""
        ...

    @property
    def first_ns(self) -> TimeNs:
        """Its first packet."""
        ...

    @property
    def syn_ns(self) -> TimeNs | None:
        """Its first SYN."""
        ...

    @property
    def syn_seq(self) -> int | None:
        """The number of that."""
        ...

    @property
    def syn_mark(self) -> Mark:
        """What tells that from others."""
        ...

    @property
    def syn_ack_ns(self) -> TimeNs | None:
        """Its SYN-ACK."""
        ...

    @property
    def syn_ack_seq(self) -> int | None:
        """The number of that."""
        ...

    @property
    def client_half(self) -> OpenedHalf | None:
        """The client's direction; None while nobody knows."""
        ...

    def client(self) -> End:
        """Address and port of the client."""
        ...

    def server(self) -> End:
        """Address and port of the server."""
        ...


class HalfOutline:
    """One direction in an outline."""

    __slots__ = ("base_seq", "other", "seen")

    other: HalfOutline

    def __init__(self, seen: bool, base_seq: int | None) -> None:
        self.seen = seen
        self.base_seq = base_seq


class Outline(NamedTuple):
    """The outline of a connection. Implements `Opened`."""

    connection_id: ConnectionId
    point: int
    first_ns: TimeNs
    syn_ns: TimeNs | None
    syn_seq: int | None
    syn_mark: Mark
    syn_ack_ns: TimeNs | None
    syn_ack_seq: int | None
    ends: tuple[End, End]
    """Client and server."""
    halves: tuple[tuple[bool, int | None], tuple[bool, int | None]] | None
    """Of client and server: whether any segment was seen, and the initial sequence number; None where nobody knows the client."""

    def client(self) -> End:
        """Return address and port of the client."""
        return self.ends[0]

    def server(self) -> End:
        """Return address and port of the server."""
        return self.ends[1]

    @property
    def client_half(self) -> HalfOutline | None:
        """The client's direction; None where nobody knows."""
        if self.halves is None:
            return None
        client, server = HalfOutline(*self.halves[0]), HalfOutline(*self.halves[1])
        client.other, server.other = server, client
        return client


class Numbered(Protocol):
    """What tells the initial sequence number of a client's SYN."""

    @property
    def syn_seq(self) -> int | None:
        """The number; None where no SYN was captured."""
        ...


def alike(connections: Iterable[Numbered]) -> frozenset[int]:
    """Return the initial sequence numbers that the SYNs of several connections carry."""
    numbers = sorted([one.syn_seq for one in connections if one.syn_seq is not None])
    return frozenset([number for number, following in pairwise(numbers) if number == following])


def stands_alone(flow: Flow, numbers: frozenset[int]) -> bool:
    """Tell whether no other connection can be a view or a half of this one; `numbers` are those of SYNs that are `alike`."""
    first = flow.first_half
    return first.seen and first.other.seen and flow.syn_seq not in numbers


def outline(flow: Flow) -> Outline:
    """Return the outline of a connection."""
    half = flow.client_half
    return Outline(
        flow.connection_id,
        flow.point,
        flow.first_ns,
        flow.syn_ns,
        flow.syn_seq,
        flow.syn_mark,
        flow.syn_ack_ns,
        flow.syn_ack_seq,
        (flow.client(), flow.server()),
        None if half is None else ((half.seen, half.base_seq), (half.other.seen, half.other.base_seq)),
    )
