"""The cursor that walks down one packet, and what a layer answers.

A layer is a function: it reads the header under the cursor, moves the cursor behind it, and names the next layer by its EtherType or
its IP protocol number. Both fit one number space, because EtherTypes begin at 0x0600 (IEEE 802.3 clause 3.2.6) and protocol numbers
end at 255.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias
from zlib import crc32

from analyzer.model.seams import Oddity, Packet, Process
from analyzer.packets.fragments import Fragments
from analyzer.units import TimeNs

TCP: Final = 6
UDP: Final = 17
"""IP protocols (https://www.iana.org/assignments/protocol-numbers)."""
IPV4: Final = 0x0800
ETHERNET: Final = 0x6558
IPV6: Final = 0x86DD
PPP: Final = 0x880B
"""EtherTypes; that of Ethernet is the one that tunnels name it by (Transparent Ethernet Bridging, RFC 1701)."""
MIN_ETHERTYPE: Final = 0x0600
"""Smaller values of an EtherType field are a length (IEEE 802.3) or belong to nobody."""


class Walk:
    """Where the decoder stands in a packet, and what the headers above have said. One object serves all packets of a decoder."""

    __slots__ = ("addresses", "at", "data", "end", "fragments", "ip_id", "path", "process", "time", "ttl", "version", "wire_end")

    data: bytes
    """What `at` and `end` point into: the block, or a reassembled datagram."""
    at: int
    """Where the next header begins."""
    end: int
    """End of the captured bytes, and never behind what the headers so far call the end of their payload."""
    wire_end: int
    """Where the payload ended on the wire: not before `end`."""
    path: int
    """Interface number << 12 | VLAN id of the outermost tag (0 without). Behind a tunnel the upper part stands for both."""
    time: TimeNs
    addresses: bytes
    """Source and destination of the innermost IP header so far: 8 or 32 bytes; empty before any."""
    version: int
    """Version of that header: 4 or 6."""
    ttl: int
    ip_id: int | None
    process: Process | None
    """Whose the packet was, where the capture says so."""

    def __init__(self) -> None:
        self.fragments = Fragments()
        self.data = self.addresses = b""
        self.at = self.end = self.wire_end = self.path = self.time = self.version = self.ttl = 0
        self.ip_id = None
        self.process = None

    def cut(self, header: str) -> Oddity:
        """Say that `header` is not whole: cut by the snapshot length, or never whole on the wire."""
        if self.wire_end > self.end:
            return Oddity("truncated-header", f"the snapshot length cuts the {header} header")
        return Oddity("malformed-header", f"the packet ends inside the {header} header")

    def through(self, place: bytes) -> None:
        """Make a place on the way part of the path: the interface of a macOS capture, the ends of a tunnel, the number of its network."""
        path = self.path
        self.path = crc32(place, path >> 12) << 12 | path & 0xFFF

    def trim(self, length: int) -> None:
        """End the payload `length` bytes behind the cursor; what follows is padding or a trailer. A longer length changes nothing."""
        stop = self.at + length
        if stop < self.wire_end:
            self.wire_end = stop
            if stop < self.end:
                self.end = stop


Step: TypeAlias = int | Packet | None
"""What a layer answers: the number of the next layer, the packet, or None where nothing of interest follows."""
Layer: TypeAlias = Callable[[Walk], Step]


def ethertype(value: int) -> int | None:
    """Return an EtherType as the number of the next layer; None for values below 0x0600, which would pass for IP protocols."""
    return value if value >= MIN_ETHERTYPE else None
