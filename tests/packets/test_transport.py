"""TCP and UDP headers, whole, cut and malformed."""

from __future__ import annotations

import pytest

from analyzer.model.seams import Datagram, Oddity, Segment
from tests.packets.frames import A4, B4, decode, ip4, tcp, udp


@pytest.mark.parametrize("length", range(41))
def test_sixteen_bytes_of_a_cut_tcp_header_are_enough(length: int) -> None:
    packet = ip4(tcp(b"x" * 30, options=bytes(8)))
    found = decode(packet[: 20 + length], 228, wire=len(packet))
    if length < 16:
        assert found == Oddity("truncated-header", "the snapshot length cuts the TCP header")
    else:
        assert isinstance(found, Segment)
        assert (found.size, found.captured, found.window) == (30, max(0, length - 28), 501)
        assert len(found.options) == min(max(0, length - 20), 8)
        assert found.start - 7 + found.captured == 20 + length  # the block has 7 bytes before the packet


def test_options_are_kept_as_captured_and_not_judged() -> None:
    options = b"\x02\x00\x00\xff\x08\x0a\x00\x01"
    found = decode(ip4(tcp(options=options)), 228)
    assert isinstance(found, Segment)
    assert found.options == options


@pytest.mark.parametrize("words", [0, 4, 7, 15])
def test_an_impossible_data_offset_is_an_oddity(words: int) -> None:
    found = decode(ip4(tcp(words=words)), 228)
    assert isinstance(found, Oddity)
    assert found.code == "bad-data-offset"


def test_a_segment_shorter_than_its_header_is_an_oddity() -> None:
    found = decode(ip4(tcp()[:18]), 228)
    assert isinstance(found, Oddity)
    assert found.code == "bad-data-offset"
    found = decode(ip4(tcp()[:12]), 228)
    assert found == Oddity("malformed-header", "the packet ends inside the TCP header")


def test_only_eight_flags_are_kept() -> None:
    found = decode(ip4(tcp(flags=0xFFF)), 228)
    assert isinstance(found, Segment)
    assert found.flags == 0xFF


def test_udp_payload_by_udp_length() -> None:
    packet = ip4(udp(b"query and more", length=13), 17)
    found = decode(packet, 228, interface=2)
    assert isinstance(found, Datagram)
    assert (found.source, found.target, found.source_port, found.target_port) == (A4, B4, 40001, 53)
    assert found.data[found.start : found.start + found.captured] == b"query"
    assert (found.size, found.path) == (5, 2 << 12)


def test_udp_length_is_bounded_by_ip_and_capture() -> None:
    packet = ip4(udp(b"query", length=500), 17)
    found = decode(packet[:30], 228, wire=len(packet))
    assert isinstance(found, Datagram)
    assert (found.size, found.captured) == (5, 2)


@pytest.mark.parametrize("length", [0, 7])
def test_udp_length_below_its_header_is_an_oddity(length: int) -> None:
    assert isinstance(decode(ip4(udp(b"query", length=length), 17), 228), Oddity)


@pytest.mark.parametrize("port, payload", [(4789, b"\0" * 20), (4789, b"\x08"), (6081, b"\x40" + bytes(20)), (6081, b"\x3f" + bytes(20))])
def test_what_is_no_tunnel_stays_a_datagram(port: int, payload: bytes) -> None:
    found = decode(ip4(udp(payload, target=port), 17), 228)
    assert isinstance(found, Datagram)
    assert found.size == len(payload)
