"""The fast path of each link type: how the packet loop reads a plain TCP segment with one `struct` call.

A layout covers the headers that nearly all packets have: IPv4 without options and not fragmented, IPv6 without extension headers. A
packet that no layout of its link type fits, or whose size comes out negative (a length field of 0), goes to `Decoder.decode`.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from types import MappingProxyType
from typing import Final

from analyzer.model.seams import Layout

_ETHERTYPE_4: Final = (0xFFFFFF00, 0x08004500)
"""EtherType, version and header length; the traffic class may be anything."""
_ETHERTYPE_6: Final = (0xFFFFF000, 0x86DD6000)


def _ip4(before: str, at: int, mask: int, want: int) -> Layout:
    """Describe IPv4 and TCP at `at`; `before` is the format up to the end of the traffic class, with `check` as its only field."""
    # Any fragment bit but "don't fragment", or a protocol other than 6, is no plain segment.
    return Layout(Struct(f">{before}H2xI14xIIHH"), at + 40, mask, want, 0x3FFF00FF, 6, at + 12, at + 24, 20, at + 20)


def _ip6(before: str, at: int, mask: int, want: int) -> Layout:
    """Describe IPv6 and TCP at `at`; `before` is the format up to the second byte of the header, with `check` as its only field."""
    return Layout(Struct(f">{before}2xHH36xIIHH"), at + 60, mask, want, 0xFF00, 0x0600, at + 8, at + 44, 0, at + 40)


_RAW_4: Final = _ip4("H", 0, 0xFF00, 0x4500)
_RAW_6: Final = _ip6("H", 0, 0xF000, 0x6000)
# The address family is in either byte order: of its four bytes the last two count, without the bits in which the families differ.
_LOOPBACK: Final = (_ip4("2xI", 4, 0xFFFDFF00, 0x00004500), _ip6("2xI", 4, 0xFFE0F000, 0x00006000))

LAYOUTS: Final[Mapping[int, tuple[Layout, ...]]] = MappingProxyType(
    {
        0: _LOOPBACK,
        1: (
            _ip4("12xI", 14, *_ETHERTYPE_4),
            _ip6("12xI", 14, *_ETHERTYPE_6),
            _ip4("12xQ", 18, 0xFFFF_0000_FFFF_FF00, 0x8100_0000_0800_4500),
            _ip6("12xQ", 18, 0xFFFF_0000_FFFF_F000, 0x8100_0000_86DD_6000),
        ),
        9: (
            _ip4("2xI", 4, 0xFFFFFF00, 0x00214500),
            _ip6("2xI", 4, 0xFFFFF000, 0x00576000),
            _ip4("I", 2, 0xFFFFFF00, 0x00214500),
            _ip6("I", 2, 0xFFFFF000, 0x00576000),
        ),
        12: (_RAW_4, _RAW_6),
        14: (_RAW_4, _RAW_6),
        101: (_RAW_4, _RAW_6),
        104: (_ip4("2xI", 4, *_ETHERTYPE_4), _ip6("2xI", 4, *_ETHERTYPE_6)),
        108: _LOOPBACK,
        113: (_ip4("14xI", 16, *_ETHERTYPE_4), _ip6("14xI", 16, *_ETHERTYPE_6)),
        228: (_RAW_4,),
        229: (_RAW_6,),
        # The protocol field stands 18 bytes before the IP header, too far for `check`: version, header length, fragment bits and
        # protocol together must do, and for netlink, ARP or LLC they do not come out like this with a length of 40 or more.
        276: (_ip4("20xH", 20, 0xFF00, 0x4500), _ip6("20xH", 20, 0xF000, 0x6000)),
    }
)
"""By LINKTYPE: the layouts to try, most common first. Link types that are not here are served by `Decoder.decode` alone."""
