"""One packet disguised: a blank one of the same length, into which every header that is understood is written, and nothing else.

The walk down the headers is that of the analysis (`analyzer.packets`): what it cannot read stays zero behind the last header that it
could, and is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from analyzer.model.seams import Block, Oddity, Packet, Segment
from analyzer.packets._walk import ETHERNET, IPV4, IPV6, TCP, UDP, Step, Walk
from analyzer.packets.decoder import LAYERS, MAX_LAYERS
from analyzer.packets.link import LINKS
from analyzer.packets.rare import rare
from analyzer.redacting import checksums
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.dnsmessages import PORTS, DnsMessages
from analyzer.redacting.icmp import Icmp
from analyzer.redacting.links import Links
from analyzer.redacting.options import ip4_options, ip6_options, tcp_options
from analyzer.redacting.plans import Plans
from analyzer.units import PacketId

ARP = 0x0806
ICMP, ICMP6, GRE, ROUTING = 1, 58, 47, 43
_EXTENSIONS, AUTHENTICATION = frozenset({0, 60, 135}), 51
_IP = {IPV4: 4, 4: 4, IPV6: 6, 41: 6}


class Layer:
    """A header that the walk has passed: what it is, where it begins and ends, and where its payload ends."""

    __slots__ = ("at", "captured_end", "end", "kind", "wire_end")

    def __init__(self, kind: int, at: int) -> None:
        self.kind = kind
        self.at = self.end = at
        self.captured_end = self.wire_end = 0


class Packets:
    """Disguises packets. `unread` counts by reason those of which something became zeros because it was not understood."""

    def __init__(self, disguise: Disguise, plans: Plans, fragments: Mapping[PacketId, bytes]) -> None:
        self._disguise = disguise
        self._ip = disguise.addresses.ip
        self._plans = plans
        self._fragments = fragments
        self._dns = DnsMessages(disguise)
        self._icmp = Icmp(disguise)
        self.links = Links(disguise.addresses)
        self._walk = Walk()
        self.unread: Counter[str] = Counter()
        self.has_fragments = False

    def keep(self, text: str) -> str:
        """Return a text of ours that is written, and is no secret."""
        self._disguise.keep(text.encode())
        return text

    def packet(self, block: Block, index: int) -> bytes:
        """Return packet `index` of a block, disguised."""
        start, size = block.starts[index], block.lengths[index]
        data = bytes(block.data[start : start + size])
        out = bytearray(size)
        packet_id = block.first_packet_id + index
        link = LINKS.get(block.link_type) or rare(block.link_type)
        if link is None:
            self.unread[f"link type {block.link_type}"] += 1
            return bytes(out)
        walk = self._walk
        walk.data, walk.at, walk.end = data, 0, size
        walk.wire_end = max(block.wire_lengths[index], size)
        walk.path, walk.time, walk.addresses = block.interface << 12, block.times[index], b""
        step: Step = link(walk)
        if isinstance(step, Oddity) or (walk.at == 0 and not isinstance(step, int)):
            self.unread["a header of the link layer"] += bool(size)
            return bytes(out)
        behind = min(walk.at, size)
        if block.link_type in (228, 229):
            step, walk.at, behind = (IPV4 if block.link_type == 228 else IPV6), 0, 0
        self._descend(step, data, out, packet_id)
        # Last, as addresses of groups follow those that are named inside.
        self.links.header(block.link_type, data, behind, out)
        return bytes(out)

    def transport(self, protocol: int, data: bytes, addresses: bytes, packet_id: PacketId) -> bytes:
        """Return the payload of a reassembled datagram, disguised."""
        out = bytearray(len(data))
        walk = self._walk
        walk.data, walk.at, walk.end, walk.wire_end, walk.addresses = data, 0, len(data), len(data), addresses
        walk.version = 4 if len(addresses) == 8 else 6
        self._descend(protocol, data, out, packet_id)
        return bytes(out)

    def _descend(self, step: Step, data: bytes, out: bytearray, packet_id: PacketId) -> None:
        """Read header after header, then write them from the innermost outwards, as checksums need it."""
        walk = self._walk
        layers: list[Layer] = []
        addresses: list[bytes] = []
        for _ in range(MAX_LAYERS):
            if not isinstance(step, int):
                break
            layer = Layer(step, walk.at)
            reader = LAYERS.get(step)
            layers.append(layer)
            addresses.append(walk.addresses)
            if reader is None:
                layer.end, layer.captured_end, layer.wire_end = walk.at, walk.end, walk.wire_end
                break
            step = reader(walk)
            if walk.data is not data:  # the last fragment of a datagram, which the analysis reads on as a whole
                layer.end = layer.captured_end = layer.wire_end = len(data)
                self._headers(layers, addresses, data, out, packet_id, None)
                return
            layer.end, layer.captured_end, layer.wire_end = walk.at, walk.end, walk.wire_end
        self._headers(layers, addresses, data, out, packet_id, step if not isinstance(step, int) else None)

    def _headers(
        self, layers: list[Layer], addresses: list[bytes], data: bytes, out: bytearray, packet_id: PacketId, found: Packet | None
    ) -> None:
        for at in range(len(layers) - 1, -1, -1):
            layer, last = layers[at], at == len(layers) - 1
            kind = layer.kind
            version = _IP.get(kind)
            if version is not None and layer.at < len(data):
                version = data[layer.at] >> 4
            if version == 4:
                self._four(layer, data, out, packet_id, last=last)
            elif version == 6:
                self._six(layer, data, out)
            elif kind == TCP:
                self._tcp(layer, data, out, packet_id, found if last else None, addresses[at])
            elif kind == UDP:
                self._udp(layer, data, out, addresses[at], last=last)
            elif kind in (ICMP, ICMP6):
                self._icmp.message(data, layer.at, layer.captured_end, layer.wire_end, out, addresses[at], six=kind == ICMP6)
            elif kind == ARP:
                self._icmp.arp(data, layer.at, layer.captured_end, out)
            elif kind == ETHERNET:
                out[layer.at : layer.end] = data[layer.at : layer.end]
                self.links.ethernet(data, layer.at, out)
            elif kind == 44:
                self._six_fragment(layer, data, out, packet_id, last=last)
            elif kind == ROUTING:
                out[layer.at : layer.at + 8] = data[layer.at : layer.at + 8]
            elif kind == GRE:
                self._gre(layer, data, out)
            elif kind in _EXTENSIONS:
                out[layer.at : layer.end] = data[layer.at : layer.end]
                ip6_options(layer.at + 2, min(layer.end, len(out)), out)
            elif kind == AUTHENTICATION:
                out[layer.at : min(layer.at + 2, layer.end)] = data[layer.at : min(layer.at + 2, layer.end)]
            elif LAYERS.get(kind) is not None and not (last and isinstance(found, Oddity)):
                out[layer.at : layer.end] = data[layer.at : layer.end]
            elif last and layer.captured_end > layer.at:
                self.unread[f"protocol {kind}" if kind < 0x600 else f"EtherType 0x{kind:04x}"] += 1
        if not layers and found is not None:
            self.unread["a header of the link layer"] += 1

    def _four(self, layer: Layer, data: bytes, out: bytearray, packet_id: PacketId, *, last: bool) -> None:
        """Write an IPv4 header (RFC 791), and the piece of a fragment."""
        at = layer.at
        if len(data) - at < 20 or data[at] >> 4 != 4 or data[at] & 15 < 5:
            self.unread["an IPv4 header"] += 1
            return
        end = min(at + ((data[at] & 15) << 2), len(data))
        out[at:end] = data[at:end]
        out[at + 12 : at + 20] = self._ip(data[at + 12 : at + 16]) + self._ip(data[at + 16 : at + 20])
        ip4_options(at + 20, end, out)
        out[at + 10 : at + 12] = b"\0\0"
        if end == at + ((data[at] & 15) << 2):
            out[at + 10 : at + 12] = checksums.of(bytes(out[at:end])).to_bytes(2, "big")
        else:
            out[at + 10 : at + 12] = data[at + 10 : at + 12]
        if (data[at + 6] << 8 | data[at + 7]) & 0x3FFF and last:
            self._piece(end, out, packet_id)

    def _six_fragment(self, layer: Layer, data: bytes, out: bytearray, packet_id: PacketId, *, last: bool) -> None:
        """Write a fragment header of IPv6 (RFC 8200 section 4.5), and its piece."""
        end = min(layer.at + 8, len(data))
        out[layer.at : end] = data[layer.at : end]
        if last:
            self._piece(end, out, packet_id)

    def _piece(self, at: int, out: bytearray, packet_id: PacketId) -> None:
        self.has_fragments = True
        piece = self._fragments.get(packet_id)
        if piece is None:
            self.unread["a fragment of a datagram that is not whole"] += 1
            return
        out[at : at + len(piece)] = piece[: len(out) - at]

    def _six(self, layer: Layer, data: bytes, out: bytearray) -> None:
        """Write an IPv6 header (RFC 8200)."""
        at = layer.at
        if len(data) - at < 40:
            self.unread["an IPv6 header"] += 1
            return
        out[at : at + 8] = data[at : at + 8]
        out[at + 8 : at + 40] = self._ip(data[at + 8 : at + 24]) + self._ip(data[at + 24 : at + 40])

    def _tcp(self, layer: Layer, data: bytes, out: bytearray, packet_id: PacketId, found: Packet | None, addresses: bytes) -> None:
        """Write a TCP header and what the plan of its connection says of the payload."""
        at, end = layer.at, layer.captured_end
        if not isinstance(found, Segment):
            # Who knows what it is; its data offset lets it be judged alike.
            out[at + 12 : at + 13] = data[at + 12 : min(at + 13, end)] or out[at + 12 : at + 13]
            self.unread["a TCP header"] += 1
            return
        out[at : found.start] = data[at : found.start]
        tcp_options(at + 20, found.start, out)
        payload = data[found.start : found.start + found.captured]
        if payload:
            direction = self._plans.of(found.key, packet_id)
            seq = found.seq + (found.flags >> 1 & 1)
            out[found.start : found.start + len(payload)] = direction.payload(seq, payload) if direction else bytes(len(payload))
        self._mend(at, at + 16, end, layer.wire_end, data, out, addresses, TCP)

    def _udp(self, layer: Layer, data: bytes, out: bytearray, addresses: bytes, *, last: bool) -> None:
        """Write a UDP header; of what it carries DNS is disguised, a tunnel's header kept, all else zeros."""
        at, end = layer.at, layer.captured_end
        stop = min(at + 8, end)
        out[at:stop] = data[at:stop]
        if end - at < 8:
            return
        source, target = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        if not last:
            out[stop : layer.end] = data[stop : layer.end]
            if target == 6081:
                # What a Geneve option says may name whose network it is (AWS: an endpoint and an attachment).
                option, options_end = at + 16, layer.end
                while option + 4 <= options_end:
                    size = 4 + (data[option + 3] & 31) * 4
                    out[option + 4 : min(option + size, options_end)] = bytes(max(0, min(option + size, options_end) - option - 4))
                    option += size
        elif PORTS & {source, target}:
            out[stop:end] = self._dns.message(data[stop:end])
        if data[at + 6 : at + 8] != b"\0\0":
            self._mend(at, at + 6, end, layer.wire_end, data, out, addresses, UDP)

    def _gre(self, layer: Layer, data: bytes, out: bytearray) -> None:
        out[layer.at : layer.end] = data[layer.at : layer.end]
        at = layer.at
        if len(data) - at >= 8 and data[at] & 0x80:
            before = data[at + 4] << 8 | data[at + 5]
            end = layer.captured_end
            out[at + 4 : at + 6] = checksums.changed(before, data[at:end], bytes(out[at:end])).to_bytes(2, "big")

    def _mend(self, at: int, field: int, end: int, wire_end: int, data: bytes, out: bytearray, addresses: bytes, protocol: int) -> None:
        """Write the checksum of a segment or datagram: anew where all of it was captured, else by what changed."""
        if field + 2 > end or len(addresses) not in (8, 32):
            return
        middle = len(addresses) >> 1
        new = self._ip(addresses[:middle]) + self._ip(addresses[middle:])
        if wire_end == end:
            out[field : field + 2] = b"\0\0"
            made = checksums.of(checksums.pseudo(new, protocol, end - at) + bytes(out[at:end]))
        else:
            before = data[field] << 8 | data[field + 1]
            made = checksums.changed(before, addresses + data[at:end], new + bytes(out[at:end]))
        if protocol == UDP:
            made = made or 0xFFFF
        out[field : field + 2] = made.to_bytes(2, "big")
