#!/usr/bin/env python3
"""Print what hostile captures cost: input, size, seconds of processor time, memory, and how both grow.

    python -m tests.benchmarks.attacks [NAME...] [--share S]

Each attack (tests/attacks) is written at half its size and at its size, and read by `analyzer FILE --format json` in a process of its own.
`growth` is the time of the whole over that of the half, without starting up: 2 is linear.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.attacks.attacks import ATTACKS

ROOT = Path(__file__).resolve().parents[2]
LEAST_S = 0.5
"""Seconds of which growth is told: less is lost in the noise of starting up."""


WRITE = """
import sys
from tests.attacks.attacks import ATTACKS
with open(sys.argv[3], "wb") as file:
    file.writelines(ATTACKS[sys.argv[1]].write(int(sys.argv[2])))
"""


def environment() -> dict[str, str]:
    """Return the environment of a child that imports from this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


class Cost(NamedTuple):
    """What one run of the tool cost."""

    seconds: float
    megabytes: float
    status: int


def cost(path: Path) -> Cost:
    """Read a file with the tool; return processor time, highest resident memory and exit status."""
    command = [sys.executable, "-m", "analyzer", str(path), "--format", "json", "-o", os.devnull]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, process.returncode)


def main() -> int:
    """Print the table; return 1 where the tool gave no answer."""
    parser = argparse.ArgumentParser(description="Print what hostile captures cost.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTACKS)}; all of them without a name")
    parser.add_argument("--share", type=float, default=1.0, help="share of the full sizes")
    options = parser.parse_args()
    failed = False
    out = sys.stdout.write
    out("| attack | size | file MB | seconds | growth | MB |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "attack.pcap"
        path.write_bytes(b"".join(ATTACKS["syns"].write(1)))
        idle = cost(path)
        for name in options.names or ATTACKS:
            attack = ATTACKS[name]
            found = []
            for size in (int(attack.large * options.share / 2), int(attack.large * options.share)):
                # In a process of its own: a child is charged with the memory that its parent had when it began.
                subprocess.run([sys.executable, "-c", WRITE, name, str(size), str(path)], env=environment(), check=True)
                found.append(cost(path))
            half, whole = found
            before = half.seconds - idle.seconds
            growth = f"{(whole.seconds - idle.seconds) / before:.1f}" if before > LEAST_S else "-"
            failed |= bool(half.status or whole.status)
            status = f" exit status {whole.status}" if whole.status else ""
            out(
                f"| {attack.what} | {size:,} | {path.stat().st_size / 1e6:.1f} | {whole.seconds:.1f} | {growth} "
                f"| {whole.megabytes:.0f} |{status}\n"
            )
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
