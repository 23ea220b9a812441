"""Link types of few captures: ARCNET by its own decoder, 802.11 and its kin through scapy's layers."""

from __future__ import annotations

import pytest
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import LLC, SNAP

from analyzer.model.seams import Block, Oddity, Packet, Segment
from analyzer.packets import Decoder, remarks
from analyzer.packets.rare import rare

INNER = IP(src="10.0.0.1", dst="10.0.0.2", id=77, ttl=9) / TCP(sport=40000, dport=80, seq=5, flags="A") / b"GET / HTTP/1.1\r\n"
FRAME = Dot11(type=2, subtype=0, FCfield=1) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP() / INNER


def decode(link_type: int, data: bytes, cut: int = 0) -> Packet | None:
    padded = b"\x45" * 3 + data + b"\x45" * 3
    block = Block(padded, [3], [len(data) - cut], [len(data)], [0], link_type, 2, 1, 0, 1)
    return Decoder().decode(block, 0)


@pytest.mark.parametrize("link_type, data", [(105, bytes(FRAME)), (127, bytes(RadioTap() / FRAME))], ids=["802.11", "radiotap"])
def test_wireless_frames_are_read_down_to_tcp(link_type: int, data: bytes) -> None:
    packet = decode(link_type, data)
    assert isinstance(packet, Segment)
    assert (packet.key, packet.seq, packet.ip_id, packet.ttl) == (bytes((10, 0, 0, 1, 10, 0, 0, 2, 0x9C, 0x40, 0, 80)), 5, 77, 9)
    assert packet.data[packet.start : packet.start + packet.captured] == b"GET / HTTP/1.1\r\n"
    assert (packet.size, packet.captured) == (16, 16)


def test_a_wireless_frame_that_the_snapshot_length_cut() -> None:
    packet = decode(105, bytes(FRAME), cut=10)
    assert isinstance(packet, Segment)
    assert (packet.size, packet.captured) == (16, 6)


def test_ipv6_in_a_frame_with_quality_of_service() -> None:
    frame = Dot11(type=2, subtype=8, FCfield=2) / Dot11QoS() / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP()
    packet = decode(105, bytes(frame / IPv6(src="fd00::1", dst="fd00::2") / TCP(sport=1, dport=2) / b"x"))
    assert isinstance(packet, Segment)
    assert (len(packet.key), packet.size) == (36, 1)


@pytest.mark.parametrize("data", [b"", b"\x08", bytes(Dot11(type=0, subtype=8)), bytes(FRAME)[:25], bytes(range(256))])
def test_what_holds_no_ip_is_of_no_interest_and_never_a_crash(data: bytes) -> None:
    packet = decode(105, data)
    assert packet is None or isinstance(packet, Oddity)


def test_what_scapy_does_not_know_stays_unknown() -> None:
    assert rare(250) is None
    assert decode(250, b"abc") == Oddity("unknown-link-type", "link type 250 is not supported")


def test_a_slow_path_is_told() -> None:
    assert remarks([1, 127, 250, 127]) == ["link type 127 is read through scapy's layers: slowly, packet by packet"]
    assert remarks([1, 113]) == []


@pytest.mark.parametrize("link_type, before", [(129, b"\x01\x02\0\0"), (7, b"\x01\x02")], ids=["Linux", "BSD"])
def test_arcnet(link_type: int, before: bytes) -> None:
    for header in (b"\xd4\x00\x00\x07", b"\xf0"):
        packet = decode(link_type, before + header + bytes(INNER))
        assert isinstance(packet, Segment)
        assert (packet.seq, packet.size) == (5, 16)
    assert decode(link_type, before + b"\xd5\x00\x00\x07" + bytes(28)) is None  # ARP
    assert decode(link_type, before + b"\xd4\x01\x00\x07" + bytes(INNER)) is None  # the first part of a split packet
    assert decode(link_type, before + b"\xd4") == Oddity("malformed-header", "the packet ends inside the ARCNET header")
