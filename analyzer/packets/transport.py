"""Reads TCP and UDP headers (RFC 9293 section 3.1, RFC 768), and finds the tunnels that UDP carries."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from analyzer.model.seams import Datagram, Oddity, Segment
from analyzer.packets._walk import ETHERNET, Step, Walk, ethertype

_tcp_fields: Final[Callable[[bytes, int], tuple[bytes, int, int, int, int]]] = Struct(">4sIIHH").unpack_from
"""Ports, numbers, offset with flags, and window."""
_UDP: Final = Struct(">HHH2x")
VXLAN_PORT: Final = 4789
"""RFC 7348 section 8."""
GENEVE_PORT: Final = 6081
"""RFC 8926 section 3.2."""
TUNNEL_PORTS: Final[frozenset[int]] = frozenset({VXLAN_PORT, GENEVE_PORT})
"""UDP ports whose datagrams may carry packets."""


def tcp(walk: Walk) -> Segment | Oddity:
    """Read a TCP header; options are kept as captured and not judged.

    The first 16 bytes, to the window, are enough: so far must a capture reach for Wireshark to give the segment a `tcp.stream`. A data
    offset below 5 words, or beyond the segment's end, leaves no payload that could be named and is an Oddity.
    """
    data = walk.data
    at = walk.at
    end = walk.end
    if end - at < 16:
        return walk.cut("TCP")
    ports, seq, ack, bits, window = _tcp_fields(data, at)
    start = at + (bits >> 12 << 2)
    size = walk.wire_end - start
    if bits < 0x5000 or size < 0:
        return Oddity("bad-data-offset", f"TCP data offset {bits >> 12} in a segment of {walk.wire_end - at} bytes")
    captured = end - start
    if captured < 0:
        start = end
        captured = 0
    # Compiled code takes no slice that ends before it begins, as that of a header cut in its first 20 bytes would.
    options = data[at + 20 : start] if bits >= 0x6000 and start > at + 20 else b""
    return Segment(
        walk.addresses + ports, seq, ack, bits & 0xFF, window, data, start, size, captured, options, walk.ip_id, walk.ttl, walk.path,
        walk.process,
    )  # fmt: skip


def udp(walk: Walk) -> Step:
    """Read a UDP header; go on into VXLAN and Geneve.

    The payload ends where the UDP length says, and not behind the end of the IP payload; a length below 8 is an Oddity.
    """
    at = walk.at
    if walk.end - at < 8:
        return walk.cut("UDP")
    source, target, length = _UDP.unpack_from(walk.data, at)
    if length < 8:
        return Oddity("malformed-header", f"UDP length {length} is less than the header's 8 bytes")
    walk.trim(length)
    walk.at = at = at + 8
    if target in TUNNEL_PORTS:
        inner = _vxlan(walk) if target == VXLAN_PORT else _geneve(walk)
        if inner is not None:
            return inner
    middle = len(walk.addresses) >> 1
    addresses = walk.addresses
    return Datagram(addresses[:middle], addresses[middle:], source, target, walk.data, at, walk.wire_end - at, walk.end - at, walk.path)


def _vxlan(walk: Walk) -> int | None:
    """Skip a VXLAN header (RFC 7348 section 5); None where the flag that says "has a network id" is missing."""
    at = walk.at
    if walk.end - at < 8 or not walk.data[at] & 0x08:
        return None
    walk.through(walk.data[at + 4 : at + 7])
    walk.at = at + 8
    return ETHERNET


def _geneve(walk: Walk) -> int | None:
    """Skip a Geneve header and its options (RFC 8926 section 3.4); None for another version or a header that is not whole."""
    at = walk.at
    data = walk.data
    if walk.end - at < 8 or data[at] >> 6:
        return None
    inner = at + 8 + (data[at] & 0x3F) * 4
    if inner > walk.end:
        return None
    walk.through(data[at + 4 : at + 7])
    walk.at = inner
    return ethertype(data[at + 2] << 8 | data[at + 3])
