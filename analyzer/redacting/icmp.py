"""ICMP, ICMPv6 and ARP: what they quote and name is disguised as everywhere, what they carry besides becomes zeros."""

from __future__ import annotations

from analyzer.packets._walk import TCP, UDP
from analyzer.packets.icmp import ERRORS_4, ERRORS_6, SKIPPED_6
from analyzer.redacting import checksums
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.options import ip4_options, tcp_options

_REDIRECT, _SOLICITATION, _ADVERTISEMENT, _REDIRECT_6 = 5, 135, 136, 137
QUOTED = 8
"""Bytes of a quoted segment that are kept where no more is understood (RFC 792): ports, and of TCP the sequence number."""


class Icmp:
    """Disguises messages of the network's own."""

    def __init__(self, disguise: Disguise) -> None:
        self._ip = disguise.addresses.ip
        self._mac = disguise.addresses.mac

    def message(self, data: bytes, at: int, end: int, wire_end: int, out: bytearray, addresses: bytes, *, six: bool) -> None:
        """Write an ICMP message, with its checksum mended."""
        stop = min(at + 8, end)
        out[at:stop] = data[at:stop]
        if stop - at < 8:
            return
        kind = data[at]
        if kind in (ERRORS_6 if six else ERRORS_4):
            if not six and kind == _REDIRECT:
                out[at + 4 : at + 8] = self._ip(data[at + 4 : at + 8])
            self._quote(data, at + 8, end, out)
        elif six and kind in (_SOLICITATION, _ADVERTISEMENT, _REDIRECT_6) and end - at >= 24:
            out[at + 8 : at + 24] = self._ip(data[at + 8 : at + 24])
            self._options(data, at + 24, end, out)
        before, old, new = data[at + 2] << 8 | data[at + 3], data[at:end], bytes(out[at:end])
        middle = len(addresses) >> 1
        known = six and len(addresses) == 32
        ends = self._ip(addresses[:middle]) + self._ip(addresses[middle:]) if known else b""
        if wire_end == end:
            new = new[:2] + b"\0\0" + new[4:]
            made = checksums.of((checksums.pseudo(ends, 58, end - at) if known else b"") + new)
        else:
            made = checksums.changed(before, (addresses if known else b"") + old, ends + new)
        out[at + 2 : at + 4] = made.to_bytes(2, "big")

    def _options(self, data: bytes, at: int, end: int, out: bytearray) -> None:
        """Write the options of neighbour discovery: link-layer addresses (RFC 4861 section 4.6.1), others as zeros of their size."""
        while at + 8 <= end and data[at + 1]:
            size = data[at + 1] * 8
            out[at : at + 2] = data[at : at + 2]
            if data[at] in (1, 2) and size == 8:
                out[at + 2 : at + 8] = self._mac(data[at + 2 : at + 8])
            at += size

    def _quote(self, data: bytes, at: int, end: int, out: bytearray) -> None:
        """Write the packet that an error quotes: headers as everywhere, checksums by what changed, payload as zeros."""
        if end - at < 20:
            return
        version = data[at] >> 4
        if version == 4:
            header = (data[at] & 15) << 2
            if header < 20:
                return
            stop = min(at + header, end)
            out[at:stop] = data[at:stop]
            ip4_options(at + 20, stop, out)
            old = data[at + 12 : at + 20]
            new = self._ip(old[:4]) + self._ip(old[4:])
            out[at + 12 : at + 20] = new
            before = data[at + 10] << 8 | data[at + 11]
            out[at + 10 : at + 12] = checksums.changed(before, data[at + 12 : stop], bytes(out[at + 12 : stop])).to_bytes(2, "big")
            later = (data[at + 6] << 8 | data[at + 7]) & 0x1FFF
            protocol, at = data[at + 9], stop
            if later:
                return
        elif version == 6 and end - at >= 40:
            out[at : at + 8] = data[at : at + 8]
            old = data[at + 8 : at + 40]
            new = self._ip(old[:16]) + self._ip(old[16:])
            out[at + 8 : at + 40] = new
            protocol, at = data[at + 6], at + 40
            while protocol in SKIPPED_6 and end - at >= 8:
                size = (data[at + 1] + 1) * 8
                out[at : at + 2] = data[at : at + 2]
                protocol, at = data[at], at + size
        else:
            return
        if at < end:
            self._transport(data, at, end, out, old, new, protocol)

    def _transport(self, data: bytes, at: int, end: int, out: bytearray, old: bytes, new: bytes, protocol: int) -> None:
        if protocol not in (TCP, UDP):
            return
        size = QUOTED
        if protocol == TCP and end - at >= 20:
            size = max(20, data[at + 12] >> 4 << 2)
        stop = min(at + size, end)
        out[at:stop] = data[at:stop]
        if protocol == TCP:
            tcp_options(at + 20, stop, out)
        field = at + 16 if protocol == TCP else at + 6
        if field + 2 <= stop and data[field : field + 2] != b"\0\0":
            before = data[field] << 8 | data[field + 1]
            made = checksums.changed(before, old + data[at:end], new + bytes(out[at:end]))
            out[field : field + 2] = (made or 0xFFFF if protocol == UDP else made).to_bytes(2, "big")

    def arp(self, data: bytes, at: int, end: int, out: bytearray) -> None:
        """Write an ARP message of Ethernet and IPv4 (RFC 826); another kind becomes zeros behind its header."""
        stop = min(at + 8, end)
        out[at:stop] = data[at:stop]
        if end - at < 28 or data[at + 4 : at + 6] != b"\x06\x04":
            return
        for start in (at + 8, at + 18):
            out[start : start + 6] = self._mac(data[start : start + 6])
            out[start + 6 : start + 10] = self._ip(data[start + 6 : start + 10])
