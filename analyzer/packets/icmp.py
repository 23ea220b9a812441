"""Reads ICMP and ICMPv6 errors with the packet that they quote (RFC 792, RFC 1122 section 3.2.2, RFC 4443 section 2.1)."""

from __future__ import annotations

from analyzer.model.seams import IcmpError, Oddity
from analyzer.packets._walk import TCP, UDP, Walk

ERRORS_4 = frozenset((3, 4, 5, 11, 12))
"""Destination unreachable, source quench, redirect, time exceeded, parameter problem."""
ERRORS_6 = frozenset((1, 2, 3, 4))
"""Destination unreachable, packet too big, time exceeded, parameter problem."""
SKIPPED_6 = frozenset((0, 43, 60, 135))
"""Extension headers whose second byte counts 8 bytes beyond the first 8 (RFC 8200 section 4)."""
_FRAGMENT_6 = 44


def icmp4(walk: Walk) -> IcmpError | Oddity | None:
    """Read an ICMP error; None for echoes and the like, and for errors about neither TCP nor UDP."""
    at = walk.at
    if walk.end - at < 8:
        return walk.cut("ICMP")
    kind = walk.data[at]
    if kind not in ERRORS_4:
        return None
    quote = at + 8
    if walk.end - quote < 20:
        return walk.cut("quoted IPv4")
    data = walk.data
    header = (data[quote] & 15) << 2
    if data[quote] >> 4 != 4 or header < 20:
        return Oddity("malformed-header", "an ICMP error quotes no IPv4 header")
    later = (data[quote + 6] << 8 | data[quote + 7]) & 0x1FFF
    ports = walk.end if later else quote + header  # only a first fragment has ports
    return _error(walk, 4, kind, data[quote + 9], data[quote + 12 : quote + 20], ports)


def icmp6(walk: Walk) -> IcmpError | Oddity | None:
    """Read an ICMPv6 error; None for echoes, neighbour discovery and the like, and for errors about neither TCP nor UDP."""
    at = walk.at
    if walk.end - at < 8:
        return walk.cut("ICMPv6")
    kind = walk.data[at]
    if kind not in ERRORS_6:
        return None
    quote = at + 8
    if walk.end - quote < 40:
        return walk.cut("quoted IPv6")
    data = walk.data
    if data[quote] >> 4 != 6:
        return Oddity("malformed-header", "an ICMPv6 error quotes no IPv6 header")
    protocol, ports = _transport_6(data, data[quote + 6], quote + 40, walk.end)
    return _error(walk, 6, kind, protocol, data[quote + 8 : quote + 40], ports)


def _transport_6(data: bytes, protocol: int, at: int, end: int) -> tuple[int, int]:
    """Skip the extension headers of a quoted IPv6 packet; return the protocol behind them and where it begins, at most `end`."""
    while end - at >= 8:
        if protocol in SKIPPED_6:
            protocol, at = data[at], at + (data[at + 1] + 1) * 8
        elif protocol == _FRAGMENT_6:
            later = (data[at + 2] << 8 | data[at + 3]) & 0xFFF8
            protocol, at = data[at], end if later else at + 8
        else:
            break
    return protocol, min(at, end)


def _error(walk: Walk, version: int, kind: int, protocol: int, quoted: bytes, ports: int) -> IcmpError | None:
    """Build the error from the quoted addresses and what the quote holds from `ports` on."""
    if protocol != TCP and protocol != UDP:
        return None
    data = walk.data
    end = walk.end
    key = quoted + data[ports : ports + 4] if end - ports >= 4 else b""
    seq = int.from_bytes(data[ports + 4 : ports + 8], "big") if protocol == TCP and end - ports >= 8 else None
    middle = len(walk.addresses) >> 1
    source, target = walk.addresses[:middle], walk.addresses[middle:]
    return IcmpError(version, kind, data[walk.at + 1], source, target, protocol, key, seq)
