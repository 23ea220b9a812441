"""The TCP engine: options, reassembly, flags; the bytes of a made-up connection must come out as they went in."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from analyzer.packets import Decoder
from analyzer.tcp.options import mss, sack_blocks, timestamp
from analyzer.units import MICROSECOND, MILLISECOND, SECOND
from tests.fuzz.source import Source
from tests.fuzz.target import Cursor, Target
from tests.tcp.script import MASK, START, Line, Played, Reader, blocks, pattern, play

FLAGS = (0x10, 0x18, 0x10, 0x02, 0x12, 0x11, 0x04, 0x14, 0x10, 0x00, 0x29, 0x18, 0x10, 0x10, 0x18, 0x19)
PAUSES = (
    0, MICROSECOND, 100 * MICROSECOND, MILLISECOND, 4 * MILLISECOND, 6 * MILLISECOND, 40 * MILLISECOND, 210 * MILLISECOND, SECOND,
    31 * SECOND, -MILLISECOND, 0, 0, 0, 2 * MILLISECOND, 2 * SECOND,
)  # fmt: skip
ISNS = (1000, 0, 2**31 - 100, 2**31, 2**32 - 120, 2**32 - 1)
WINDOWS = (500, 0, 1, 65535)
MOST_LINES = 120
AHEAD = 1 << 14
"""How far ahead of the sender an input may jump."""


def options(data: bytes) -> None:
    """Read TCP options: what is found was there."""
    size = mss(data)
    assert size is None or (0 <= size <= 0xFFFF and size.to_bytes(2, "big") in data)
    for left, right in sack_blocks(data):
        assert left.to_bytes(4, "big") + right.to_bytes(4, "big") in data
    stamp = timestamp(data)
    assert stamp is None or (stamp in data and len(stamp) <= 8)


class Sender:
    """What one side of a made-up connection has done so far."""

    def __init__(self, isn: int, number: int) -> None:
        self.isn, self.number = isn, number
        self.sent = 1


def _line(cursor: Cursor, time: int, senders: dict[str, Sender]) -> Line:
    first, second, jump, window = cursor.byte(), cursor.byte(), cursor.signed(), cursor.byte()
    who = "CS"[first & 1]
    own, peer = senders[who], senders["SC"[first & 1]]
    flags = FLAGS[first >> 1 & 15]
    more = first >> 5
    size = 0 if flags & 2 else second * 6 & 0x3FF
    at = 0 if flags & 2 else max(1, own.sent + (jump if more & 1 == 0 else jump * 100))
    ack = max(0, peer.sent + (cursor.signed() if more & 2 else 0))
    if at + size < own.sent + AHEAD and not flags & 4:
        own.sent = max(own.sent, at + size + bool(flags & 1))
    extra = cursor.take(cursor.byte() & 31) if more & 4 else b""
    extra += bytes(-len(extra) % 4)
    stamp = window >> 4
    own.number += 2 if stamp & 1 else 1
    return Line(
        time, who, flags, own.isn + at & MASK, peer.isn + ack & MASK if flags & 0x10 else 0,
        pattern(who, at, size), WINDOWS[window & 3], 64 - (stamp >> 3), own.number & 0xFFFF,
        interface=stamp >> 2 & 1, captured=size // 2 if stamp & 2 and window & 4 else None, options=extra,
        port=40001 if window & 8 and stamp & 1 else 40000,
    )  # fmt: skip


def script(data: bytes) -> list[Line]:
    """Make packets of an input."""
    cursor = Cursor(data)
    head = cursor.byte()
    senders = {"C": Sender(ISNS[head % 6], 0), "S": Sender(ISNS[head // 6 % 6], 30000)}
    lines: list[Line] = []
    time = START
    if head >= 128:
        up, down = senders["C"].isn, senders["S"].isn
        lines = [
            Line(time, "C", 2, up, 0), Line(time + MILLISECOND, "S", 18, down, up + 1 & MASK),
            Line(time + 2 * MILLISECOND, "C", 16, up + 1 & MASK, down + 1 & MASK, ip_id=1),
        ]  # fmt: skip
        senders["C"].number = 1
        time += 2 * MILLISECOND
    while cursor and len(lines) < MOST_LINES:
        time += PAUSES[cursor.byte() & 15]
        lines.append(_line(cursor, time, senders))
    return lines


def told(played: Played) -> tuple[Any, ...]:
    """What an engine said, but for which block its bytes came from."""
    sides = {number: [(side.bytes(), side.gaps(), side.ended()) for side in pair] for number, pair in played.readers.items()}
    return played.rows, played.anomalies, sides


def contiguous(reader: Reader) -> None:
    """Check that a reader saw each offset once, in order, and nothing after the end."""
    at: int | None = None
    over = False
    for kind, offset, what in reader.events:
        assert not over
        assert at is None or offset == at
        if kind == "feed":
            assert isinstance(what, bytes)
            at = offset + len(what)
        elif kind == "gap":
            assert isinstance(what, int)
            assert what > 0
            at = offset + what
        else:
            at, over = offset, False


def plain(lines: list[Line]) -> bool:
    """Tell whether fast and slow path must agree to the last figure.

    The loop keeps neither sightings nor identifications: the first packet that comes by another way is no copy to it, and it looks at the
    numbers of few packets (`copies`, `identifications`), where the slow path looks at all.
    """
    ways = {(line.ttl, line.interface) for line in lines}
    steps = {"C": {line.ip_id for line in lines if line.who == "C"}, "S": {line.ip_id for line in lines if line.who == "S"}}
    return len(ways) == 1 and all(not ids or max(ids) - min(ids) < len(ids) for ids in steps.values())


def segments(data: bytes) -> None:
    """Play a made-up connection: fast path, slow path and a block for each packet say the same, and what was said is heard."""
    lines = script(data)
    fast = play(blocks(lines))
    for row in fast.rows:
        assert row.first_ns <= row.last_ns or any(later.time < sooner.time for sooner, later in itertools.pairwise(lines))
        assert row.packets_sent + row.packets_received > 0
        assert row.bytes_sent >= 0
        assert row.bytes_received >= 0
        assert row.gap_bytes >= 0
    for pair in fast.readers.values():
        for reader in pair:
            contiguous(reader)
    assert told(play(blocks(lines, range(len(lines))))) == told(fast)
    if plain(lines):
        assert told(play(blocks(lines), fast=False)) == told(fast)


def conversations() -> Iterable[bytes]:
    """Write short connections: in order, lossy, repeated, out of order, closed every way."""
    ask, tell, ack_up, ack_down = (3, 0x02, 20, 0, 0), (3, 0x03, 200, 0, 0), (2, 0x00, 0, 0, 0), (2, 0x01, 0, 0, 0)
    for head in (0, 128, 133, 160, 180):
        yield bytes((head,)) + bytes(sum((ask, ack_down, tell, tell, ack_up, ask, tell), ()))
        yield bytes((head,)) + bytes(sum((ask, tell, (3, 0x03, 50, 100, 0), ack_up, ack_up, ack_up, (7, 0x03, 20, 200, 0), ack_up), ()))
        yield bytes((head,)) + bytes(sum((ask, (7, 0x02, 20, 136, 0), tell, (3, 0x0B, 0, 0, 0), (3, 0x0A, 0, 0, 0), ack_down), ()))
        yield bytes((head,)) + bytes(sum((ask, tell, (2, 0x00, 0, 0, 1), (8, 0x00, 0, 0, 0), tell, (3, 0x0F, 0, 0, 0)), ()))
        yield bytes((head,)) + bytes(sum((ask, (3, 0x82, 9, 0, 0, 12, 1, 1, 5, 10, 0, 0, 3, 232, 0, 0, 7, 208), tell, ack_up), ()))
        yield bytes((head,)) + bytes(sum((ask, (0, 0x02, 20, 136, 0x80), tell, (0, 0x03, 200, 80, 0x40), ack_up), ()))


def option_lists() -> Iterable[bytes]:
    """Write option lists, good and bad."""
    for text in ("020405b4", "0101050a000003e8000007d0", "0101080a0000000100000002", "0204", "0500", "050b00", "080a00", "00", "01" * 40,
                 "0512" + "00" * 16, "1e04000102040101", "0303070402"):  # fmt: skip
        yield bytes.fromhex(text)


def listed(source: Source) -> Iterable[bytes]:
    """Take the option lists out of a capture."""
    from analyzer.capture import open_captures
    from analyzer.model.seams import Segment

    decoder = Decoder()
    for block in open_captures([source.path]).blocks():
        for index in range(len(block.starts)):
            found = decoder.decode(block, index)
            if isinstance(found, Segment) and found.options:
                yield bytes(found.options)


TCP = "analyzer.tcp."
TARGETS = (
    Target("options", options, (f"{TCP}options",), option_lists, harvest=listed, longest=64),
    Target("segments", segments, (TCP,), conversations, longest=600),
)
