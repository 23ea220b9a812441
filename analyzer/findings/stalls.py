"""Times in which a call stood still, and the phases that they lie in: what a stall may be charged to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from analyzer.findings.view import View
from analyzer.model.intervals import union
from analyzer.model.rows import Call, Connection, Exchange, Stall
from analyzer.units import DurationNs, TimeNs

SLOTS_OF = {"send": ("send",), "wait": ("wait_stall", "wait"), "receive": ("receive",), "failed": ("failed",)}
"""What a stall is charged to, by the phase in which it lies. Never to `server` or `network`: those have no stall in them."""


LOSS = frozenset({"request-repeated", "response-hole"})
"""Kinds of stall that loss makes; a closed window is the receiver's doing."""


class Stalled(NamedTuple):
    """A stall of a service call."""

    call: Call
    connection: Connection
    exchange: Exchange
    stall: Stall

    @property
    def took_ns(self) -> DurationNs:
        """How long it took."""
        return self.stall.end_ns - self.stall.start_ns


def stalled(view: View, kinds: frozenset[str]) -> Iterator[Stalled]:
    """Yield the stalls of some kinds of all service calls, in order."""
    for call, exchange in view.held_up:
        under = view.connections.get(exchange.connection_id)
        if under is None:
            continue
        for stall in exchange.stalls:
            if stall.kind in kinds and stall.end_ns > stall.start_ns:
                yield Stalled(call, under, exchange, stall)


def lost_packets(row: Connection) -> int:
    """Return about how many packets of a connection were lost: those sent again in sight, and those that came behind later ones.

    Both as Wireshark flags them. Repeats that were not needed are taken off; a packet that only overtook another counts as lost.
    """
    return max(0, row.retransmissions - row.spurious_retransmissions) + row.out_of_order


def charge(
    view: View,
    call: Call,
    times: Iterable[tuple[TimeNs, TimeNs]],
    more: tuple[str, ...] = (),
    slots: Mapping[str, tuple[str, ...]] = SLOTS_OF,
) -> DurationNs:
    """Charge the intervals to the phases of a call in which they lie; return the sum.

    `slots` says to what, by phase; `more` are further slots of `wait`.
    """
    total = 0
    intervals = union(times)
    for span in view.spans_of(call):
        chargeable = slots.get(span.phase)
        if chargeable is None:
            continue
        inside = sum(max(0, min(end, span.end_ns) - max(start, span.start_ns)) for start, end in intervals)
        for slot in chargeable + (more if span.phase == "wait" else ()):
            if inside <= 0:
                break
            taken = view.charge(call, slot, inside)
            total += taken
            inside -= taken
    return total
