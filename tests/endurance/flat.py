"""Replays millions of packets into a watch and writes down its memory: run as a program.

    python -m tests.endurance.flat [PACKETS] [--limit MB]

The packets are those of `tests.pipeline.traffic` (retries, losses, resets, connections that just stop, dialogues with IMDS), repeated with
new ports and later times, as fast as `analyzer watch -` takes them. Exit status 1 where memory grew by more than `--limit` megabytes
after the first tenth, by which everything that is bounded has reached its bound.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from pathlib import Path
from struct import pack, pack_into, unpack_from

from tests.cli.program import environment
from tests.pipeline.traffic import MS, Net

HEAD = pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
"""A pcap file with nanoseconds, Ethernet."""
LOWEST, PORTS = 20_000, 40_000
"""Client ports."""


class Round:
    """Some seconds of traffic that can be sent again, each time with other ports and times."""

    def __init__(self, seeds: range) -> None:
        self.data = bytearray()
        self._places: list[tuple[int, int, int, int]] = []
        """Of each packet: where its record is, its time from the round's start, where the client's port is, and that port."""
        frames, ports, start = [], 0, 0
        for seed in seeds:
            made = Net(seed, calls=40).frames
            frames += [(start + frame.time - made[0].time, frame.data, ports) for frame in made]
            start += made[-1].time - made[0].time + 1000 * MS
            ports += 200
        frames.sort(key=lambda one: one[0])
        self.length_ns = start
        self.ports = ports
        for at, data, shift in frames:
            source, _ = unpack_from(">HH", data, 34)
            place = 34 if source >= LOWEST else 36
            (port,) = unpack_from(">H", data, place)
            self._places.append((len(self.data), at, len(self.data) + 16 + place, (port - LOWEST) % PORTS + shift))
            self.data += pack("<IIII", 0, 0, len(data), len(data)) + data

    def __len__(self) -> int:
        return len(self._places)

    def at(self, start_ns: int, ports: int) -> bytearray:
        """Return the records as they are at this time, with these ports. The bytes are the same object every time."""
        data = self.data
        for record, after, place, port in self._places:
            seconds, rest = divmod(start_ns + after, 1_000_000_000)
            pack_into("<II", data, record, seconds, rest)
            pack_into(">H", data, place, LOWEST + (port + ports) % PORTS)
        return data


def resident(process: int) -> int:
    """Return the memory of a process that is in use, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def replay(packets: int) -> list[tuple[int, int]]:
    """Send so many packets through `analyzer watch -`; return memory (bytes) by packets sent, twenty times."""
    made = Round(range(12))
    command = [sys.executable, "-m", "analyzer", "watch", "-", "--format", "jsonl"]
    watch = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(SSLKEYLOGFILE="")
    )
    assert watch.stdin is not None
    assert watch.stdout is not None
    calls = [0]

    def count() -> None:
        for _ in watch.stdout or ():
            calls[0] += 1

    reader = threading.Thread(target=count)
    reader.start()
    out: list[tuple[int, int]] = []
    sent = rounds = 0
    begun = time.monotonic()
    watch.stdin.write(HEAD)
    while sent < packets:
        watch.stdin.write(made.at(1_795_000_000_000 * MS + rounds * made.length_ns, rounds * made.ports))
        rounds += 1
        sent += len(made)
        if sent >= (len(out) + 1) * packets // 20:
            out.append((sent, resident(watch.pid)))
            sys.stdout.write(f"{sent:>12,} packets  {out[-1][1] / 1e6:7.1f} MB  {calls[0]:>9,} calls  {time.monotonic() - begun:7.1f} s\n")
            sys.stdout.flush()
    watch.stdin.close()
    status = watch.wait()
    reader.join()
    took = time.monotonic() - begun
    sys.stdout.write(f"exit status {status}; {calls[0]:,} calls; {took:.1f} s, {sent / took:,.0f} packets/s\n")
    return out


def main() -> int:
    """Replay and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("packets", type=int, nargs="?", default=10_000_000)
    parser.add_argument("--limit", type=float, default=10.0, metavar="MB")
    asked = parser.parse_args()
    measured = replay(asked.packets)
    settled = [size for sent, size in measured if sent > asked.packets / 10]
    grown = (max(settled[len(settled) // 2 :]) - max(settled[: len(settled) // 2])) / 1e6
    sys.stdout.write(f"largest in the second half less largest in the first: {grown:+.1f} MB (at most {asked.limit})\n")
    return 1 if grown > asked.limit else 0


if __name__ == "__main__":
    sys.exit(main())
