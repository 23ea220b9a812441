"""Link-layer headers: their addresses are disguised, what says nothing of anybody stays (https://www.tcpdump.org/linktypes.html)."""

from __future__ import annotations

from analyzer.redacting.addresses import Addresses

ETHERNET, COOKED, COOKED_2, NFLOG, IEEE_802_11, RADIOTAP = 1, 113, 276, 239, 105, 127
PKTAP = frozenset({149, 258})
NAMELESS = frozenset({0, 7, 9, 12, 14, 50, 51, 101, 104, 108, 129, 228, 229})
"""Link types without addresses that name a machine."""
_HWADDR, _PAYLOAD = 8, 9
_PKTAP_NAMES = ((52, 76), (88, 108))
"""Where PKTAP names processes and their numbers."""


class Links:
    """Writes the headers of the link layer."""

    def __init__(self, addresses: Addresses) -> None:
        self._mac = addresses.mac
        self.unknown: set[int] = set()
        """Link types whose headers may hold addresses that were not disguised."""

    def header(self, link_type: int, data: bytes, end: int, out: bytearray) -> None:
        """Write `data[:end]`, the header of a packet's link type."""
        out[:end] = data[:end]
        if link_type == ETHERNET:
            self.ethernet(data, 0, out)
        elif link_type == COOKED:
            self._address(data, 6, data[4] << 8 | data[5], end, out)
        elif link_type == COOKED_2:
            self._address(data, 12, data[11], end, out)
        elif link_type in (IEEE_802_11, RADIOTAP):
            at = (data[2] | data[3] << 8) if link_type == RADIOTAP else 0
            self._wireless(data, at, end, out)
        elif link_type in PKTAP:
            for start, stop in _PKTAP_NAMES:
                out[start : min(stop, end)] = bytes(max(0, min(stop, end) - start))
            length = int.from_bytes(data[:4], "little")
            if end >= length + 14 and int.from_bytes(data[8:12], "little") == ETHERNET:
                self.ethernet(data, length, out)
        elif link_type == NFLOG:
            self._nflog(data, end, out)
        elif link_type not in NAMELESS:
            self.unknown.add(link_type)

    def ethernet(self, data: bytes, at: int, out: bytearray) -> None:
        """Write the two addresses of an Ethernet header."""
        for start in (at, at + 6):
            if start + 6 <= len(out):
                out[start : start + 6] = self._mac(data[start : start + 6])

    def _address(self, data: bytes, at: int, size: int, end: int, out: bytearray) -> None:
        if size == 6 and at + 6 <= end:
            out[at : at + 6] = self._mac(data[at : at + 6])
        elif size > 0:
            stop = min(at + 8, end)
            out[at:stop] = bytes(stop - at)
        else:
            out[at : min(at + 8, end)] = bytes(max(0, min(at + 8, end) - at))

    def _wireless(self, data: bytes, at: int, end: int, out: bytearray) -> None:
        """Write the three or four addresses of an 802.11 header (IEEE 802.11 section 9.2.3)."""
        for start in (at + 4, at + 10, at + 16, *((at + 24,) if end > at + 1 and data[at + 1] & 3 == 3 else ())):
            if start + 6 <= end:
                out[start : start + 6] = self._mac(data[start : start + 6])

    def _nflog(self, data: bytes, end: int, out: bytearray) -> None:
        """Zero what NFLOG tells beside the packet: link-layer addresses, prefix, user and group."""
        at = 4
        order = "little" if data[4:5] != b"\0" or data[5:6] == b"\0" else "big"
        while at + 4 <= end:
            size = int.from_bytes(data[at : at + 2], order)  # type: ignore[arg-type]
            kind = int.from_bytes(data[at + 2 : at + 4], order) & 0x7FFF  # type: ignore[arg-type]
            if size < 4 or kind == _PAYLOAD:
                return
            if kind == _HWADDR and at + 14 <= end:
                out[at + 8 : at + 14] = self._mac(data[at + 8 : at + 14])
            elif kind in (10, 11, 14, 16):
                stop = min(at + size, end)
                out[at + 4 : stop] = bytes(max(0, stop - at - 4))
            at += size + 3 & ~3
