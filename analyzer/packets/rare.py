"""Link types that the table in `link` lacks, read through scapy's layers: a slow path for what few captures have (802.11 and its kin).

Only the way down to the first IP header is scapy's; from there on the decoders go on as in any packet. What scapy does not know either
stays an unknown link type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from analyzer.model.seams import Oddity
from analyzer.packets._walk import IPV4, IPV6, Layer, Step, Walk
from analyzer.packets.link import LINKS

MOST_HEADERS: Final = 16
"""Layers that are looked through for an IP header."""


@cache
def rare(link_type: int) -> Layer | None:
    """Return what reads a link type through scapy; None where scapy does not know it."""
    # Imported where it is used: it takes as long as reading many captures does.
    from scapy.config import conf
    from scapy.layers import dot11, inet, inet6, l2  # noqa: F401 - they register their link types and what they carry

    known: Any = conf.l2types.num2layer
    dissect = known.get(link_type)
    if dissect is None:
        return None
    wanted = {inet.IP: IPV4, inet6.IPv6: IPV6}

    def layer(walk: Walk) -> Step:
        return _descend(walk, dissect, wanted)

    return layer


def remarks(link_types: Iterable[int]) -> list[str]:
    """Return a sentence for each link type that is read through scapy."""
    return [
        f"link type {number} is read through scapy's layers: slowly, packet by packet"
        for number in sorted(set(link_types))
        if number not in LINKS and rare(number) is not None
    ]


def _descend(walk: Walk, dissect: Callable[[bytes], Any], wanted: dict[Any, int]) -> Step:
    """Move to the first IP header that scapy finds; None where the packet has none."""
    data = bytes(walk.data[walk.at : walk.end])
    try:
        layer = dissect(data)
    except Exception as error:  # whatever a dissector does with hostile bytes
        return Oddity("malformed-header", f"scapy cannot read the packet ({type(error).__name__})")
    for _ in range(MOST_HEADERS):
        kind = wanted.get(type(layer))
        if kind is not None:
            original: bytes = layer.original
            at = data.find(original)
            if not original or at < 0:
                return None
            cut = walk.wire_end - walk.end
            walk.at += at
            walk.end = walk.at + len(original)
            walk.wire_end = walk.end + cut
            return kind
        layer = layer.payload
        if not layer:
            return None
    return None
