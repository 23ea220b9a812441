"""Reads what carries packets inside packets: GRE, ERSPAN, MPLS, EtherIP. (IP in IP needs nothing; VXLAN and Geneve are in `transport`.)"""

from __future__ import annotations

from analyzer.packets._walk import ETHERNET, IPV4, IPV6, Step, Walk, ethertype

_ERSPAN_2 = 0x88BE
_CHECKSUM = 0x8000
_ROUTING = 0x4000
_KEY = 0x2000
_SEQUENCE = 0x1000
_ACKNOWLEDGMENT = 0x0080
_INNER_TYPES = frozenset((IPV4, IPV6, 0x0806, 0x8100, 0x88A8, 0x9100, 0x9200, 0x8847, 0x8848, 0x8863, 0x8864))
"""EtherTypes by which an Ethernet frame inside a pseudowire is recognised."""


def gre(walk: Walk) -> Step:
    """Skip a GRE header with its optional fields (RFC 2784, RFC 2890; version 1: RFC 2637); None for source-routed GRE (RFC 1701)."""
    at = walk.at
    data = walk.data
    if walk.end - at < 4:
        return walk.cut("GRE")
    flags = data[at] << 8 | data[at + 1]
    kind = data[at + 2] << 8 | data[at + 3]
    version = flags & 7
    if flags & _ROUTING or version > 1:
        return None
    at += 4
    for flag in (_CHECKSUM, _KEY, _SEQUENCE):
        if flags & flag:
            if flag == _KEY:
                walk.through(data[at : at + 4])
            at += 4
    if version == 1 and flags & _ACKNOWLEDGMENT:
        at += 4
    if at > walk.end:
        return walk.cut("GRE")
    walk.at = at
    if kind == _ERSPAN_2 and not flags & _SEQUENCE:
        return ETHERNET  # ERSPAN type I has no header of its own (draft-foschiano-erspan section 4.1)
    return ethertype(kind)


def erspan2(walk: Walk) -> Step:
    """Skip an ERSPAN type II header of 8 bytes (draft-foschiano-erspan section 4.2)."""
    at = walk.at
    if walk.end - at < 8:
        return walk.cut("ERSPAN")
    walk.through(_session(walk.data, at))
    walk.at = at + 8
    return ETHERNET


def erspan3(walk: Walk) -> Step:
    """Skip an ERSPAN type III header: 12 bytes, 8 more where its O bit is set (draft-foschiano-erspan section 4.3)."""
    at = walk.at
    if walk.end - at < 12:
        return walk.cut("ERSPAN")
    walk.through(_session(walk.data, at))
    walk.at = at + (20 if walk.data[at + 11] & 1 else 12)
    return ETHERNET if walk.at <= walk.end else walk.cut("ERSPAN")


def _session(data: bytes, at: int) -> bytes:
    """Return the number of the mirror session: the last ten bits of an ERSPAN header's first four bytes."""
    return bytes((data[at + 2] & 3, data[at + 3]))


def etherip(walk: Walk) -> Step:
    """Skip an EtherIP header of 2 bytes (RFC 3378)."""
    walk.at += 2
    return ETHERNET if walk.at <= walk.end else walk.cut("EtherIP")


def mpls(walk: Walk) -> Step:
    """Skip an MPLS label stack (RFC 3032) and guess what it carries, for no field says so.

    The first four bits decide (RFC 4928): 4 is IPv4, 6 is IPv6, 1 a channel of the network's own (None), 0 mostly the control word of a
    pseudowire (RFC 4385), anything else an Ethernet frame without one.
    """
    data = walk.data
    at = walk.at
    end = walk.end
    while True:
        if end - at < 4:
            return walk.cut("MPLS")
        bottom = data[at + 2] & 1
        at += 4
        if bottom:
            break
    walk.at = at
    if at == end:
        return walk.cut("MPLS payload")
    nibble = data[at] >> 4
    if nibble == 4:
        return IPV4
    if nibble == 6:
        return IPV6
    if nibble == 1:
        return None
    # A MAC address may begin with a zero nibble, too: then the place of a known EtherType decides.
    if nibble == 0 and (_type_at(data, at + 16, end) or not _type_at(data, at + 12, end)):
        walk.at = at + 4
    return ETHERNET if walk.at < end else walk.cut("Ethernet")


def _type_at(data: bytes, at: int, end: int) -> bool:
    """Tell whether a known EtherType stands at `at`."""
    return end - at >= 2 and (data[at] << 8 | data[at + 1]) in _INNER_TYPES
