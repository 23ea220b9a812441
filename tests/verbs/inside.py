"""Runs the program inside this process, and takes down everything that comes out: both streams, logs, exceptions, files."""

from __future__ import annotations

import io
import logging
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli.main import main

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass
class Outcome:
    """What came out of a run."""

    status: int | None
    stdout: bytes
    stderr: bytes
    logs: str
    trouble: BaseException | None
    """What escaped from `main`."""
    files: dict[Path, bytes] = field(default_factory=dict)
    """What it wrote and left, by path."""
    modes: dict[Path, int] = field(default_factory=dict)
    left_behind: list[str] = field(default_factory=list)
    """What it left in the folder of temporary files."""
    opened: set[str] = field(default_factory=set)
    """Paths that it opened for writing."""

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Yield everything that somebody may read, with its name."""
        yield "stdout", self.stdout
        yield "stderr", self.stderr
        yield "logs", self.logs.encode("utf-8", "backslashreplace")
        yield "exception", repr(self.trouble).encode("utf-8", "backslashreplace")
        for path, data in self.files.items():
            yield f"the name of {path.name}", os.fsencode(str(path))
            yield path.name, data


class _Watch:
    """Sees which files are opened for writing, while it is told to (an audit hook cannot be taken back)."""

    def __init__(self) -> None:
        self.seen: set[str] | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.seen is None or event != "open":
            return
        path, _, flags = args
        if isinstance(path, (str, bytes)) and isinstance(flags, int) and flags & WRITES:
            self.seen.add(os.fsdecode(path))


_WATCH = _Watch()


class _Logs(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def _everything_logged() -> Iterator[_Logs]:
    handler, root = _Logs(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def run(words: list[str], folder: Path, *, stdin: bytes | None = None, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run `analyzer WORDS`; `folder` is where it may write. The umask is 0: rights are what the program itself sees to."""
    temporary = folder.parent / f"{folder.name}.tmp"
    temporary.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    status, trouble = None, None
    with pytest.MonkeyPatch.context() as patch, _everything_logged() as logs:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "SSLKEYLOGFILE", "ANALYZER_DEBUG"):
            patch.delenv(name, raising=False)
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(threading, "excepthook", lambda told: err.write(f"a thread raised {told.exc_value!r}"))
        if stdin is not None:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "latin-1"))
        umask = os.umask(0)
        _WATCH.seen = set()
        try:
            status = main(words)
        except BaseException as error:
            trouble = error
        finally:
            opened, _WATCH.seen = _WATCH.seen, None
            os.umask(umask)
    done = Outcome(status, _written(out), _written(err), "\n".join(logs.lines), trouble, opened=opened or set())
    for path in sorted(folder.rglob("*")):
        found = path.lstat()
        done.modes[path] = stat.S_IMODE(found.st_mode)
        if stat.S_ISREG(found.st_mode):
            done.files[path] = path.read_bytes()
    done.left_behind = [str(path) for path in temporary.rglob("*")]
    return done


def _written(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue()
