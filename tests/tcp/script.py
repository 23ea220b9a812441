"""Writes packet traces as text, one packet a line, and plays them to the engine: fast path and slow path must say the same.

A line is `MS WHO FLAGS SEQ ACK [LENGTH] [NAME=VALUE ...]`: milliseconds, `C`lient or `S`erver, flags out of `SAFRPUEW`, sequence and
acknowledgement number relative to the initial ones, payload bytes, and of `win ttl id if cap port text isn mss ws ts opt cli srv to` what
differs from the usual (`ts` is a timestamp option, VALUE:ECHO, `ws` window scaling, `opt` options in hexadecimal; `cli`, `srv` and `to`
are other addresses and another server port). `#` begins a comment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from struct import pack

from analyzer.model.rows import Anomaly, Connection
from analyzer.model.seams import Block, ByteStream, Claim, End, Link, Opener, Sink
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Engine, Flow, row

START = 1_700_000_000_000_000_000
CLIENT, SERVER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "W": 128}
MASK = 0xFFFF_FFFF


@dataclass
class Line:
    """One packet of a trace."""

    time: int
    who: str
    flags: int
    seq: int
    ack: int
    payload: bytes = b""
    window: int = 500
    ttl: int = 64
    ip_id: int = 0
    interface: int = 0
    captured: int | None = None
    port: int = 40000
    options: bytes = b""
    client: bytes = CLIENT
    server: bytes = SERVER
    server_port: int = 8000

    def frame(self) -> bytes:
        """The packet as Ethernet and IPv4 carry it."""
        up = self.who == "C"
        ends = self.client + self.server if up else self.server + self.client
        ports = (self.port, self.server_port) if up else (self.server_port, self.port)
        words = 5 + len(self.options) // 4
        tcp = pack(">HHIIHHHH", *ports, self.seq, self.ack, words << 12 | self.flags, self.window, 0, 0) + self.options + self.payload
        ip = pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), self.ip_id, 0x4000, self.ttl, 6, 0) + ends
        return bytes(12) + b"\x08\x00" + ip + tcp


def pattern(who: str, start: int, size: int) -> bytes:
    """Payload that shows where in the stream of its sender it belongs."""
    base = 65 if who == "C" else 97
    return bytes(base + at % 23 for at in range(start, start + size))


def trace(text: str, *, client: int = 1000, server: int = 5000) -> list[Line]:
    """Read a trace; `client` and `server` are the initial sequence numbers."""
    lines = []
    numbers = {"C": 0, "S": 30000}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        ms, who, flags, seq, ack, *rest = words
        more = dict(word.split("=", 1) for word in rest if "=" in word)
        size = next((int(word) for word in rest if "=" not in word), 0)
        numbers[who] += 1
        isn = {"C": client, "S": server}
        if "isn" in more:
            isn["C"] = int(more["isn"])
        payload = more["text"].encode() if "text" in more else pattern(who, int(seq), size)
        lines.append(
            Line(
                START + round(float(ms) * 1_000_000),
                who,
                sum(BITS[flag] for flag in flags),
                isn[who] + int(seq) & MASK,
                isn["S" if who == "C" else "C"] + int(ack) & MASK if "A" in flags else 0,
                payload,
                int(more.get("win", 500)),
                int(more.get("ttl", 64)),
                int(more.get("id", numbers[who])),
                int(more.get("if", 0)),
                int(more["cap"]) if "cap" in more else None,
                int(more.get("port", 40000)),
                options(more),
                address(more["cli"]) if "cli" in more else CLIENT,
                address(more["srv"]) if "srv" in more else SERVER,
                int(more.get("to", 8000)),
            )
        )
    return lines


def options(more: dict[str, str]) -> bytes:
    """Write TCP options, padded to whole words."""
    made = pack(">BBH", 2, 4, int(more["mss"])) if "mss" in more else b""
    if "ws" in more:
        made += pack(">BBBB", 1, 3, 3, int(more["ws"]))
    made += bytes.fromhex(more.get("opt", ""))
    if "ts" in more:
        value, _, echo = more["ts"].partition(":")
        made += pack(">BBBBII", 1, 1, 8, 10, int(value), int(echo or 0))
    return made


def address(text: str) -> bytes:
    """Return the bytes of an IPv4 address."""
    return bytes(map(int, text.split(".")))


def blocks(lines: Sequence[Line], splits: Iterable[int] = ()) -> list[Block]:
    """Put packets into blocks: a new one at each index in `splits`, and where the interface changes."""
    cuts = set(splits)
    out: list[list[Line]] = []
    for index, line in enumerate(lines):
        if not out or index in cuts or line.interface != out[-1][-1].interface:
            out.append([])
        out[-1].append(line)
    made, first = [], 1
    for run in out:
        data, starts, lengths, wires = b"\x45" * 5, [], [], []
        for line in run:
            frame = line.frame()
            have = len(frame) if line.captured is None else len(frame) - len(line.payload) + line.captured
            starts.append(len(data))
            lengths.append(have)
            wires.append(len(frame))
            data += frame[:have] + b"\x45" * 3
        made.append(Block(data, starts, lengths, wires, [line.time for line in run], 1, run[0].interface, first, 0, first))
        first += len(run)
    return made


@dataclass
class Reader:
    """A sink that keeps all that it is told; `wish` says which offset it wants next after bytes that end at an offset."""

    events: list[tuple[str, int, object]] = field(default_factory=list)
    wish: dict[int, int] = field(default_factory=dict)
    asks: list[tuple[int, int]] = field(default_factory=list)
    stream: ByteStream | None = None

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        self.events.append(("feed", offset, bytes(data[start:end])))
        if self.stream is not None:
            self.asks.append((self.stream.first_seen(offset)[1], self.stream.complete(offset)[1]))
        after = offset + end - start
        return self.wish.get(after, after)

    def gap(self, offset: int, length: int) -> int:
        self.events.append(("gap", offset, length))
        return offset + length

    def end(self, offset: int, how: End) -> None:
        self.events.append(("end", offset, how))

    def bytes(self) -> bytes:
        """What was fed, without the gaps."""
        return b"".join(what for kind, _, what in self.events if isinstance(what, bytes) and kind == "feed")

    def gaps(self) -> list[tuple[int, object]]:
        return [(offset, what) for kind, offset, what in self.events if kind == "gap"]

    def ended(self) -> list[tuple[int, object]]:
        return [(offset, what) for kind, offset, what in self.events if kind == "end"]


@dataclass
class Everything:
    """An opener that claims every connection, with the first bytes of the direction that it is made for."""

    claim: Claim
    readers: dict[int, tuple[Reader, Reader]]
    wish: dict[int, int]
    name: str = "everything"

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        return self.claim

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        pair = Reader(wish=self.wish, stream=client), Reader(wish=self.wish, stream=server)
        self.readers[link.connection_id] = pair
        return pair


@dataclass
class Played:
    """What the engine said of a trace."""

    rows: list[Connection]
    readers: dict[int, tuple[Reader, Reader]]
    anomalies: list[Anomaly]
    flows: list[Flow]

    @property
    def one(self) -> Connection:
        """The only connection."""
        assert len(self.rows) == 1
        return self.rows[0]

    @property
    def up(self) -> Reader:
        return self.readers[0][0]

    @property
    def down(self) -> Reader:
        return self.readers[0][1]


def play(
    made: Sequence[Block],
    *,
    fast: bool = True,
    openers: Sequence[Opener] | None = None,
    wish: dict[int, int] | None = None,
    ports: frozenset[int] = frozenset({53}),
    rests: bool = False,
) -> Played:
    """Feed blocks to a new engine, which decodes datagrams of these ports, and may put to rest what has ended."""
    readers: dict[int, tuple[Reader, Reader]] = {}
    anomalies: list[Anomaly] = []
    if openers is None:
        openers = [Everything(claim, readers, wish or {}) for claim in (Claim.REQUEST, Claim.RESPONSE)]
    engine = Engine(
        LAYOUTS if fast else {},
        Decoder().decode,
        openers,
        anomalies.append,
        datagram=lambda datagram, time, packet_id: None,
        datagram_ports=ports,
        rests=rests,
    )
    for block in made:
        engine.feed(block)
    engine.finish()
    return Played([row(flow) for flow in engine.each()], readers, anomalies, engine.flows)


def run(text: str | Sequence[Line], *, wish: dict[int, int] | None = None, client: int = 1000, server: int = 5000) -> Played:
    """Play a trace on the fast path; check that the slow path, and one block for each packet, say the same."""
    lines = trace(text, client=client, server=server) if isinstance(text, str) else text
    fast = play(blocks(lines), wish=wish)
    slow = play(blocks(lines), fast=False, wish=wish)
    for other in (slow, play(blocks(lines, range(len(lines))), wish=wish), play(blocks(lines), wish=wish, rests=True)):
        assert other.rows == fast.rows
        assert {number: [side.bytes() for side in pair] for number, pair in other.readers.items()} == {
            number: [side.bytes() for side in pair] for number, pair in fast.readers.items()
        }
        assert other.anomalies == fast.anomalies
    return fast
