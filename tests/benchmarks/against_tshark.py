#!/usr/bin/env python3
"""Compare the CPU time of `analyzer exchanges` with that of tshark asked for the same facts, on the same captures, in turns.

    against_tshark.py [--rounds N] CAPTURE...

Prints for each capture the median CPU seconds (user and system) of both, our peak memory, and the ratio round by round. Ratios of one run
are robust on a busy machine, seconds are not. Not a test: nothing fails here. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

COLUMNS = "connection_id,operation,status,request_start_ns,request_end_ns,response_start_ns,response_end_ns,aws_request_id"
FIELDS = (
    "frame.number", "frame.time_epoch", "tcp.stream", "tcp.flags.syn", "tcp.analysis.initial_rtt", "tcp.analysis.retransmission",
    "http.request.method", "http.request.line", "http.response.code", "http.time", "http.request_in", "tcp.segment",
)  # fmt: skip
FILTER = "http.request or http.response or tcp.analysis.retransmission or tcp.flags.syn==1"


class Run(NamedTuple):
    """What one run cost."""

    cpu_s: float
    peak_mb: float
    lines: int


def run(command: list[str]) -> Run:
    """Run a command, throw its output away and measure it."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    lines = 0
    if child.stdout is not None:
        while chunk := child.stdout.read(1 << 20):
            lines += chunk.count(b"\n")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command[0]} ended with status {child.returncode}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    analyzer, tshark = Path(sys.executable).with_name("analyzer"), shutil.which("tshark")
    if tshark is None:
        sys.exit("tshark is not installed")
    for capture in options.captures:
        ours = [str(analyzer), "exchanges", str(capture), "--format", "csv", "--columns", COLUMNS]
        theirs = [tshark, "-n", "-r", str(capture), "-Y", FILTER, "-T", "fields", *(part for name in FIELDS for part in ("-e", name))]
        pairs = [(run(ours), run(theirs)) for _ in range(options.rounds)]
        ratios = sorted(b.cpu_s / a.cpu_s for a, b in pairs)
        cpu, other = (statistics.median(pair[side].cpu_s for pair in pairs) for side in (0, 1))
        peak = max(a.peak_mb for a, _ in pairs)
        print(
            f"{capture.name}: {pairs[0][0].lines - 1} requests, {cpu:.2f} s and {peak:.0f} MB against {other:.2f} s: "
            f"tshark needs {statistics.median(ratios):.1f} times the CPU ({ratios[0]:.1f} .. {ratios[-1]:.1f})"
        )


if __name__ == "__main__":
    main()
