from __future__ import annotations

import struct
from pathlib import Path

import pytest

from analyzer.capture import open_captures
from analyzer.errors import CaptureError, UnknownFormat
from tests.capture.writer import SECOND, Reading, block, enhanced, interface, option, pcap, read, samples, save, section

PREFIX = section() + interface()


def reading(folder: Path, content: bytes, chunk: int = 1 << 19) -> Reading:
    return read(save(folder, content, "x.pcapng"), chunk=chunk)


def packets(order: str = "<") -> bytes:
    return b"".join(enhanced(time // 1000, data, order=order) for time, data in samples())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("chunk", [1, 64, 1 << 19])
def test_reads_enhanced_packets(tmp_path: Path, order: str, chunk: int) -> None:
    got = reading(tmp_path, section(order) + interface(order=order) + packets(order), chunk)
    assert got.packets == samples()
    assert [row.packet_id for row in got.rows] == list(range(1, 21))
    info = got.capture.info
    assert (info.packets, info.complete, info.notes, info.files[0].format) == (20, True, [], "pcapng")


@pytest.mark.parametrize(
    "resolution, ticks, want",
    [
        (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (3, 1_700_000_000_123, 1_700_000_000_123_000_000),
        (0, 1_700_000_000, 1_700_000_000_000_000_000),
        (12, 1_700_000_000_123_456_789_999 & (2**64 - 1), (1_700_000_000_123_456_789_999 & (2**64 - 1)) // 1000),
        (0x80 | 20, 1348316582_734945, 1348316582_734945 * SECOND // 2**20),
        (0x80 | 1, 3, 1_500_000_000),
        (127, 2**63, 0),
    ],
)
@pytest.mark.parametrize("chunk", [16, 1 << 19])
def test_times_are_exact_whatever_the_resolution(tmp_path: Path, resolution: int, ticks: int, want: int, chunk: int) -> None:
    described = interface(options=option(9, bytes([resolution])))
    got = reading(tmp_path, section() + described + enhanced(ticks, b"x"), chunk)
    assert [row.time for row in got.rows] == [want]


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_adds_the_offset_of_the_interface(tmp_path: Path, seconds: int) -> None:
    described = interface(options=option(14, struct.pack("<q", seconds)))
    got = reading(tmp_path, section() + described + enhanced(7200_000_000, b"x") * 2)
    assert [row.time for row in got.rows] == [(7200 + seconds) * SECOND] * 2


def test_each_section_has_its_own_byte_order_and_interfaces(tmp_path: Path) -> None:
    first = section() + interface(1) + interface(113) + enhanced(1, b"a", 1) + enhanced(2, b"b", 0)
    second = section(">") + interface(276, order=">") + enhanced(3, b"c", 0, ">")
    got = reading(tmp_path, first + second)
    found = [(row.data, row.link_type, row.interface, row.frame) for row in got.rows]
    assert found == [(b"a", 113, 1, 1), (b"b", 1, 0, 2), (b"c", 276, 2, 3)]
    assert [each.number for each in got.capture.info.interfaces] == [0, 1, 2]


def test_a_block_holds_one_interface(tmp_path: Path) -> None:
    path = save(tmp_path, section() + interface() * 2 + b"".join(enhanced(t, b"x", n) for t, n in enumerate([0, 0, 1, 1, 1, 0])))
    runs = [(part.interface, len(part.times), part.first_packet_id) for part in open_captures([path]).blocks()]
    assert runs == [(0, 2, 1), (1, 3, 3), (0, 1, 6)]


def test_reads_the_names_and_statistics_of_interfaces(tmp_path: Path) -> None:
    described = interface(snaplen=96, options=option(2, b"eth0"))

    def statistics(got: int, lost: int) -> bytes:
        values = option(4, struct.pack("<Q", got)) + option(5, struct.pack("<Q", lost)) + option(7, struct.pack("<Q", 1))
        return block(5, struct.pack("<III", 0, 0, 0) + values)

    (found,) = reading(tmp_path, section() + described + statistics(10, 2) + statistics(20, 3)).capture.info.interfaces
    assert (found.name, found.snaplen, found.received, found.dropped) == ("eth0", 96, 20, 4)


def test_statistics_of_an_unknown_interface_change_nothing(tmp_path: Path) -> None:
    got = reading(tmp_path, PREFIX + block(5, struct.pack("<III", 9, 0, 0) + option(4, bytes(8))))
    assert got.capture.info.interfaces[0].received is None
    assert got.capture.info.complete


def test_keeps_key_logs_and_never_tells_them(tmp_path: Path) -> None:
    secret = b"CLIENT_RANDOM 00 11\n"
    secrets = block(10, struct.pack("<II", 0x544C534B, len(secret)) + secret) + block(10, struct.pack("<II", 0x57474B4C, 4) + b"wire")
    got = reading(tmp_path, PREFIX + secrets + enhanced(1, b"x"))
    assert got.capture.info.secrets == [secret]
    assert got.notes == []


def test_secrets_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.capture.tally.MOST_SECRETS", 250)
    got = reading(tmp_path, PREFIX + block(10, struct.pack("<II", 0x544C534B, 20) + b"k" * 20) * 9 + enhanced(1, b"x"))
    assert len(got.capture.info.secrets) == 2
    assert len(got.notes) == 1
    assert b"kkk" not in got.notes[0].encode()
    assert len(got.rows) == 1


def test_reads_simple_packets_without_a_time(tmp_path: Path) -> None:
    content = section() + interface(snaplen=4) + block(3, struct.pack("<I", 100) + b"abcd") + block(3, struct.pack("<I", 2) + b"ab")
    got = reading(tmp_path, content + enhanced(5, b"x"))
    assert [(row.time, row.data, row.wire) for row in got.rows] == [(0, b"abcd", 100), (0, b"ab", 2), (5000, b"x", 1)]


def test_reads_obsolete_packets(tmp_path: Path) -> None:
    body = struct.pack("<HHIIII", 1, 77, 0, 6, 3, 9) + b"abc"
    got = reading(tmp_path, section() + interface(1) + interface(101) + block(2, body))
    assert [(row.time, row.data, row.wire, row.link_type) for row in got.rows] == [(6000, b"abc", 9, 101)]


def test_skips_unknown_blocks_and_options(tmp_path: Path) -> None:
    options = option(1, b"comment") + option(0x8001, b"?")
    content = PREFIX + block(0x777, b"whatever") + enhanced(1, b"x", options=options) + block(4, bytes(4)) + enhanced(2, b"y")
    got = reading(tmp_path, content)
    assert [row.data for row in got.rows] == [b"x", b"y"]
    assert [row.frame for row in got.rows] == [1, 2]
    assert got.capture.info.complete


@pytest.mark.parametrize("kind", [9, 0x204, 0x216, 0x221, 0xBAD, 0x40000BAD])
def test_blocks_that_wireshark_numbers_keep_their_number(tmp_path: Path, kind: int) -> None:
    got = reading(tmp_path, PREFIX + enhanced(1, b"x") + block(kind, bytes(32)) + enhanced(2, b"y"))
    assert [(row.data, row.packet_id) for row in got.rows] == [(b"x", 1), (b"y", 3)]
    assert got.capture.info.packets == 3


def test_a_packet_of_an_unknown_interface_is_left_out(tmp_path: Path) -> None:
    got = reading(tmp_path, PREFIX + enhanced(1, b"x") + enhanced(2, b"?", 5) * 3 + enhanced(3, b"y"))
    assert [(row.data, row.packet_id) for row in got.rows] == [(b"x", 1), (b"y", 2)]
    assert not got.capture.info.complete
    assert got.notes == [
        f"{tmp_path / 'x.pcapng'} is damaged after packet 1: a packet names an interface that the file does not describe and was left out"
        " (3 times in all)"
    ]


def test_a_packet_longer_than_its_block_is_left_out(tmp_path: Path) -> None:
    got = reading(tmp_path, PREFIX + enhanced(1, b"x") + enhanced(2, b"?", captured=500) + enhanced(3, b"y"))
    assert [row.data for row in got.rows] == [b"x", b"y"]
    assert "longer than its block" in got.notes[0]


@pytest.mark.parametrize("chunk", [1, 50, 1 << 19])
@pytest.mark.parametrize("opening", [0, 8, 11, 44, 400, 0x7FFFFFFC, 0xFFFFFFFF])
def test_a_wrong_opening_length_costs_one_block(tmp_path: Path, opening: int, chunk: int) -> None:
    damaged = enhanced(2, b"damaged " * 4, opening=opening)
    got = reading(tmp_path, PREFIX + enhanced(1, b"x") + damaged + enhanced(3, b"y") * 2, chunk)
    assert [row.data for row in got.rows] == [b"x", b"y", b"y"]
    assert not got.capture.info.complete
    assert len(got.notes) == 1


@pytest.mark.parametrize("chunk", [1, 50, 1 << 19])
@pytest.mark.parametrize("last", [False, True])
def test_a_wrong_closing_length_costs_nothing(tmp_path: Path, last: bool, chunk: int) -> None:
    rest = b"" if last else enhanced(3, b"y") * 2
    got = reading(tmp_path, PREFIX + enhanced(1, b"x") + enhanced(2, b"d", closing=4) + rest, chunk)
    assert [row.data for row in got.rows] == [b"x", b"d"] + ([] if last else [b"y", b"y"])
    assert "the closing length of a block is wrong" in got.notes[0]


@pytest.mark.parametrize("chunk", [1, 50, 1 << 19])
def test_goes_on_at_the_next_section_behind_rubbish(tmp_path: Path, chunk: int) -> None:
    rubbish = b"\xff" * 37
    second = section(">") + interface(order=">") + enhanced(2, b"y", order=">")
    got = reading(tmp_path, PREFIX + enhanced(1, b"x") + rubbish + second, chunk)
    assert [row.data for row in got.rows] == [b"x", b"y"]
    assert not got.capture.info.complete


def test_trailing_rubbish_is_noted(tmp_path: Path) -> None:
    got = reading(tmp_path, PREFIX + packets() + b"rubbish " * 5)
    assert got.packets == samples()
    assert "is damaged after packet 20" in got.notes[0]
    assert [row.code for row in got.anomalies] == ["capture-skipped"]


def test_a_cut_file_gives_its_whole_packets_though_one_carries_a_capture(tmp_path: Path) -> None:
    inner = PREFIX + enhanced(9, b"inner") * 3
    got = reading(tmp_path, (PREFIX + enhanced(1, b"x") + enhanced(2, inner))[:-3])
    assert [row.data for row in got.rows] == [b"x"]
    assert got.notes == [f"{tmp_path / 'x.pcapng'} was cut short in the middle of packet 2"]


def test_a_block_length_without_its_padding_is_understood(tmp_path: Path) -> None:
    got = reading(tmp_path, PREFIX + enhanced(1, b"abc", opening=35, closing=35) + enhanced(2, b"y"))
    assert [row.data for row in got.rows] == [b"abc", b"y"]
    assert got.capture.info.complete


def test_interfaces_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.capture.tally.MOST_INTERFACES", 3)
    got = reading(tmp_path, section() + interface() * 9 + enhanced(1, b"x", 2) + enhanced(1, b"?", 8))
    assert len(got.capture.info.interfaces) == 3
    assert [row.data for row in got.rows] == [b"x"]


def test_a_later_section_of_another_version_ends_the_reading(tmp_path: Path) -> None:
    got = reading(tmp_path, PREFIX + enhanced(1, b"x") + section(version=(2, 0)) + interface() + enhanced(2, b"y"))
    assert [row.data for row in got.rows] == [b"x"]
    assert "pcapng version 2.0" in got.notes[0]


def test_a_pcap_behind_a_pcapng_is_rubbish(tmp_path: Path) -> None:
    got = reading(tmp_path, PREFIX + enhanced(1, b"x") + pcap(samples()))
    assert [row.data for row in got.rows] == [b"x"]
    assert not got.capture.info.complete


@pytest.mark.parametrize("size", [4, 12, 27])
def test_a_file_cut_in_its_first_header_is_no_answer(tmp_path: Path, size: int) -> None:
    with pytest.raises(CaptureError, match="ends within its first section header"):
        reading(tmp_path, section()[:size])


def test_an_unknown_version_or_byte_order_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"version 1\.1"):
        reading(tmp_path, section(version=(1, 1)))
    with pytest.raises(UnknownFormat, match="byte-order magic"):
        reading(tmp_path, section()[:8] + b"....".ljust(40))
