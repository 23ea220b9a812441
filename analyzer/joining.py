"""What a pass over a capture leaves behind, and the parts of several processes put together as if one had made them.

Exchanges and connections of the parts are disjoint; ids, the order of anomalies and what connections learn from each other are those of a
single pass, told by the moments at which things happened.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from analyzer import aws, tcp, tls
from analyzer.assembly import Traffic
from analyzer.model.capture import Inference
from analyzer.model.rows import Anomaly, Connection, Exchange, Handshake
from analyzer.model.seams import ByteStream, Claim, Link, Opener, Sink
from analyzer.model.sharing import Moment
from analyzer.units import ConnectionId, PacketId

MOST_ANOMALIES = 1000
"""Anomaly rows of one code that are kept; the rest is counted in a last row."""


Key = TypeVar("Key")
Value = TypeVar("Value")


class Numbers:
    """Gives exchanges their ids within a part, and remembers the moment of each."""

    def __init__(self, moment: Callable[[], Moment]) -> None:
        self._moment = moment
        self.packets = array("q")
        self.steps: dict[int, Moment] = {}
        """The whole moment of those that did not begin with the packet itself."""

    def __call__(self) -> int:
        """Return the next id."""
        number = len(self.packets)
        moment = self._moment()
        self.packets.append(moment[0])
        if moment[1:] != tcp.USUAL:
            self.steps[number] = moment
        return number

    def moments(self) -> list[Moment]:
        """Return the moment of each id, in order."""
        steps = self.steps
        return [steps.get(number) or (packet, *tcp.USUAL) for number, packet in enumerate(self.packets)]


@dataclass(slots=True)
class Part:
    """What a pass, or a share of one, found before the connections are looked at together."""

    exchanges: list[Exchange]
    connections: list[Connection]
    """As TCP knows them."""
    outlines: Sequence[tcp.Opened]
    unseen: dict[PacketId, int]
    """How many packets were lost before the capture point, by the packet that showed it."""
    handshakes: dict[ConnectionId, Handshake]
    traffic: dict[ConnectionId, Traffic]
    unfinished: set[int]
    unnamed: bool
    anomalies: list[Anomaly]
    anomaly_counts: dict[str, int]
    opaque: Mapping[str, list[tuple[int, str]]]
    missing: set[bytes]
    inference: Inference | None
    counts: Counter[int] | None = None
    """How many exchanges each connection carried, where they are not among these."""
    # Of a share only.
    marks: dict[int, int] = field(default_factory=dict)
    """Marks of requests' bodies, by exchange."""
    joined: bool = False
    """Whether segments were joined by offload."""
    if_joined: tuple[list[Connection], dict[PacketId, int]] = ([], {})
    """What is different where that was so on any connection."""
    moments: list[Moment] = field(default_factory=list)
    """Of each exchange id given."""
    anomaly_moments: list[Moment] = field(default_factory=list)
    found: dict[ConnectionId, Moment] = field(default_factory=dict)
    """When each connection was found to be `opaque`."""
    tickets: list[tls.Event] = field(default_factory=list)
    compared: list[tls.Compared] = field(default_factory=list)


class Deaf:
    """Claims the connections that another opener would, and reads nothing: another process does. Implements `model.seams.Opener`."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self.name = opener.name

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction as the other does."""
        return self._opener.sniff(link, data, start, end)

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        """Read nothing."""
        return None, None


def look_through(engine: tcp.Engine, *, alone: bool) -> tuple[list[Connection], Sequence[tcp.Opened], dict[PacketId, int]]:
    """Return of all connections of a settled engine their rows, those that may be views of each other, and what `unseen_before` does.

    Where the engine follows them `alone`, connections that cannot have another view are not among the second.
    """
    numbers = engine.alike() if alone else frozenset()
    rows: list[Connection] = []
    outlines: list[tcp.Opened] = []
    unseen: dict[PacketId, int] = {}
    for flow in engine.each():
        rows.append(tcp.row(flow))
        unseen.update(tcp.unseen_before(flow))
        if not alone or not tcp.stands_alone(flow, numbers):
            outlines.append(tcp.outline(flow))
    return rows, outlines, unseen


def unseen_before(flows: Iterable[tcp.Flow]) -> dict[PacketId, int]:
    """Return how many packets were lost before the capture point, by the packet that showed it."""
    return {packet: lost for flow in flows for packet, lost in tcp.unseen_before(flow).items()}


def note_share(
    part: Part, engine: tcp.Engine, opener: tls.TlsOpener, numbers: Callable[[], int], anomalies: list[Moment], bodies: aws.Bodies
) -> None:
    """Add to a part what only shares have: when things happened, and what was learned."""
    part.moments = numbers.moments() if isinstance(numbers, Numbers) else []
    part.anomaly_moments = anomalies
    part.found = opener.found
    part.marks = bodies.by_exchange()
    if isinstance(opener.tickets, tls.SharedBook):
        part.tickets = opener.tickets.events
    if isinstance(opener.yardstick, tls.SharedYardstick):
        part.compared = opener.yardstick.compared()
    part.joined = engine.joined
    if not part.joined:
        doubted = engine.join()
        part.if_joined = list(map(tcp.row, doubted)), unseen_before(doubted)


def agree(parts: Sequence[Part]) -> bool:
    """Tell whether no connection would have been read otherwise, had one process read them all."""
    chosen = tls.chosen(one for part in parts for one in part.compared)
    return tls.consistent(event for part in parts for event in part.tickets) and tls.consistent(
        event for one in chosen for event in one.events
    )


def learned(parts: Sequence[Part]) -> tls.Tickets:
    """Return what the parts learned of servers' tickets: from the exchanges, and from those that are only compared."""
    chosen = tls.chosen(one for part in parts for one in part.compared)
    return (
        tls.learned(event for part in parts for event in part.tickets),
        tls.learned(event for one in chosen for event in one.events),
    )


def join(parts: Sequence[Part]) -> Part:
    """Return the parts of a pass as one; exchanges get the ids that a single pass would have given them."""
    ids = _ids([part.moments for part in parts])
    joined = any(part.joined for part in parts)
    if joined:
        for part in parts:
            if not part.joined:
                changed = {row.connection_id: row for row in part.if_joined[0]}
                part.connections = [changed.get(row.connection_id, row) for row in part.connections]
                part.unseen = part.if_joined[1]
    make = tuple.__new__
    exchanges: list[Exchange] = []
    for part, numbers in zip(parts, ids, strict=True):
        exchanges += [make(Exchange, (numbers[row[0]], *row[1:])) for row in part.exchanges]
    anomalies, counts = _anomalies(parts)
    return Part(
        exchanges=exchanges,
        connections=sorted((row for part in parts for row in part.connections), key=lambda row: row.connection_id),
        outlines=sorted((one for part in parts for one in part.outlines), key=lambda one: one.connection_id),
        unseen=_merged(part.unseen for part in parts),
        handshakes=_merged(part.handshakes for part in parts),
        traffic=_merged(part.traffic for part in parts),
        unfinished={numbers[one] for part, numbers in zip(parts, ids, strict=True) for one in part.unfinished},
        marks={numbers[one]: mark for part, numbers in zip(parts, ids, strict=True) for one, mark in part.marks.items()},
        unnamed=any(part.unnamed for part in parts),
        anomalies=anomalies,
        anomaly_counts=counts,
        opaque=_opaque(parts),
        missing=set().union(*(part.missing for part in parts)),
        inference=tls.inference(tls.chosen(one for part in parts for one in part.compared)),
        joined=joined,
    )


def _ids(moments: Sequence[list[Moment]]) -> list[list[int]]:
    """Return for each part the id that a single pass gives to each of its exchanges: no two parts number at the same moment."""
    if len(moments) == 1:
        return [list(range(len(moments[0])))]
    out = []
    for part, own in enumerate(moments):
        numbers = list(range(len(own)))
        for other, theirs in enumerate(moments):
            if other == part:
                continue
            at = 0
            for index, moment in enumerate(own):
                at = bisect_left(theirs, moment, at)
                numbers[index] += at
        out.append(numbers)
    return out


def _anomalies(parts: Sequence[Part]) -> tuple[list[Anomaly], dict[str, int]]:
    """Return the first anomalies of each code, in order, and how many there were."""
    counts: dict[str, int] = {}
    for part in parts:
        for code, seen in part.anomaly_counts.items():
            counts[code] = counts.get(code, 0) + seen
    every = [
        (moment, index, number)
        for index, part in enumerate(parts)
        for number, moment in enumerate(part.anomaly_moments)
    ]  # fmt: skip
    kept: list[Anomaly] = []
    taken: dict[str, int] = {}
    for _, index, number in sorted(every):
        row = parts[index].anomalies[number]
        taken[row.code] = taken.get(row.code, 0) + 1
        if taken[row.code] <= MOST_ANOMALIES:
            kept.append(row)
    order = {code: place for place, code in enumerate(taken)}
    return kept, dict(sorted(counts.items(), key=lambda item: order.get(item[0], len(order))))


def _opaque(parts: Sequence[Part]) -> dict[str, list[tuple[int, str]]]:
    every = [
        (part.found[number], why, number, what) for part in parts for why, found in part.opaque.items() for number, what in found
    ]  # fmt: skip
    out: dict[str, list[tuple[int, str]]] = {}
    for _, why, number, what in sorted(every):
        out.setdefault(why, []).append((number, what))
    return out


def _merged(parts: Iterable[Mapping[Key, Value]]) -> dict[Key, Value]:
    out: dict[Key, Value] = {}
    for part in parts:
        out.update(part)
    return out
