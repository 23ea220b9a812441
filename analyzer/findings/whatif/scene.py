"""The stage on which calls are replayed: their parts, made when a change touches them, and what became of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Container
from operator import attrgetter, itemgetter
from typing import NamedTuple

from analyzer.findings.view import View
from analyzer.model.rows import Call, Exchange, Handshake
from analyzer.units import ConnectionId, DurationNs, TimeNs

OWN, CREDENTIALS, FAILED = "own", "credentials", "failed"
"""Where a part lies: in the final attempt and between attempts, in the dialogue that the call waited for, in an attempt that failed."""
SET_UP = frozenset({"dns", "connect", "tls"})
OF_EXCHANGE = frozenset({"send", "wait", "receive"})
"""Phases of an exchange."""


class Lengths(NamedTuple):
    """A length with its range."""

    low: DurationNs
    likely: DurationNs
    high: DurationNs


NOTHING = Lengths(0, 0, 0)


class Part:
    """A piece of a call. `kind` is a phase; a wait comes in three: `stall`, `network`, `server`; `queue` lies before the first packet."""

    __slots__ = ("kind", "where", "start", "end", "low", "likely", "high", "connection_id", "exchange", "rounds", "_left")

    def __init__(
        self, kind: str, where: str, start: TimeNs, end: TimeNs, connection_id: ConnectionId | None, exchange: Exchange | None
    ) -> None:
        self.kind = kind
        self.where = where
        self.start = start
        self.end = end
        self.low = self.likely = self.high = self._left = end - start
        self.connection_id = connection_id
        self.exchange = exchange
        self.rounds = 1
        """Round trips in it, of `connect`, `tls` and `network`."""

    def set(self, to: Lengths) -> None:
        """Give it a new length; none below zero."""
        low, likely, high = to
        self.low = low if low > 0 else 0
        self.likely = likely if likely > 0 else 0
        self.high = high if high > 0 else 0

    def add(self, low: DurationNs, likely: DurationNs, high: DurationNs) -> None:
        """Make it longer or, by negative amounts, shorter."""
        self.set(Lengths(self.low + low, self.likely + likely, self.high + high))

    def cut(self, start: TimeNs, end: TimeNs) -> bool:
        """Take out what lies between two moments, in proportion where an earlier change scaled it; tell whether that was anything.

        No two cuts of a part may overlap.
        """
        inside = min(self.end, end) - max(self.start, start)
        if inside <= 0 or not self._left:
            return False
        inside = min(inside, self._left)
        self.set(Lengths(*(value - value * inside // self._left for value in (self.low, self.likely, self.high))))
        self._left -= inside
        return True


def cut(parts: list[Part], start: TimeNs, end: TimeNs, wanted: Callable[[Part], bool]) -> bool:
    """Take what lies between two moments out of the wanted ones of a call's parts; tell whether that was anything."""
    changed = False
    # The parts of a call follow each other.
    for at in range(bisect_right(parts, start, key=attrgetter("end")), len(parts)):
        if parts[at].start >= end:
            break
        if wanted(parts[at]):
            changed = parts[at].cut(start, end) or changed
    return changed


class Scene:
    """The calls under replay."""

    def __init__(self, view: View, calls: list[Call]) -> None:
        self.view = view
        self.calls = calls
        self.gone: set[int] = set()
        """Calls that would not be made any more."""
        self.notes: list[str] = []
        """What the answer rests on, for the reader."""
        self.trips: dict[ConnectionId, DurationNs] = {}
        """Round trips that a change has set."""
        self.modern: set[ConnectionId] = set()
        """Connections whose handshake a change made TLS 1.3."""
        self._parts: dict[int, list[Part]] = {}
        self._present: set[int] | None = None

    def rtt(self, number: ConnectionId | None) -> DurationNs | None:
        """Return the round trip of a connection on the server's side; None where unknown."""
        if number is None:
            return None
        if number in self.trips:
            return self.trips[number]
        row = self.view.connections.get(number)
        return row.min_rtt_ns if row is not None else None

    def handshake(self, number: ConnectionId | None) -> Handshake | None:
        """Return the first finished handshake of a connection."""
        return self.view.finished_on.get(number) if number is not None else None

    @property
    def present(self) -> set[int]:
        """The ids of the calls under replay."""
        if self._present is None:
            self._present = {call.call_id for call in self.calls}
        return self._present

    def left(self) -> list[Call]:
        """Return the calls that are still made, in order."""
        return [call for call in self.calls if call.call_id not in self.gone] if self.gone else self.calls

    def parts(self, call: Call) -> list[Part]:
        """Return the parts of a call, in order."""
        made = self._parts.get(call.call_id)
        if made is None:
            made = self._parts[call.call_id] = _parts(self, call)
        return made

    @property
    def touched(self) -> Container[int]:
        """The ids of the calls that any change has looked at: others have their own length still."""
        return self._parts.keys()

    def after(self, call: Call) -> Lengths:
        """Return how long a call takes now."""
        parts = self._parts.get(call.call_id)
        if parts is None:
            return Lengths(call.duration_ns, call.duration_ns, call.duration_ns)
        low = likely = high = 0
        for one in parts:
            low += one.low
            likely += one.likely
            high += one.high
        return Lengths(min(low, likely), likely, max(likely, high))

    def own(self, call: Call) -> DurationNs:
        """Return how long a call likely takes after the credentials that it waited for."""
        if call.call_id not in self._parts:
            return call.duration_ns - call.credentials_ns
        return sum(part.likely for part in self._parts[call.call_id] if part.where != CREDENTIALS)

    def insert(self, call: Call, kind: str, where: str, lengths: Lengths) -> None:
        """Put a piece into a call that was not there."""
        part = Part(kind, where, call.start_ns, call.start_ns, None, None)
        part.set(lengths)
        self.parts(call).insert(0, part)


def _parts(scene: Scene, call: Call) -> list[Part]:
    spans = scene.view.spans_of(call)
    if not spans:
        return [Part("unexplained", OWN, call.start_ns, call.start_ns + call.duration_ns, call.connection_id, None)]
    out: list[Part] = []
    exchanges = _by_connection(scene.view.exchanges_of(call))
    for span in spans:
        phase, inner, start, end, number = _PIECE(span)
        where, kind = OWN, phase
        if phase in (CREDENTIALS, FAILED):
            where, kind = phase, inner or phase
        if kind not in OF_EXCHANGE or where == CREDENTIALS:
            part = Part(kind, where, start, end, number, None)
            if kind == "tls" and where != CREDENTIALS and (shaken := scene.handshake(number)) is not None:
                part.rounds = shaken.round_trips or 1
            out.append(part)
            continue
        under = _exchange_of(number, start, end, exchanges)
        if kind == "wait" and under is not None:
            out += _wait(start, end, number, where, under)
        else:
            out.append(Part(kind, where, start, end, number, under))
    return out


_PIECE = attrgetter("phase", "inner_phase", "start_ns", "end_ns", "connection_id")


def _by_connection(rows: list[Exchange]) -> dict[ConnectionId | None, list[tuple[TimeNs, Exchange]]]:
    """Sort a call's exchanges by connection, each with its request's begin; a dialogue may have thousands."""
    out: dict[ConnectionId | None, list[tuple[TimeNs, Exchange]]] = {}
    for row in rows:
        if row.request_start_ns is not None:
            out.setdefault(row.connection_id, []).append((row.request_start_ns, row))
    return out


def _exchange_of(
    number: ConnectionId | None, start: TimeNs, end: TimeNs, exchanges: dict[ConnectionId | None, list[tuple[TimeNs, Exchange]]]
) -> Exchange | None:
    """Return the exchange that a span on a connection is a phase of: the last one asked there before it."""
    rows = exchanges.get(number)
    at = bisect_right(rows, start, key=itemgetter(0)) - 1 if rows else -1
    if rows is None or at < 0:
        return None
    row = rows[at][1]
    return row if row.response_end_ns is None or end <= row.response_end_ns else None


def _wait(start: TimeNs, end: TimeNs, number: ConnectionId | None, where: str, row: Exchange) -> list[Part]:
    """Return a wait in its three parts, one after the other, or whole where they do not add up to it."""
    stall, network, server = row.wait_stall_ns or 0, row.network_ns, row.server_ns
    if network is None or server is None or min(stall, network, server) < 0 or stall + network + server != end - start:
        return [Part("wait", where, start, end, number, row)]
    out = [Part("network", where, start + stall, end - server, number, row), Part("server", where, end - server, end, number, row)]
    return [Part("stall", where, start, start + stall, number, row), *out] if stall else out
