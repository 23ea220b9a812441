"""Who reads a connection: the first bytes of each direction are shown to the openers, once; bulk traffic is left alone at once."""

from __future__ import annotations

from typing import Final

from analyzer.model.seams import Claim, End, Opener, Sink
from analyzer.tcp.stream import FAR, Stream

MOST_TRIES: Final = 64
"""Segments that are looked at for a beginning where the true one is not in the capture."""
MOST_HELD: Final = 32
"""Bytes that are held while openers ask for more."""


class Sniffer(Sink):
    """The sink of a direction until somebody claims the connection. Implements `model.seams.Sink`."""

    __slots__ = ("_held", "_lost", "_openers", "_stream", "_tries")

    def __init__(self, stream: Stream, openers: tuple[Opener, ...]) -> None:
        self._stream = stream
        self._openers = openers
        self._held = b""
        self._lost = False
        self._tries = 0

    def untouched(self) -> bool:
        """Tell whether no byte of the direction came, or is known to be missing."""
        return not (self._held or self._lost or self._tries)

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Show the bytes to the openers; the one who claims them reads on."""
        if self._held:
            data, start, end, offset = self._held + data[start:end], 0, len(self._held) + end - start, offset - len(self._held)
            self._held = b""
        more = False
        link = self._stream.half.flow
        for opener in self._openers:
            claim = opener.sniff(link, data, start, end)
            if claim is Claim.MORE:
                more = True
            elif claim is not Claim.NO and link.claim(self._stream, opener, claim):
                sink = self._stream.sink
                return end_of(offset, start, end) + FAR if sink is None else sink.feed(data, start, end, offset)
        if more and end - start < MOST_HELD:
            self._held = data[start:end]
            return end_of(offset, start, end)
        self._tries += 1
        if (self._lost or not link.whole_start) and self._tries < MOST_TRIES:
            return end_of(offset, start, end)
        self._stream.attach(None)
        return end_of(offset, start, end) + FAR

    def gap(self, offset: int, length: int) -> int:
        """Look for a beginning in what follows."""
        self._held = b""
        self._lost = True
        return offset + length

    def end(self, offset: int, how: End) -> None:
        """Nothing was claimed."""


def end_of(offset: int, start: int, end: int) -> int:
    """Return the stream offset behind `data[start:end]`, which begins at `offset`."""
    return offset + end - start
