"""The fast path and the decoder agree on every packet that a layout fits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.seams import Layout, Segment
from analyzer.packets import LAYOUTS, Decoder
from tests.packets.frames import TO_KEY4, TO_KEY6, block, cooked, cooked2, ether, ip4, ip6, tag, tcp

PLAIN = {
    0: ({"null-little", "null-big"}, {"null-24", "null-28-big"}),
    1: ({"ethernet", "vlan", "padding"}, {"ethernet-6", "vlan-6", "padding-6"}),
    9: ({"ppp", "ppp-bare"}, {"ppp-6", "ppp-bare-6"}),
    12: ({"raw-12"}, set[str]()),
    14: ({"raw-14"}, set[str]()),
    101: ({"raw-101"}, {"raw-6"}),
    104: ({"hdlc"}, {"hdlc-6"}),
    108: ({"loop"}, {"loop-30"}),
    113: ({"cooked"}, {"cooked-6"}),
    228: ({"ipv4"}, set[str]()),
    229: (set[str](), {"ipv6"}),
    276: ({"cooked2"}, {"cooked2-6"}),
}
"""The frames of the catalogue that must take the fast path."""
LINKS4: dict[int, Callable[[bytes], bytes]] = {
    0: lambda ip: b"\2\0\0\0" + ip,
    1: lambda ip: ether(0x0800, ip),
    9: lambda ip: b"\xff\x03\0\x21" + ip,
    101: lambda ip: ip,
    104: lambda ip: b"\x0f\0\x08\0" + ip,
    113: lambda ip: cooked(0x0800, ip),
    276: lambda ip: cooked2(0x0800, ip, 0),
}
LINKS6: dict[int, Callable[[bytes], bytes]] = {
    0: lambda ip: b"\x1e\0\0\0" + ip,
    1: lambda ip: ether(0x8100, tag(9, 0x86DD, ip)),
    9: lambda ip: b"\0\x57" + ip,
    229: lambda ip: ip,
    104: lambda ip: b"\x8f\0\x86\xdd" + ip,
    113: lambda ip: cooked(0x86DD, ip),
    276: lambda ip: cooked2(0x86DD, ip, 0),
}


def fast(frame: bytes, link_type: int) -> tuple[Layout, tuple[bytes, int, int, int, int, int, int]] | None:
    """Read a frame as the packet loop does; None where no layout fits."""
    data = b"\x45" * 5 + frame
    for layout in LAYOUTS.get(link_type, ()):
        if len(frame) >= layout.guard:
            check, length, lane, seq, ack, bits, window = layout.header.unpack_from(data, 5)
            if check & layout.check_mask == layout.check_want and lane & layout.lane_mask == layout.lane_want:
                header = (bits >> 12) * 4
                key = data[5 + layout.key_from : 5 + layout.key_to]
                return layout, (key, seq, ack, bits & 0xFF, window, length - layout.ip_header - header, layout.tcp_at + header)
    return None


def slow(frame: bytes, link_type: int) -> tuple[bytes, int, int, int, int, int, int]:
    held = block(frame, link_type=link_type)
    found = Decoder().decode(held, 0)
    assert isinstance(found, Segment)
    return found.key, found.seq, found.ack, found.flags, found.window, found.size, found.start - held.starts[0]


@pytest.mark.parametrize("link_type", sorted(LAYOUTS))
def test_plain_frames_take_the_fast_path_and_others_do_not(link_type: int) -> None:
    for catalogue, plain in zip((TO_KEY4, TO_KEY6), PLAIN[link_type], strict=True):
        frames = {name: frame for name, (link, frame) in catalogue.items() if link == link_type}
        fits = {name: frame for name, frame in frames.items() if fast(frame, link_type) is not None}
        lengthless = {"no-total-length", "total-length-too-long"}  # fit, and are recognised by their size
        assert set(fits) - lengthless == plain
        for name in plain:
            found = fast(frames[name], link_type)
            assert found is not None
            assert found[1] == slow(frames[name], link_type)


def test_a_total_length_of_zero_shows_as_a_negative_size() -> None:
    for link_type, frame in ((1, ether(0x0800, ip4(tcp(), total=0))), (229, ip6(tcp(), length=0))):
        found = fast(frame, link_type)
        assert found is not None
        assert found[1][5] < 0


@pytest.mark.parametrize("place", [0x2000, 0x0001, 0x6000, 0x1FFF])
def test_a_fragment_never_takes_the_fast_path(place: int) -> None:
    for link_type, link in LINKS4.items():
        assert fast(link(ip4(tcp(), place=place)), link_type) is None


def test_every_header_is_inside_its_guard() -> None:
    for layouts in LAYOUTS.values():
        for layout in layouts:
            assert layout.guard == layout.tcp_at + 20 >= layout.header.size
            assert layout.check_want & ~layout.check_mask == 0
            assert layout.lane_want & ~layout.lane_mask == 0


@given(
    st.sampled_from(sorted(LINKS4)),
    st.binary(max_size=40),
    st.integers(5, 15),
    st.integers(0, 0xFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 255),
    st.booleans(),
)
def test_any_valid_ipv4_segment(
    link_type: int, payload: bytes, words: int, flags: int, seq: int, addresses: bytes, ttl: int, may_fragment: bool
) -> None:
    segment = tcp(payload, options=bytes(words * 4 - 20), words=words, flags=flags, seq=seq)
    frame = LINKS4[link_type](ip4(segment, addresses=addresses, ttl=ttl, place=0 if may_fragment else 0x4000))
    found = fast(frame, link_type)
    assert found is not None
    assert found[1] == slow(frame, link_type)


@given(
    st.sampled_from(sorted(LINKS6)),
    st.binary(max_size=40),
    st.integers(5, 15),
    st.integers(0, 0xFFF),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 255),
)
def test_any_valid_ipv6_segment(link_type: int, payload: bytes, words: int, flags: int, addresses: bytes, hops: int) -> None:
    segment = tcp(payload, options=bytes(words * 4 - 20), words=words, flags=flags)
    frame = LINKS6[link_type](ip6(segment, addresses=addresses, hops=hops))
    found = fast(frame, link_type)
    assert found is not None
    assert found[1] == slow(frame, link_type)
