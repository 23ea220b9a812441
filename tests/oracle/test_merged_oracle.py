"""Two captures of the same connections against tshark's answer on what mergecap makes of them."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import analyzer
from tests.pipeline.points import HOUR, MS, beyond, write
from tests.pipeline.traffic import Net

FLAGS = {
    "retransmissions": "retransmission", "fast_retransmissions": "fast_retransmission",
    "spurious_retransmissions": "spurious_retransmission", "out_of_order": "out_of_order", "duplicate_acks": "duplicate_ack",
    "keep_alives": "keep_alive", "zero_windows": "zero_window", "lost_segments": "lost_segment",
}  # fmt: skip


@pytest.mark.parametrize("offset", [0, 700_000, -3 * MS, HOUR])
@pytest.mark.parametrize("router", [None, "192.168.7.20"])
def test_numbers_and_flags_are_those_of_the_merged_file(tmp_path: Path, tshark: str, offset: int, router: str | None) -> None:
    mergecap = shutil.which("mergecap")
    if mergecap is None:
        pytest.skip("mergecap is not installed")
    frames = Net(17, calls=8).frames
    far = beyond(frames, offset=offset, router=router, lost=lambda index, _: index % 37 == 5)
    files = [write(tmp_path / "near.pcap", frames), write(tmp_path / "far.pcap", far)]
    merged = tmp_path / "merged.pcap"
    subprocess.run([mergecap, "-F", "nsecpcap", "-w", merged, *files], check=True, capture_output=True)
    fields = ["tcp.stream", "frame.number", "tcp.completeness", *(f"tcp.analysis.{name}" for name in FLAGS.values())]
    command = [tshark, "-2", "-r", str(merged), "-Y", "tcp", "-T", "fields", *(word for name in fields for word in ("-e", name))]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wanted: dict[int, Counter[str]] = defaultdict(Counter)
    frames_of: dict[int, list[int]] = defaultdict(list)
    completeness = {}
    for line in out.splitlines():
        stream, frame, complete, *flags = line.split("\t")
        number = int(stream)
        frames_of[number].append(int(frame))
        completeness[number] = int(complete)
        wanted[number].update(name for name, flag in zip(FLAGS, flags, strict=True) if flag)
    found = analyzer.read(files)
    assert [row.connection_id for row in found.connections] == sorted(frames_of)
    for row in found.connections:
        assert {name: getattr(row, name) for name in FLAGS} == {name: wanted[row.connection_id][name] for name in FLAGS}
        numbers = frames_of[row.connection_id]
        assert (row.first_packet_id, row.last_packet_id, row.packets_sent + row.packets_received) == (numbers[0], numbers[-1], len(numbers))
        assert row.completeness == completeness[row.connection_id]
    packets = {number for row in found.findings for number in row.packet_ids}
    assert packets <= set(range(1, found.capture.packets + 1))
