"""What time it is on the wire: the packets' clock while packets come, and ours while none do."""

from __future__ import annotations

import time
from collections.abc import Callable

from analyzer.model.seams import Block
from analyzer.units import SECOND, DurationNs, TimeNs

STEP_NS: DurationNs = 2 * SECOND
"""Packets of several interfaces may be out of order by milliseconds; a clock that goes back further was set."""


class Clock:
    """Tells `now`, the time on the packets' clock, and `elapsed`, which never goes back.

    `elapsed` is what ages are told by, so that a clock that is set changes none. With `live` it is our own steady clock; without (a pipe, a
    replayed file) the packets may come faster than they once were sent, and their times count too.
    """

    def __init__(self, *, live: bool = True, steady: Callable[[], int] = time.monotonic_ns) -> None:
        self._live = live
        self._steady = steady
        self._last: TimeNs | None = None
        self._at = self._began = steady()
        self._ahead: DurationNs = 0
        """How much more time has passed for the packets than for us."""

    @property
    def now(self) -> TimeNs | None:
        """The time on the packets' clock; None before the first."""
        return None if self._last is None else self._last + self._steady() - self._at

    @property
    def elapsed(self) -> DurationNs:
        """Time since the beginning."""
        return self._steady() - self._began + self._ahead

    def saw(self, block: Block) -> bool:
        """Take the times of a block; return whether the packets' clock was set back before it, or within."""
        steady, before = self._steady(), self._last
        last = max(block.times[-1], block.times[0])
        back = block.times[-1] < block.times[0] - STEP_NS
        if before is not None:
            back = back or block.times[0] < before - STEP_NS
            passed = steady - self._at
            if not self._live and last - before > passed:
                self._ahead += last - before - passed
            if not back:
                last = max(last, before)
        self._last = block.times[-1] if back else last
        self._at = steady
        return back
