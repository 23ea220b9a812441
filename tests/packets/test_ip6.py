"""IPv6 headers: extension headers, jumbograms, fragments."""

from __future__ import annotations

from struct import pack

from analyzer.model.seams import Datagram, Oddity, Segment
from analyzer.packets import Decoder
from tests.packets.frames import A6, B6, KEY6, block, decode, ip6, tcp, udp


def segment(found: object) -> Segment:
    assert isinstance(found, Segment)
    return found


def test_hop_limit_is_the_ttl() -> None:
    assert segment(decode(ip6(tcp(), hops=9), 229)).ttl == 9


def test_a_jumbogram_ends_where_its_option_says() -> None:
    payload = b"x" * 70_000
    option = b"\6\0\xc2\4" + pack(">I", 8 + 20 + len(payload))
    found = segment(decode(ip6(option + tcp(payload), 0, length=0) + bytes(6), 229))
    assert found.size == found.captured == 70_000


def test_an_empty_length_before_tcp_means_the_rest() -> None:
    assert segment(decode(ip6(tcp(b"x" * 100), length=0), 229)).size == 100
    assert decode(ip6(udp(b"x"), 17, length=0), 229) is None


def test_no_next_header_and_esp_are_of_no_interest() -> None:
    assert decode(ip6(b"", 59), 229) is None
    assert decode(ip6(bytes(40), 50), 229) is None


def test_wrong_version_is_an_oddity() -> None:
    assert isinstance(decode(b"\x50" + ip6(tcp())[1:], 229), Oddity)


def test_an_extension_header_beyond_the_end_is_an_oddity() -> None:
    for following in (0, 43, 44, 51, 60):
        found = decode(ip6(b"\6\xff\0\0\0\0\0"[:7], following), 229)
        assert isinstance(found, Oddity)
        assert found.code == "malformed-header"
    assert isinstance(decode(ip6(b"\6\xff" + bytes(30), 0), 229), Oddity)
    assert isinstance(decode(ip6(b"\6\xff" + bytes(30), 51), 229), Oddity)


def test_a_chain_without_end_is_an_oddity() -> None:
    found = decode(ip6((b"\x3c" + bytes(7)) * 100, 60), 229)
    assert isinstance(found, Oddity)
    assert found.code == "too-many-layers"


def test_fragments_become_one_and_keep_their_identification() -> None:
    whole = tcp(b"0123456789abcdef")
    parts = [
        ip6(b"\x63\0" + pack(">HI", 16, 77) + whole[16:], 44),  # the last; its protocol does not count
        ip6(b"\6\0" + pack(">HI", 1, 77) + whole[:16], 44),
    ]
    decoder = Decoder()
    held = block(*parts, link_type=229)
    assert decoder.decode(held, 0) is None
    found = segment(decoder.decode(held, 1))
    assert (found.key, found.size, found.ip_id) == (KEY6, 16, 77)


def test_udp_addresses_are_sixteen_bytes() -> None:
    found = decode(ip6(udp(b"query"), 17), 229)
    assert isinstance(found, Datagram)
    assert (found.source, found.target, found.target_port, found.size) == (A6, B6, 53, 5)
