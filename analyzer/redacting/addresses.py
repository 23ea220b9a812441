"""Addresses for addresses: those that shared a prefix share one of the same length (prefix-preserving, as Crypto-PAn: Xu et al. 2002).

Kept are the link-local ones of IPv4, among them the credential endpoints and the resolver of AWS, loopback, multicast and the
unspecified address. A link-local address of IPv6 follows the link-layer address in it, and a group that is asked for one the address.
Private addresses stay in their private range, public ones public.
"""

from __future__ import annotations

from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

KEPT_4 = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))
RANGES_4 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")))
KEPT_6 = tuple(map(IPv6Network, ("::/127", "ff00::/8", "fd00:ec2::/32")))
RANGES_6 = tuple(map(IPv6Network, ("fc00::/7", "2000::/3")))
EMBEDDED_6 = tuple(ip_network(text).network_address.packed[:12] for text in ("::ffff:0:0/96", "64:ff9b::/96"))
"""Prefixes behind which an IPv4 address follows (RFC 4291, RFC 6052)."""
LINK_LOCAL_6 = IPv6Network("fe80::/10")
METADATA_6 = ip_address("fe80::a9fe:a9fe").packed
"""Where link-local IPv6 leads to the metadata service."""
SOLICITED_6 = ip_address("ff02::1:ff00:0").packed[:13]
"""Before the last three bytes of an address that neighbours are asked for (RFC 4291 section 2.7.1)."""
SOLICITED_LINK = b"\x33\x33\xff"
PLAIN = 0xFFFF
"""Interface numbers up to this are chosen by hand, and name nobody."""
MOST_LINKS = 65_536


class Addresses:
    """Maps addresses of networks and of links."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[bytes, bytes] = {}
        self._links: dict[bytes, bytes] = {}
        self._ends: dict[bytes, bytes] = {}
        """Last three bytes of addresses, and of those that stand in for them."""
        self._bits: dict[tuple[int, int, int], int] = {}

    def ip(self, packed: bytes) -> bytes:
        """Return what stands in for an address of 4 or 16 bytes."""
        known = self._known.get(packed)
        if known is None:
            known = self._known[packed] = self._four(packed) if len(packed) == 4 else self._sixteen(packed)
            if len(packed) == 16 and packed[:13] != SOLICITED_6:
                self._ends.setdefault(packed[13:], known[13:])
        return known

    def is_kept(self, packed: bytes) -> bool:
        """Tell whether an address stands for itself."""
        return self.ip(packed) == packed

    def mac(self, address: bytes) -> bytes:
        """Return what stands in for a link-layer address of six bytes: locally administered; groups and nobody's stay."""
        known = self._links.get(address)
        if known is not None:
            return known
        if address[:3] == SOLICITED_LINK:
            return address[:3] + self._end(address[3:])
        if len(address) != 6 or address[0] & 1 or not any(address):
            return address
        new = bytearray(blake2b(address, key=self._key, digest_size=6, person=b"link").digest())
        # What carries Ethernet may be told by the first four bits of an address (RFC 4928).
        new[0] = address[0] & 0xF0 | new[0] & 0x0C | 2
        if len(self._links) >= MOST_LINKS:
            self._links.clear()
        known = self._links[address] = bytes(new)
        return known

    def replaced(self) -> list[bytes]:
        """Return the addresses that others stand in for."""
        return [old for old, new in self._known.items() if old != new]

    def _four(self, packed: bytes) -> bytes:
        number = int.from_bytes(packed, "big")
        if any(_within(number, net) for net in KEPT_4):
            return packed
        for net in RANGES_4:
            if _within(number, net):
                return self._mapped(number, 32, net.prefixlen).to_bytes(4, "big")
        while True:
            number = self._mapped(number, 32, 0)
            # A permutation that is followed until it leaves the special ranges is still one.
            if not any(_within(number, net) for net in (*KEPT_4, *RANGES_4)):
                return number.to_bytes(4, "big")

    def _sixteen(self, packed: bytes) -> bytes:
        if packed[:12] in EMBEDDED_6:
            return packed[:12] + self.ip(packed[12:])
        if packed[:13] == SOLICITED_6:
            return packed[:13] + self._end(packed[13:])
        number = int.from_bytes(packed, "big")
        if any(_within(number, net) for net in KEPT_6):
            return packed
        if _within(number, LINK_LOCAL_6):
            return packed if packed == METADATA_6 else packed[:8] + self._interface(packed[8:])
        kept = next((net.prefixlen for net in RANGES_6 if _within(number, net)), 0)
        while True:
            number = self._mapped(number, 128, kept)
            if not any(_within(number, net) for net in (*KEPT_6, LINK_LOCAL_6)):
                return number.to_bytes(16, "big")

    def _interface(self, number: bytes) -> bytes:
        """Return the interface's part of a link-local address, which may hold a link-layer address (RFC 4291 appendix A)."""
        if number[3:5] == b"\xff\xfe":
            link = self.mac(bytes((number[0] ^ 2,)) + number[1:3] + number[5:])
            return bytes((link[0] ^ 2,)) + link[1:3] + b"\xff\xfe" + link[3:]
        if int.from_bytes(number, "big") <= PLAIN:
            return number
        return blake2b(number, key=self._key, digest_size=8, person=b"interface").digest()

    def _end(self, end: bytes) -> bytes:
        """Return what stands in for the last three bytes of an address that somebody asks for."""
        return self._ends.get(end) or blake2b(end, key=self._key, digest_size=len(end), person=b"end").digest()

    def _mapped(self, number: int, bits: int, kept: int) -> int:
        """Flip each bit behind the first `kept` ones as the bits before it say."""
        out = number
        for at in range(kept, bits):
            prefix = number >> (bits - at)
            flip = self._bits.get((bits, at, prefix))
            if flip is None:
                what = bits.to_bytes(1, "big") + at.to_bytes(1, "big") + prefix.to_bytes(16, "big")
                flip = self._bits[bits, at, prefix] = blake2b(what, key=self._key, digest_size=1, person=b"net").digest()[0] & 1
            out ^= flip << (bits - 1 - at)
        return out


def _within(number: int, net: IPv4Network | IPv6Network) -> bool:
    return number >> (net.max_prefixlen - net.prefixlen) == int(net.network_address) >> (net.max_prefixlen - net.prefixlen)


def packed(text: str) -> bytes | None:
    """Return the bytes of an address as text; None where it is none."""
    try:
        return ip_address(text).packed
    except ValueError:
        return None
