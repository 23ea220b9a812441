"""A real capture as the targets harvest it: its content, its packets, its datagrams, and what was said on its connections."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from analyzer.capture import open_captures
from analyzer.model.seams import ByteStream, Claim, Datagram, End, Link, Sink
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Engine

LARGEST = 64 * 1024
"""Bytes of a capture that is harvested: small files are made to show one thing each."""
MOST_SAID = 8192
"""Bytes that are kept of one connection."""


class Frame(NamedTuple):
    """A packet, with its bytes on the wire."""

    link_type: int
    data: bytes
    wire: int


class _Listener(Sink):
    """Writes down what one direction says; the tag of lost bytes is 2 higher."""

    def __init__(self, who: int, heard: list[tuple[int, bytes]]) -> None:
        self._who, self._heard = who, heard

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Take bytes."""
        if sum(len(piece) for _, piece in self._heard) < MOST_SAID:
            self._heard.append((self._who, bytes(data[start:end])))
        return offset + end - start

    def gap(self, offset: int, length: int) -> int:
        """Take note that bytes are missing."""
        self._heard.append((self._who + 2, bytes(min(length, 64))))
        return offset + length

    def end(self, offset: int, how: End) -> None:
        """Nothing follows."""


class _Ear:
    """Claims every connection, with the first bytes of the direction that it is made for, and listens."""

    name = "ear"

    def __init__(self, claim: Claim, heard: list[list[tuple[int, bytes]]]) -> None:
        self._claim, self._heard = claim, heard

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Claim it."""
        return self._claim

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink, Sink]:
        """Listen to both directions."""
        heard: list[tuple[int, bytes]] = []
        self._heard.append(heard)
        return _Listener(0, heard), _Listener(1, heard)


class Source:
    """A capture file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def content(self) -> bytes:
        """The file."""
        return self.path.read_bytes()

    @cached_property
    def frames(self) -> list[Frame]:
        """Its packets."""
        return [
            Frame(block.link_type, block.data[start : start + length], wire)
            for block in open_captures([self.path]).blocks()
            for start, length, wire in zip(block.starts, block.lengths, block.wire_lengths, strict=True)
        ]

    @cached_property
    def datagrams(self) -> list[Datagram]:
        """Its UDP datagrams."""
        decoder = Decoder()
        return [
            found
            for block in open_captures([self.path]).blocks()
            for index in range(len(block.starts))
            if isinstance(found := decoder.decode(block, index), Datagram)
        ]

    @cached_property
    def talks(self) -> list[list[tuple[int, bytes]]]:
        """What was said on each connection: 0 the client's bytes, 1 the server's, 2 and 3 what is missing of them."""
        heard: list[list[tuple[int, bytes]]] = []
        ears = [_Ear(claim, heard) for claim in (Claim.REQUEST, Claim.RESPONSE)]
        engine = Engine(
            LAYOUTS, Decoder().decode, ears, lambda row: None, datagram=lambda *_: None, datagram_ports=frozenset()
        )  # fmt: skip
        for block in open_captures([self.path]).blocks():
            engine.feed(block)
        engine.finish()
        return heard
