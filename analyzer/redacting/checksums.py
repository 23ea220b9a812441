"""The Internet checksum (RFC 1071), of whole packets anew and of cut ones by what changed (RFC 1624)."""

from __future__ import annotations


def total(data: bytes) -> int:
    """Return the ones' complement sum of 16-bit words, 1 to 65 535, or 0 where all are zero; an odd last byte is a high one."""
    if len(data) & 1:
        data += b"\0"
    number = int.from_bytes(data, "big")
    return (number - 1) % 0xFFFF + 1 if number else 0


def of(data: bytes) -> int:
    """Return the checksum of data in which the checksum's own field is zero."""
    return 0xFFFF - total(data)


def changed(old_checksum: int, old: bytes, new: bytes) -> int:
    """Return a checksum after `old` became `new`, both from an even offset on: right where it was right before."""
    number = (0xFFFF - old_checksum) + (0xFFFF - total(old)) + total(new)
    while number > 0xFFFF:
        number = (number & 0xFFFF) + (number >> 16)
    return 0xFFFF - number


def pseudo(addresses: bytes, protocol: int, length: int) -> bytes:
    """Return the pseudo-header of TCP, UDP or ICMPv6 (RFC 9293 section 3.1, RFC 8200 section 8.1)."""
    if len(addresses) == 8:
        return addresses + bytes((0, protocol)) + (length & 0xFFFF).to_bytes(2, "big")
    return addresses + length.to_bytes(4, "big") + bytes((0, 0, 0, protocol))
