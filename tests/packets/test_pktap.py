"""macOS captures name the interface and the process of each packet (xnu: bsd/net/pktap.h)."""

from __future__ import annotations

from struct import pack

import pytest

from analyzer.model.seams import Oddity, Process, Segment
from tests.packets.frames import ETHER4, IP4, decode


def header(
    process: int = 4312,
    command: bytes = b"python3.12",
    principal: int = 0,
    principal_command: bytes = b"",
    *,
    interface: bytes = b"en0",
    length: int = 108,
    record: int = 1,
    link: int = 1,
) -> bytes:
    fields = (length, record, link, interface, 2, 2, 14, 0, process, command, 0, 6, 0, principal, principal_command)
    return pack("<III24sIIIIi20sIHHi20s", *fields) + bytes(length - 108)


@pytest.mark.parametrize("link_type", [149, 258])
@pytest.mark.parametrize("length", [108, 156])
def test_the_process_is_that_of_the_header(link_type: int, length: int) -> None:
    found = decode(header(length=length) + ETHER4, link_type)
    assert isinstance(found, Segment)
    assert found.process == Process(4312, "python3.12")


@pytest.mark.parametrize(
    "changes, whose",
    [
        ({"principal": 99, "principal_command": b"Orders"}, Process(99, "Orders")),
        ({"principal": 99}, Process(4312, "python3.12")),
        ({"command": b"sixteen-bytes-ab\0rest"}, Process(4312, "sixteen-bytes-ab")),
        ({"command": b"caf\xc3\xa9\xff"}, Process(4312, "caf\u00e9\ufffd")),
        ({"process": 0, "command": b"kernel_task"}, Process(0, "kernel_task")),
        ({"process": -1, "command": b""}, None),
        ({"process": -1, "command": b"rubbish"}, None),
        ({"command": b""}, None),
    ],
)
def test_a_process_that_acts_for_another_gives_way_to_it(changes: dict[str, int | bytes], whose: Process | None) -> None:
    found = decode(header(**changes) + ETHER4, 258)  # type: ignore[arg-type]
    assert isinstance(found, Segment)
    assert found.process == whose


def test_a_packet_without_a_header_is_nobodys() -> None:
    found = decode(ETHER4)
    assert isinstance(found, Segment)
    assert found.process is None


def test_the_interface_of_the_header_is_part_of_the_path() -> None:
    paths = set()
    for interface in (b"en0", b"utun3", b"lo0"):
        found = decode(
            header(interface=interface, link=12 if interface == b"utun3" else 1) + (IP4 if interface == b"utun3" else ETHER4), 258
        )
        assert isinstance(found, Segment)
        paths.add(found.path)
    assert len(paths) == 3


@pytest.mark.parametrize("length", range(0, 108, 9))
def test_a_short_header_is_an_oddity(length: int) -> None:
    assert isinstance(decode((header() + ETHER4)[:length], 258), Oddity)
    if length >= 12:
        assert isinstance(decode(pack("<III", length, 1, 1) + bytes(400), 258), Oddity)


def test_other_records_and_links_are_of_no_interest() -> None:
    assert decode(header(record=2) + ETHER4, 258) is None
    assert decode(header(link=258) + header() + ETHER4, 258) is None  # never one inside the other
    assert decode(header(link=9999) + ETHER4, 258) is None
