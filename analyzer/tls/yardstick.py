"""How right the inference of exchanges is: connections that can be read are inferred as well, and both answers compared."""

from __future__ import annotations

from bisect import bisect_left
from itertools import count
from typing import TypeAlias

from analyzer.model.capture import Inference, Off
from analyzer.model.http import HttpExchange
from analyzer.tls.inferring import Desk
from analyzer.tls.tickets import TicketBook
from analyzer.units import DurationNs, TimeNs

MOST_COMPARED = 4096
"""Exchanges that are compared: enough for a 99th percentile (40 lie beyond it), and a long capture is not read twice."""

Moments: TypeAlias = tuple[TimeNs, TimeNs | None, TimeNs | None]
"""First byte of the request, first byte of the answer, last byte of the answer."""


class Yardstick:
    """Collects both answers; what only one of them can hold is not compared (cut exchanges, HTTP/2)."""

    def __init__(self) -> None:
        self.desk = Desk(count().__next__, self._inferred, TicketBook(), measures_only=True)
        self._told: dict[int, list[Moments]] = {}
        self._read: dict[int, list[Moments]] = {}
        self._room = MOST_COMPARED

    @property
    def wants_more(self) -> bool:
        """Whether another connection is to be compared."""
        return self._room > 0

    def begin(self, connection_id: int) -> None:
        """Compare what is said on a connection from now on."""
        self._told[connection_id] = []
        self._read[connection_id] = []

    def drop(self, connection_id: int) -> None:
        """Leave out a connection that cannot be read after all."""
        self._told.pop(connection_id, None)
        self._read.pop(connection_id, None)

    def read(self, exchange: HttpExchange) -> None:
        """Take an exchange that was decrypted."""
        known = self._read.get(exchange.link.connection_id)
        moments = _moments(exchange)
        if known is not None and moments is not None:
            self._room -= 1
            known.append(moments)

    def keep(self, connection_id: int, read: list[Moments], told: list[Moments]) -> None:
        """Take both answers of a connection that was compared elsewhere."""
        self._read[connection_id], self._told[connection_id] = read, told

    def desk_of(self, connection_id: int) -> Desk:
        """Return the desk at which a connection is inferred."""
        return self.desk

    def note(self, connection_id: int) -> None:
        """Learn that an exchange of a connection was just read."""

    def _inferred(self, exchange: HttpExchange) -> None:
        known = self._told.get(exchange.link.connection_id)
        moments = _moments(exchange)
        if known is not None and moments is not None:
            known.append(moments)

    def result(self) -> Inference | None:
        """Return how far apart both answers are; None where nothing could be read with keys."""
        starts: list[DurationNs] = []
        firsts: list[DurationNs] = []
        ends: list[DurationNs] = []
        exchanges = missed = extra = connections = 0
        for number, read in self._read.items():
            if not read:
                continue
            connections += 1
            exchanges += len(read)
            told = self._told[number]
            pairs = _pairs(read, told)
            missed += len(read) - len(pairs)
            extra += len(told) - len(pairs)
            for truth, guess in pairs:
                starts.append(abs(guess[0] - truth[0]))
                if truth[1] is not None and guess[1] is not None:
                    firsts.append(abs(guess[1] - truth[1]))
                if truth[2] is not None and guess[2] is not None:
                    ends.append(abs(guess[2] - truth[2]))
        if not exchanges:
            return None
        return Inference(connections, exchanges, missed, extra, _off(starts), _off(firsts), _off(ends))


def _moments(exchange: HttpExchange) -> Moments | None:
    """Return when an exchange began, was answered first and last; None where its request was not captured."""
    start, first, last = exchange.request_start, exchange.response_start, exchange.response_end
    if start is None:
        return None
    ended = last is not None and exchange.response_complete
    return start[0], None if first is None else first[0], last[0] if ended and last is not None else None


def _pairs(read: list[Moments], told: list[Moments]) -> list[tuple[Moments, Moments]]:
    """Pair each exchange that was inferred with the real one that began nearest to it, each real one once."""
    pairs = []
    starts = [row[0] for row in read]
    free = 0
    for guess in told:
        at = bisect_left(starts, guess[0], free)
        if at > free and (at == len(starts) or guess[0] - starts[at - 1] <= starts[at] - guess[0]):
            at -= 1
        if at < len(starts):
            pairs.append((read[at], guess))
            free = at + 1
    return pairs


def _off(differences: list[DurationNs]) -> Off | None:
    """Return median, 99th percentile (nearest rank) and maximum."""
    if not differences:
        return None
    ordered = sorted(differences)
    rank = (len(ordered) * 99 + 99) // 100 - 1
    return Off(ordered[(len(ordered) - 1) // 2], ordered[rank], ordered[-1])
