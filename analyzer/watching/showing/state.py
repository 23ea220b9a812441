"""What the live view remembers between snapshots: which calls it shows, in which order, and which one is open."""

from __future__ import annotations

from collections import deque

from analyzer.watching.snapshot import Seen, Snapshot

SORTS = ("time", "duration", "operation")
SHOWN = 500
"""Calls that the view remembers."""


class State:
    """Takes snapshots and keys."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.calls: deque[Seen] = deque(maxlen=SHOWN)
        self.paused = False
        self.sort = SORTS[0]
        self.chosen: int | None = None
        """Number of the call that the cursor is on; None: the first."""
        self.opened: int | None = None
        """Number of the call whose ledger is shown."""
        self.scroll = 0
        self.quit = False
        self.said: deque[str] = deque(maxlen=3)
        """What happened to the capture, and files that were written."""
        self._missed: list[Seen] = []

    def take(self, snapshot: Snapshot) -> None:
        """Take what is new; while paused it waits."""
        self.said.extend((*snapshot.anomalies, *(f"wrote {name}" for name in snapshot.recorded)))
        if self.paused:
            self._missed += snapshot.new
            del self._missed[:-SHOWN]
            return
        self.snapshot = snapshot
        self.calls.extend(snapshot.new)

    def press(self, key: str) -> None:
        """Do what a key means."""
        if self.opened is not None:
            self._press_inside(key)
        elif key in ("q", "\x03"):
            self.quit = True
        elif key in ("p", " "):
            self.paused = not self.paused
            if not self.paused:
                self.calls.extend(self._missed)
                self._missed = []
        elif key == "s":
            self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        elif key in ("up", "k", "down", "j"):
            self._move(-1 if key in ("up", "k") else 1)
        elif key == "enter":
            rows = self.rows()
            if rows:
                self.opened = self.chosen if self.chosen is not None else rows[0].call.call_id
                self.scroll = 0

    def rows(self) -> list[Seen]:
        """Return the calls in the order in which they are shown: the latest, or the slowest, first."""
        if self.sort == "duration":
            return sorted(self.calls, key=lambda seen: -seen.call.duration_ns)
        newest = list(reversed(self.calls))
        if self.sort == "operation":
            newest.sort(key=lambda seen: (seen.call.service or "", seen.call.operation or ""))
        return newest

    def _press_inside(self, key: str) -> None:
        if key in ("q", "escape", "enter"):
            self.opened = None
        elif key in ("down", "j"):
            self.scroll += 1
        elif key in ("up", "k"):
            self.scroll = max(0, self.scroll - 1)
        elif key == "page-down":
            self.scroll += 20
        elif key == "page-up":
            self.scroll = max(0, self.scroll - 20)

    def _move(self, by: int) -> None:
        numbers = [seen.call.call_id for seen in self.rows()]
        if not numbers:
            return
        at = numbers.index(self.chosen) if self.chosen in numbers else (-1 if by > 0 else 0)
        self.chosen = numbers[max(0, min(len(numbers) - 1, at + by))]
