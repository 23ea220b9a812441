"""A capture that is cut to headers says at the top what can be told of it, and how to capture whole packets."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import analyzer
from analyzer.model.cut import cut_at, headers_only
from analyzer.report.terminal import TerminalRenderer
from tests.factory import connection, info

BARE = {"protocol": None, "exchanges": 0, "bytes_sent": 4000, "bytes_received": 9000, "cut_packets": 20}


def cut(source: Path, target: Path, length: int, *, named: bool) -> Path:
    """Write a classic capture as `tcpdump -s` would have; `named`: with the snapshot length in its header."""
    data = source.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    out = bytearray(data[:24])
    if named:
        struct.pack_into(f"{order}I", out, 16, length)
    at = 24
    while at < len(data):
        seconds, part, have, wire = struct.unpack_from(f"{order}IIII", data, at)
        kept = min(have, length)
        out += struct.pack(f"{order}IIII", seconds, part, kept, wire) + data[at + 16 : at + 16 + kept]
        at += 16 + have
    target.write_bytes(out)
    return target


@pytest.mark.parametrize("name", ["cold-start.pcap", "keep-alive.pcap"])
@pytest.mark.parametrize("length", [54, 64])
def test_headers_alone_are_told_at_the_top(bundled: Path, tmp_path: Path, name: str, length: int) -> None:
    made = analyzer.read(cut(bundled / name, tmp_path / name, length, named=True))
    lines = list(TerminalRenderer(names=(name,)).render(made))
    top = " ".join(lines[:8])
    assert f"Packets are cut after {length} bytes, so that only headers are left" in top
    assert "round trips" in top.partition(" are known; ")[0]
    assert "calls and the service's time are not" in top
    assert "tcpdump -s 0" in top
    assert "No HTTP requests here." not in " ".join(lines), "there are requests; they cannot be read"
    assert [found.code for found in made.findings] == ["capture-incomplete"]


def test_a_length_that_nobody_wrote_down_is_not_invented(bundled: Path, tmp_path: Path) -> None:
    made = analyzer.read(cut(bundled / "cold-start.pcap", tmp_path / "cut.pcap", 64, named=False))
    (found,) = made.findings
    assert found.summary.startswith("Packets are cut, so that only headers are left of ")


def test_a_little_more_is_read_and_what_is_missing_is_told(bundled: Path, tmp_path: Path) -> None:
    made = analyzer.read(cut(bundled / "cold-start.pcap", tmp_path / "cut.pcap", 96, named=True))
    text = " ".join(TerminalRenderer().render(made))
    assert "only headers" not in text
    assert "No calls: packets are cut before what names the service" in text


def test_whole_packets_say_nothing(bundled: Path, tmp_path: Path) -> None:
    made = analyzer.read(cut(bundled / "cold-start.pcap", tmp_path / "cut.pcap", 65535, named=True))
    assert "are cut" not in " ".join(TerminalRenderer().render(made))


def test_which_captures_are_headers_only() -> None:
    short = info(packets=100, bytes=6400, cut_packets=40)
    assert headers_only(short, [connection(0, **BARE), connection(1, **{**BARE, "bytes_sent": 0, "bytes_received": 0, "cut_packets": 0})])
    assert not headers_only(short, [connection(0, **BARE), connection(1, **{**BARE, "protocol": "tls"})])
    assert not headers_only(short, [connection(0, **{**BARE, "cut_packets": 0})])
    assert not headers_only(short, [])
    assert not headers_only(info(packets=100, bytes=6400, cut_packets=0), [connection(0, **BARE)])
    long = info(packets=100, bytes=90000, cut_packets=40)
    assert not headers_only(long, [connection(0, **BARE)]), "a protocol that nobody reads is not what was cut off"


def test_the_length_is_what_all_interfaces_name() -> None:
    assert cut_at(info()) is None


def test_the_next_commands_have_something_to_show(bundled: Path, tmp_path: Path) -> None:
    made = analyzer.read(cut(bundled / "keep-alive.pcap", tmp_path / "cut.pcap", 68, named=True))
    text = "\n".join(TerminalRenderer(names=("cut.pcap",)).render(made))
    assert len(made.lookups) == 0
    assert "analyzer connections cut.pcap" in text
    assert "analyzer lookups" not in text
    (tmp_path / "empty.pcap").write_bytes((tmp_path / "cut.pcap").read_bytes()[:24])
    empty = analyzer.read(tmp_path / "empty.pcap")
    assert "next " not in "\n".join(TerminalRenderer(names=("empty.pcap",)).render(empty))
