"""The decoder as a whole: what is of no interest, what is unknown, and that no bytes make it raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.seams import Oddity, Segment
from analyzer.packets import Decoder
from analyzer.packets.link import LINKS
from tests.packets.frames import ETHER4, IP4, TO_KEY4, TO_KEY6, block, cooked, cooked2, decode, ether, ip4, tcp

FRAMES = list(TO_KEY4.values()) + list(TO_KEY6.values())


@pytest.mark.parametrize(
    "frame",
    [
        ether(0x0806, bytes(28)),
        ether(0x88CC, bytes(40)),
        ether(0x05F0, bytes(40)),
        ether(38, b"\x42\x42\x03" + bytes(35)),
        ether(0x8863, bytes(20)),
        ether(0x8864, b"\x11\x09\0\1\0\2\0\x21" + IP4),
        ether(0x8847, b"\0\0\xb1\x40\x10\0\0\0" + IP4),
        ether(0x0800, ip4(bytes(40), 132)),
        ether(0x0800, ip4(bytes(40), 50)),
        ether(0x0800, ip4(b"\0\0\0\6" + tcp(), 47)),
        ether(0x0800, ip4(b"\x40\0\x08\0" + bytes(8) + IP4, 47)),
    ],
)
def test_readable_and_of_no_interest(frame: bytes) -> None:
    assert decode(frame) is None


def test_an_unknown_link_type_is_named() -> None:
    assert decode(ETHER4, 147) == Oddity("unknown-link-type", "link type 147 is not supported")


def test_netlink_in_a_cooked_frame_is_no_packet() -> None:
    assert decode(cooked(0x0800, IP4, hardware=824), 113) is None


def test_the_interface_of_a_cooked_frame_becomes_the_path() -> None:
    for interface, path in ((7, 7 << 12), (0, 3 << 12)):
        found = decode(cooked2(0x0800, IP4, interface), 276, interface=3)
        assert isinstance(found, Segment)
        assert found.path == path


def test_nesting_is_bounded() -> None:
    deep = IP4
    for _ in range(12):
        deep = ip4(deep, 4)
    assert isinstance(decode(deep, 228), Segment)
    for _ in range(40):
        deep = ip4(deep, 4)
    found = decode(deep, 228)
    assert isinstance(found, Oddity)
    assert found.code == "too-many-layers"


@pytest.mark.parametrize("link_type", sorted(LINKS))
def test_an_empty_packet_is_an_oddity(link_type: int) -> None:
    assert isinstance(decode(b"", link_type), Oddity)


@given(st.sampled_from(sorted(LINKS)), st.binary(max_size=200), st.integers(0, 300))
def test_no_bytes_make_it_raise(link_type: int, frame: bytes, more: int) -> None:
    check(frame, link_type, len(frame) + more)


@given(
    st.sampled_from(FRAMES),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 250),
    st.integers(0, 2**31),
)
def test_no_damaged_packet_makes_it_raise(case: tuple[int, bytes], damage: list[tuple[int, int]], keep: int, wire: int) -> None:
    link_type, frame = case
    damaged = bytearray(frame)
    for at, value in damage:
        damaged[at % len(damaged)] = value
    check(bytes(damaged[:keep]), link_type, wire)


def check(frame: bytes, link_type: int, wire: int) -> None:
    held = block(frame, frame, link_type=link_type, wire=[wire, wire])
    decoder = Decoder()
    for index in (0, 1):
        found = decoder.decode(held, index)
        if isinstance(found, Segment):
            assert 0 <= found.captured <= found.size
            assert len(found.key) in (12, 36)
            assert len(found.options) <= 40
            if found.data is held.data:
                start = held.starts[index]
                assert start < found.start <= found.start + found.captured <= start + len(frame)
