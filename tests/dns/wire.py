"""Builds DNS messages byte by byte, scripts timelines of them, and replays captures without a TCP engine."""

from __future__ import annotations

import ipaddress
import struct
from pathlib import Path

from analyzer.capture import open_captures
from analyzer.dns import Lookups
from analyzer.model.rows import Lookup
from analyzer.model.seams import Datagram, Segment, Sink
from analyzer.packets import Decoder
from analyzer.units import MILLISECOND

NAME = "dynamodb.us-east-1.amazonaws.com"
CLIENT = "10.0.1.23"
RESOLVER = "10.0.0.2"
TYPES = {"A": 1, "CNAME": 5, "TXT": 16, "AAAA": 28, "ANY": 255}


def name(text: str) -> bytes:
    """Encode a name without compression."""
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def address(text: str) -> bytes:
    """Encode an address in 4 or 16 bytes."""
    return ipaddress.ip_address(text).packed


def header(ident: int, flags: int, questions: int = 1, answers: int = 0, authority: int = 0, additional: int = 0) -> bytes:
    """Encode a message header."""
    return struct.pack("!6H", ident, flags, questions, answers, authority, additional)


def record(kind: int, data: bytes, owner: bytes = b"\xc0\x0c", ttl: int = 5, class_: int = 1) -> bytes:
    """Encode a record; its owner is the question's name unless told."""
    return owner + struct.pack("!HHIH", kind, class_, ttl, len(data)) + data


def query(ident: int = 1, asked: str = NAME, type_: str = "A") -> bytes:
    """Encode a query as glibc sends it: recursion desired, no EDNS."""
    return header(ident, 0x0100) + name(asked) + struct.pack("!HH", TYPES[type_], 1)


def response(
    ident: int = 1, asked: str = NAME, type_: str = "A", addresses: tuple[str, ...] = (), rcode: int = 0, truncated: bool = False
) -> bytes:
    """Encode a response with address records."""
    flags = 0x8180 | rcode | (0x0200 if truncated else 0)
    records = [record(1 if "." in text else 28, address(text)) for text in addresses]
    return header(ident, flags, answers=len(records)) + name(asked) + struct.pack("!HH", TYPES[type_], 1) + b"".join(records)


class Stream:
    """A byte stream whose bytes came in the packets that were noted."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[int, int, int]] = []

    def add(self, end: int, time: int, packet_id: int) -> None:
        """Note that the bytes before offset `end` that were missing came in this packet."""
        self.arrivals.append((end, time, packet_id))

    def first_seen(self, offset: int) -> tuple[int, int]:
        """Look up the packet of a byte."""
        return next((time, packet_id) for end, time, packet_id in self.arrivals if offset < end)

    complete = first_seen


class Pipe:
    """One direction of a DNS connection: a stream and the sink that reads it."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.sink: Sink | None = None
        self.offset = 0

    def send(self, data: bytes, time: int, packet_id: int) -> int:
        """Deliver a segment, in a larger buffer as the packet loop has it; return the sink's answer."""
        assert self.sink is not None
        self.stream.add(self.offset + len(data), time, packet_id)
        offset, self.offset = self.offset, self.offset + len(data)
        return self.sink.feed(b"\xff" * 7 + data + b"\xff" * 5, 7, 7 + len(data), offset)


class Timeline:
    """Feeds scripted datagrams, one packet each, with times in milliseconds, and collects the rows."""

    def __init__(self) -> None:
        self.rows: list[Lookup] = []
        self.lookups = Lookups(self.rows.append)
        self.packets = 0

    def _send(self, at: float, source: tuple[str, int], target: tuple[str, int], data: bytes, path: int) -> int:
        self.packets += 1
        datagram = Datagram(
            address(source[0]), address(target[0]), source[1], target[1], b"\xff" * 9 + data + b"\xff" * 30, 9, len(data), len(data), path
        )
        self.lookups.feed(datagram, round(at * MILLISECOND), self.packets)
        return self.packets

    def ask(
        self,
        at: float,
        ident: int = 1,
        asked: str = NAME,
        type_: str = "A",
        *,
        port: int = 40000,
        client: str = CLIENT,
        resolver: str = RESOLVER,
        path: int = 0,
    ) -> int:
        """Send a query; return its packet id."""
        return self._send(at, (client, port), (resolver, 53), query(ident, asked, type_), path)

    def answer(
        self,
        at: float,
        ident: int = 1,
        asked: str = NAME,
        type_: str = "A",
        *addresses: str,
        rcode: int = 0,
        truncated: bool = False,
        port: int = 40000,
        client: str = CLIENT,
        resolver: str = RESOLVER,
        path: int = 0,
    ) -> int:
        """Send a response; return its packet id."""
        data = response(ident, asked, type_, addresses, rcode, truncated)
        return self._send(at, (resolver, 53), (client, port), data, path)

    def connection(self, client: str = CLIENT, resolver: str = RESOLVER) -> tuple[Pipe, Pipe]:
        """Open DNS over TCP; return both directions."""
        there, back = Pipe(), Pipe()
        there.sink, back.sink = self.lookups.sinks(address(client), address(resolver), there.stream, back.stream)
        return there, back

    def by_tcp(self, pipe: Pipe, at: float, data: bytes) -> int:
        """Send a whole message in one segment; return its packet id."""
        self.packets += 1
        pipe.send(struct.pack("!H", len(data)) + data, round(at * MILLISECOND), self.packets)
        return self.packets

    def syn(self, at: float, connection_id: int, server: str, client: str = CLIENT) -> None:
        """Report the first SYN of a connection."""
        self.lookups.connected(connection_id, address(client), address(server), round(at * MILLISECOND))

    def finish(self) -> list[Lookup]:
        """End the capture; return all rows in order of their ids."""
        self.lookups.finish()
        return sorted(self.rows)


def replay(path: Path) -> tuple[Lookups, list[Lookup]]:
    """Read a capture and give every datagram, every in-order TCP segment of port 53, and every SYN to `Lookups`; return it and the rows.

    Stands in for the TCP engine: connections are numbered by their SYN, and segments out of order are not mended.
    """
    rows: list[Lookup] = []
    lookups = Lookups(rows.append)
    pipes: dict[bytes, Pipe] = {}
    streams = 0
    decoder = Decoder()
    for block in open_captures([path]).blocks():
        for i, time in enumerate(block.times):
            packet = decoder.decode(block, i)
            packet_id = block.first_packet_id + i
            if isinstance(packet, Datagram):
                lookups.feed(packet, time, packet_id)
            elif isinstance(packet, Segment):
                size = (len(packet.key) - 4) // 2
                client, server, source_port, port = packet.key[:size], packet.key[size:-4], packet.key[-4:-2], packet.key[-2:]
                if packet.flags & 0x12 == 0x02:
                    lookups.connected(streams, client, server, time)
                    streams += 1
                    if port == b"\0\x35":
                        there, back = Pipe(), Pipe()
                        there.sink, back.sink = lookups.sinks(client, server, there.stream, back.stream)
                        pipes[packet.key], pipes[server + client + port + source_port] = there, back
                elif packet.captured and packet.key in pipes:
                    pipes[packet.key].send(packet.data[packet.start : packet.start + packet.captured], time, packet_id)
    lookups.finish()
    return lookups, sorted(rows)
