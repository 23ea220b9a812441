"""One direction of HTTP/1.1: where each message begins and ends (RFC 9112 section 6), incrementally and without a clock.

The reader asks for the bytes of heads, of wanted windows of bodies and for the last byte of each body; all others are counted by whoever feeds it. After lost
bytes it looks for the next start line at the beginning of each segment.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from analyzer.http._heads import end_of_head
from analyzer.http.chunked import Chunks
from analyzer.http.window import Window
from analyzer.model.seams import End

FAR = 1 << 40
"""Beyond the end of any stream: nothing more is to be seen."""
LARGEST_HEAD = 262_144


class Framing(Enum):
    """How the length of a message's content is known."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()
    """Content lasts until the connection closes (RFC 9112 section 6.3, rule 8)."""
    TUNNEL = auto()
    """No HTTP follows (CONNECT, 101)."""
    UNKNOWN = auto()


class Side(Protocol):
    """Whose messages these are: told of beginnings, heads and ends, in stream offsets."""

    def begins(self, offset: int) -> None: ...
    def head(self, head: bytes, size: int, *, cut: bool) -> tuple[Framing, int, Window | None] | None:
        """Take a head (without its empty line); None: this is no HTTP."""
        ...
    def ends(self, offset: int, size: int, window: Window | None, *, complete: bool, whole: bool, now: bool) -> None:
        """Learn that the message under way ended at `offset` (exclusive) after `size` bytes in all.

        `complete` where its end is known, `whole` where the capture holds all its bytes, `now` where its last byte is among those being delivered.
        """
        ...
    def touched(self, offset: int) -> None:
        """Learn that bytes of a message whose length nobody knows were seen up to `offset`."""
        ...
    def stopped(self, offset: int, how: End) -> None:
        """Learn that no message follows."""
        ...


class State(Enum):
    START = auto()
    HEAD = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()
    LOST = auto()
    OVER = auto()


class MessageReader:
    """Reads the messages of one direction. Implements `model.seams.Sink`."""

    __slots__ = ("_begun", "_chunks", "_end", "_head", "_held", "_open", "_seen_to", "_side", "_starts", "_state", "_whole", "_window")

    def __init__(self, side: Side, starts: Callable[[bytes, int, int], bool | None]) -> None:
        self._side = side
        self._starts = starts
        self._state = State.START
        self._begun = 0
        """Offset of the message under way."""
        self._head = b""
        """The part of a head that was seen."""
        self._held = b""
        """Bytes of what may become a start line, while looking for one."""
        self._end = 0
        """Where the content (or chunk) under way ends."""
        self._chunks = Chunks()
        self._window: Window | None = None
        self._open = False
        """Whether a message is under way."""
        self._seen_to = 0
        self._whole = True
        """Whether nothing of the message under way is missing."""

    # Sink.

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`."""
        if self._held:
            data = self._held + data[start:end]
            offset, start, end = offset - len(self._held), 0, len(data)
            self._held = b""
        at = start
        base = offset - start
        while at < end:
            state = self._state
            if state is State.START or state is State.HEAD:
                at = self._read_head(data, at, end, base)
            elif state is State.LENGTH:
                stop = min(end, self._end - base)
                if self._window is not None:
                    self._look(data, at, stop, base)
                at = stop
                self._seen_to = base + at
                if base + at >= self._end:
                    self._finish(base + at, complete=True)
            elif state is State.CHUNKED:
                at = self._read_chunk(data, at, end, base)
            elif state is State.CLOSE:
                if self._window is not None:
                    self._window.feed(data[at:end])
                at = end
                self._seen_to = base + end
                self._side.touched(base + end)
            elif state is State.LOST:
                at = self._search(data, at, end, base)
            else:
                return FAR
        return self._need(base + end)

    def gap(self, offset: int, length: int) -> int:
        """Carry on over lost bytes where the framing allows, else look for the next start line."""
        end = offset + length
        state = self._state
        self._whole = False
        if state is State.OVER:
            return FAR
        if state in (State.LENGTH, State.CHUNKED) and end < self._end:
            if self._window is not None:
                self._window.skip(end - self._seen_to)
            self._seen_to = end
            return self._need(end)
        if state is State.CLOSE:
            if self._window is not None:
                self._window.skip(length)
            self._side.touched(end)
            return end
        if state is State.LENGTH and end == self._end:
            self._finish(end, complete=True)
            return end
        self._lose()
        if self._open:
            self._seen_to = end
        return end

    def end(self, offset: int, how: End) -> None:
        """Close what is under way: content that lasts until the close is complete with a FIN."""
        if self._state is State.HEAD:
            self._cut_head()
        if self._open:
            complete = how is End.FIN and self._state is State.CLOSE
            self._finish(max(self._seen_to, self._begun), complete=complete)
        self._state = State.OVER
        self._side.stopped(offset, how)

    def stop(self) -> None:
        """Read no further: what follows is not HTTP."""
        self._state = State.OVER

    def close_lost(self) -> None:
        """End a message whose end could not be found: the peer has gone on."""
        if self._open and self._state in (State.LOST, State.START):
            self._open = False
            self._side.ends(self._seen_to, self._seen_to - self._begun, None, complete=True, whole=False, now=False)

    # Heads.

    def _read_head(self, data: bytes, at: int, end: int, base: int) -> int:
        if self._state is State.START:
            while at < end and data[at] in b"\r\n":  # RFC 9112 section 2.2: empty lines before a start line are ignored
                at += 1
            if at == end:
                return end
            begins = self._starts(data, at, end)
            if begins is None:
                self._held = data[at:end]
                return end
            if not begins:
                self._lose()
                return at
            self._begin(base + at)
            stop, content = end_of_head(data, at, end)
            if stop >= 0:
                return content if self._take_head(data[at:stop], base + content, content - at) else end
            self._head = data[at:end]
            self._state = State.HEAD
            self._seen_to = base + end
            return end
        known = len(self._head)
        head = self._head = self._head + data[at : min(end, at + LARGEST_HEAD)]
        self._seen_to = base + end
        stop, content = end_of_head(head, max(0, known - 3), len(head))
        if stop < 0:
            if len(head) > LARGEST_HEAD:
                self._lose()
            return end
        self._head = b""
        went = at + content - known
        return went if self._take_head(head[:stop], base + went, content) else end

    def _begin(self, offset: int) -> None:
        self.close_lost()
        self._open = self._whole = True
        self._begun = self._seen_to = offset
        self._side.begins(offset)

    def _take_head(self, head: bytes, content: int, size: int) -> bool:
        answer = self._side.head(head, size, cut=False)
        if answer is None:
            self._state = State.LOST
            self._open = False
            return False
        framing, length, self._window = answer
        self._seen_to = content
        if framing is Framing.NONE or (framing is Framing.LENGTH and not length):
            self._finish(content, complete=True)
        elif framing is Framing.LENGTH:
            self._state = State.LENGTH
            self._end = content + length
        elif framing is Framing.CHUNKED:
            self._state = State.CHUNKED
            self._chunks = Chunks()
            self._end = content
        elif framing is Framing.CLOSE:
            self._state = State.CLOSE
        elif framing is Framing.TUNNEL:
            self._finish(content, complete=True)
            self._state = State.OVER
            self._side.stopped(content, End.OPEN)
        else:
            self._state = State.LOST
        return True

    def _cut_head(self) -> None:
        """Make what can be made of a head whose rest is lost."""
        head, self._head = self._head, b""
        if self._open and head:
            line_end = head.rfind(b"\n")
            whole = head[:line_end].rstrip(b"\r") if line_end >= 0 else head
            if self._side.head(whole, len(head), cut=True) is None:
                self._open = False
        self._state = State.LOST

    # Content.

    def _look(self, data: bytes, at: int, stop: int, base: int) -> None:
        """Show content to its window, skipping what was not fed."""
        window = self._window
        if window is None:
            return
        if base + at > self._seen_to:
            window.skip(base + at - self._seen_to)
        window.feed(data[at:stop])

    def _read_chunk(self, data: bytes, at: int, end: int, base: int) -> int:
        chunks = self._chunks
        if self._end > base + at:
            stop = min(end, self._end - base)
            self._look(data, at, stop, base)
            self._seen_to = base + stop
            return stop
        at = chunks.line(data, at, end)
        self._seen_to = base + at
        if chunks.bad:
            self._lose()
        elif chunks.done:
            self._finish(base + at, complete=True)
        elif chunks.data_left:
            self._end = base + at + chunks.data_left
            chunks.data_left = 0
        return at

    def _finish(self, end: int, *, complete: bool) -> None:
        window, self._window = self._window, None
        self._open = False
        self._state = State.START
        self._side.ends(end, end - self._begun, window, complete=complete, whole=self._whole, now=True)

    def _need(self, now: int) -> int:
        """Return the next offset that must be seen, now that all before `now` was."""
        state = self._state
        if state is State.LENGTH or (state is State.CHUNKED and self._end > now):
            window = self._window
            # The last byte of a body must be seen, for its time; a chunk's line follows its data.
            last = self._end - 1 if state is State.LENGTH else self._end
            if window is None:
                return max(now, last)
            if window.streams or window.wants_head or (window.tail and state is State.CHUNKED):
                return now
            return max(now, min(last, self._end - window.tail))
        return FAR if state is State.OVER else now

    # After lost bytes.

    def _lose(self) -> None:
        """Stop trusting the framing; a message whose end is thereby lost is over."""
        state = self._state
        if state is State.HEAD:
            self._cut_head()
            return
        self._state = State.LOST
        if state in (State.LENGTH, State.CHUNKED) and self._open:
            window, self._window = self._window, None
            self._open = False
            self._side.ends(self._seen_to, self._seen_to - self._begun, window, complete=False, whole=False, now=False)

    def _search(self, data: bytes, at: int, end: int, base: int) -> int:
        """Look for a start line at the beginning of a segment."""
        if self._starts(data, at, end):
            self._state = State.START
            return at
        self._seen_to = base + end
        if self._open:
            self._side.touched(base + end)
        return end
