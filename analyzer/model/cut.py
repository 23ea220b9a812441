"""What a short snapshot length leaves of a capture: the headers of packets, and of what they carry nothing that could be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Connection

HEADERS_BYTES: Final = 128
"""Captured bytes of a packet up to which little but headers is in it: Ethernet with VLAN tags 22, IPv6 40, TCP with all its options 60."""


def headers_only(info: CaptureInfo, connections: Iterable[Connection]) -> bool:
    """Tell whether packets were cut so short that no message of any connection can be read, though connections carried data.

    Payload is counted by the lengths in IP headers, so that what was cut is known to have been there.
    """
    if not info.cut_packets or not info.packets or info.bytes > HEADERS_BYTES * info.packets:
        return False
    carried = [row for row in connections if row.bytes_sent or row.bytes_received]
    return bool(carried) and all(row.cut_packets and row.protocol is None and not row.exchanges for row in carried)


def cut_at(info: CaptureInfo) -> int | None:
    """Return the snapshot length that the capture names, where it is one that leaves headers only; not all programs write it down."""
    named = {interface.snaplen for interface in info.interfaces}
    found = named.pop() if len(named) == 1 else 0
    return found if 0 < found <= 2 * HEADERS_BYTES else None
