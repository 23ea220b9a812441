"""Reads link-layer headers: Ethernet with VLAN tags and LLC, Linux cooked, BSD loopback, raw IP, NFLOG, PKTAP; their table by link type.

Numbers and formats: https://www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final

from analyzer.model.seams import Oddity, Process
from analyzer.packets._walk import IPV4, IPV6, MIN_ETHERTYPE, Layer, Step, Walk, ethertype
from analyzer.packets.ip4 import ip4
from analyzer.packets.ip6 import ip6
from analyzer.packets.ppp import hdlc, ppp, ppp_or_hdlc, pppoe

VLAN_TYPES: Final = (0x8100, 0x88A8, 0x9100, 0x9200)
_NETLINK: Final = 824
"""ARPHRD_NETLINK: the protocol field then holds a netlink family."""
_LLC_8022: Final = 4
"""ETH_P_802_2: a cooked header before an LLC header."""
_FAMILIES: Final = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}
"""AF_INET, and AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin."""
_TAG: Final = Struct(">HH")
_COOKED_2: Final = Struct(">H2xIH")
_PKTAP_LITTLE: Final = Struct("<III")
_PKTAP_MIN: Final = 108
"""Bytes of the shortest PKTAP header."""
_PKTAP_PROCESS: Final = Struct("<i20s8xi20s")
"""In it from byte 52 on: the process that holds the socket and its command, then the one for which it acts (xnu: bsd/net/pktap.h)."""
_NFULA_PAYLOAD: Final = 9


def ethernet(walk: Walk) -> Step:
    """Read an Ethernet header (IEEE 802.3): two addresses, then EtherType or length."""
    at = walk.at
    if walk.end - at < 14:
        return walk.cut("Ethernet")
    data = walk.data
    walk.at = at + 14
    kind = data[at + 12] << 8 | data[at + 13]
    return kind if kind >= MIN_ETHERTYPE else _llc(walk, kind)


def vlan(walk: Walk) -> Step:
    """Read any number of VLAN tags (IEEE 802.1Q); the outermost one's id becomes part of the path."""
    data = walk.data
    while True:
        at = walk.at
        if walk.end - at < 4:
            return walk.cut("VLAN")
        tag, kind = _TAG.unpack_from(data, at)
        if not walk.path & 0xFFF:
            walk.path |= tag & 0xFFF
        walk.at = at + 4
        if kind not in VLAN_TYPES:
            return int(kind) if kind >= MIN_ETHERTYPE else _llc(walk, kind)


def _llc(walk: Walk, length: int | None) -> Step:
    """Read an LLC header (IEEE 802.2) after a length field: IP by its own SAP, or by SNAP (RFC 1042); None for what carries no IP."""
    if length is not None:
        walk.trim(length)
    data = walk.data
    at = walk.at
    if walk.end - at < 3:
        return walk.cut("LLC")
    if data[at : at + 3] == b"\x06\x06\x03":
        walk.at = at + 3
        return IPV4
    if data[at : at + 3] != b"\xaa\xaa\x03":
        return None
    if walk.end - at < 8:
        return walk.cut("SNAP")
    walk.at = at + 8
    # The second is the number of bridges that tunnel EtherTypes which RFC 1042 would translate.
    known = data[at + 3 : at + 6] in (b"\0\0\0", b"\0\0\xf8")
    return ethertype(data[at + 6] << 8 | data[at + 7]) if known else None


def cooked(walk: Walk) -> Step:
    """Read a Linux cooked header, version 1: 16 bytes, the protocol in the last two."""
    at = walk.at
    if walk.end - at < 16:
        return walk.cut("Linux cooked")
    data = walk.data
    walk.at = at + 16
    return _cooked(walk, data[at + 14] << 8 | data[at + 15], data[at + 2] << 8 | data[at + 3])


def cooked2(walk: Walk) -> Step:
    """Read a Linux cooked header, version 2: 20 bytes, the protocol in the first two; its interface index becomes the path's."""
    at = walk.at
    if walk.end - at < 20:
        return walk.cut("Linux cooked")
    kind, interface, hardware = _COOKED_2.unpack_from(walk.data, at)
    if interface:
        walk.path = interface << 12
    walk.at = at + 20
    return _cooked(walk, kind, hardware)


def _cooked(walk: Walk, kind: int, hardware: int) -> Step:
    if hardware == _NETLINK:
        return None
    return _llc(walk, None) if kind == _LLC_8022 else ethertype(kind)


def raw(walk: Walk) -> Step:
    """Tell IPv4 from IPv6 by the version."""
    if walk.at == walk.end:
        return walk.cut("IP")
    version = walk.data[walk.at] >> 4
    if version == 4:
        return IPV4
    if version == 6:
        return IPV6
    return Oddity("malformed-header", f"IP version {version}")


def loopback(walk: Walk) -> Step:
    """Read a BSD loopback header: the address family in the byte order of the capturing host (NULL) or of the network (LOOP)."""
    at = walk.at
    if walk.end - at < 4:
        return walk.cut("loopback")
    walk.at = at + 4
    family = int.from_bytes(walk.data[at : at + 4], "big")
    if family > 0xFFFF:
        family = int.from_bytes(walk.data[at : at + 4], "little")
    return _FAMILIES.get(family)


def nflog(walk: Walk) -> Step:
    """Read an NFLOG header: family, version, resource, then attributes whose lengths are in the capturing host's byte order."""
    data = walk.data
    at = walk.at
    end = walk.end
    if end - at < 8:
        return walk.cut("NFLOG")
    kind = _FAMILIES.get(data[at])
    # No attribute is longer than 255 bytes but the payload, and that is never the first.
    order: str = "little" if data[at + 4] or not data[at + 5] else "big"
    at += 4
    while end - at >= 4:
        length = data[at] | data[at + 1] << 8 if order == "little" else data[at] << 8 | data[at + 1]
        attribute = data[at + 2] | data[at + 3] << 8 if order == "little" else data[at + 2] << 8 | data[at + 3]
        if length < 4:
            return Oddity("malformed-header", f"NFLOG attribute of {length} bytes")
        if attribute & 0x7FFF == _NFULA_PAYLOAD:
            walk.at = at + 4
            walk.trim(length - 4)
            return kind
        at += length + 3 & ~3
    return walk.cut("NFLOG")


def pktap(walk: Walk) -> Step:
    """Read an Apple PKTAP header: its length, the record type (1: packet), the link type of what follows, interface and process."""
    at = walk.at
    if walk.end - at < 12:
        return walk.cut("PKTAP")
    length, record, link_type = _PKTAP_LITTLE.unpack_from(walk.data, at)
    if length < _PKTAP_MIN:
        return Oddity("malformed-header", f"PKTAP header of {length} bytes")
    walk.at = at + length
    if walk.at > walk.end:
        return walk.cut("PKTAP")
    walk.through(walk.data[at + 12 : at + 36])
    walk.process = pktap_process(walk.data[at + 52 : at + 108])
    layer = None if link_type in _PKTAP_TYPES else LINKS.get(link_type)
    return layer(walk) if record == 1 and layer is not None else None


@lru_cache(maxsize=1024)
def pktap_process(fields: bytes) -> Process | None:
    """Return the process that 56 bytes of a PKTAP header name: the one for which another acts, where there is one; None for nobody."""
    holder, command, principal, principal_command = _PKTAP_PROCESS.unpack(fields)
    if principal > 0 and principal_command[0]:
        holder, command = principal, principal_command
    name = command.split(b"\0", 1)[0].decode("utf-8", "replace")
    return Process(holder, name) if name and holder >= 0 else None


def arcnet(walk: Walk) -> Step:
    """Read a BSD ARCNET header: source, destination, protocol, and with RFC 1201 a split flag and a sequence number."""
    return _arcnet(walk, 2)


def arcnet_linux(walk: Walk) -> Step:
    """Read a Linux ARCNET header, which has an offset of two bytes before the protocol."""
    return _arcnet(walk, 4)


def _arcnet(walk: Walk, kind_at: int) -> Step:
    """Read the protocol of an ARCNET packet: IP by RFC 1201 (212) or RFC 1051 (240), which has no split flag; None for any other."""
    data, at = walk.data, walk.at
    if walk.end - at < kind_at + 4:
        return walk.cut("ARCNET")
    kind = data[at + kind_at]
    if kind == _ARCNET_IP and not data[at + kind_at + 1]:  # a part of a split packet is not reassembled
        walk.at = at + kind_at + 4
        return IPV4
    if kind == _ARCNET_IP_OLD:
        walk.at = at + kind_at + 1
        return IPV4
    return None


_ARCNET_IP: Final = 212
_ARCNET_IP_OLD: Final = 240
_PKTAP_TYPES: Final = (149, 258)
LINKS: Final[dict[int, Layer]] = {
    0: loopback,
    1: ethernet,
    7: arcnet,
    9: ppp,
    12: raw,
    14: raw,
    50: ppp_or_hdlc,
    51: pppoe,
    101: raw,
    104: hdlc,
    108: loopback,
    113: cooked,
    129: arcnet_linux,
    149: pktap,  # DLT_USER2, which Apple's tcpdump writes for PKTAP
    228: ip4,
    229: ip6,
    239: nflog,
    258: pktap,
    276: cooked2,
}
"""The first layer of each link type."""
