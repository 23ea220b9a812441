"""DNS: messages, lookups, and messages on a TCP connection."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.dns import Lookups, Message, parse
from analyzer.dns._name import MAX_TEXT
from analyzer.dns.framing import Budget, MessageSink
from analyzer.model.rows import Lookup
from analyzer.model.seams import Datagram, End
from analyzer.units import MILLISECOND, SECOND
from tests.dns.wire import NAME, Stream, header, name, query, record, response
from tests.fuzz.source import Source
from tests.fuzz.target import Cursor, Target, pieces, said

CLIENTS = (bytes((10, 0, 1, 23)), bytes((10, 0, 1, 24)), bytes(15) + b"\1")
RESOLVERS = (bytes((10, 0, 0, 2)), bytes((10, 0, 0, 3)), bytes(15) + b"\2")
PAUSES = (0, MILLISECOND, 4 * MILLISECOND, 60 * MILLISECOND, 700 * MILLISECOND, 2 * SECOND, 31 * SECOND, -MILLISECOND)


def safe(message: Message | None) -> None:
    """Check that all text of a message may be shown."""
    if message is None:
        return
    texts = [message.name, message.type, message.rcode]
    for owner, kind, ttl, value in message.answers:
        texts += [owner, kind, *([value] if isinstance(value, str) else [])]
        assert ttl >= 0
        assert isinstance(value, str) or len(value) in (0, 4, 16)
    assert all(text.isascii() and text.isprintable() and len(text) <= MAX_TEXT for text in texts)


def messages(data: bytes) -> None:
    """Read a message, whole and as the beginning of a longer one; what lies around it must change nothing."""
    found = parse(data, 0, len(data))
    safe(found)
    assert parse(b"\xc0\x0c" * 8 + data + b"\xc0\x0c" * 8, 16, 16 + len(data)) == found
    cut = parse(data, 0, len(data), len(data) + 40)
    safe(cut)
    assert parse(b"\0" * 16 + data + b"\0" * 16, 16, 16 + len(data), len(data) + 40) == cut


def lookups(data: bytes) -> None:
    """Datagrams of several clients, and connections: each lookup is one row, with its times in order."""
    rows: list[Lookup] = []
    made = Lookups(rows.append)
    time = 1_700_000_000_000_000_000
    for number, (tag, piece) in enumerate(pieces(Cursor(data), 100), 1):
        client, resolver = CLIENTS[tag & 1], RESOLVERS[tag >> 1 & 1]
        time += PAUSES[tag >> 2 & 7]
        if tag >> 5 == 7:
            made.connected(number, client, bytes((3, 218, 180, 10 + len(piece) % 2)), time)
            continue
        answers = len(piece) > 2 and piece[2] & 0x80
        ends = ((resolver, client, 53, 40000 + (tag >> 5 & 3)), (client, resolver, 40000 + (tag >> 5 & 3), 53))[not answers]
        made.feed(Datagram(*ends, b"\xc0" * 4 + piece + b"\xc0" * 20, 4, len(piece), len(piece), tag >> 5), time, number)
    made.advance(time + 40 * SECOND)
    made.finish()
    assert [row.lookup_id for row in sorted(rows, key=lambda row: row.lookup_id)] == list(range(len(rows)))
    for row in rows:
        assert row.tries >= 1
        assert row.name.isascii()
        assert row.name.isprintable()
        assert row.packet_ids
    assert made.unsettled() == []


def heard(data: bytes, step: int, responses: bool) -> list[Message]:
    """Read messages off a connection that is delivered in segments of `step` bytes."""
    found: list[Message] = []
    stream, budget = Stream(), Budget()
    sink = MessageSink(stream, responses, lambda message, time, packet_id: found.append(message), budget)
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        stream.add(at + len(piece), at, at)
        sink.feed(b"\xff" * 3 + piece + b"\xff", 3, 3 + len(piece), at)
    sink.end(len(data), End.OPEN)
    assert budget.left == Budget().left
    return found


def on_tcp(data: bytes) -> None:
    """Read a direction of a DNS connection: how it is cut into segments changes nothing."""
    for responses in (False, True):
        whole = heard(data, max(1, len(data)), responses)
        assert heard(data, 3, responses) == whole
        for message in whole:
            safe(message)
            assert message.is_response is responses


def wires() -> Iterable[bytes]:
    """Write messages of every kind."""
    yield query()
    yield query(type_="AAAA")
    yield response(addresses=("3.218.180.10", "3.218.180.11"))
    yield response(type_="AAAA", addresses=("2600:1f18::1",))
    yield response(rcode=3) + record(6, name("a.") + name("b.") + bytes(20))
    alias = record(5, name("x.example.com")) + record(1, bytes((3, 4, 5, 6)), b"\xc0\x30")
    yield header(1, 0x8180, answers=2) + name(NAME) + b"\0\1\0\1" + alias
    yield header(1, 0x8180, answers=1, additional=1) + name(NAME) + b"\0\1\0\1" + record(1, bytes(4)) + record(41, b"", b"\0", 0x0100_0000)
    yield header(1, 0x0100, additional=1) + name("a..b\\.c") + b"\0\x10\0\1" + record(41, b"", b"\0")
    yield header(1, 0x8180) + b"\xc0\x0c\0\1\0\1"
    yield header(1, 0x8180) + b"\x3f" + b"x" * 63 + b"\x80"
    yield header(1, 0x8180, answers=3) + name(NAME) + b"\0\1\0\1" + record(1, b"abc") + record(99, b"?") + record(28, bytes(16))
    yield response(addresses=("3.218.180.10",), truncated=True)


def timelines() -> Iterable[bytes]:
    """Write timelines: asked and answered, retried, by another socket, truncated, used by connections."""
    ask, tell, six = query(), response(addresses=("3.218.180.10",)), query(2, type_="AAAA")
    cut = response(addresses=(), truncated=True)
    yield said((0, ask), (4, tell), (0xE0, b""))
    yield said((0, ask), (0, six), (4, tell), (8, response(2, type_="AAAA", addresses=("2600::1",))), (0xE4, b""), (0xE4, b"x"))
    yield said((0, ask), (20, ask), (20, ask), (24, tell))
    yield said((0, ask), (32, ask), (2, tell), (20, ask), (4, cut), (0, ask))
    yield said((4, tell), (0, ask), (4, ask), (28, tell), (1, ask), (5, tell))


def framed() -> Iterable[bytes]:
    """Write connections."""
    for message in wires():
        yield len(message).to_bytes(2, "big") + message + len(message).to_bytes(2, "big") + message
    yield b"\0\3abc"


def from_datagrams(source: Source) -> Iterable[bytes]:
    """Take the messages out of a capture."""
    for one in source.datagrams:
        if 53 in (one.source_port, one.target_port, 5353):
            yield bytes(one.data[one.start : one.start + one.captured])


def from_lines(source: Source) -> Iterable[bytes]:
    """Take the first messages of a capture as one timeline."""
    first = list(from_datagrams(source))[:20]
    if first:
        yield said(*((4, message) for message in first))


DNS = "analyzer.dns."
TARGETS = (
    Target("dns", messages, (f"{DNS}_message", f"{DNS}_name"), wires, harvest=from_datagrams, longest=1024),
    Target("lookups", lookups, (f"{DNS}lookups", f"{DNS}pending", f"{DNS}addresses"), timelines, harvest=from_lines),
    Target("dns-tcp", on_tcp, (f"{DNS}framing",), framed),
)
