"""What the reader of one direction tells of its messages, in stream offsets; it never sees a clock."""

from __future__ import annotations

from typing import Protocol

from analyzer.http.framing import Framing
from analyzer.http.window import Window
from analyzer.model.http import Mark
from analyzer.model.seams import ByteStream


class Side(Protocol):
    """Whose messages these are: told of beginnings, heads and ends, in stream offsets."""

    __slots__ = ()

    def noted(self, offset: int) -> None:
        """Learn that the byte being delivered may be the first of a message: its time is wanted if it is."""
        ...

    def begins(self, offset: int, *, lost_before: bool) -> None:
        """Learn that a message begins; `lost_before` where bytes before it could not be read."""
        ...

    def head(self, lines: list[bytes], size: int, *, cut: bool) -> tuple[Framing, int, Window | None] | None:
        """Take the lines of a head of `size` bytes, which are then its own; `cut` where the rest is lost. None: this is no HTTP."""
        ...

    def ends(self, offset: int, size: int, window: Window | None, *, complete: bool, whole: bool, now: bool) -> None:
        """Learn that the message under way ended at `offset` (exclusive) after `size` bytes in all.

        `complete` where its end is known, `whole` where the capture holds all its bytes, `now` where its last byte is among those
        being delivered.
        """
        ...

    def touched(self, offset: int) -> None:
        """Learn that bytes of a message whose length nobody knows were seen up to `offset`."""
        ...

    def stopped(self) -> None:
        """Learn that no message follows."""
        ...


class Beginnings:
    """Knows when messages began: a start line may be recognised only some segments after its first byte."""

    __slots__ = ("_noted", "_stream", "_when")

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._noted = -1
        self._when: Mark = (0, 0)

    def note(self, offset: int) -> None:
        """Remember when the byte being delivered came, unless that is known."""
        if self._noted != offset:
            self._noted, self._when = offset, self._stream.first_seen(offset)

    def of(self, offset: int) -> Mark:
        """Return when the message that begins at `offset` was first seen."""
        return self._when if self._noted == offset else self._stream.first_seen(offset)
