"""Times in which an exchange stood still: what its row says of them."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.units import DurationNs, PacketId, TimeNs


class Stall(NamedTuple):
    """A time in which progress waited for the network or the receiver; it lies inside spans and never adds to them."""

    kind: str
    """request-repeated (first copy of request bytes sent to needed copy sent), response-hole (first segment beyond the hole to the
    filling one), zero-window (window closed while the sender had more to send)."""
    start_ns: TimeNs
    end_ns: TimeNs
    packet_id: PacketId | None
    """The packet that ended it."""


class Held(NamedTuple):
    """Small data that its sender held back until the peer's delayed ACK (Nagle's algorithm, RFC 896; RFC 1122 section 4.2.3.2)."""

    sender: str
    """client, server."""
    start_ns: TimeNs
    """The last bytes before."""
    acked_ns: TimeNs
    """The ACK of them."""
    end_ns: TimeNs
    """The held bytes."""
    delay_ns: DurationNs
    """How much later than a round trip the ACK came: the peer's timer."""
    ack_packet_id: PacketId
    packet_id: PacketId
    """The packet with the held bytes."""
