"""IPv4 headers: lengths, options, fragments, what the path remembers."""

from __future__ import annotations

import pytest

from analyzer.model.seams import Oddity, Segment
from analyzer.packets import Decoder
from tests.packets.frames import IP4, KEY4, block, decode, ether, ip4, ip6, tag, tcp


def segment(found: object) -> Segment:
    assert isinstance(found, Segment)
    return found


def test_identification_and_ttl_are_those_of_the_innermost_header() -> None:
    found = segment(decode(ether(0x0800, ip4(ip4(tcp(), ident=7, ttl=3), 4, ident=8, ttl=200))))
    assert (found.ip_id, found.ttl) == (7, 3)
    assert segment(decode(ether(0x0800, ip4(ip6(tcp(), hops=4), 41, ident=8)))).ip_id is None


def test_path_is_interface_and_outermost_vlan() -> None:
    assert segment(decode(ether(0x0800, IP4), interface=3)).path == 3 << 12
    tagged = ether(0x88A8, tag(0xE005, 0x8100, tag(6, 0x0800, IP4)))
    assert segment(decode(tagged, interface=3)).path == 3 << 12 | 5


def test_size_follows_total_length_and_captured_the_snapshot() -> None:
    packet = ip4(tcp(b"x" * 100))
    found = segment(decode(packet[:60], 228, wire=len(packet)))
    assert (found.size, found.captured) == (100, 20)
    padded = segment(decode(ether(0x0800, ip4(tcp(b""))) + bytes(6)))
    assert (padded.size, padded.captured) == (0, 0)


def test_no_total_length_means_the_rest_of_the_wire() -> None:
    packet = ip4(tcp(b"x" * 100), total=0)
    found = segment(decode(packet[:60], 228, wire=70_000))
    assert (found.size, found.captured) == (70_000 - 40, 20)


@pytest.mark.parametrize(
    "packet",
    [
        b"\x44" + IP4[1:],
        b"\x55" + IP4[1:],
        b"\x05" + IP4[1:],
        ip4(tcp(), total=19),
        ip4(b"", options=bytes(8), total=24),
    ],
)
def test_impossible_headers_are_oddities(packet: bytes) -> None:
    found = decode(ether(0x0800, packet))
    assert isinstance(found, Oddity)
    assert found.code == "malformed-header"


def test_a_header_longer_than_the_packet_is_an_oddity() -> None:
    found = decode(b"\x4f" + IP4[1:24], 228)
    assert isinstance(found, Oddity)
    assert found.code == "malformed-header"


def test_fragments_of_a_segment_become_one() -> None:
    whole = tcp(b"0123456789abcdef")
    parts = [ip4(whole[24:], place=3), ip4(whole[8:24], place=0x2001), ip4(whole[:8], place=0x2000)]
    decoder = Decoder()
    held = block(*parts, link_type=228)
    assert decoder.decode(held, 0) is None
    assert decoder.decode(held, 1) is None
    found = segment(decoder.decode(held, 2))
    assert (found.key, found.size) == (KEY4, 16)
    assert found.data[found.start :] == b"0123456789abcdef"


def test_fragments_with_another_identity_do_not_join() -> None:
    whole = tcp(b"0123456789abcdef")
    for other in (ip4(whole[8:], place=1, ident=9), ip4(whole[8:], 17, place=1), ip4(whole[8:], place=1, addresses=bytes(8))):
        held = block(ip4(whole[:8], place=0x2000), other, link_type=228)
        decoder = Decoder()
        assert [decoder.decode(held, 0), decoder.decode(held, 1)] == [None, None]


def test_copies_on_two_vlans_do_not_join() -> None:
    whole = tcp(b"0123456789abcdef")
    first, second = ip4(whole[:8], place=0x2000), ip4(whole[8:], place=1)
    held = block(ether(0x8100, tag(5, 0x0800, first)), ether(0x8100, tag(6, 0x0800, second)))
    decoder = Decoder()
    assert [decoder.decode(held, 0), decoder.decode(held, 1)] == [None, None]


def test_a_cut_fragment_is_an_oddity() -> None:
    packet = ip4(tcp(b"0123456789abcdef"), place=0x2000)
    found = decode(packet[:50], 228, wire=len(packet))
    assert isinstance(found, Oddity)
    assert found.code == "truncated-fragment"
