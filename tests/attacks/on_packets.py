"""Attacks on what lies below HTTP and TLS: connections, segments, acknowledgments, fragments. See `attacks`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from struct import pack

from tests.attacks.wire import ACK, CLIENT, PUSH, RST, SERVER, SYN, Connection, fragment, pcap, tcp

ASK = b"POST / HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\nX-Amz-Target: DynamoDB_20120810.%b\r\nContent-Length: %d\r\n\r\n%b"
TELL = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b"


def ask(operation: bytes = b"GetItem", body: bytes = b'{"TableName":"T"}') -> bytes:
    """Write a DynamoDB request."""
    return ASK % (operation, len(body), body)


def tell(body: bytes = b"{}", status: bytes = b"200 OK") -> bytes:
    """Write an answer."""
    return TELL % (status, len(body), body)


def _scanner(number: int) -> tuple[bytes, bytes, tuple[int, int]]:
    return bytes((10, number >> 28 & 15, number >> 20 & 255, number >> 12 & 255)), SERVER, (1024 + (number & 0xFFF), 80)


def syns(size: int) -> Iterator[bytes]:
    """One SYN each for so many connections."""
    return pcap(tcp(*_scanner(number), number * 7, 0, SYN) for number in range(size))


def refused(size: int) -> Iterator[bytes]:
    """So many connections that are opened and refused at once."""

    def frames() -> Iterator[bytes]:
        for number in range(size):
            source, target, (port, to) = _scanner(number)
            yield tcp(source, target, (port, to), number, 0, SYN)
            yield tcp(target, source, (to, port), 0, number + 1, RST | ACK)

    return pcap(frames())


def holes(size: int) -> Iterator[bytes]:
    """One connection; every second byte comes, in order, and the holes between are never filled."""
    one = Connection()
    return pcap(chain(one.open(), (tcp(SERVER, CLIENT, (8000, 40000), 5001 + 2 * at, 1001, ACK, b"x") for at in range(1, size))))


def backwards(size: int) -> Iterator[bytes]:
    """One answer whose segments come in reverse order."""
    one = Connection()
    body = bytes(size * 100)
    told = tell(body)
    parts = [(at, told[at : at + 100]) for at in range(0, len(told), 100)]
    segments = (tcp(SERVER, CLIENT, (8000, 40000), 5001 + at, 1001, ACK, part) for at, part in reversed(parts))
    return pcap(chain(one.open(), one.says(ask()), segments))


def repeats(size: int) -> Iterator[bytes]:
    """One segment of a request, sent again and again."""
    one = Connection()
    again = tcp(CLIENT, SERVER, (40000, 8000), 1001, 5001, ACK | PUSH, ask()[:100])
    return pcap(chain(one.open(), repeat(again, size), one.says(ask()), one.hears(tell())), 300_000)


def duplicate_acks(size: int) -> Iterator[bytes]:
    """One ACK again and again, each with other blocks of a selective acknowledgment."""
    one = Connection()
    acks = (
        tcp(CLIENT, SERVER, (40000, 8000), 1001, 5001, ACK, b"", b"\1\1\5\12" + pack(">II", 6000 + at, 6001 + at)) for at in range(size)
    )
    return pcap(chain(one.open(), one.says(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), acks))


def windows(size: int) -> Iterator[bytes]:
    """A window that is closed and opened again and again in one answer."""

    def frames() -> Iterator[bytes]:
        one = Connection()
        yield from one.open()
        yield from one.says(ask())
        yield from one.hears(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size * 10))
        for _ in range(size):
            yield from one.hears(b"x" * 10)
            at = 1000 + one.up, 5000 + one.down
            yield tcp(CLIENT, SERVER, (40000, 8000), *at, ACK, window=0)
            yield tcp(CLIENT, SERVER, (40000, 8000), *at, ACK, window=500)

    return pcap(frames())


def bytewise(size: int) -> Iterator[bytes]:
    """A head of so many bytes, a byte a segment."""
    one = Connection()
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * size + b"\r\n\r\n"
    return pcap(chain(one.open(), one.says(head, 1), one.hears(tell(), 1)))


def overlaps(size: int) -> Iterator[bytes]:
    """Fragments of one datagram that overlap each other deeply and never make it whole."""
    pieces = ((8 + at * 24 % 60_000, bytes((at & 255,)) * 4000) for at in range(size))
    return pcap(fragment(7, offset, True, piece) for offset, piece in pieces)


def scattered(size: int) -> Iterator[bytes]:
    """The last eight bytes of so many datagrams, nothing else of them."""
    return pcap(fragment(at, 65_504, True, b"fragment") for at in range(size))
