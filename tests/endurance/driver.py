"""Starts the program in the background, holds it in the middle of what it does, and sees how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tests.cli.program import environment

SLOW_OUTPUT = """
import sys, time
from analyzer.cli import run
import analyzer.report.exports.writing as writing
import analyzer.files as files

PASSES = '<nothing>'
class Slow:
    def __init__(self, out, path): self.out, self.path = out, str(path)
    def write(self, data):
        if PASSES in self.path: return self.out.write(data)
        half = len(data) // 2
        self.out.write(data[:half]); self.out.flush()
        sys.stderr.write("half\\n"); sys.stderr.flush()
        time.sleep(30)
        return self.out.write(data[half:])
    def __getattr__(self, name): return getattr(self.out, name)

import contextlib
whole = files.whole_file
@contextlib.contextmanager
def slow(path):
    with whole(path) as out: yield Slow(out, path)
for module in (files, writing): module.whole_file = slow
import analyzer.report.exports.exporting as exporting
exporting.whole_file = slow
run()
"""
"""The program, waiting in the middle of the first file that it writes; it says `half` when it is there."""


def start(
    *words: str | Path, program: str | None = None, stdout: int | IO[bytes] = subprocess.PIPE, before: Callable[[], None] | None = None
) -> subprocess.Popen[bytes]:
    """Start `analyzer WORDS`, or a changed program with these arguments, as a terminal would: no signal is ignored, as under nohup."""

    def prepared() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if before is not None:
            before()

    command = [sys.executable, *(["-c", program] if program else ["-m", "analyzer"]), *map(str, words)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, env=environment(), preexec_fn=prepared
    )


def until_said(process: subprocess.Popen[bytes], text: bytes) -> None:
    """Wait until the program says something on standard error."""
    assert process.stderr is not None
    seen = b""
    while text not in seen:
        part = os.read(process.stderr.fileno(), 4096)
        assert part, f"it ended before it said {text!r}: {seen!r}"
        seen += part


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Wait for the end; return exit status, standard output and standard error."""
    out, err = process.communicate(timeout=60)
    assert b"Traceback" not in err, err.decode()
    assert b"internal error" not in err, err.decode()
    return process.returncode, out or b"", err


def soon(seconds: float) -> None:
    """Let time pass: what happens at a random moment has no event to wait for."""
    time.sleep(seconds)
