"""One direction of TLS: where each record begins and ends (RFC 8446 section 5.1, RFC 5246 section 6.2.1), incrementally.

The reader asks for headers, for the content of records that somebody reads, and for the last byte of all others. After lost bytes it looks
for a header at the beginning of each segment: five bytes of which three are all but fixed, and whatever header follows in the segment.
"""

from __future__ import annotations

from typing import Final, Protocol

from analyzer.model.http import Mark
from analyzer.model.seams import NEVER, ByteStream, End, Sink
from analyzer.tls.numbers import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HEARTBEAT, LARGEST_RECORD, RECORD_HEADER

MOST_SEARCHED: Final = 4096
"""Segments that are looked at for a header after lost bytes, before a direction is given up."""


class Record:
    """One record; offsets are those of the direction's stream, header included."""

    __slots__ = ("began", "body", "done", "end", "header", "kind", "size", "start")

    def __init__(self, kind: int, start: int, end: int, began: Mark, done: Mark, header: bytes, body: bytes | None) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.size = end - start - RECORD_HEADER
        """Bytes behind the header."""
        self.began = began
        """The packet that first carried its first byte."""
        self.done = done
        """The packet whose arrival made it complete."""
        self.header = header
        self.body = body
        """Its content where somebody reads that, and the capture holds all of it."""

    def bare(self) -> Record:
        """Return the record without its bytes: what times and sizes need."""
        return Record(self.kind, self.start, self.end, self.began, self.done, b"", None)

    def __reduce__(self) -> tuple[type[Record], tuple[object, ...]]:
        """Let it go to another process, compiled or not."""
        return Record, (self.kind, self.start, self.end, self.began, self.done, self.header, self.body)


class Taker(Protocol):
    """Whose records these are."""

    __slots__ = ()

    def wants(self, kind: int) -> bool:
        """Tell whether the content of such records is read."""
        ...

    def take(self, record: Record) -> None:
        """Take a record that is complete."""
        ...

    def holed(self, kind: int, beginning: bytes) -> None:
        """Learn what the capture holds of the content of a record that is read and of which it lacks a part."""
        ...

    def lost(self, offset: int) -> None:
        """Learn that records from `offset` on could not be told from each other."""
        ...

    def found(self, offset: int) -> None:
        """Learn that they can again, from `offset` on."""
        ...

    def ended(self, cut: Record | None, how: End) -> None:
        """Learn that no record follows; `cut` is one whose end is missing, its `end` the last byte that was seen."""
        ...


class Nobody(Taker):
    """Takes what comes after the end."""

    __slots__ = ()

    def wants(self, kind: int) -> bool:
        """See `Taker`."""
        return False

    def take(self, record: Record) -> None:
        """See `Taker`."""

    def holed(self, kind: int, beginning: bytes) -> None:
        """See `Taker`."""

    def lost(self, offset: int) -> None:
        """See `Taker`."""

    def found(self, offset: int) -> None:
        """See `Taker`."""

    def ended(self, cut: Record | None, how: End) -> None:
        """See `Taker`."""


NOBODY: Final = Nobody()


class RecordReader(Sink):
    """Reads the records of one direction. Implements `model.seams.Sink`."""

    __slots__ = (
        "_began", "_header", "_held", "_kind", "_lost", "_over", "_parts", "_searched", "_seen", "_start", "_stop", "_stream", "_taker",
    )  # fmt: skip

    def __init__(self, taker: Taker, stream: ByteStream, *, whole_start: bool) -> None:
        self._taker: Taker = taker
        self._stream = stream
        self._lost = not whole_start
        """Whether no boundary of records is known."""
        self._searched = 0
        self._over = False
        self._held = b""
        """The first bytes of a header."""
        self._kind = 0
        self._header = b""
        self._start = 0
        self._stop = 0
        """Where the record under way ends; 0 between records."""
        self._seen = 0
        self._began: Mark = (0, 0)
        self._parts: list[bytes] | None = None
        """Its content so far; None where nobody reads it."""

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`."""
        if self._over:
            return NEVER
        if self._held:
            offset -= len(self._held)
            data, start = self._held + data[start:end], 0
            end = len(data)
        base = offset - start
        at = start
        while at < end:
            stop = self._stop
            if stop:
                to = min(end, stop - base)
                if self._parts is not None:
                    self._parts.append(data[at:to])
                at = to
                if base + at < stop:
                    self._seen = base + at
                    break
                self._complete()
            elif self._lost:
                if not self._finds(data, at, end, base):
                    return NEVER if self._over else base + end
            else:
                first = at + RECORD_HEADER
                if first > end:
                    if not self._held:
                        self._began = self._stream.first_seen(base + at)
                    self._held = data[at:end]
                    return base + end
                kind = data[at]
                size = data[at + 3] << 8 | data[at + 4]
                if data[at + 1] != 3 or data[at + 2] > 4 or not CHANGE_CIPHER_SPEC <= kind <= HEARTBEAT or size > LARGEST_RECORD:
                    self._held = b""
                    self._lose(base + at)
                    return NEVER if self._over else base + end
                began = self._began if self._held else self._stream.first_seen(base + at)
                self._held = b""
                header, read, start = data[at:first], self._taker.wants(kind), base + at
                at = first + size
                if at <= end:
                    done = self._stream.complete(base + at)
                    self._taker.take(Record(kind, start, base + at, began, done, header, data[first:at] if read else None))
                else:
                    self._kind, self._header, self._began = kind, header, began
                    self._start, self._stop, self._seen = start, base + at, base + end
                    self._parts = [data[first:end]] if read else None
                    break
        now = base + end
        return now if not self._stop or self._parts is not None else max(now, self._stop - 1)

    def gap(self, offset: int, length: int) -> int:
        """Carry on over lost bytes inside a record, else look for the next header; see `model.seams.Sink`."""
        if self._over:
            return NEVER
        end = offset + length
        self._hole()
        if self._held:
            self._held = b""
            self._lose(offset)
        elif self._stop:
            stop = self._stop
            if end >= stop:
                self._complete()
                if end > stop:
                    self._lose(stop)
            else:
                self._seen = end
                return max(end, stop - 1)
        elif not self._lost:
            self._lose(offset)
        return NEVER if self._over else end

    def end(self, offset: int, how: End) -> None:
        """Hand over what is under way."""
        cut = None
        if self._stop and not self._over:
            self._hole()
            cut = Record(self._kind, self._start, max(self._seen, self._start), self._began, self._began, self._header, None)
        self._over = True
        taker, self._taker = self._taker, NOBODY
        taker.ended(cut, how)

    def stop(self) -> None:
        """Read no further."""
        self._over = True

    def _complete(self) -> None:
        parts, self._parts = self._parts, None
        stop, self._stop = self._stop, 0
        content = None if parts is None else b"".join(parts)
        self._taker.take(Record(self._kind, self._start, stop, self._began, self._stream.complete(stop), self._header, content))

    def _hole(self) -> None:
        parts, self._parts = self._parts, None
        if parts is not None and (beginning := b"".join(parts)):
            self._taker.holed(self._kind, beginning)

    def _lose(self, offset: int) -> None:
        self._lost = True
        self._taker.lost(offset)

    def _finds(self, data: bytes, at: int, end: int, base: int) -> bool:
        """Look for a header at the beginning of a segment."""
        if begins_record(data, at, end):
            self._lost = False
            self._taker.found(base + at)
            return True
        self._searched += 1
        self._over = self._searched >= MOST_SEARCHED
        return False


def begins_record(data: bytes, at: int, end: int) -> bool:
    """Tell whether `data[at:end]` begins with the header of a record of TLS 1.0 to 1.3, and all headers after it in the segment fit."""
    if end - at < RECORD_HEADER:
        return False
    while at + RECORD_HEADER <= end:
        kind, size = data[at], data[at + 3] << 8 | data[at + 4]
        if not CHANGE_CIPHER_SPEC <= kind <= APPLICATION_DATA or data[at + 1] != 3 or not 1 <= data[at + 2] <= 3:
            return False
        if not 0 < size <= LARGEST_RECORD:
            return False
        at += RECORD_HEADER + size
    return True
