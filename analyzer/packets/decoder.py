"""Decodes one packet of any supported link type: the slow path beside the layouts."""

from __future__ import annotations

from typing import Final

from analyzer.model.seams import Block, Oddity, Packet
from analyzer.packets._walk import ETHERNET, IPV4, IPV6, PPP, TCP, UDP, Layer, Step, Walk
from analyzer.packets.icmp import icmp4, icmp6
from analyzer.packets.ip4 import ip4
from analyzer.packets.ip6 import authentication, extension, fragment, ip6
from analyzer.packets.link import LINKS, VLAN_TYPES, ethernet, vlan
from analyzer.packets.ppp import ppp, pppoe
from analyzer.packets.rare import rare
from analyzer.packets.transport import tcp, udp
from analyzer.packets.tunnels import erspan2, erspan3, etherip, gre, mpls

MAX_LAYERS: Final = 32
"""Headers that are read of one packet; a packet mirrored twice out of a container network has about 15."""

LAYERS: Final[dict[int, Layer]] = {
    # IP protocols (https://www.iana.org/assignments/protocol-numbers). ESP (50) is encrypted and not here.
    0: extension,
    1: icmp4,
    4: ip4,
    TCP: tcp,
    UDP: udp,
    41: ip6,
    43: extension,
    44: fragment,
    47: gre,
    51: authentication,
    58: icmp6,
    60: extension,
    97: etherip,
    135: extension,
    137: mpls,
    139: extension,
    140: extension,
    # EtherTypes
    IPV4: ip4,
    0x22EB: erspan3,
    ETHERNET: ethernet,
    IPV6: ip6,
    PPP: ppp,
    0x8847: mpls,
    0x8848: mpls,
    0x8864: pppoe,
    0x88BE: erspan2,
    **dict.fromkeys(VLAN_TYPES, vlan),
}
"""What reads a header, by EtherType or IP protocol."""


class Decoder:
    """Decodes packets one by one; keeps nothing between them but unfinished IP fragments."""

    def __init__(self) -> None:
        self._walk = Walk()

    def decode(self, block: Block, index: int) -> Packet | None:
        """Decode packet `index` of `block` down to the innermost TCP, UDP or ICMP header.

        Returns None for a readable packet that is of no interest (ARP, ICMP echo, SCTP, a fragment of a datagram that is not whole yet),
        an Oddity for one that cannot be read as far as its link type promised. Raises nothing for any bytes.
        """
        data, starts, lengths, wire_lengths, times, link_type, interface, _, _, _, processes = block
        link = LINKS.get(link_type) or rare(link_type)
        if link is None:
            return Oddity("unknown-link-type", f"link type {link_type} is not supported")
        start = starts[index]
        captured = lengths[index]
        wire = wire_lengths[index]
        walk = self._walk
        walk.data = data
        walk.at = start
        walk.end = start + captured
        walk.wire_end = start + (wire if wire > captured else captured)
        walk.path = interface << 12
        walk.time = times[index]
        walk.addresses = b""
        walk.process = processes[index] if processes is not None else None
        step: Step = link(walk)
        for _ in range(MAX_LAYERS):
            if not isinstance(step, int):
                return step
            if step == TCP:  # this and the next by name: the table costs as much as they do
                return tcp(walk)
            if step == IPV4:
                step = ip4(walk)
                continue
            layer = LAYERS.get(step)
            if layer is None:
                return None
            step = layer(walk)
        return Oddity("too-many-layers", f"more than {MAX_LAYERS} headers inside each other") if isinstance(step, int) else step
