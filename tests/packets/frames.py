"""Builds frames byte by byte for the tests of this folder, and lists every encapsulation that must lead to the same segment."""

from __future__ import annotations

from struct import pack

from analyzer.model.seams import Block, Packet
from analyzer.packets import Decoder

A4, B4 = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
A6, B6 = bytes.fromhex("20010db8000000000000000000000001"), bytes.fromhex("20010db8000000000000000000000002")
PORTS = pack(">HH", 40001, 8000)
KEY4, KEY6 = A4 + B4 + PORTS, A6 + B6 + PORTS
MACS = bytes.fromhex("020000000002020000000001")
PAYLOAD = b"hello"


def tcp(payload: bytes = PAYLOAD, *, options: bytes = b"", words: int | None = None, flags: int = 0x18, seq: int = 0x01020304) -> bytes:
    words = 5 + len(options) // 4 if words is None else words
    return PORTS + pack(">IIHHHH", seq, 0x05060708, words << 12 | flags, 501, 0, 0) + options + payload


def udp(payload: bytes, *, source: int = 40001, target: int = 53, length: int | None = None) -> bytes:
    return pack(">HHHH", source, target, 8 + len(payload) if length is None else length, 0) + payload


def ip4(
    payload: bytes,
    protocol: int = 6,
    *,
    ident: int = 0x1234,
    place: int = 0x4000,
    ttl: int = 64,
    options: bytes = b"",
    total: int | None = None,
    addresses: bytes = A4 + B4,
) -> bytes:
    first = 0x45 + len(options) // 4
    total = 20 + len(options) + len(payload) if total is None else total
    return pack(">BBHHHBBH", first, 0, total, ident, place, ttl, protocol, 0) + addresses + options + payload


def ip6(payload: bytes, following: int = 6, *, hops: int = 64, length: int | None = None, addresses: bytes = A6 + B6) -> bytes:
    return pack(">IHBB", 0x60000000, len(payload) if length is None else length, following, hops) + addresses + payload


def ether(kind: int, payload: bytes) -> bytes:
    return MACS + pack(">H", kind) + payload


def tag(vlan: int, kind: int, payload: bytes) -> bytes:
    """The part of a frame behind the EtherType 0x8100."""
    return pack(">HH", vlan, kind) + payload


def cooked(kind: int, payload: bytes, hardware: int = 1) -> bytes:
    return pack(">HHH8sH", 0, hardware, 6, bytes(8), kind) + payload


def cooked2(kind: int, payload: bytes, interface: int = 7, hardware: int = 1) -> bytes:
    return pack(">HHIHBB8s", kind, 0, interface, hardware, 0, 6, bytes(8)) + payload


def block(*packets: bytes, link_type: int = 1, wire: list[int] | None = None, times: list[int] | None = None, interface: int = 0) -> Block:
    """Put packets into a block, with other bytes before, between and behind them, so that reading too far shows."""
    data, starts = b"\x45" * 7, []
    for packet in packets:
        starts.append(len(data))
        data += packet + b"\x45" * 64
    lengths = [len(packet) for packet in packets]
    times = times or [1_700_000_000_000_000_000 + i for i in range(len(packets))]
    return Block(data, starts, lengths, wire or lengths, times, link_type, interface, 1, 0, 1)


def decode(packet: bytes, link_type: int = 1, *, wire: int | None = None, interface: int = 0) -> Packet | None:
    return Decoder().decode(block(packet, link_type=link_type, wire=None if wire is None else [wire], interface=interface), 0)


IP4 = ip4(tcp())
IP6 = ip6(tcp())
ETHER4 = ether(0x0800, IP4)
LABELS = bytes.fromhex("0000a040 0000b140".replace(" ", ""))
_OUT = bytes((192, 0, 2, 1, 192, 0, 2, 2))
_OUT6 = A6[:15] + b"\x0a" + B6[:15] + b"\x0b"
_SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
_HBH = b"\x06\0\x01\x04\0\0\0\0"
_ERSPAN2 = bytes.fromhex("1005000100000000")
_ERSPAN3 = bytes.fromhex("200500010000000000000000")


def _gre(flags: int, kind: int, fields: bytes, payload: bytes) -> bytes:
    return ether(0x0800, ip4(pack(">HH", flags, kind) + fields + payload, 47, addresses=_OUT))


def _udp(port: int, payload: bytes) -> bytes:
    return ether(0x0800, ip4(udp(payload, target=port), 17, addresses=_OUT))


TO_KEY4: dict[str, tuple[int, bytes]] = {
    "ethernet": (1, ETHER4),
    "vlan": (1, ether(0x8100, tag(5, 0x0800, IP4))),
    "qinq": (1, ether(0x88A8, tag(5, 0x8100, tag(6, 0x0800, IP4)))),
    "old-qinq": (1, ether(0x9100, tag(5, 0x8100, tag(6, 0x0800, IP4)))),
    "three-tags": (1, ether(0x8100, tag(5, 0x8100, tag(6, 0x8100, tag(7, 0x0800, IP4))))),
    "snap": (1, ether(8 + len(IP4), _SNAP + IP4)),
    "vlan-snap": (1, ether(0x8100, tag(5, 8 + len(IP4), _SNAP + IP4))),
    "llc-ip": (1, ether(3 + len(IP4), b"\x06\x06\x03" + IP4)),
    "padding": (1, ETHER4 + bytes(9)),
    "ip-options": (1, ether(0x0800, ip4(tcp(), options=b"\x01\x01\x01\0"))),
    "no-total-length": (1, ether(0x0800, ip4(tcp(), total=0))),
    "total-length-too-long": (1, ether(0x0800, ip4(tcp(), total=1500))),
    "cooked": (113, cooked(0x0800, IP4)),
    "cooked-vlan": (113, cooked(0x8100, tag(5, 0x0800, IP4))),
    "cooked2": (276, cooked2(0x0800, IP4)),
    "raw-12": (12, IP4),
    "raw-14": (14, IP4),
    "raw-101": (101, IP4),
    "ipv4": (228, IP4),
    "null-little": (0, b"\2\0\0\0" + IP4),
    "null-big": (0, b"\0\0\0\2" + IP4),
    "loop": (108, b"\0\0\0\2" + IP4),
    "ppp": (9, b"\xff\x03\0\x21" + IP4),
    "ppp-bare": (9, b"\0\x21" + IP4),
    "ppp-compressed": (9, b"\x21" + IP4),
    "ppp-hdlc": (50, b"\xff\x03\0\x21" + IP4),
    "hdlc-in-50": (50, b"\x0f\0\x08\0" + IP4),
    "hdlc": (104, b"\x0f\0\x08\0" + IP4),
    "pppoe": (1, ether(0x8864, b"\x11\0\0\1" + pack(">H", 2 + len(IP4)) + b"\0\x21" + IP4)),
    "mpls": (1, ether(0x8847, LABELS[:4] + b"\0\0\xb1\x40" + IP4)),
    "mpls-pseudowire": (1, ether(0x8847, b"\0\0\xb1\x40" + bytes(4) + ether(0x8100, tag(5, 0x0800, IP4)))),
    # The first address of the inner frame begins with a zero nibble, as a control word does.
    "mpls-plain-pseudowire": (1, ether(0x8847, b"\0\0\xb1\x40" + ETHER4)),
    # Where both readings show a known type, the control word wins: here a source address that ends in 08 00.
    "mpls-ambiguous": (1, ether(0x8847, b"\0\0\xb1\x40" + bytes(4) + MACS[:8] + b"\x08\0\0\1" + b"\x08\0" + IP4)),
    "gre": (1, _gre(0, 0x0800, b"", IP4)),
    "gre-all-fields": (1, _gre(0xB000, 0x0800, bytes(12), IP4)),
    "gre-ethernet": (1, _gre(0x2000, 0x6558, bytes(4), ETHER4)),
    "gre-ppp": (1, _gre(0x3081, 0x880B, bytes(12), b"\xff\x03\0\x21" + IP4)),
    "erspan-1": (1, _gre(0, 0x88BE, b"", ETHER4)),
    "erspan-2": (1, _gre(0x1000, 0x88BE, bytes(4), _ERSPAN2 + ETHER4)),
    "erspan-3": (1, _gre(0x1000, 0x22EB, bytes(4), _ERSPAN3 + ETHER4)),
    "ip-in-ip": (1, ether(0x0800, ip4(IP4, 4, addresses=_OUT))),
    "4in6": (1, ether(0x86DD, ip6(IP4, 4, addresses=_OUT6))),
    "etherip": (1, ether(0x0800, ip4(b"\x30\0" + ETHER4, 97, addresses=_OUT))),
    "vxlan": (1, _udp(4789, b"\x08\0\0\0\0\0\x2a\0" + ETHER4)),
    "vxlan-vlan": (1, _udp(4789, b"\x08\0\0\0\0\0\x2a\0" + ether(0x8100, tag(5, 0x0800, IP4)))),
    "geneve-ethernet": (1, _udp(6081, b"\0\0\x65\x58\0\0\x2a\0" + ETHER4)),
    "geneve-options-ip": (1, _udp(6081, b"\x02\0\x08\0\0\0\x2a\0" + bytes.fromhex("0108030100000000") + IP4)),
    "authentication": (1, ether(0x0800, ip4(b"\6\4\0\0" + bytes(20) + tcp(), 51))),
    "nflog": (239, b"\2\0\0\0" + b"\x08\0\1\0\0\0\0\0" + pack("<HH", 4 + len(IP4), 9) + IP4),
    "nflog-big": (239, b"\2\0\0\0" + b"\0\x08\0\1\0\0\0\0" + pack(">HH", 4 + len(IP4), 9) + IP4),
    "pktap": (258, pack("<III", 108, 1, 1) + bytes(96) + ETHER4),
}
"""Name -> (link type, frame): all of them carry the same segment between the same IPv4 addresses."""

TO_KEY6: dict[str, tuple[int, bytes]] = {
    "ethernet-6": (1, ether(0x86DD, IP6)),
    "vlan-6": (1, ether(0x8100, tag(5, 0x86DD, IP6))),
    "padding-6": (1, ether(0x86DD, IP6) + bytes(9)),
    "wrong-ethertype-6": (1, ether(0x0800, IP6)),
    "cooked-6": (113, cooked(0x86DD, IP6)),
    "cooked2-6": (276, cooked2(0x86DD, IP6)),
    "raw-6": (101, IP6),
    "ipv6": (229, IP6),
    "null-24": (0, b"\x18\0\0\0" + IP6),
    "null-28-big": (0, b"\0\0\0\x1c" + IP6),
    "loop-30": (108, b"\0\0\0\x1e" + IP6),
    "ppp-6": (9, b"\xff\x03\0\x57" + IP6),
    "ppp-bare-6": (9, b"\0\x57" + IP6),
    "hdlc-6": (104, b"\x0f\0\x86\xdd" + IP6),
    "mpls-6": (1, ether(0x8847, b"\0\0\xb1\x40" + IP6)),
    "6in4": (1, ether(0x0800, ip4(IP6, 41, addresses=_OUT))),
    "6in6": (1, ether(0x86DD, ip6(IP6, 41, addresses=_OUT6))),
    "hop-by-hop": (1, ether(0x86DD, ip6(_HBH + tcp(), 0))),
    "chain": (1, ether(0x86DD, ip6(b"\x2b" + _HBH[1:] + b"\x3c\0\0\0\0\0\0\0" + _HBH + tcp(), 0))),
    "atomic-fragment": (1, ether(0x86DD, ip6(b"\6\0\0\0\0\0\0\x09" + tcp(), 44))),
    "authentication-6": (1, ether(0x86DD, ip6(b"\6\4\0\0" + bytes(20) + tcp(), 51))),
    "geneve-6": (1, _udp(6081, b"\0\0\x86\xdd\0\0\x2a\0" + IP6)),
}
"""The same between IPv6 addresses."""
