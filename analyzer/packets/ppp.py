"""Reads PPP in its framings (RFC 1661, RFC 1662, RFC 2516) and Cisco's HDLC."""

from __future__ import annotations

from analyzer.packets._walk import IPV4, IPV6, PPP, Step, Walk, ethertype

_PROTOCOLS = {0x0021: IPV4, 0x0057: IPV6, 0x0281: 0x8847, 0x0283: 0x8848}
"""PPP protocol numbers (RFC 1332, RFC 5072, RFC 3032) as EtherTypes."""


def ppp(walk: Walk) -> Step:
    """Read the PPP protocol field: with or without address and control bytes (0xff 0x03), in two bytes or compressed to one."""
    data = walk.data
    at = walk.at
    end = walk.end
    if end - at >= 2 and data[at] == 0xFF and data[at + 1] == 0x03:
        at += 2
    if end - at < 2:
        return walk.cut("PPP")
    if data[at] & 1:  # the first byte of an uncompressed number is even (RFC 1661 section 2)
        walk.at = at + 1
        return _PROTOCOLS.get(data[at])
    walk.at = at + 2
    return _PROTOCOLS.get(data[at] << 8 | data[at + 1])


def hdlc(walk: Walk) -> Step:
    """Read a Cisco HDLC header: address, control, EtherType."""
    at = walk.at
    if walk.end - at < 4:
        return walk.cut("Cisco HDLC")
    walk.at = at + 4
    return ethertype(walk.data[at + 2] << 8 | walk.data[at + 3])


def ppp_or_hdlc(walk: Walk) -> Step:
    """Read LINKTYPE_PPP_HDLC: Cisco HDLC where the first byte is one of its addresses (0x0f unicast, 0x8f multicast), else PPP."""
    return hdlc(walk) if walk.at < walk.end and walk.data[walk.at] in (0x0F, 0x8F) else PPP


def pppoe(walk: Walk) -> Step:
    """Read a PPPoE session header (RFC 2516 section 4): its length ends the payload; None unless its code says session data."""
    at = walk.at
    data = walk.data
    if walk.end - at < 6:
        return walk.cut("PPPoE")
    if data[at + 1]:
        return None
    walk.at = at + 6
    walk.trim(data[at + 4] << 8 | data[at + 5])
    return PPP
