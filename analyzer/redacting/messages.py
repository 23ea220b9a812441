"""Follows the HTTP/1 messages of a connection as the analysis does, and plans what stands in place of each byte.

Where a message begins and ends is found by the same rules (`analyzer.http`): what the analysis skips, after lost bytes or in a broken
chunk, becomes zeros, which it skips as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from analyzer.http._heads import end_of_head, lines_of, status_of
from analyzer.http.chunked import Chunks
from analyzer.http.framing import Framing, request_framing, response_framing
from analyzer.http.message import LARGEST_HEAD
from analyzer.model.seams import End, Sink
from analyzer.redacting.bodies import Bodies
from analyzer.redacting.contents import Content
from analyzer.redacting.heads import Heads
from analyzer.redacting.plans import Direction

MOST_WAITING = 1024
SIZE_LINE = bytes(byte if byte in b"0123456789abcdefABCDEF\r\n \t" else 0x78 for byte in range(256))
"""Of a chunk-size line: what can be a size stays."""
FIELDS = (b"content-length", b"transfer-encoding", b"content-encoding", b"content-type")


START, HEAD, LENGTH, CHUNKED, CLOSE, LOST, OVER = range(7)


class Talk:
    """What client and server of a connection say: which answer belongs to which question."""

    def __init__(self) -> None:
        self.methods: deque[str] = deque(maxlen=MOST_WAITING)
        self.tunnel: Callable[[], tuple[Any, Any]] | None = None
        self.sides: list[Messages] = []

    def tunnelled(self) -> None:
        """Let others read what follows: a tunnel was opened (RFC 9110 section 9.3.6)."""
        relays = self.tunnel() if self.tunnel is not None else (None, None)
        for side, relay in zip(self.sides, relays, strict=True):
            side.state, side.relay = OVER, relay


class Messages:
    """Reads one direction. Implements `model.seams.Sink`."""

    def __init__(
        self,
        talk: Talk,
        stream: Any,
        direction: Direction,
        heads: Heads,
        bodies: Bodies,
        starts: Callable[[bytes, int, int], bool | None],
        *,
        request: bool,
    ) -> None:
        self._talk = talk
        self._stream = stream
        self._direction = direction
        self._heads = heads
        self._bodies = bodies
        self._starts = starts
        self._request = request
        self.state = START
        self.relay: Sink | None = None
        self._held = b""
        self._head = bytearray()
        self._begun = 0
        self._end = 0
        self._chunks = Chunks()
        self._extended = False
        """Whether the chunk-size line under way has come to its extension."""
        self._trailers = False
        """Whether the last chunk has begun: what follows are trailer fields."""
        self._content: Content | None = None
        talk.sides.append(self)

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`. Every byte is wanted."""
        self._direction.begin(self._stream)
        chunk = self._held + data[start:end]
        offset -= len(self._held)
        self._held = b""
        at, size = 0, len(chunk)
        while at < size:
            state = self.state
            if state == START:
                at = self._begin(chunk, at, offset)
            elif state == HEAD:
                at = self._go_on(chunk, at, offset)
            elif state == LENGTH:
                stop = min(size, self._end - offset)
                self._take(offset + at, chunk[at:stop])
                at = stop
                if offset + at >= self._end:
                    self._finish()
            elif state == CHUNKED:
                at = self._chunk(chunk, at, offset)
            elif state == CLOSE:
                self._take(offset + at, chunk[at:])
                at = size
            elif state == LOST:
                if self._starts(chunk, at, size):
                    self.state = START
                else:
                    at = size
            else:
                if self.relay is not None:
                    self.relay.feed(chunk, at, size, offset + at)
                at = size
        return offset + size

    def gap(self, offset: int, length: int) -> int:
        """Carry on over lost bytes where the framing allows, else look for the next start line."""
        end = offset + length
        state = self.state
        self._held = b""
        if state == OVER:
            if self.relay is not None:
                self.relay.gap(offset, length)
            return end
        if self._content is not None:
            self._content.gap()
        if state == LENGTH:
            if end >= self._end:
                over = end > self._end
                self._finish()
                if over:
                    self.state = LOST
        elif state == CHUNKED and end <= self._end:
            pass
        elif state != CLOSE:
            self._lose()
        return end

    def end(self, offset: int, how: End) -> None:
        """Plan what is under way."""
        self._lose()
        self.state = OVER
        if self.relay is not None:
            self.relay.end(offset, how)

    # Heads.

    def _begin(self, chunk: bytes, at: int, base: int) -> int:
        start = at
        while at < len(chunk) and chunk[at] in b"\r\n":
            at += 1
        self._direction.put(base + start, chunk[start:at])
        if at == len(chunk):
            return at
        begins = self._starts(chunk, at, len(chunk))
        if begins is None:
            self._held = chunk[at:]
            return len(chunk)
        if not begins:
            self.state = LOST
            return at
        self._begun = base + at
        self.state = HEAD
        return self._go_on(chunk, at, base)

    def _go_on(self, chunk: bytes, at: int, base: int) -> int:
        head = self._head
        known = len(head)
        head += chunk[at:]
        stop, content = end_of_head(head, max(0, known - 3), min(len(head), LARGEST_HEAD))
        if stop < 0:
            if len(head) >= LARGEST_HEAD:
                self._lose()
            return len(chunk)
        whole = bytes(head[:content])
        self._head = bytearray()
        self._direction.put(self._begun, self._heads.head(whole, request=self._request))
        went = at + content - known
        self._frame(lines_of(whole[:stop]), base + went)
        return went

    def _frame(self, lines: list[bytes], content: int) -> None:
        """Learn from a head how the content is framed."""
        fields = _fields(lines[1:])
        talk = self._talk
        refused = False
        if self._request:
            method = lines[0].partition(b" ")[0].decode("ascii", "replace")
            talk.methods.append(method)
            framing, length = request_framing(fields)
        else:
            status = status_of(lines[0])
            if status is None:
                self.state = LOST
                return
            if 100 <= status < 200 and status != 101:
                self.state = START
                return
            refused = status >= 300
            asked = talk.methods.popleft() if talk.methods else None
            framing, length = response_framing(status, asked, fields)
            if framing is Framing.TUNNEL:
                talk.tunnelled()
                return
        self._end = content
        self._content = Content(
            self._direction, self._bodies, fields.get(b"content-type", b""), fields.get(b"content-encoding", b""), refused=refused
        )
        if framing is Framing.NONE or (framing is Framing.LENGTH and not length):
            self._finish()
        elif framing is Framing.LENGTH:
            self.state, self._end = LENGTH, content + length
        elif framing is Framing.CHUNKED:
            self.state, self._chunks, self._trailers = CHUNKED, Chunks(), False
        elif framing is Framing.CLOSE:
            self.state = CLOSE
        else:
            self.state = LOST

    # Content.

    def _take(self, offset: int, piece: bytes) -> None:
        if self._content is not None:
            self._content.add(offset, piece)

    def _chunk(self, chunk: bytes, at: int, base: int) -> int:
        if self._end > base + at:
            stop = min(len(chunk), self._end - base)
            self._take(base + at, chunk[at:stop])
            return stop
        chunks = self._chunks
        last = self._trailers
        stop = chunks.line(chunk, at, len(chunk))
        line = chunk[at:stop]
        self._direction.put(base + at, self._heads.trailer(line) if last or chunks.bad else self._size_line(line))
        if line.endswith(b"\n") and line.strip() and not chunks.data_left and not chunks.separator:
            self._trailers = True  # the last chunk, of no size, was told
        if chunks.bad:
            self._lose()
        elif chunks.done:
            self._finish()
        elif chunks.data_left:
            self._end = base + stop + chunks.data_left
            chunks.data_left = 0
        return stop

    def _size_line(self, line: bytes) -> bytes:
        """Return (a part of) a chunk-size line: the size stays, an extension, which may be a signature, does not."""
        size, semicolon, extension = (b"", b"", line) if self._extended else line.partition(b";")
        self._extended = (self._extended or bool(semicolon)) and not line.endswith(b"\n")
        return size.translate(SIZE_LINE) + semicolon + self._heads.trailer(extension)

    def _finish(self) -> None:
        content, self._content = self._content, None
        self.state = START
        if content is not None:
            content.finish()

    def _lose(self) -> None:
        """Stop trusting the framing; plan what was read of the message."""
        if self._head:
            head, self._head = bytes(self._head), bytearray()
            line_end = head.rfind(b"\n")
            # Of a line that is not whole nobody can say what it is.
            self._direction.put(self._begun, self._heads.head(head[: line_end + 1], request=self._request))
            if line_end < 0:
                self._direction.put(self._begun, self._heads.head(head, request=self._request))
        self._finish()
        self.state = LOST


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    """Return the fields that framing and contents need, repeated ones joined."""
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if colon and name in FIELDS and line[0] > 32:
            fields[name] = fields[name] + b", " + value.strip() if name in fields else value.strip()
    return fields
