"""A slow, obvious twin of the TCP engine: a dictionary of bytes for each direction, and the published rules one by one.

It re-states the rules of `tcp.stream` and `tcp.analysis` (tshark 4.0.17) without the short cuts of the engine, and shares no code with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.tcp.script import Line

FIN, SYN, RST, ACK = 1, 2, 4, 16
MILLISECOND = 1_000_000


def beyond(a: int, b: int) -> bool:
    """a > b modulo 2**32."""
    return a != b and (a - b) % 2**32 < 2**31


@dataclass
class Side:
    """One direction of a connection."""

    packets: int = 0
    base: int | None = None
    next_seq: int | None = None
    next_time: int = 0
    contiguous: int | None = None
    last_ack: int = 0
    last_ack_time: int = 0
    window: int | None = None
    dup_acks: int = 0
    seems_lost: bool = False
    last_was: str = ""
    origin: int | None = None
    anchor: int = 0
    """The last sequence number that was placed, and where: how later ones are unwrapped."""
    anchor_at: int = 0
    content: dict[int, int] = field(default_factory=dict)

    def place(self, seq: int) -> int:
        """Turn a sequence number into a stream offset."""
        difference = (seq - self.anchor) % 2**32
        return self.anchor_at + (difference if difference < 2**31 else difference - 2**32)


@dataclass
class Connection:
    """One connection, by the packets that belong to it."""

    number: int
    sides: dict[str, Side]
    counts: Counter[str] = field(default_factory=Counter)
    syn_time: int | None = None
    initial_rtt: int | None = None

    def bytes_of(self, who: str) -> bytes:
        """The bytes of a direction from the first one on, holes closed up."""
        content = self.sides[who].content
        return bytes(content[at] for at in sorted(content) if at >= 0)


def follow(lines: Sequence[Line]) -> list[Connection]:
    """Follow the connections of a trace."""
    connections: list[Connection] = []
    current: dict[int, Connection] = {}
    for line in lines:
        found = current.get(line.port)
        if found is not None and line.flags & (SYN | ACK) == SYN and found.sides[line.who].base not in (None, line.seq):
            found = None
        if found is None:
            found = current[line.port] = Connection(len(connections), {"C": Side(), "S": Side()})
            connections.append(found)
        _take(found, line)
    return connections


def _take(connection: Connection, line: Line) -> None:
    mine, theirs = connection.sides[line.who], connection.sides["S" if line.who == "C" else "C"]
    mine.packets += 1
    if mine.base is None or line.flags & (SYN | ACK) == SYN | ACK:
        mine.base = line.seq if line.flags & SYN else (line.seq - 1) % 2**32
    if theirs.base is None and line.flags & ACK:
        theirs.base = (line.ack - 1) % 2**32
    if line.flags & (SYN | ACK) == ACK and connection.initial_rtt is None and connection.syn_time is not None:
        connection.initial_rtt = line.time - connection.syn_time
    if line.flags & (SYN | ACK) == SYN:
        connection.syn_time = line.time
    flags = _flags(mine, theirs, line, connection.initial_rtt)
    connection.counts.update(flags)
    _place(mine, theirs, line, flags)


def _flags(mine: Side, theirs: Side, line: Line, initial_rtt: int | None) -> set[str]:
    size, seq, ack = len(line.payload), line.seq, line.ack
    closing = bool(line.flags & (SYN | FIN | RST))
    known = mine.next_seq is not None
    at_next = known and seq == mine.next_seq
    flags = set()
    probe = size == 1 and at_next and theirs.window == 0
    if not probe:
        if line.window == 0 and not closing:
            flags.add("zero_window")
        if known and beyond(seq, mine.next_seq or 0) and not line.flags & RST:
            flags.add("lost_segment")
        if size <= 1 and known and (seq + 1) % 2**32 == mine.next_seq and not closing:
            flags.add("keep_alive")
        unchanged = size == 0 and at_next and line.window == mine.window and ack == mine.last_ack and not closing
        answers_keep_alive = unchanged and line.window != 0 and theirs.last_was == "keep_alive"
        answers_probe = unchanged and line.window == 0 and theirs.last_was == "probe"
        if unchanged and line.window != 0 and not answers_keep_alive and not answers_probe:
            flags.add("duplicate_ack")
            mine.dup_acks += 1
            mine.seems_lost = False
    if ack != mine.last_ack:
        mine.dup_acks = 0
        mine.seems_lost = False
    if line.flags & ACK and theirs.next_seq is not None and theirs.contiguous is not None and beyond(ack, theirs.contiguous):
        if theirs.contiguous == theirs.next_seq:
            theirs.dup_acks = 0
            theirs.seems_lost = True
        theirs.contiguous = theirs.next_seq
    if (size or line.flags & (SYN | FIN)) and "keep_alive" not in flags:
        flags |= _repeated(mine, theirs, line, initial_rtt)
    end = (seq + size + bool(line.flags & (SYN | FIN))) % 2**32
    if not probe:
        before = mine.next_seq
        if before is None or beyond(end, before):
            mine.next_seq, mine.next_time = end, line.time
        if before is None or seq == mine.contiguous:
            mine.contiguous = mine.next_seq
    mine.window, mine.last_ack, mine.last_ack_time = line.window, ack, line.time
    mine.last_was = "keep_alive" if "keep_alive" in flags else "probe" if probe else ""
    return flags


def _repeated(mine: Side, theirs: Side, line: Line, initial_rtt: int | None) -> set[str]:
    size, seq = len(line.payload), line.seq
    if size and theirs.packets and theirs.last_ack and not beyond((seq + size) % 2**32, theirs.last_ack):
        return {"spurious_retransmission", "retransmission"}
    if mine.next_seq is None or not beyond(mine.next_seq, seq) or (size > 1 and (seq + 1) % 2**32 == mine.next_seq):
        return set()
    if (theirs.dup_acks >= 2 or theirs.seems_lost) and seq == theirs.last_ack and 0 <= line.time - theirs.last_ack_time < 20 * MILLISECOND:
        return {"fast_retransmission", "retransmission"}
    end = (seq + size + bool(line.flags & (SYN | FIN))) % 2**32
    threshold = 3 * MILLISECOND if initial_rtt is None else initial_rtt
    if 0 <= line.time - mine.next_time < threshold and end != mine.next_seq:
        return {"out_of_order"}
    return {"retransmission"}


def _place(mine: Side, theirs: Side, line: Line, flags: set[str]) -> None:
    seq = (line.seq + 1) % 2**32 if line.flags & SYN else line.seq
    if mine.origin is None:
        mine.origin = mine.anchor = seq
    if theirs.origin is None and line.flags & ACK and not line.flags & RST:
        theirs.origin = theirs.anchor = line.ack
    if "keep_alive" in flags:
        return
    start = mine.place(seq)
    for index, byte in enumerate(line.payload):
        mine.content.setdefault(start + index, byte)
    end = start + len(line.payload)
    if end > mine.anchor_at:
        mine.anchor, mine.anchor_at = (seq + len(line.payload)) % 2**32, end
