"""ICMP errors name what they quote; nothing else of ICMP is of interest."""

from __future__ import annotations

import pytest

from analyzer.model.seams import IcmpError, Oddity, Packet
from tests.packets.frames import A4, A6, B4, KEY4, KEY6, decode, ether, ip4, ip6, tcp, udp

ROUTER4, ROUTER6 = bytes((192, 0, 2, 9)), A6[:15] + b"\x99"


def error4(kind: int, quote: bytes, code: int = 0) -> Packet | None:
    return decode(ether(0x0800, ip4(bytes((kind, code)) + bytes(6) + quote, 1, addresses=ROUTER4 + A4)))


def error6(kind: int, quote: bytes, code: int = 0) -> Packet | None:
    return decode(ether(0x86DD, ip6(bytes((kind, code)) + bytes(6) + quote, 58, addresses=ROUTER6 + A6)))


@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
def test_eight_quoted_bytes_suffice(kind: int) -> None:
    assert error4(kind, ip4(tcp())[:28], 1) == IcmpError(4, kind, 1, ROUTER4, A4, 6, KEY4, 0x01020304)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_icmp6_errors(kind: int) -> None:
    assert error6(kind, ip6(tcp()), 3) == IcmpError(6, kind, 3, ROUTER6, A6, 6, KEY6, 0x01020304)


@pytest.mark.parametrize("kind", [0, 8, 9, 10, 13])
def test_echo_and_the_like_are_of_no_interest(kind: int) -> None:
    assert error4(kind, ip4(tcp())) is None


@pytest.mark.parametrize("kind", [128, 129, 133, 134, 135, 136])
def test_echo_and_neighbours_are_of_no_interest(kind: int) -> None:
    assert error6(kind, ip6(tcp())) is None


def test_udp_has_no_sequence_number() -> None:
    found = error4(3, ip4(udp(b"query"), 17), 3)
    assert found == IcmpError(4, 3, 3, ROUTER4, A4, 17, A4 + B4 + b"\x9c\x41\0\x35", None)


@pytest.mark.parametrize("length, key, seq", [(20, b"", None), (23, b"", None), (24, KEY4, None), (27, KEY4, None), (28, KEY4, 0x01020304)])
def test_short_quotes(length: int, key: bytes, seq: int | None) -> None:
    found = error4(11, ip4(tcp())[:length])
    assert isinstance(found, IcmpError)
    assert (found.quoted_key, found.quoted_seq) == (key, seq)


def test_quoted_options_are_skipped() -> None:
    found = error4(11, ip4(tcp(), options=bytes(12))[:40])
    assert isinstance(found, IcmpError)
    assert found.quoted_key == KEY4


def test_a_later_fragment_has_no_ports() -> None:
    found = error4(11, ip4(tcp(), place=1))
    assert isinstance(found, IcmpError)
    assert (found.quoted_key, found.quoted_seq) == (b"", None)
    found = error6(3, ip6(b"\6\0\0\x08\0\0\0\1" + tcp(), 44))
    assert isinstance(found, IcmpError)
    assert (found.quoted_key, found.quoted_seq) == (b"", None)


def test_extension_headers_of_a_quote_are_skipped() -> None:
    found = error6(3, ip6(b"\x2c\0" + bytes(6) + b"\6\0\0\1\0\0\0\1" + tcp(), 0))
    assert isinstance(found, IcmpError)
    assert (found.quoted_protocol, found.quoted_key) == (6, KEY6)


def test_quotes_of_other_protocols_are_of_no_interest() -> None:
    assert error4(11, ip4(bytes(8), 1)) is None
    assert error6(3, ip6(bytes(8), 58)) is None


def test_a_quote_without_header_is_an_oddity() -> None:
    assert isinstance(error4(11, ip4(tcp())[:19]), Oddity)
    assert isinstance(error4(11, bytes(28)), Oddity)
    assert isinstance(error6(3, ip6(tcp())[:39]), Oddity)
    assert isinstance(error6(3, bytes(48)), Oddity)
    assert isinstance(decode(ip4(b"\x0b\0", 1), 228), Oddity)


def test_a_whole_quoted_segment_is_still_no_segment() -> None:
    assert isinstance(error4(3, ip4(tcp()), 3), IcmpError)
