from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture import open_captures
from tests.capture.writer import block, enhanced, interface, pcap, read, rows, save, section

SETS = st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=2, max_size=4)


def files(folder: Path, sets: list[list[int]], *, spread: int = 1) -> list[Path]:
    """Write one file a list of times; each packet says which file and frame it is."""
    return [
        save(folder, pcap([(time * spread * 1000, bytes([number, frame])) for frame, time in enumerate(times, 1)]), f"{number}.pcap")
        for number, times in enumerate(sets)
    ]


def order(folder: Path, sets: list[list[int]]) -> list[tuple[int, int]]:
    """Return (file, frame) in the order of the ids."""
    found = read(*files(folder, sets)).rows
    assert [row.packet_id for row in found] == list(range(1, len(found) + 1))
    assert [(row.file, row.frame) for row in found] == [(row.data[0], row.data[1]) for row in found]
    return [(row.file, row.frame) for row in found]


def test_packets_come_by_time(tmp_path: Path) -> None:
    assert order(tmp_path, [[1, 4, 9], [2, 3, 10]]) == [(0, 1), (1, 1), (1, 2), (0, 2), (0, 3), (1, 3)]


def test_files_named_in_the_wrong_order_come_by_time(tmp_path: Path) -> None:
    assert order(tmp_path, [[7, 8], [4, 5], [1, 2]]) == [(2, 1), (2, 2), (1, 1), (1, 2), (0, 1), (0, 2)]


def test_a_rotated_set_stays_in_file_order(tmp_path: Path) -> None:
    assert order(tmp_path, [[1, 5, 5], [5, 5, 6], [6, 7]]) == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]


def test_files_are_not_sorted_in_themselves(tmp_path: Path) -> None:
    assert order(tmp_path, [[5, 1, 6], [2, 7]]) == [(1, 1), (0, 1), (0, 2), (0, 3), (1, 2)]


def test_tells_the_runs_and_first_ids_of_files(tmp_path: Path) -> None:
    info = read(*files(tmp_path, [[1, 2, 5, 6], [3, 4], []])).capture.info
    assert info.runs == [(1, 0, 1, 2), (3, 1, 1, 2), (5, 0, 3, 2)]
    assert [(each.first_packet_id, each.packets) for each in info.files] == [(1, 4), (3, 2), (None, 0)]
    assert (info.packets, info.first_ns, info.last_ns) == (6, 1000, 6000)


def test_runs_that_touch_are_one(tmp_path: Path) -> None:
    capture = open_captures(files(tmp_path, [list(range(30)), [100]]), chunk=60)
    assert len(list(capture.blocks())) > 10
    assert capture.info.runs == [(1, 0, 1, 30), (31, 1, 1, 1)]


def test_a_block_of_packets_that_nobody_interrupts_is_not_taken_apart(tmp_path: Path) -> None:
    found = list(open_captures(files(tmp_path, [list(range(10)), [20, 21]])).blocks())
    assert [len(part.times) for part in found] == [10, 2]


def test_numbers_without_a_packet_are_kept(tmp_path: Path) -> None:
    head = section() + interface()
    first = save(tmp_path, head + enhanced(1, b"a") + block(0xBAD, bytes(8)) + enhanced(5, b"c"), "a")
    got = read(first, save(tmp_path, pcap([(3000, b"b")]), "b"))
    assert [(row.data, row.packet_id, row.frame) for row in got.rows] == [(b"a", 1, 1), (b"b", 2, 1), (b"c", 4, 3)]
    assert got.capture.info.packets == 4
    assert got.capture.info.runs == [(1, 0, 1, 1), (2, 1, 1, 1), (4, 0, 3, 1)]


def test_one_damaged_file_does_not_stop_the_others(tmp_path: Path) -> None:
    paths = files(tmp_path, [[1, 2, 3], [4, 5]])
    paths[0].write_bytes(paths[0].read_bytes()[:-1])
    got = read(*paths)
    assert [(row.file, row.frame) for row in got.rows] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert got.notes == [f"{paths[0]} was cut short in the middle of packet 3"]
    assert [row.packet_id for row in got.anomalies] == [None]


def test_a_rotated_set_holds_one_file_open(tmp_path: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no list of open files on this system")
    paths = files(tmp_path, [[10 * number, 10 * number + 5] for number in range(40)])
    most = 0
    for _ in open_captures(paths).blocks():
        most = max(most, sum(1 for link in folder.iterdir() if link.is_symlink() and link.readlink().parent == tmp_path))
    assert most == 1


@given(sets=SETS)
def test_is_the_slow_merge(tmp_path_factory: pytest.TempPathFactory, sets: list[list[int]]) -> None:
    want = []
    heads = [0] * len(sets)
    while any(head < len(times) for head, times in zip(heads, sets, strict=True)):
        # Earliest first; of equals an input already begun, of those the later one, else the earlier one.
        _, index = min(
            ((sets[number][head], 0 if head else 1, -number if head else number), number)
            for number, head in enumerate(heads)
            if head < len(sets[number])
        )
        heads[index] += 1
        want.append((index, heads[index]))
    assert order(tmp_path_factory.mktemp("merge"), sets) == want


def test_numbers_as_mergecap_does(tmp_path: Path) -> None:
    mergecap = shutil.which("mergecap")
    if mergecap is None:
        pytest.skip("mergecap is not installed")
    sets = [[1, 5, 5, 9, 30, 31], [2, 5, 5, 7, 3, 20, 31], [4, 5, 9, 9, 30, 40]]
    paths = files(tmp_path, sets)
    merged = tmp_path / "merged.pcap"
    subprocess.run([mergecap, "-F", "pcap", "-w", merged, *paths], check=True, capture_output=True)
    theirs = [(row.data[0], row.data[1]) for row in rows(open_captures([merged]))]
    assert [(row.file, row.frame) for row in read(*paths).rows] == theirs
