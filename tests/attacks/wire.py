"""Writes packets of attacks: as little work a packet as Python allows, for there are millions of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct, pack

SYN, ACK, PUSH, FIN, RST = 2, 16, 8, 1, 4
MASK = 0xFFFF_FFFF
CLIENT, SERVER, IMDS = bytes((10, 0, 1, 23)), bytes((3, 218, 180, 10)), bytes((169, 254, 169, 254))
START = 1_795_000_000
ETHER = bytes(12) + b"\x08\x00"
_IP = Struct(">BBHHHBBH4s4s")
_TCP = Struct(">HHIIHHHH")
_RECORD = Struct("<IIII")
HEADER = pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
SEGMENT = 1460


def tcp(
    source: bytes, target: bytes, ports: tuple[int, int], seq: int, ack: int, flags: int, payload: bytes = b"", options: bytes = b"",
    window: int = 500,
) -> bytes:  # fmt: skip
    """Write a TCP segment on Ethernet."""
    words = 5 + len(options) // 4
    size = 20 + words * 4 + len(payload)
    head = _IP.pack(0x45, 0, size & 0xFFFF, 0, 0x4000, 64, 6, 0, source, target)
    return ETHER + head + _TCP.pack(*ports, seq & MASK, ack & MASK, words << 12 | flags, window, 0, 0) + options + payload


def udp(source: bytes, target: bytes, ports: tuple[int, int], payload: bytes) -> bytes:
    """Write a UDP datagram on Ethernet."""
    head = _IP.pack(0x45, 0, 28 + len(payload), 0, 0x4000, 64, 17, 0, source, target)
    return ETHER + head + pack(">HHHH", *ports, 8 + len(payload), 0) + payload


def fragment(ident: int, offset: int, more: bool, payload: bytes) -> bytes:
    """Write an IPv4 fragment on Ethernet; `offset` in bytes."""
    place = offset >> 3 | (0x2000 if more else 0)
    return ETHER + _IP.pack(0x45, 0, 20 + len(payload), ident & 0xFFFF, place, 64, 17, 0, CLIENT, SERVER) + payload


def icmp(quoted: bytes) -> bytes:
    """Write an ICMP error (host unreachable) that quotes the packet in a frame."""
    body = b"\x03\x01\0\0\0\0\0\0" + quoted[14 : 14 + 28]
    return ETHER + _IP.pack(0x45, 0, 20 + len(body), 0, 0, 64, 1, 0, SERVER, CLIENT) + body


def pcap(frames: Iterable[bytes], step_us: int = 10) -> Iterator[bytes]:
    """Write frames as a pcap file, one each `step_us` microseconds, in pieces."""
    yield HEADER
    at = 0
    for frame in frames:
        size = len(frame)
        yield _RECORD.pack(START + at // 1_000_000, at % 1_000_000, size, size) + frame
        at += step_us


class Connection:
    """A TCP connection between a client and a server: what they say is cut into segments."""

    def __init__(self, port: int = 40000, to: int = 8000, client: bytes = CLIENT, server: bytes = SERVER) -> None:
        self.port, self.to = port, to
        self.client, self.server = client, server
        self.up = self.down = 1

    def open(self) -> Iterator[bytes]:
        """Shake hands."""
        yield self._up(SYN, seq=0, ack=0)
        yield self._down(SYN | ACK, seq=0, ack=1)
        yield self._up(ACK)

    def says(self, data: Iterable[bytes] | bytes, size: int = SEGMENT) -> Iterator[bytes]:
        """Let the client say something."""
        for piece in _cut(data, size):
            yield self._up(ACK | PUSH, piece)
            self.up += len(piece)

    def hears(self, data: Iterable[bytes] | bytes, size: int = SEGMENT) -> Iterator[bytes]:
        """Let the server say something; every 64th segment is acknowledged."""
        for number, piece in enumerate(_cut(data, size), 1):
            yield self._down(ACK | PUSH, piece)
            self.down += len(piece)
            if number % 64 == 0:
                yield self._up(ACK)
        yield self._up(ACK)

    def _up(self, flags: int, data: bytes = b"", *, seq: int | None = None, ack: int | None = None) -> bytes:
        at = self.up if seq is None else seq
        return tcp(self.client, self.server, (self.port, self.to), 1000 + at, 0 if ack == 0 else 5000 + self.down, flags, data)

    def _down(self, flags: int, data: bytes = b"", *, seq: int | None = None, ack: int | None = None) -> bytes:
        at = self.down if seq is None else seq
        return tcp(self.server, self.client, (self.to, self.port), 5000 + at, 1000 + (self.up if ack is None else ack), flags, data)


def _cut(data: Iterable[bytes] | bytes, size: int) -> Iterator[bytes]:
    held = b""
    for part in (data,) if isinstance(data, bytes) else data:
        held += part
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if held:
        yield held
