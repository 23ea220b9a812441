"""Reads IPv4 headers (RFC 791)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from analyzer.model.seams import Oddity
from analyzer.packets._walk import IPV6, Step, Walk

_fields: Final[Callable[[bytes, int], tuple[int, int, int, int, int, int, bytes]]] = Struct(">BxHHHBB2x8s").unpack_from
"""Version with header length, total length, identification, fragment, TTL, protocol, addresses."""
_MORE: Final = 0x2000
_OFFSET: Final = 0x1FFF


def ip4(walk: Walk) -> Step:
    """Read one IPv4 header with its options; collect fragments; name the protocol.

    A total length of 0 means that the sender's stack left it to the network card (segmentation offload): the payload is then the rest of
    the packet. One beyond the packet's end counts as that end, as in Wireshark; one less than the header is an Oddity.
    """
    data = walk.data
    at = walk.at
    if walk.end - at < 20:
        if walk.end > at and data[at] >> 4 == 6:
            return IPV6
        return walk.cut("IPv4")
    first, length, ident, fragment, ttl, protocol, addresses = _fields(data, at)
    if first != 0x45:
        if first >> 4 == 6:
            return IPV6  # Wireshark, too, believes the version rather than the EtherType
        if first >> 4 != 4 or first < 0x45:
            return Oddity("malformed-header", f"no IPv4 header begins with 0x{first:02x}")
    header = (first & 15) << 2
    if length:
        if length < header:
            return Oddity("malformed-header", f"IPv4 total length {length} is less than the header's {header} bytes")
        walk.trim(length)
    walk.at = at = at + header
    if at > walk.end:
        return walk.cut("IPv4")
    if walk.addresses:  # a tunnel: its ends tell copies apart that went through two, or through one in both directions
        walk.through(walk.addresses)
    walk.addresses = addresses
    walk.version = 4
    walk.ttl = ttl
    walk.ip_id = ident
    if fragment & (_MORE | _OFFSET):
        # Like Wireshark the identity has the VLAN, so that copies on two VLANs do not mix, but not the interface.
        key = b"%b%b%b" % (addresses, bytes((4, protocol)), (ident << 12 | walk.path & 0xFFF).to_bytes(4, "big"))
        return reassemble(walk, key, protocol, (fragment & _OFFSET) << 3, fragment & _MORE != 0)
    return protocol


def reassemble(walk: Walk, key: bytes, protocol: int, offset: int, more: bool) -> Step:
    """Hand the rest of the packet to the reassembly; when that makes a datagram whole, go on with its payload.

    A fragment that the snapshot length cut is an Oddity: its datagram cannot become whole, and its size is not known.
    """
    if walk.wire_end > walk.end:
        return Oddity("truncated-fragment", "the snapshot length cuts an IP fragment")
    done = walk.fragments.add(key, protocol, offset, more, walk.data[walk.at : walk.end], walk.time)
    if done is None or isinstance(done, Oddity):
        return done
    protocol, walk.data = done
    walk.at = 0
    walk.end = walk.wire_end = len(walk.data)
    return protocol
