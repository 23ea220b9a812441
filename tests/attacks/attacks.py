"""Captures made to cost time or memory out of proportion: each attack by name, as a file of a given size.

`size` is the number of what the attack multiplies (packets, chunks, lines, messages), so that twice the size is twice the attack.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from struct import pack
from typing import NamedTuple

from tests.attacks.on_packets import (
    ask,
    backwards,
    bytewise,
    duplicate_acks,
    holes,
    overlaps,
    refused,
    repeats,
    scattered,
    syns,
    tell,
    windows,
)
from tests.attacks.wire import ACK, CLIENT, FIN, IMDS, SERVER, SYN, Connection, icmp, pcap, tcp, udp
from tests.capture.writer import block, enhanced, interface, section
from tests.tls import talk


class Attack(NamedTuple):
    """A way to write a hostile file."""

    what: str
    write: Callable[[int], Iterator[bytes]]
    small: int
    """A size at which its growth shows and a test is quick."""
    large: int
    """The size for the benchmark."""


def one_byte_chunks(size: int) -> Iterator[bytes]:
    """An answer in chunks of one byte."""
    one = Connection()
    told = chain((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",), repeat(b"1\r\nx\r\n", size), (b"0\r\n\r\n",))
    return pcap(chain(one.open(), one.says(ask()), one.hears(told)))


def trailers(size: int) -> Iterator[bytes]:
    """An answer whose chunks are followed by trailer fields without end."""
    one = Connection()
    told = chain((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",), (b"t%d: v\r\n" % at for at in range(size)))
    return pcap(chain(one.open(), one.says(ask()), one.hears(told)))


def header_flood(size: int) -> Iterator[bytes]:
    """Requests with five thousand short fields each; `size` counts the fields."""
    one = Connection()
    each = 5000
    heads = (
        b"GET / HTTP/1.1\r\n" + b"".join(b"%x: y\r\n" % (turn * each + at) for at in range(each)) + b"\r\n" for turn in range(size // each)
    )
    return pcap(chain(one.open(), one.says(heads)))


def wanted_flood(size: int) -> Iterator[bytes]:
    """Requests that repeat a field that is wanted; `size` counts the fields."""
    one = Connection()
    head = b"GET / HTTP/1.1\r\n" + b"user-agent: yyyyyy\r\n" * 3000 + b"\r\n"
    return pcap(chain(one.open(), one.says(repeat(head, size // 3000))))


def endless_head(size: int) -> Iterator[bytes]:
    """A head that never ends; `size` counts its fields."""
    one = Connection()
    return pcap(chain(one.open(), one.says(chain((b"GET / HTTP/1.1\r\n",), repeat(b"x-more: of the same\r\n", size)))))


def endless_line(size: int) -> Iterator[bytes]:
    """A start line that never ends; `size` counts 100 bytes of it."""
    one = Connection()
    return pcap(chain(one.open(), one.says(chain((b"GET /",), repeat(b"a" * 100, size)))))


def pipelined(size: int) -> Iterator[bytes]:
    """Requests that nobody answers, all on one connection."""
    one = Connection()
    return pcap(chain(one.open(), one.says(repeat(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", size))))


def unasked(size: int) -> Iterator[bytes]:
    """Answers to nothing."""
    one = Connection()
    return pcap(chain(one.open(), one.says(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), one.hears(repeat(tell(), size))))


def interim(size: int) -> Iterator[bytes]:
    """Interim answers without end to one request."""
    one = Connection()
    return pcap(chain(one.open(), one.says(ask()), one.hears(repeat(b"HTTP/1.1 102 Processing\r\n\r\n", size))))


def empty_records(size: int) -> Iterator[bytes]:
    """TLS records of length 0."""
    one = Connection(to=443)
    hello = talk.record(talk.HANDSHAKE, talk.client_hello(), 0x0301)
    flight = talk.record(talk.HANDSHAKE, talk.server_hello()) + talk.record(talk.DATA, 500)
    empty = repeat(talk.record(talk.DATA, 0) * 100, size // 100)
    return pcap(chain(one.open(), one.says(hello), one.hears(flight), one.says(talk.record(talk.DATA, talk.FINISHED)), one.says(empty)))


def handshake_messages(size: int) -> Iterator[bytes]:
    """Empty handshake messages in the clear, thousands a record."""
    one = Connection(to=443)
    hello = talk.record(talk.HANDSHAKE, talk.client_hello(), 0x0301)
    many = repeat(talk.record(talk.HANDSHAKE, talk.message(0) * 4000), size // 4000)
    return pcap(chain(one.open(), one.says(hello), one.hears(many)))


def hellos(size: int) -> Iterator[bytes]:
    """A ClientHello again and again on one connection, each with thousands of cipher suites; `size` counts the suites."""
    one = Connection(to=443)
    each = 5000
    hello = talk.client_hello(ciphers=range(each))
    return pcap(chain(one.open(), one.says(repeat(talk.record(talk.HANDSHAKE, hello, 0x0301), size // each))))


def deep_json(size: int) -> Iterator[bytes]:
    """Answers to queries, refusals among them, whose bodies are nested a thousand deep; `size` counts the brackets."""

    def frames() -> Iterator[bytes]:
        one = Connection()
        yield from one.open()
        body = b'{"a":' + b"[" * 1000 + b'{"x":' * 100
        for turn in range(size // 1000):
            yield from one.says(ask(b"Query", b'{"TransactItems":' + b"[" * 900 + b'{"TableName"'))
            yield from one.hears(tell(body, b"400 Bad Request" if turn % 2 else b"200 OK"))

    return pcap(frames())


def bomb(size: int) -> Iterator[bytes]:
    """A compressed file of `size` packets of one connection, all alike: one byte becomes a thousand."""
    same = tcp(CLIENT, SERVER, (40000, 8000), 1001, 5001, ACK, bytes(1400))
    yield gzip.compress(b"".join(pcap(repeat(same, size), 0)), mtime=0)


def lookups(size: int) -> Iterator[bytes]:
    """Queries for so many names, none of them answered."""

    def query(number: int) -> bytes:
        label = b"%08x" % number
        return pack(">6H", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + b"\x08" + label + b"\x07example\0\0\1\0\1"

    return pcap(udp(CLIENT, b"\x0a\0\0\2", (1024 + at % 60_000, 53), query(at)) for at in range(size))


def same_name(size: int) -> Iterator[bytes]:
    """Queries for one name from so many sockets, answered all at the end, then connections to its address."""

    def frames() -> Iterator[bytes]:
        question = b"\x08dynamodb\x07example\0\0\1\0\1"
        for at in range(size):
            yield udp(CLIENT, b"\x0a\0\0\2", (1024 + at % 60_000, 53), pack(">6H", at & 0xFFFF, 0x0100, 1, 0, 0, 0) + question)
        for at in range(size):
            reply = pack(">6H", at & 0xFFFF, 0x8180, 1, 1, 0, 0) + question + b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + SERVER
            yield udp(b"\x0a\0\0\2", CLIENT, (53, 1024 + at % 60_000), reply)
        for at in range(size):
            yield tcp(CLIENT, SERVER, (1024 + at % 60_000, 80 + at // 60_000), at, 0, SYN)

    return pcap(frames())


def icmp_errors(size: int) -> Iterator[bytes]:
    """ICMP errors about one SYN."""
    syn = tcp(CLIENT, SERVER, (40000, 80), 1000, 0, SYN)
    return pcap(chain((syn,), repeat(icmp(syn), size)))


def failing_calls(size: int) -> Iterator[bytes]:
    """The same request on so many connections at once, each answered with 500: which is whose retry?"""

    def frames() -> Iterator[bytes]:
        for start in range(0, size, 1000):
            many = [Connection(1024 + at % 60_000, 8000 + at // 60_000) for at in range(start, min(start + 1000, size))]
            for one in many:
                yield from one.open()
            for one in many:
                yield from one.says(ask())
            for one in many:
                yield from one.hears(tell(b'{"__type":"x#InternalServerError"}', b"500 Oops"))

    return pcap(frames())


def credentials(size: int) -> Iterator[bytes]:
    """Token requests to IMDS on so many connections at once, none of them answered."""

    def frames() -> Iterator[bytes]:
        line = b"PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n"
        for at in range(size):
            one = Connection(1024 + at % 60_000, 80, bytes((10, 0, 2, at // 60_000)), IMDS)
            yield from one.open()
            yield from one.says(line)
            yield tcp(one.client, IMDS, (one.port, 80), 1000 + one.up, 5001, FIN | ACK)

    return pcap(frames())


def pages(size: int) -> Iterator[bytes]:
    """So many pages of one query."""

    def frames() -> Iterator[bytes]:
        one = Connection()
        yield from one.open()
        body = b'{"Count":0,"Items":[],"LastEvaluatedKey":{"k":{"S":"a"}},"ScannedCount":9}'
        for _ in range(size):
            yield from one.says(ask(b"Query", b'{"TableName":"T","ExclusiveStartKey":{"k":{"S":"a"}}}'))
            yield from one.hears(tell(body))

    return pcap(frames())


def reuse(size: int) -> Iterator[bytes]:
    """One pair of ports, opened anew with each SYN."""
    return pcap((tcp(CLIENT, SERVER, (40000, 80), at * 70_000, 0, SYN) for at in range(size)), 1000)


def copies(size: int) -> Iterator[bytes]:
    """Every packet of a connection seen at many hops, each with another TTL."""

    def frames() -> Iterator[bytes]:
        one = Connection()
        for frame in chain(one.open(), one.says(ask() * (size // 20))):
            for ttl in range(64, 44, -1):
                yield frame[:22] + bytes((ttl,)) + frame[23:]

    return pcap(frames(), 1)


def labels(size: int) -> Iterator[bytes]:
    """Packets that are nothing but MPLS labels; `size` counts the labels."""
    stack = bytes(12) + b"\x88\x47" + bytes(4) * 15_000
    return pcap(repeat(stack, size // 15_000))


def interfaces(size: int) -> Iterator[bytes]:
    """A pcapng file of nothing but interface descriptions, with a packet on the last."""
    yield section()
    yield from repeat(interface(), size)
    yield enhanced(1, b"packet", min(size, 65_536) - 1)


def broken_blocks(size: int) -> Iterator[bytes]:
    """A pcapng file in which every second block contradicts itself."""
    yield section() + interface()
    good, bad = enhanced(5, b"good packet"), enhanced(5, b"bad packet..", closing=77)
    yield from repeat(good + bad, size // 2)


def beginnings(size: int) -> Iterator[bytes]:
    """A pcapng file that is damaged at once and then full of what looks like the beginning of a long block."""
    yield section() + interface() + block(6, b"", opening=33)
    yield from repeat(pack("<II", 6, 0x10000) + bytes(8), size)


ATTACKS = {
    "syns": Attack("one SYN each, new addresses and ports", syns, 100, 1_000_000),
    "refused": Attack("connections refused at once", refused, 60, 500_000),
    "reuse": Attack("one pair of ports, opened anew with each SYN", reuse, 80, 500_000),
    "holes": Attack("every second byte missing", holes, 700, 1_000_000),
    "backwards": Attack("segments of an answer in reverse order", backwards, 200, 300_000),
    "repeats": Attack("one segment sent again and again", repeats, 100, 300_000),
    "duplicate-acks": Attack("duplicate ACKs with SACK blocks", duplicate_acks, 200, 500_000),
    "windows": Attack("a window closed and opened again", windows, 60, 200_000),
    "copies": Attack("each packet at twenty hops", copies, 250, 400_000),
    "bytewise": Attack("a head, one byte a segment", bytewise, 300, 400_000),
    "overlaps": Attack("fragments of 4 000 bytes that overlap", overlaps, 250, 200_000),
    "scattered": Attack("the end of each datagram, no more", scattered, 666, 500_000),
    "chunks": Attack("a body in chunks of one byte", one_byte_chunks, 500, 4_000_000),
    "trailers": Attack("trailer fields without end", trailers, 1_500, 2_000_000),
    "headers": Attack("fields in heads of 5 000", header_flood, 5_000, 4_000_000),
    "wanted": Attack("a wanted field, 3 000 times a head", wanted_flood, 3_000, 3_000_000),
    "endless-head": Attack("fields of a head that never ends", endless_head, 10_000, 4_000_000),
    "endless-line": Attack("100 bytes of a start line that never ends", endless_line, 3_000, 1_000_000),
    "pipelined": Attack("requests that nobody answers", pipelined, 120, 300_000),
    "unasked": Attack("answers to nothing", unasked, 120, 300_000),
    "interim": Attack("interim answers to one request", interim, 500, 1_000_000),
    "empty-records": Attack("TLS records of length 0", empty_records, 800, 4_000_000),
    "messages": Attack("empty handshake messages", handshake_messages, 4_000, 20_000_000),
    "hellos": Attack("cipher suites, 5 000 a ClientHello", hellos, 50_000, 10_000_000),
    "json": Attack("brackets, 1 000 deep", deep_json, 3_000, 10_000_000),
    "bomb": Attack("equal packets, gzip", bomb, 100, 400_000),
    "lookups": Attack("DNS queries, none answered", lookups, 200, 300_000),
    "same-name": Attack("queries for one name from many sockets", same_name, 50, 100_000),
    "icmp": Attack("ICMP errors about one SYN", icmp_errors, 200, 300_000),
    "failing": Attack("one request on many connections, all 500", failing_calls, 24, 40_000),
    "credentials": Attack("token requests at once, unanswered", credentials, 24, 40_000),
    "pages": Attack("pages of one query", pages, 40, 100_000),
    "labels": Attack("MPLS labels, 15 000 a packet", labels, 15_000, 20_000_000),
    "interfaces": Attack("interface descriptions", interfaces, 500, 500_000),
    "broken-blocks": Attack("every second pcapng block broken", broken_blocks, 200, 500_000),
    "beginnings": Attack("beginnings of long pcapng blocks", beginnings, 1_000, 1_000_000),
}  # fmt: skip
"""By name, in the order of the layers."""


def written(name: str, size: int) -> bytes:
    """Write the file of an attack."""
    return b"".join(ATTACKS[name].write(size))
