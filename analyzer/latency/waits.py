"""What `wait` consists of: repair of lost requests, the network's round trip, and the server's own time."""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

from analyzer.model.http import HttpExchange
from analyzer.model.rows import Held, Stall
from analyzer.units import DurationNs, TimeNs

REPEATED, HOLE, WINDOW = "request-repeated", "response-hole", "zero-window"
"""Kinds of stalls."""
SOONEST = 0.75
"""Of the shortest round trip so far: a later one may be a little shorter, but not by so much."""
_TIMES = itemgetter(1, 2)


class Wait(NamedTuple):
    """The parts of an exchange's wait, and all its stalls. None where no round trip is known."""

    wait_stall_ns: DurationNs | None
    network_ns: DurationNs | None
    server_ns: DurationNs | None
    stall_ns: DurationNs | None
    stalls: tuple[Stall, ...] = ()
    """What `stall_ns` is the union of, in order of time."""
    held: tuple[Held, ...] = ()
    """Where it waited for a delayed ACK, in order of time."""


UNKNOWN = Wait(None, None, None, None)


def split(exchange: HttpExchange) -> Wait:
    """Split the wait of an exchange into stall, network and server; they add up to it.

    `network_ns` is the smaller of the server-side round trip and what is left. A request long enough to queue on its way ends it
    at the ACK of its last byte, where that came before the response. Both are None where no round trip is known, for a request
    that was pipelined behind others, for one whose end is not in the capture, and for one of which only order and size of records are
    known and whose answer came too soon to be one.
    """
    if exchange.request_end is None or exchange.response_start is None or (exchange.request is None and exchange.evidence != "inferred"):
        return UNKNOWN
    rtt = exchange.rtt_ns
    sent, first = exchange.request_end[0], exchange.response_start[0]
    behind = exchange.previous_end_ns is not None and exchange.previous_end_ns > sent
    known = rtt is not None and not behind and exchange.request_complete
    if known and rtt is not None and exchange.evidence == "inferred" and exchange.request_start is not None:
        # What came much sooner than there and back takes answers something else: order and size of records misled.
        known = first - exchange.request_start[0] >= rtt * SOONEST
    if known and rtt is not None and sent < first and exchange.request_acked_ns is None and not exchange.troubled:
        network = min(rtt, first - sent)
        return tuple.__new__(Wait, (0, network, first - sent - network, 0, (), ()))
    stalls, held = _stalls(exchange), _held(exchange)
    stall = covered([(start, end) for _, start, end, _ in stalls]) if stalls else 0
    wait = first - sent
    if wait <= 0:
        return Wait(0, 0, 0, stall, stalls, held)
    wait_stall = 0
    if stalls:
        last_copy = max((end for kind, _, end, _ in stalls if kind == REPEATED), default=sent)
        holes = [(start, end) for kind, start, end, _ in stalls if kind == HOLE]
        wait_stall = covered([(max(a, sent), min(b, first)) for a, b in [(sent, last_copy), *holes]])
    if rtt is None or not known:
        return Wait(wait_stall, None, None, stall, stalls, held)
    left = wait - wait_stall
    network = min(rtt, left)
    acked = exchange.request_acked_ns
    if acked is not None and acked < first:
        # The bytes were under way, repeats apart, until the ACK of the last one.
        network = max(network, acked - sent - wait_stall)
    return Wait(wait_stall, network, left - network, stall, stalls, held)


def _stalls(exchange: HttpExchange) -> tuple[Stall, ...]:
    """Return what held up the bytes of an exchange, in order of time; shared and empty where nothing did."""
    link = exchange.link
    if not exchange.troubled or not link.troubled():
        return ()
    asked, told = exchange.request_offset, exchange.request_end_offset
    begun, ended = exchange.response_offset, exchange.response_end_offset
    found = [Stall(REPEATED, *repair) for repair in link.needed_repeats(asked, told)]
    found += [Stall(HOLE, *repair) for repair in link.holes(begun, ended)]
    found += [Stall(WINDOW, *repair) for repair in link.request_blocked(asked, told)]
    found += [Stall(WINDOW, *repair) for repair in link.response_blocked(begun, ended)]
    return tuple(sorted(found, key=_TIMES)) if found else ()


def _held(exchange: HttpExchange) -> tuple[Held, ...]:
    """Return where the bytes of an exchange waited for a delayed ACK, in order of time."""
    link = exchange.link
    if not exchange.troubled or not link.troubled():
        return ()
    begun, ended = exchange.response_offset, exchange.response_end_offset
    found = link.request_held(exchange.request_offset, exchange.request_end_offset) + link.response_held(begun, ended)
    return tuple(sorted(found, key=itemgetter(1)))


def covered(intervals: list[tuple[TimeNs, TimeNs]]) -> DurationNs:
    """Return the length of the union of intervals; overlaps count once."""
    total = 0
    reached: TimeNs | None = None
    for start, end in sorted(intervals):
        if reached is not None:
            start = max(start, reached)
        if end > start:
            total += end - start
        reached = end if reached is None else max(reached, end)
    return total
