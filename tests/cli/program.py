"""Runs the command line as a user does."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING")}
    return {**kept, "PYTHONPATH": os.environ.get("PYTHONPATH") or str(ROOT), **changes}


def run(*args: str | Path, stdin: bytes | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `analyzer` and return what it printed; never a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "analyzer", *map(str, args)],
        input=stdin,
        capture_output=True,
        env=environment(**changes),
        check=False,
        timeout=120,
    )
    out = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in out.stderr, out.stderr
    assert "internal error" not in out.stderr, out.stderr
    return out


def inside(*args: str | Path) -> subprocess.CompletedProcess[str]:
    """Do the same in this process, which is quicker: for what is printed, not for how a process begins and ends."""
    from analyzer.cli.main import main

    words, held = list(map(str, args)), io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(held, encoding="utf-8")) as out, redirect_stderr(io.StringIO()) as err:
        status = main(words)
        out.flush()
    return subprocess.CompletedProcess(words, status, held.getvalue().decode(), err.getvalue())
