"""Reads IPv6 headers and extension headers (RFC 8200)."""

from __future__ import annotations

from struct import Struct

from analyzer.model.seams import Oddity
from analyzer.packets._walk import TCP, Step, Walk
from analyzer.packets.ip4 import reassemble

_HEADER = Struct(">B3xHBB32s")
_FRAGMENT = Struct(">BxHI")
_HOP_BY_HOP = 0
_JUMBO = b"\xc2\x04"
"""Type and length of the jumbo payload option (RFC 2675 section 2)."""


def ip6(walk: Walk) -> Step:
    """Read one IPv6 header; name the next header.

    A payload length of 0 is a jumbogram (RFC 2675; Linux's BIG TCP) when a hop-by-hop header follows, and a super-segment that was captured
    before its lengths were written when TCP follows at once: the payload is then the rest of the packet. A length beyond the packet's
    end counts as that end, as in Wireshark.
    """
    data = walk.data
    at = walk.at
    if walk.end - at < 40:
        return walk.cut("IPv6")
    first, length, following, hops, addresses = _HEADER.unpack_from(data, at)
    if first >> 4 != 6:
        return Oddity("malformed-header", f"no IPv6 header begins with 0x{first:02x}")
    walk.at = at = at + 40
    if length:
        walk.trim(length)
    elif following == _HOP_BY_HOP:
        jumbo = _jumbo_length(data, at, walk.end)
        if jumbo is not None:
            walk.trim(jumbo)
    elif following != TCP:
        return None
    if walk.addresses:  # as in `ip4`
        walk.through(walk.addresses)
    walk.addresses = addresses
    walk.version = 6
    walk.ttl = hops
    walk.ip_id = None
    return int(following)


def _jumbo_length(data: bytes, at: int, end: int) -> int | None:
    """Return the jumbo payload length in the hop-by-hop header at `at`, in bytes behind the IPv6 header; None without one."""
    if end - at < 8:
        return None
    end = min(end, at + (data[at + 1] + 1) * 8)
    at += 2
    while at + 1 < end:
        if data[at : at + 2] == _JUMBO and at + 6 <= end:
            return int.from_bytes(data[at + 2 : at + 6], "big")
        at += 2 + data[at + 1] if data[at] else 1  # Pad1 is the only option without a length (RFC 8200 section 4.2)
    return None


def extension(walk: Walk) -> Step:
    """Skip a hop-by-hop, routing, destination, mobility, HIP or shim6 header: next header, then length in 8 bytes beyond the first 8."""
    at = walk.at
    if walk.end - at < 8:
        return walk.cut("IPv6 extension")
    walk.at = at + (walk.data[at + 1] + 1) * 8
    if walk.at > walk.end:
        return walk.cut("IPv6 extension")
    return walk.data[at]


def authentication(walk: Walk) -> Step:
    """Skip an authentication header (RFC 4302): its length counts 4 bytes beyond the first 8. Its payload is in the clear."""
    at = walk.at
    if walk.end - at < 12:
        return walk.cut("authentication")
    walk.at = at + (walk.data[at + 1] + 2) * 4
    if walk.at > walk.end:
        return walk.cut("authentication")
    return walk.data[at]


def fragment(walk: Walk) -> Step:
    """Read a fragment header (RFC 8200 section 4.5); a fragment that is the whole datagram (RFC 6946) goes on at once."""
    at = walk.at
    if walk.end - at < 8:
        return walk.cut("IPv6 fragment")
    following, place, ident = _FRAGMENT.unpack_from(walk.data, at)
    walk.at = at + 8
    walk.ip_id = ident
    offset = place & 0xFFF8
    more = place & 1 != 0
    if not offset and not more:
        return int(following)
    key = b"%b\6%b" % (walk.addresses, (ident << 12 | walk.path & 0xFFF).to_bytes(6, "big"))
    return reassemble(walk, key, following, offset, more)
