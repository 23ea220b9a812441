"""One direction of HTTP/1.1: where each message begins and ends (RFC 9112 section 6), incrementally and without a clock.

The reader asks for the bytes of heads, of wanted windows of bodies and for the last byte of each body; all others are counted
by whoever feeds it. After lost bytes it looks for the next start line at the beginning of each segment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer.http._heads import end_of_head, lines_of, usual_head
from analyzer.http.chunked import Chunks
from analyzer.http.framing import Framing
from analyzer.http.side import Side
from analyzer.http.window import Window
from analyzer.model.seams import NEVER, End, Sink

LONGEST_USUAL: Final = 24
"""A start line of this size is remembered to be recognised at once: `POST / HTTP/1.1`, `HTTP/1.1 200 OK`; longer ones may hold secrets."""
LARGEST_HEAD: Final = 65_536
"""More than any server takes (AWS load balancers: 64 KB), and a bound of what one direction keeps."""


# Where in a message the next byte lies. Plain numbers: this is asked for each segment, and members of an enumeration cost
# several times as much to look up.
START: Final = 0
HEAD: Final = 1
LENGTH: Final = 2
CHUNKED: Final = 3
CLOSE: Final = 4
LOST: Final = 5
OVER: Final = 6


class MessageReader(Sink):
    """Reads the messages of one direction. Implements `model.seams.Sink`."""

    __slots__ = (
        "_begun", "_chunks", "_end", "_head", "_held", "_lost", "_open", "_seen_to", "_side", "_starts", "_state", "_usual",
        "_whole", "_window", "relay",
    )  # fmt: skip

    def __init__(self, side: Side, starts: Callable[[bytes, int, int], bool | None]) -> None:
        self._side = side
        self._starts = starts
        self._state = START
        self._usual = b"\n"
        """The start line of the message before, which is known to begin one; a line feed begins none."""
        self._begun = 0
        """Offset of the message under way."""
        self._head = bytearray()
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
        self._lost = False
        """Whether bytes since the last message could not be read."""
        self.relay: Sink | None = None
        """Who reads what follows when HTTP is over: the bytes in a tunnel."""

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
            if state == START:
                at = self._begin_head(data, at, end, base)
            elif state == LENGTH:
                stop = min(end, self._end - base)
                if self._window is not None:
                    self._look(data, at, stop, base)
                at = stop
                self._seen_to = base + at
                if self._seen_to >= self._end:
                    self._finish(self._seen_to, complete=True)
            elif state == HEAD:
                at = self._go_on_head(data, at, end, base)
            elif state == CHUNKED:
                at = self._read_chunk(data, at, end, base)
            elif state == CLOSE:
                if self._window is not None:
                    self._window.feed(data[at:end])
                at = self._seen_to = base + end
                self._side.touched(base + end)
                break
            elif state == LOST:
                at = self._search(data, at, end, base)
            else:
                return NEVER if self.relay is None else self.relay.feed(data, at, end, base + at)
        return self._need(base + end)

    def gap(self, offset: int, length: int) -> int:
        """Carry on over lost bytes where the framing allows, else look for the next start line."""
        end = offset + length
        state = self._state
        if state == OVER:
            return NEVER if self.relay is None else self.relay.gap(offset, length)
        self._whole = False
        self._held = b""
        if state == LENGTH or (state == CHUNKED and end <= self._end):
            # Content of known length ends where it must, whether its last bytes were captured or not.
            stop = min(end, self._end)
            if self._window is not None:
                self._window.skip(stop - self._seen_to)
            self._seen_to = stop
            if state == LENGTH and end >= self._end:
                self._finish(self._end, complete=True)
                if end > stop:
                    self._lose()
            return self._need(end)
        if state == CLOSE:
            if self._window is not None:
                self._window.skip(length)
        else:
            if state == CHUNKED:  # the chunk under way is part of the message, shown or not
                self._seen_to = max(self._seen_to, self._end)
            self._lose()
        if self._open:
            self._seen_to = end
            self._side.touched(end)
        return end

    def end(self, offset: int, how: End) -> None:
        """Close what is under way: content that lasts until the close is complete with a FIN."""
        if how is End.FIN:
            self.close_lost()  # after lost bytes nobody knows where a message ends; an orderly close says that it did
        if self._state == HEAD:
            self._cut_head()
        if self._open:
            complete = how is End.FIN and self._state == CLOSE
            if self._state in (LENGTH, CHUNKED):  # bytes that nobody had to show count too
                self._seen_to = max(self._seen_to, min(offset, self._end))
            self._finish(max(self._seen_to, self._begun), complete=complete)
        self._state = OVER
        self._side.stopped()
        if self.relay is not None:
            self.relay.end(offset, how)

    @property
    def lost(self) -> bool:
        """Whether a message is under way whose end cannot be found."""
        return self._open and self._state in (LOST, START)

    def stop(self) -> None:
        """Read no further: what follows is not HTTP."""
        self._state = OVER

    def close_lost(self) -> None:
        """End a message whose end could not be found: the peer has gone on."""
        if self._open and self._state in (LOST, START):
            self._open = False
            self._side.ends(self._seen_to, self._seen_to - self._begun, None, complete=True, whole=False, now=False)

    # Heads.

    def _begin_head(self, data: bytes, at: int, end: int, base: int) -> int:
        """Read from where a message may begin; return where reading goes on."""
        while at < end and data[at] in b"\r\n":  # RFC 9112 section 2.2: empty lines before a start line are ignored
            at += 1
        if at == end:
            return end
        if not data.startswith(self._usual, at, end):
            begins = self._starts(data, at, end)
            if begins is None:
                self._held = data[at:end]
                self._side.noted(base + at)
                return end
            if not begins:
                self._lose()
                return at
        if self._open:
            self.close_lost()
        self._open = self._whole = True
        self._begun = self._seen_to = base + at
        self._side.begins(base + at, lost_before=self._lost)
        self._lost = False
        lines, content = usual_head(data, at, min(end, at + LARGEST_HEAD))
        if lines:
            if len(lines[0]) <= LONGEST_USUAL:
                self._usual = lines[0] + b"\r\n"
            return content if self._take_head(lines, base + content, content - at) else end
        self._state = HEAD
        return self._go_on_head(data, at, end, base)

    def _go_on_head(self, data: bytes, at: int, end: int, base: int) -> int:
        """Read on in a head that began in an earlier segment."""
        head = self._head
        known = len(head)
        head += data[at:end]
        stop, content = end_of_head(head, max(0, known - 3), min(len(head), LARGEST_HEAD))
        if stop < 0:
            self._seen_to = base + end
            if len(head) >= LARGEST_HEAD:
                self._lose()
            return end
        self._head = bytearray()
        went = at + content - known
        return went if self._take_head(lines_of(bytes(head[:stop])), base + went, content) else end

    def _take_head(self, lines: list[bytes], content: int, size: int) -> bool:
        answer = self._side.head(lines, size, cut=False)
        if answer is None:
            self._state = LOST
            self._open = False
            return False
        framing, length, self._window = answer
        self._seen_to = content
        if framing is Framing.NONE or (framing is Framing.LENGTH and not length):
            self._finish(content, complete=True)
        elif framing is Framing.LENGTH:
            self._state = LENGTH
            self._end = content + length
        elif framing is Framing.CHUNKED:
            self._state = CHUNKED
            self._chunks = Chunks()
            self._end = content
        elif framing is Framing.CLOSE:
            self._state = CLOSE
        elif framing is Framing.TUNNEL:
            self._finish(content, complete=True)
            self._state = OVER
        else:
            self._state = LOST
        return True

    def _cut_head(self) -> None:
        """Make what can be made of a head whose rest is lost."""
        head, self._head = bytes(self._head), bytearray()
        line_end = head.rfind(b"\n")
        whole = head[:line_end].rstrip(b"\r") if line_end >= 0 else head
        if self._side.head(lines_of(whole), len(head), cut=True) is None:
            self._open = False
        self._whole = False
        self._state = LOST

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
        self._state = START
        self._side.ends(end, end - self._begun, window, complete=complete, whole=self._whole, now=True)

    def _need(self, now: int) -> int:
        """Return the next offset that must be seen, now that all before `now` was."""
        state = self._state
        if state != LENGTH and state != CHUNKED:
            return NEVER if state == OVER and self.relay is None else now
        # The last byte of a body must be seen, for its time; a chunk's line follows its data.
        last = self._end if state == CHUNKED else self._end - 1
        window = self._window
        if window is not None:
            if window.hungry or (window.tail and state == CHUNKED):
                return now
            last = min(last, self._end - window.tail)
        return max(now, last)

    # After lost bytes.

    def _lose(self) -> None:
        """Stop trusting the framing; a message whose end is thereby lost is over."""
        self._lost = True
        state = self._state
        if state == HEAD:
            self._cut_head()
            return
        self._state = LOST
        if state in (LENGTH, CHUNKED) and self._open:
            window, self._window = self._window, None
            self._open = False
            self._side.ends(self._seen_to, self._seen_to - self._begun, window, complete=False, whole=False, now=False)

    def _search(self, data: bytes, at: int, end: int, base: int) -> int:
        """Look for a start line at the beginning of a segment."""
        if self._starts(data, at, end):
            self._state = START
            return at
        self._seen_to = base + end
        if self._open:
            self._side.touched(base + end)
        return end
