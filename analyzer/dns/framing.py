"""DNS over TCP (RFC 7766): messages behind a length of two bytes, which may span segments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from analyzer.dns._message import SMALLEST, Message, parse
from analyzer.model.seams import NEVER, ByteStream, End
from analyzer.units import PacketId, TimeNs

BUDGET_BYTES = 16_000_000
"""Bytes that the unfinished messages of all connections may hold together; enough for 240 of the longest."""

Take: TypeAlias = Callable[[Message, TimeNs, PacketId], None]
"""Takes a message with its time and packet: a query's first byte, a response's last."""


class Budget:
    """What the unfinished messages of all connections may still hold, in bytes."""

    __slots__ = ("left",)

    def __init__(self, left: int = BUDGET_BYTES) -> None:
        self.left = left


class MessageSink:
    """Reads one direction of a DNS connection.

    What is no DNS message of this direction ends the reading, as does a gap: with a length lost nothing behind it can be trusted.
    """

    __slots__ = ("_began", "_budget", "_buffer", "_over", "_responses", "_stream", "_take")

    def __init__(self, stream: ByteStream, responses: bool, take: Take, budget: Budget) -> None:
        self._stream = stream
        self._responses = responses
        self._take = take
        self._budget = budget
        self._buffer = bytearray()
        self._began: tuple[TimeNs, PacketId] = (0, 0)
        self._over = False

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Take stream bytes; return the next offset to be seen (`Sink.feed`)."""
        buffer = self._buffer
        shift = offset - start
        at = start
        while at < end and not self._over:
            if not buffer:
                self._began = self._stream.first_seen(at + shift)
                if end - at > 2:
                    stop = at + 2 + (data[at] << 8 | data[at + 1])
                    if stop <= end:
                        self._read(data, at + 2, stop, stop + shift)
                        at = stop
                        continue
            want = 2 if len(buffer) < 2 else 2 + (buffer[0] << 8 | buffer[1])
            stop = min(at + want - len(buffer), end)
            self._budget.left -= stop - at
            buffer += data[at:stop]
            at = stop
            if self._budget.left < 0 or (len(buffer) == 2 and (buffer[0] << 8 | buffer[1]) < SMALLEST):
                self._stop()
            elif len(buffer) == want > 2:
                message = bytes(buffer)
                self._drop()
                self._read(message, 2, want, at + shift)
        return NEVER if self._over else end + shift

    def gap(self, offset: int, length: int) -> int:
        """Learn that bytes are missing: the reading ends."""
        self._stop()
        return NEVER

    def end(self, offset: int, how: End) -> None:
        """Learn that no more bytes come: an unfinished message is dropped."""
        self._stop()

    def _read(self, data: bytes, start: int, end: int, after: int) -> None:
        """Hand on the message in `data[start:end]`, whose last byte lies before stream offset `after`."""
        message = parse(data, start, end)
        if message is None or message.is_response != self._responses:
            self._stop()
            return
        time, packet_id = self._stream.complete(after - 1) if self._responses else self._began
        self._take(message, time, packet_id)

    def _drop(self) -> None:
        self._budget.left += len(self._buffer)
        self._buffer.clear()

    def _stop(self) -> None:
        self._over = True
        self._drop()
