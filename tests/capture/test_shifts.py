"""Taking an offset off a file's times changes no number and no order."""

from __future__ import annotations

from pathlib import Path

from analyzer.capture import open_captures
from tests.capture.writer import pcap, rows, save

TIMES = [[1000, 5000, 9000, 9000], [2000, 5000, 9000, 12000]]


def files(folder: Path) -> list[Path]:
    return [
        save(folder, pcap([(time, bytes([number, at])) for at, time in enumerate(times)], nano=True), f"{number}.pcap")
        for number, times in enumerate(TIMES)
    ]


def test_numbers_and_order_are_those_of_the_times_in_the_files(tmp_path: Path) -> None:
    paths = files(tmp_path)
    plain, moved = rows(open_captures(paths)), rows(open_captures(paths, shifts=[0, 7000]))
    assert [(row.packet_id, row.file, row.frame, row.data) for row in moved] == [
        (row.packet_id, row.file, row.frame, row.data) for row in plain
    ]
    assert [row.time - other.time for row, other in zip(plain, moved, strict=True)] == [7000 * row.file for row in plain]


def test_the_capture_spans_the_common_clock_and_each_file_its_own(tmp_path: Path) -> None:
    capture = open_captures(files(tmp_path), shifts=[0, -3000])
    list(capture.blocks())
    info = capture.info
    assert (info.first_ns, info.last_ns) == (1000, 15000)
    assert [(file.first_ns, file.last_ns) for file in info.files] == [(1000, 9000), (2000, 12000)]
    assert info.backwards == 0


def test_a_run_that_is_not_taken_apart_is_shifted_too(tmp_path: Path) -> None:
    paths = files(tmp_path)
    late = save(tmp_path, pcap([(50_000, b"x")], nano=True), "late.pcap")
    assert rows(open_captures([paths[0], late], shifts=[0, 40_000]))[-1].time == 10_000
