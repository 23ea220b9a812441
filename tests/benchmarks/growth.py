#!/usr/bin/env python3
"""Measure how time and memory grow: packets, connections, requests on one connection, losses and reordering, half-open connections.

    growth.py [--curve NAME] [--most EXPONENT] [--jobs N]

Makes up each capture in a temporary folder, reads it in a process of its own, and prints CPU microseconds a packet and peak MB; a curve is
level where time a packet stays within a factor of the one before. Ratios of one run are robust on a busy machine, microseconds are not. Not
a test: nothing fails here. Needs the package, and the checkout's tests beside it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from struct import pack

START = 1_795_000_000
CLIENT, SERVER = bytes((10, 0, 0, 1)), bytes((3, 218, 180, 10))
FIN, SYN, ACK, PSH = 1, 2, 16, 8
HEAD = (
    b"POST / HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n"
    b"Content-Length: 20\r\nAmz-Sdk-Invocation-Id: %032x\r\n\r\n" + b'{"TableName": "t"}  '
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1400\r\nx-amzn-RequestId: R\r\n\r\n" + b"x" * 1400
READ = (
    "import analyzer, sys; a = analyzer.read(sys.argv[1], jobs=int(sys.argv[2]), calls=False); print(a.capture.packets, len(a.exchanges))"
)


def tcp(source: bytes, target: bytes, ports: tuple[int, int], seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
    """Return an Ethernet frame with a segment."""
    header = pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 500, 0, 0)
    size = 20 + len(header) + len(data)
    return bytes(12) + b"\x08\x00" + pack(">BBHHHBBH", 0x45, 0, size, 0, 0x4000, 64, 6, 0) + source + target + header + data


def talk(number: int, requests: int) -> Iterator[bytes]:
    """Yield the packets of one connection with so many requests, from its SYN to its end."""
    client = bytes((10, number >> 16 & 255, number >> 8 & 255, number & 255))
    up, down = (1024 + number % 60_000, 8000), (8000, 1024 + number % 60_000)
    seq, ack = 1000, 5000
    yield tcp(client, SERVER, up, seq, 0, SYN)
    yield tcp(SERVER, client, down, ack, seq + 1, SYN | ACK)
    seq, ack = seq + 1, ack + 1
    yield tcp(client, SERVER, up, seq, ack, ACK)
    for request in range(requests):
        data = HEAD % (number << 32 | request)
        yield tcp(client, SERVER, up, seq, ack, PSH | ACK, data)
        seq += len(data)
        yield tcp(SERVER, client, down, ack, seq, PSH | ACK, ANSWER)
        ack += len(ANSWER)
        yield tcp(client, SERVER, up, seq, ack, ACK)
    yield tcp(client, SERVER, up, seq, ack, FIN | ACK)
    yield tcp(SERVER, client, down, ack, seq + 1, FIN | ACK)
    yield tcp(client, SERVER, up, seq + 1, ack + 1, ACK)


def connections(count: int, requests: int) -> Iterator[bytes]:
    """Yield the packets of many connections, a hundred of them at a time in turns."""
    for first in range(0, count, 100):
        running = [talk(number, requests) for number in range(first, min(first + 100, count))]
        while running:
            for one in list(running):
                frame = next(one, None)
                if frame is None:
                    running.remove(one)
                else:
                    yield frame


def half_open(count: int) -> Iterator[bytes]:
    """Yield SYNs that nobody answers."""
    for number in range(count):
        client = bytes((11, number >> 16 & 255, number >> 8 & 255, number & 255))
        yield tcp(client, SERVER, (1024 + (number >> 24), 443), number * 7, 0, SYN)


def troubled(frames: Iterator[bytes], share: float) -> Iterator[bytes]:
    """Yield frames of which a share is lost, and as many come late."""
    random = Random(1)
    late: list[bytes] = []
    for frame in frames:
        drawn = random.random()
        if drawn < share:
            continue
        if drawn < 2 * share:
            late.append(frame)
            continue
        yield frame
        if late and random.random() < 0.5:
            yield late.pop(0)
    yield from late


def write(path: Path, frames: Iterator[bytes]) -> int:
    """Write frames a millisecond's fiftieth apart as a capture; return how many."""
    count = 0
    with path.open("wb") as out:
        out.write(pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
        for frame in frames:
            time = count * 20_000
            out.write(pack("<IIII", START + time // 10**9, time % 10**9, len(frame), len(frame)) + frame)
            count += 1
    return count


def measured(path: Path, jobs: int) -> tuple[float, float]:
    """Read a capture in a process of its own; return CPU seconds and peak MB, children included."""
    child = subprocess.Popen([sys.executable, "-c", READ, str(path), str(jobs)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = status
    if status:
        raise SystemExit(f"reading {path.name} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def curves(most: int) -> dict[str, list[tuple[str, Iterator[bytes]]]]:
    """Return what each curve is made of; `most` is the exponent of the largest number of packets."""
    sizes = [10**exponent for exponent in range(4, most + 1)]
    rest = 10 ** min(most, 6)
    return {
        "packets": [(f"{size} packets", connections(100, size // 300)) for size in sizes],
        "connections": [
            (f"{count} connections", connections(count, max(1, rest // 3 // count))) for count in (10, 10**3, 10**5) if count <= rest
        ],
        "requests": [
            (f"{count} requests on one", connections(max(1, rest // 3 // count), count))
            for count in (1, 10**2, 10**4, 10**5)
            if count <= rest
        ],
        "losses": [(f"{share:.0%} lost, as many late", troubled(connections(100, rest // 300), share)) for share in (0, 0.01, 0.1, 0.3)],
        "half-open": [(f"{size} half-open", half_open(size)) for size in sizes if size <= 10**6],
    }


def main() -> None:
    """Print the curves."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--curve", choices=list(curves(4)), help="only this one")
    parser.add_argument("--most", type=int, default=6, help="exponent of the largest number of packets (4 to 7)")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.pcap")
        path.write_bytes(pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
        start = measured(path, 1)[0]
        for name, points in curves(asked.most).items():
            if asked.curve not in (None, name):
                continue
            before = 0.0
            for label, frames in points:
                count = write(path, frames)
                cpu, peak = measured(path, asked.jobs)
                each = max(0.0, cpu - start) / count * 1e6
                print(
                    f"{name:12} {label:28} {count:>9} packets {each:8.2f} us each {peak:8.0f} MB"
                    + (f"  x{each / before:.2f}" if before else "")
                )
                before = each


if __name__ == "__main__":
    main()
