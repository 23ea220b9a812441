"""Collects the content of one message as far as it is disguised as text: its beginning and its end, what lies between becomes zeros."""

from __future__ import annotations

from collections import deque

from analyzer.redacting.bodies import Bodies
from analyzer.redacting.plans import Direction

HEAD_BYTES = 8 * 1024
"""Of a body so many first bytes are disguised as text; the analysis looks at 4 KB at most."""
REFUSED_BYTES = 64 * 1024
"""Of an answer that is no success the analysis looks at so many."""
TAIL_BYTES = 8 * 1024
"""And so many last ones; the analysis looks at 4 KB. What lies between becomes zeros."""
MOST_COMPRESSED = 4 << 20
"""Compressed bodies up to this size are disguised, as they can be only in one piece."""


class Content:
    """Collects one body, as far as it is disguised as text, and plans it when it ends."""

    def __init__(self, direction: Direction, bodies: Bodies, media_type: bytes, encoding: bytes, *, refused: bool) -> None:
        self._direction = direction
        self._bodies = bodies
        self._type = media_type
        self._encoding = encoding
        self._limit = MOST_COMPRESSED if encoding else REFUSED_BYTES if refused else HEAD_BYTES
        self._runs: list[list[tuple[int, bytes]]] = [[]]
        """Stretches without lost bytes, each of pieces with their offsets."""
        self._size = 0
        self._tail: deque[tuple[int, bytes]] = deque()
        self._tail_size = 0
        self._whole = True

    def add(self, offset: int, piece: bytes) -> None:
        """Take bytes of the body."""
        room = self._limit - self._size
        if room > 0:
            self._runs[-1].append((offset, piece[:room]))
            self._size += min(room, len(piece))
            offset, piece = offset + room, piece[room:]
        if piece:
            self._whole = False
            self._tail.append((offset, piece))
            self._tail_size += len(piece)
            while self._tail_size - len(self._tail[0][1]) >= TAIL_BYTES:
                self._tail_size -= len(self._tail.popleft()[1])

    def gap(self) -> None:
        """Learn that bytes are missing here."""
        self._whole = False
        self._runs[-1].extend(self._tail)
        self._tail.clear()
        self._tail_size = 0
        self._runs.append([])

    def finish(self) -> None:
        """Plan what stands in place of it."""
        for run in (*self._runs, list(self._tail)):
            if not run:
                continue
            data = b"".join(piece for _, piece in run)
            new = self._bodies.content(data, self._type, self._encoding, whole=self._whole)
            at = 0
            for offset, piece in run:
                self._direction.put(offset, new[at : at + len(piece)])
                at += len(piece)
