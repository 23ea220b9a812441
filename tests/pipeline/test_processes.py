"""Whose a connection is, where the capture says so: macOS writes it into each packet (PKTAP) or beside it (pcapng)."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest

import analyzer
from analyzer.capture import open_captures
from analyzer.report.document import capture_of
from analyzer.report.html import card
from analyzer.report.terminal import brief
from tests.capture.writer import block, enhanced, interface, option, pcap, save, section
from tests.packets.test_pktap import header
from tests.tcp.script import Line, trace

TALK = "0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n20 C PA 1 1 text=GET\n30 S PA 1 4 text=HTTP\n31 C A 4 5\n"


def conversation(port: int) -> list[Line]:
    return trace(TALK.replace("\n", f" port={port}\n"), client=port * 7, server=port * 11)


def pktap(*talks: tuple[int, bytes]) -> bytes:
    packets = [
        (line.time + port * 1000, header(port - 40_000 + 100, name) + line.frame()) for port, name in talks for line in conversation(port)
    ]
    return pcap(sorted(packets), network=258)


def test_the_connections_of_a_pktap_capture_name_their_processes(tmp_path: Path) -> None:
    path = save(tmp_path, pktap((40_001, b"python3.12"), (40_002, b"node"), (40_003, b"node")))
    analysis = analyzer.read(path)
    assert [(row.process, row.process_id) for row in analysis.connections] == [("python3.12", 101), ("node", 102), ("node", 103)]
    (remark,) = analysis.capture.remarks
    assert remark == "connections by process (process id), as the capture names it: python3.12 (101) 1, node (102) 1, node (103) 1"
    assert len(analysis.connections.where(process="node")) == 2
    assert analysis.capture.complete


def test_a_name_from_the_wire_does_no_harm(tmp_path: Path) -> None:
    path = save(tmp_path, pktap((40_001, b"\x1b[31m<b>|evil")))
    analysis = analyzer.read(path)
    assert analysis.connections[0].process == "\x1b[31m<b>|evil"
    shown = "\n".join(brief(analysis))
    assert "\x1b" not in shown
    assert "evil" in str(capture_of(analysis))
    assert "\x1b" not in repr(analysis)
    assert "<b>" not in card(analysis)


def apple(order: str = "<", options: bytes = b"", first: bytes = b"") -> bytes:
    """A pcapng as Apple's tcpdump writes it: processes are blocks of their own, and packets name them by place."""
    processes = [(77, b"curl"), (300, b"nsurlsessiond"), (99, b"Orders")]
    out = section(order) + interface(order=order) + first
    for number, name in processes:
        out += block(0x80000001, pack(order + "I", number) + option(2, name, order) + option(0, b"", order), order)
    for port, own in ((40_001, option(0x8001, pack(order + "I", 0), order)), (40_002, options)):
        for line in conversation(port):
            out += enhanced(line.time // 1000, line.frame(), order=order, options=own + option(0, b"", order) if own else b"")
    return out


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("chunk", [1, 200, 1 << 19])
def test_packets_name_their_process_by_its_place_in_the_section(tmp_path: Path, order: str, chunk: int) -> None:
    acting = option(0x8001, pack(order + "I", 1), order) + option(0x8003, pack(order + "I", 2), order)
    path = save(tmp_path, apple(order, acting), "mac.pcapng")
    found = [
        block.processes[index] if block.processes is not None else None
        for block in open_captures([path], chunk=chunk).blocks()
        for index in range(len(block.times))
    ]
    assert [None if one is None else tuple(one) for one in found] == [(77, "curl")] * 6 + [(99, "Orders")] * 6
    analysis = analyzer.read(path)
    assert [(row.process, row.process_id) for row in analysis.connections] == [("curl", 77), ("Orders", 99)]


@pytest.mark.parametrize(
    "options, whose",
    [
        (b"", None),
        (option(0x8001, pack("<I", 3)), None),
        (option(0x8001, pack("<I", 0xFFFFFFFF)), None),
        (option(0x8001, b"\0\0"), None),
        (option(0x8001, pack("<I", 1)) + option(0x8003, pack("<I", 7)), "nsurlsessiond"),
        (option(0x8003, pack("<I", 2)) + option(0x8001, pack("<I", 1)), "Orders"),
        (option(2, bytes(4)) + option(0x8001, pack("<I", 1)), "nsurlsessiond"),
    ],
)
def test_what_names_no_process_is_nobodys(tmp_path: Path, options: bytes, whose: str | None) -> None:
    analysis = analyzer.read(save(tmp_path, apple(options=options), "mac.pcapng"))
    assert [row.process for row in analysis.connections] == ["curl", whose]
    assert [row.completeness for row in analysis.connections] == [15, 15]


def test_the_processes_of_one_section_are_not_those_of_the_next(tmp_path: Path) -> None:
    plain = pcapng_of(conversation(40_003))
    analysis = analyzer.read(save(tmp_path, apple() + plain, "mac.pcapng"))
    assert [row.process for row in analysis.connections] == ["curl", None, None]


def test_merged_captures_keep_them(tmp_path: Path) -> None:
    one = save(tmp_path, apple(), "mac.pcapng")
    other = save(tmp_path, pcapng_of(conversation(40_003)), "linux.pcapng")
    analysis = analyzer.read([one, other])
    assert {row.client_port: row.process for row in analysis.connections} == {40_001: "curl", 40_002: None, 40_003: None}


def pcapng_of(lines: list[Line]) -> bytes:
    own = option(0x8001, pack("<I", 0)) + option(0, b"")  # names a process that this section does not describe
    return section() + interface() + b"".join(enhanced(line.time // 1000, line.frame(), options=own) for line in lines)


def test_a_capture_of_another_system_says_nothing(tmp_path: Path) -> None:
    analysis = analyzer.read(save(tmp_path, pcap([(line.time, line.frame()) for line in conversation(40_001)])))
    assert (analysis.connections[0].process, analysis.connections[0].process_id) == (None, None)
    assert analysis.capture.remarks == []
