"""What `wait` consists of: repair of lost requests, the network's round trip, and the server's own time."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.model.http import HttpExchange
from analyzer.units import DurationNs, TimeNs


class Wait(NamedTuple):
    """The parts of an exchange's wait, and all its stalls. None where no round trip is known."""

    wait_stall_ns: DurationNs | None
    network_ns: DurationNs | None
    server_ns: DurationNs | None
    stall_ns: DurationNs | None


UNKNOWN = Wait(None, None, None, None)


def split(exchange: HttpExchange) -> Wait:
    """Split the wait of an exchange into stall, network and server; they add up to it.

    `network_ns` is the smaller of the server-side round trip and what is left. A request long enough to queue on its way ends it
    at the ACK of its last byte, where that came before the response. Both are None where no round trip is known, for a request
    that was pipelined behind others, and for one whose end is not in the capture.
    """
    if exchange.request_end is None or exchange.response_start is None or exchange.request is None:
        return UNKNOWN
    link, rtt = exchange.link, exchange.rtt_ns
    sent, first = exchange.request_end[0], exchange.response_start[0]
    behind = exchange.previous_end_ns is not None and exchange.previous_end_ns > sent
    known = rtt is not None and not behind and exchange.request_complete
    if known and rtt is not None and sent < first and exchange.request_acked_ns is None and not link.troubled():
        network = min(rtt, first - sent)
        return tuple.__new__(Wait, (0, network, first - sent - network, 0))
    repeats = link.needed_repeats(exchange.request_offset, exchange.request_end_offset)
    holes = link.holes(exchange.response_offset, max(exchange.response_end_offset, exchange.response_offset + 1))
    stall = covered([*repeats, *holes]) if repeats or holes else 0
    wait = first - sent
    if wait <= 0:
        return Wait(0, 0, 0, stall)
    wait_stall = 0
    if repeats or holes:
        last_copy = max((needed for _, needed in repeats), default=sent)
        wait_stall = covered([(max(a, sent), min(b, first)) for a, b in [(sent, last_copy), *holes]])
    if rtt is None or not known:
        return Wait(wait_stall, None, None, stall)
    left = wait - wait_stall
    network = min(rtt, left)
    acked = exchange.request_acked_ns
    if acked is not None and acked < first:
        # The bytes were under way, repeats apart, until the ACK of the last one.
        network = max(network, acked - sent - wait_stall)
    return Wait(wait_stall, network, left - network, stall)


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
