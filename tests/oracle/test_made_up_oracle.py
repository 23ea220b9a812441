"""Made-up packets against the tshark that is installed: rare connections, and conversations with loss, repeats, reordering and wrap."""

from __future__ import annotations

import subprocess
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.capture.writer import pcap
from tests.tcp.script import START, Line, blocks, pattern, play, trace
from tests.tcp.test_tcp_hard_cases import SCENES, lines_of

MS = 1_000_000
FLAGS = {
    "retransmissions": "retransmission", "fast_retransmissions": "fast_retransmission",
    "spurious_retransmissions": "spurious_retransmission",
    "out_of_order": "out_of_order", "duplicate_acks": "duplicate_ack", "keep_alives": "keep_alive", "zero_windows": "zero_window",
    "lost_segments": "lost_segment",
}  # fmt: skip
FIELDS = ("frame.number", "tcp.stream", "ip.src", "tcp.len", "tcp.completeness", "tcp.analysis.initial_rtt")


def ask(tshark: str, lines: list[Line], folder: Path) -> dict[int, dict[str, Any]]:
    """Return what tshark says of each connection."""
    path = folder / "made-up.pcap"
    path.write_bytes(pcap([(line.time, line.frame()) for line in lines], nano=True))
    names = (*FIELDS, *(f"tcp.analysis.{flag}" for flag in FLAGS.values()))
    # The last value of a one-pass run is not the final one of `tcp.completeness`.
    command = [tshark, "-2", "-n", "-r", str(path), "-T", "fields", *(part for name in names for part in ("-e", name))]
    told: dict[int, dict[str, Any]] = defaultdict(lambda: {"counts": Counter(), "packets": 0, "completeness": 0, "initial_rtt": None})
    for text in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        values = dict(zip(names, text.split("\t"), strict=True))
        one = told[int(values["tcp.stream"])]
        one["packets"] += 1
        one["completeness"] = int(values["tcp.completeness"])
        one["counts"].update(ours for ours, flag in FLAGS.items() if values[f"tcp.analysis.{flag}"])
        if values["tcp.analysis.initial_rtt"]:
            one["initial_rtt"] = round(float(values["tcp.analysis.initial_rtt"]) * 1e9)
    return told


def differences(tshark: str, lines: list[Line], folder: Path) -> list[str]:
    theirs = ask(tshark, lines, folder)
    rows = play(blocks(lines), openers=[]).rows
    assert [row.connection_id for row in rows] == sorted(theirs)
    found = []
    for row in rows:
        want = theirs[row.connection_id]
        ours = {name: getattr(row, name) for name in FLAGS}
        ours |= {"packets": row.packets_sent + row.packets_received, "completeness": row.completeness, "initial_rtt": row.initial_rtt_ns}
        known = {name: want["counts"][name] for name in FLAGS}
        known |= {name: want[name] for name in ("packets", "completeness", "initial_rtt")}
        found += [
            f"port {row.client_port}, stream {row.connection_id}: {name} {ours[name]}, tshark {known[name]}"
            for name in known
            if ours[name] != known[name]
        ]
    return found


def test_rare_connections(tshark: str, tmp_path: Path) -> None:
    lines = []
    for index, name in enumerate(SCENES):
        lines += [replace(line, port=41_000 + index, time=line.time + index * 1000) for line in lines_of(name)]
    assert differences(tshark, sorted(lines, key=lambda line: line.time), tmp_path) == []


def conversation(random: Random, port: int) -> list[Line]:
    """Make up one connection: what its ends send, of which the capture loses, repeats and swaps some."""
    isn = {"C": random.choice((0, 1000, 2**31 - 100, 2**32 - 500)), "S": random.choice((7, 2**31, 2**32 - 300))}
    time = START + random.randrange(10_000_000)
    lines = []
    if random.random() < 0.7:
        lines = [replace(line, port=port, time=time + line.time - START) for line in trace("0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n")]
        for line in lines:
            peer = "S" if line.who == "C" else "C"
            line.seq = (isn[line.who] + line.seq - (1000 if line.who == "C" else 5000)) % 2**32
            line.ack = (isn[peer] + 1) % 2**32 if line.flags & 16 else 0
        time += 11 * MS
    sent = {"C": 0, "S": 0}
    for _ in range(random.randrange(5, 60)):
        time += random.choice((50_000, 500_000, 2 * MS, 4 * MS, 12 * MS, 25 * MS, 60 * MS, 250 * MS))
        who = random.choice("CSS")
        peer = "S" if who == "C" else "C"
        start = max(0, sent[who] - random.choice((0, 0, 0, 0, 1, 30, 60, 200)))
        size = random.choice((0, 0, 1, 20, 60, 60, 200))
        acknowledged = 1 + max(0, sent[peer] - random.choice((0, 0, 0, 60, 120)))
        sent[who] = max(sent[who], start + size)
        if random.random() < 0.12:
            continue
        flags = 0x11 if random.random() < 0.02 else 0x14 if random.random() < 0.01 else 0x18 if size else 0x10
        window = random.choice((500, 500, 500, 500, 501, 0))
        ends = ((isn[who] + 1 + start) % 2**32, (isn[peer] + acknowledged) % 2**32)
        lines.append(Line(time, who, flags, *ends, pattern(who, start, size), window, port=port))
        for _ in range(random.choice((0, 0, 0, 0, 0, 1, 3))):
            time += random.choice((200_000, 3 * MS, 30 * MS))
            lines.append(replace(lines[-1], time=time))
    for at in range(3, len(lines) - 1):
        if random.random() < 0.05:
            lines[at], lines[at + 1] = replace(lines[at + 1], time=lines[at].time), replace(lines[at], time=lines[at + 1].time)
    return lines


def meets_zero(lines: list[Line]) -> bool:
    """Tell whether a sequence number is 0 where tshark keeps it: it then takes it for one that is not known."""
    return any(not (line.seq + len(line.payload) + (line.flags & 3 > 0)) % 2**32 or (line.flags & 16 and not line.ack) for line in lines)


@pytest.mark.parametrize("seed", range(2))
def test_conversations_with_loss_and_repeats(tshark: str, tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    drawn = [conversation(random, 42_000 + number) for number in range(100)]
    lines = [line for talk in drawn if not meets_zero(talk) for line in talk]
    assert len(lines) > 2000
    assert differences(tshark, sorted(lines, key=lambda line: line.time), tmp_path) == []
