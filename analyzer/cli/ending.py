"""How the program ends when it is told to: by Ctrl-C, by the system, by a shell that goes away."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells write it: 128 and the number of the signal."""


def ends_politely() -> None:
    """Let a polite end (SIGTERM, SIGHUP) unwind the program, so that no half-written file is left beside its place."""
    for known in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(known) is signal.SIG_DFL:  # nohup ignores one of them
            signal.signal(known, _unwind)


def _unwind(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def from_now_at_once() -> None:
    """Let signals end the program at once: everything that could be lost is written."""
    for known in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(known) is not signal.SIG_IGN:
            signal.signal(known, signal.SIG_DFL)
