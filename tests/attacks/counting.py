"""How much work a file makes, without a clock: lines of the analyzer that run, and bytes that are held at once."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import analyzer
from analyzer.errors import AnalyzerError
from analyzer.pipeline import read
from analyzer.report.document import JsonRenderer

PACKAGE = str(Path(analyzer.__file__).parent)


class Work(NamedTuple):
    """What a file cost."""

    lines: int
    """Lines of the package that ran."""
    held: int
    """Bytes of Python's memory at the highest, beside what was there before."""
    answered: bool


@contextmanager
def counted(lines: list[int]) -> Iterator[None]:
    """Count the lines of the package that run, in `lines[0]`."""

    def count(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if event == "line":
            lines[0] += 1
        return count

    def enter(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        return count if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)


def work(path: Path) -> Work:
    """Read a file and write its answer as a document; the answer itself is thrown away."""
    lines = [0]
    tracemalloc.start()
    begun = tracemalloc.get_traced_memory()[0]
    answered = True
    try:
        with counted(lines):
            try:
                for _ in JsonRenderer().render(read(path)):
                    pass
            except AnalyzerError:
                answered = False
        held = tracemalloc.get_traced_memory()[1] - begun
    finally:
        tracemalloc.stop()
    return Work(lines[0], held, answered)
