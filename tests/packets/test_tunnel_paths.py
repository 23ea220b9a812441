"""The path tells two sightings of a packet apart: by interface, VLAN, and the tunnels on the way."""

from __future__ import annotations

from struct import pack

import pytest

from analyzer.model.seams import Segment
from analyzer.packets import Decoder
from tests.packets.frames import ETHER4, IP4, IP6, block, cooked2, decode, ether, ip4, ip6, tag, udp

HERE, THERE = bytes((192, 0, 2, 1, 192, 0, 2, 2)), bytes((192, 0, 2, 2, 192, 0, 2, 1))


def path(frame: bytes, link_type: int = 1, interface: int = 0) -> int:
    found = decode(frame, link_type, interface=interface)
    assert isinstance(found, Segment)
    return found.path


def vxlan(network: int, ends: bytes = HERE, inner: bytes = ETHER4, source: int = 40001) -> bytes:
    return ether(0x0800, ip4(udp(b"\x08\0\0\0" + pack(">I", network << 8) + inner, target=4789, source=source), 17, addresses=ends))


def geneve(network: int, ends: bytes = HERE) -> bytes:
    return ether(0x0800, ip4(udp(b"\0\0\x08\0" + pack(">I", network << 8) + IP4, target=6081), 17, addresses=ends))


def gre(key: int, ends: bytes = HERE) -> bytes:
    return ether(0x0800, ip4(pack(">HHI", 0x2000, 0x0800, key) + IP4, 47, addresses=ends))


def erspan(session: int) -> bytes:
    head = pack(">HHI", 0x1000, 0x88BE, 7) + pack(">HHI", 0x1005, 0x0100 & 0xFC00 | session, 0)
    return ether(0x0800, ip4(head + ETHER4, 47, addresses=HERE))


@pytest.mark.parametrize(
    "one, other",
    [
        (vxlan(42), vxlan(43)),
        (vxlan(42), vxlan(42, THERE)),
        (geneve(0), geneve(0, THERE)),
        (geneve(1), geneve(2)),
        (gre(1), gre(2)),
        (gre(1), gre(1, THERE)),
        (erspan(1), erspan(2)),
        (ether(0x0800, ip4(IP4, 4, addresses=HERE)), ether(0x0800, ip4(IP4, 4, addresses=THERE))),
        (ether(0x0800, ip4(IP6, 41, addresses=HERE)), ether(0x0800, ip4(IP6, 41, addresses=THERE))),
        (ether(0x86DD, ip6(IP4, 4)), ether(0x86DD, ip6(ip6(IP4, 4), 41))),
        (ETHER4, vxlan(42)),
        (ETHER4, ether(0x8100, tag(5, 0x0800, IP4))),
        (vxlan(42, inner=ether(0x8100, tag(5, 0x0800, IP4))), vxlan(42, inner=ether(0x8100, tag(6, 0x0800, IP4)))),
    ],
    ids=[
        "two mirror sessions", "mirrored at both ends", "through the appliance and back", "two networks", "two keys", "both ways in GRE",
        "two ERSPAN sessions", "both ways in IP", "both ways in 6in4", "once more in IPv6", "in and out", "tagged", "two inner tags",
    ],
)  # fmt: skip
def test_another_way_is_another_path(one: bytes, other: bytes) -> None:
    assert path(one) != path(other)


def test_the_same_way_is_the_same_path() -> None:
    # Flows are spread over links by the outer source port: it is no other way.
    assert path(vxlan(42, source=50000)) == path(vxlan(42, source=50001))
    assert path(vxlan(42)) == path(vxlan(42, inner=ether(0x0800, ip4(IP4[20:], ident=7, ttl=9))))


def test_the_interface_counts_inside_a_tunnel_too() -> None:
    assert path(vxlan(42), interface=0) != path(vxlan(42), interface=1)
    assert path(cooked2(0x0800, vxlan(42)[14:], interface=3), 276) != path(cooked2(0x0800, vxlan(42)[14:], interface=4), 276)


def test_a_packet_remembers_no_tunnel_of_the_one_before() -> None:
    both = block(vxlan(42), ETHER4)
    decoder = Decoder()
    found = [decoder.decode(both, index) for index in range(2)]
    assert isinstance(found[1], Segment)
    assert found[1].path == path(ETHER4)
