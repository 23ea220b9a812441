"""Progress on a terminal, for captures that take a while; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.capture import Capture

LARGE = 50_000_000
"""Bytes of input from which reading takes long enough to show progress."""


@contextmanager
def progress(captures: Sequence[str]) -> Iterator[Callable[[Capture], None] | None]:
    """Give a function to call after each block, or None where nobody would see it."""
    if not sys.stderr.isatty() or not _large(captures):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def show(source: Capture) -> None:
            bar.update(task, completed=source.position(), total=source.size)

        yield show


def _large(captures: Sequence[str]) -> bool:
    from pathlib import Path

    size = 0
    for name in captures:
        if name == "-":
            return True
        try:
            size += Path(name).stat().st_size
        except OSError:
            return False
    return size >= LARGE
