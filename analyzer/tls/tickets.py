"""Which of a server's first encrypted records are session tickets and no answer (RFC 8446 section 4.6.1).

After the client's Finished the first records are tickets if they come sooner than one round trip after the first request byte, or have the
length of a ticket seen on another connection to this server, or are alike and followed by more. A single one that is followed by another
packet is one where it came at once, as no answer does whose server had anything to do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeAlias

from analyzer.tls._records import Record
from analyzer.units import MILLISECOND, DurationNs, TimeNs

LARGEST_TICKET = 4096
"""Bytes of a record that may be a ticket; one with a client certificate in it has about 2 000."""
SMALLEST_TICKET = 48
"""Bytes of a record with an empty ticket: message header, lifetime, age, nonce, lengths, content type and tag (RFC 8446 section 4.6.1)."""
AT_ONCE_NS: DurationNs = 2 * MILLISECOND
"""A server makes its tickets in less than this."""
MOST_SERVERS = 4096
MOST_LENGTHS = 16
"""Bounds of what is remembered."""

Server: TypeAlias = tuple[bytes, int, str | None]
"""Address, port and name."""


class Early(NamedTuple):
    """A record of the server before anything else is known of the first answer."""

    record: Record
    acked: int
    """Up to where its packet acknowledged the client's bytes."""
    ttl: int


class Asked(NamedTuple):
    """What a book is asked about one connection."""

    server: Server | None
    """None where its tickets are not looked for."""
    early: Sequence[Early]
    request_offset: int
    asked_ns: TimeNs
    rtt: DurationNs | None
    answered: bool


class TicketBook:
    """How long each server's tickets are."""

    def __init__(self) -> None:
        self._known: dict[Server, set[int]] = {}

    def lengths(self, server: Server) -> Collection[int]:
        """Return the lengths of records with tickets of a server."""
        return self._known.get(server, ())

    def learn(self, server: Server, size: int) -> None:
        """Note the length of a record with a ticket."""
        known = self._known.get(server)
        if known is None:
            if len(self._known) >= MOST_SERVERS:
                self._known.clear()
            known = self._known[server] = set()
        if len(known) < MOST_LENGTHS:
            known.add(size)

    def count(self, asked: Asked) -> int:
        """Return how many of the first records of a server are tickets; see `count`."""
        known = self.lengths(asked.server) if asked.server is not None else ()
        return count(asked.early, asked.request_offset, asked.asked_ns, asked.rtt, known, answered=asked.answered)


def sure(early: Sequence[Early], request_offset: int, asked_ns: TimeNs, rtt: DurationNs | None) -> int:
    """Return how many of the first records cannot be an answer: the request had not arrived, or there and back takes longer."""
    for number, one in enumerate(early):
        sooner = rtt is not None and one.record.began[0] - asked_ns < rtt
        if one.acked > request_offset and not sooner:
            return number
    return len(early)


def count(
    early: Sequence[Early], request_offset: int, asked_ns: TimeNs, rtt: DurationNs | None, known: Collection[int], *, answered: bool
) -> int:
    """Return how many of the first records of a server are tickets.

    `answered` tells that one of them is an answer: the client went on to its next request.
    """
    found = sure(early, request_offset, asked_ns, rtt)
    last = len(early) - answered
    while found < last and early[found].record.size in known:
        found += 1
    while found + 1 < last and _may_be(early[found]) and early[found].record.size == early[found + 1].record.size:
        # Two alike; with more behind them they are all tickets.
        size = early[found].record.size
        more = found
        while more < last and early[more].record.size == size:
            more += 1
        if more == len(early):
            break
        found = more
    if not found and len(early) > 1 and _may_be(early[0]):
        first, second = early[0].record, early[1].record
        at_once = rtt is not None and first.began[0] - asked_ns < rtt + max(AT_ONCE_NS, rtt // 4)
        if at_once and second.began[1] != first.done[1] and second.began[0] - first.done[0] > AT_ONCE_NS // 4:
            found = 1
    return min(found, last)


def _may_be(one: Early) -> bool:
    return SMALLEST_TICKET <= one.record.size <= LARGEST_TICKET
