from __future__ import annotations

import struct
from itertools import product
from pathlib import Path

import pytest

from analyzer.errors import CaptureError, UnknownFormat
from tests.capture.writer import SECOND, pcap, read, samples, save


@pytest.mark.parametrize("order, nano, chunk", list(product("<>", (False, True), (1, 64, 1 << 19))))
def test_reads_either_byte_order_and_resolution(tmp_path: Path, order: str, nano: bool, chunk: int) -> None:
    packets = [(time + (7 if nano else 0), data) for time, data in samples()]
    got = read(save(tmp_path, pcap(packets, order=order, nano=nano)), chunk=chunk)
    assert got.packets == packets
    assert [row.packet_id for row in got.rows] == [row.frame for row in got.rows] == list(range(1, 21))
    info = got.capture.info
    assert (info.packets, info.first_ns, info.last_ns) == (20, packets[0][0], packets[-1][0])
    assert info.bytes == sum(len(data) for _, data in packets)
    assert (info.complete, info.notes, info.backwards, info.cut_packets, info.runs) == (True, [], 0, 0, [])
    assert (info.files[0].format, info.files[0].packets, info.files[0].first_packet_id) == ("pcap", 20, 1)


@pytest.mark.parametrize("order, chunk", list(product("<>", (1, 1 << 19))))
def test_reads_the_modified_format(tmp_path: Path, order: str, chunk: int) -> None:
    assert read(save(tmp_path, pcap(samples(), order=order, modified=True)), chunk=chunk).packets == samples()


def test_the_link_type_is_in_the_low_half(tmp_path: Path) -> None:
    got = read(save(tmp_path, pcap(samples(1), network=0x54000071)))  # four checksum bytes, cooked
    assert {row.link_type for row in got.rows} == {0x71}
    assert got.capture.info.interfaces[0].link_type == 0x71


def test_lengths_change_places_before_version_2_3(tmp_path: Path) -> None:
    time, data = 5 * SECOND, b"abc"
    raw = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 2, 0, 0, 96, 1) + struct.pack("<4I", 5, 0, 60, 3) + data
    got = read(save(tmp_path, raw))
    assert got.packets == [(time, data)]
    assert got.rows[0].wire == 60


def test_counts_what_the_snapshot_length_cut(tmp_path: Path) -> None:
    got = read(save(tmp_path, pcap([(0, b"abc"), (0, b"abc")], wire=1500)))
    assert [row.wire for row in got.rows] == [1500, 1500]
    assert got.capture.info.cut_packets == 2


def test_keeps_a_wire_length_below_the_captured_one(tmp_path: Path) -> None:
    got = read(save(tmp_path, pcap([(0, b"abc")], wire=1)))
    assert (got.rows[0].data, got.rows[0].wire, got.capture.info.cut_packets) == (b"abc", 1, 0)


@pytest.mark.parametrize("chunk", [40, 1 << 19])
def test_counts_times_that_go_back(tmp_path: Path, chunk: int) -> None:
    packets = [(time * SECOND, b"x") for time in (5, 3, 4, 4, 1, 9)]
    info = read(save(tmp_path, pcap(packets)), chunk=chunk).capture.info
    assert (info.backwards, info.first_ns, info.last_ns) == (2, SECOND, 9 * SECOND)


def test_zero_bytes_behind_the_last_packet_are_packets_at_time_zero(tmp_path: Path) -> None:
    got = read(save(tmp_path, pcap([(SECOND, b"x")]) + bytes(32)))
    assert got.packets == [(SECOND, b"x"), (0, b""), (0, b"")]
    assert got.capture.info.complete


def test_a_cut_file_gives_its_whole_packets(tmp_path: Path) -> None:
    got = read(save(tmp_path, pcap(samples())[:-3]))
    assert got.packets == samples()[:-1]
    assert not got.capture.info.complete
    assert got.notes == [f"{tmp_path / 'x.pcap'} was cut short in the middle of packet 20"]
    assert [(row.code, row.packet_id, row.detail) for row in got.anomalies] == [("capture-cut-short", 19, got.notes[0])]


def test_a_file_without_packets_is_complete(tmp_path: Path) -> None:
    got = read(save(tmp_path, pcap([])))
    info = got.capture.info
    assert (got.rows, info.packets, info.first_ns, info.complete, info.files[0].first_packet_id) == ([], 0, None, True, None)


@pytest.mark.parametrize("size, snaplen, readable", [(262144, 96, True), (262145, 96, False), (262145, 262145, True)])
@pytest.mark.parametrize("chunk", [4096, 1 << 19])
def test_a_packet_is_no_longer_than_wireshark_or_the_snapshot_length_allow(
    tmp_path: Path, size: int, snaplen: int, readable: bool, chunk: int
) -> None:
    packets = [(SECOND, b"x"), (SECOND, bytes(size)), (SECOND, b"y")]
    got = read(save(tmp_path, pcap(packets, snaplen=snaplen)), chunk=chunk)
    assert got.packets == (packets if readable else packets[:1])
    assert got.capture.info.complete is readable
    assert readable or f"is damaged after packet 1: a packet of {size} bytes cannot be" in got.notes[0]


def test_a_fraction_beyond_a_second_wraps_as_in_wireshark(tmp_path: Path) -> None:
    raw = pcap([]) + struct.pack("<4I", 1147551795, 8915240, 0, 0) + struct.pack("<4I", 1147551795, 1_500_000, 0, 0)
    assert [row.time for row in read(save(tmp_path, raw)).rows] == [1147551795_325305408, 1147551796_500000000]


def test_a_file_cut_in_its_header_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="ends within its file header"):
        read(save(tmp_path, pcap([])[:23]))


def test_an_unknown_version_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"pcap version 1\.4"):
        read(save(tmp_path, pcap([], version=(1, 4))))


@pytest.mark.parametrize("unit, tick", [(SECOND, SECOND), (SECOND // 1000, SECOND // 1000), (SECOND // 1_000_000, 1000)])
def test_how_fine_the_clock_is_shows_in_the_times(tmp_path: Path, unit: int, tick: int) -> None:
    packets = [(1_700_000_000 * SECOND + 7 * at * unit, b"x") for at in range(40)]
    (file,) = read(save(tmp_path, pcap(packets))).capture.info.files
    assert file.tick_ns == tick


def test_the_longest_step_back_is_kept(tmp_path: Path) -> None:
    packets = [(1_700_000_000 * SECOND + at * 1000, b"x") for at in (10, 5, 30, 2, 40)]
    for chunk in (1, 1 << 19):
        info = read(save(tmp_path, pcap(packets)), chunk=chunk).capture.info
        assert (info.backwards, info.backwards_ns) == (2, 28_000)
