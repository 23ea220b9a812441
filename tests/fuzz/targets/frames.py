"""The decoders of packets: link types, tunnels, IP fragments, and the fast path beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from struct import pack

from analyzer.model.rows import Connection
from analyzer.model.seams import Block, Datagram, IcmpError, Oddity, Packet, Segment
from analyzer.packets import LAYOUTS, TUNNEL_PORTS, Decoder
from analyzer.packets.fragments import LIFETIME_NS, MAX_BYTES, MAX_RANGES
from analyzer.packets.link import LINKS
from analyzer.units import MILLISECOND
from tests.fuzz.source import Source
from tests.fuzz.target import Cursor, Target, pieces, said
from tests.packets.frames import A4, A6, B4, B6, ETHER4, TO_KEY4, TO_KEY6, ether, ip4, ip6, udp
from tests.tcp.script import play

TYPES = tuple(sorted(LINKS))
RARE = (105, 119, 127, 163, 192, 195, 220, 230)
"""Link types that are read through scapy: 802.11 with its headers, 802.15.4, USB."""
FAST = tuple(sorted(LAYOUTS))
PORTS = TUNNEL_PORTS | {53}
GUARD = 96
"""Other bytes around a packet."""


def _shown(packet: Packet | None) -> object:
    """What a packet says, without where it lies."""
    if isinstance(packet, Segment):
        said = [getattr(packet, name) for name in Segment.__annotations__ if name not in ("data", "start")]
        return said, packet.data[packet.start : packet.start + packet.captured]
    if isinstance(packet, Datagram):
        return packet._replace(data=bytes(packet.data[packet.start : packet.start + packet.captured]), start=0)
    return packet


def _block(packet: bytes, link_type: int, wire: int, filler: bytes) -> Block:
    data = filler * GUARD + packet + filler * GUARD
    return Block(data, [GUARD], [len(packet)], [wire], [1_700_000_000_000_000_000], link_type, 0, 1, 0, 1)


def decode(link_type: int, packet: bytes, more: int) -> None:
    """Decode a packet of which `more` bytes were cut, between other bytes: these must change nothing."""
    wire = len(packet) + more
    found = Decoder().decode(_block(packet, link_type, wire, b"\x45"), 0)
    check(found, len(packet), wire)
    again = Decoder().decode(_block(packet, link_type, wire, b"\0"), 0)
    assert _shown(again) == _shown(found)


def check(packet: Packet | None, captured: int, wire: int) -> None:
    """Check that what was found lies inside the packet."""
    if isinstance(packet, (Segment, Datagram)):
        assert packet.start >= GUARD or len(packet.data) != captured + 2 * GUARD
        assert 0 <= packet.captured <= packet.size <= max(wire, MAX_BYTES)
        assert packet.start + packet.captured <= len(packet.data)
    if isinstance(packet, Segment):
        assert len(packet.key) in (12, 36)
        assert len(packet.options) <= 40
    elif isinstance(packet, IcmpError):
        assert len(packet.quoted_key) in (0, 12, 36)
    elif isinstance(packet, Oddity):
        assert packet.detail.isprintable()


def packets(data: bytes) -> None:
    """One packet: link type, bytes that were cut, the packet."""
    cursor = Cursor(data)
    link_type = TYPES[cursor.byte() % len(TYPES)]
    more = cursor.byte()
    decode(link_type, cursor.rest(), more if more < 128 else 0)


def rare(data: bytes) -> None:
    """The same of link types that are read through scapy."""
    cursor = Cursor(data)
    link_type = RARE[cursor.byte() % len(RARE)]
    packet = cursor.rest()
    check(Decoder().decode(_block(packet, link_type, len(packet), b"\0"), 0), len(packet), len(packet))


def layouts(data: bytes) -> None:
    """Several packets of one link type: the fast path must say what the decoders say, however they are cut into blocks."""
    cursor = Cursor(data)
    link_type = FAST[cursor.byte() % len(FAST)]
    frames = [(piece, len(piece) + (tag & 15 if tag & 16 else 0)) for tag, piece in pieces(cursor, 24)]
    if not frames:
        return
    runs = [frames], [[frame] for frame in frames]
    made = [[_run(run, link_type, 1 + sum(map(len, split[:at]))) for at, run in enumerate(split)] for split in runs]
    fast = play(made[0], ports=PORTS)
    for other in (play(made[0], fast=False, ports=PORTS), play(made[1], ports=PORTS)):
        assert list(map(_counted, other.rows)) == list(map(_counted, fast.rows))
        assert other.anomalies == fast.anomalies


def _counted(row: Connection) -> Connection:
    """Take out what the loop learns of fewer packets than the slow path: copies, and identifications that were passed over."""
    return row._replace(lost_before_capture=False, unseen_packets=0, duplicates=0, repeats=())


def _run(frames: list[tuple[bytes, int]], link_type: int, first: int) -> Block:
    data, starts = b"\x45" * 7, []
    for frame, _ in frames:
        starts.append(len(data))
        data += frame + b"\x45" * 64
    times = [1_700_000_000_000_000_000 + (first + at) * MILLISECOND for at in range(len(frames))]
    return Block(data, starts, [len(frame) for frame, _ in frames], [wire for _, wire in frames], times, link_type, 0, first, 0, first)


class _Twin:
    """Reassembly as one would write it down: a dictionary of bytes, the first copy of each counts."""

    def __init__(self, time: int) -> None:
        self.time = time
        self.bytes: dict[int, int] = {}
        self.total: int | None = None

    def put(self, offset: int, piece: bytes, more: bool) -> bytes | None:
        for at, value in enumerate(piece, offset):
            self.bytes.setdefault(at, value)
        if not more and self.total is None:
            self.total = offset + len(piece)
        if self.total is None or any(at not in self.bytes for at in range(self.total)):
            return None
        return bytes(self.bytes[at] for at in range(self.total))

    def runs(self) -> int:
        return sum(at - 1 not in self.bytes for at in self.bytes)


def fragments(data: bytes) -> None:
    """Fragments of UDP datagrams: version and identity, place, size, pause. A slow twin must make the same datagrams of them."""
    cursor = Cursor(data)
    decoder = Decoder()
    twins: dict[tuple[int, int], _Twin] = {}
    time = 1_700_000_000_000_000_000
    for number in range(1, 65):
        if not cursor:
            break
        kind, place, size, content = cursor.byte(), cursor.short(), cursor.byte(), cursor.byte()
        time += (0, 0, 0, MILLISECOND, LIFETIME_NS // 2, LIFETIME_NS + 1)[kind >> 2 & 7 if kind >> 2 & 7 < 6 else 0]
        six, ident, more = kind & 1, kind >> 1 & 1, bool(place & 1)
        offset = place & 0xFFF8
        piece = bytes(content + at & 0xFF for at in range(size * 8 if more else size))
        if not offset and piece:
            piece = pack(">HHHH", 40000, 9999, 0xFFFF, 0)[: len(piece)] + piece[8:]
        if six:
            frame = ether(0x86DD, ip6(bytes((17, 0)) + pack(">HI", offset | more, ident) + piece, 44, addresses=A6 + B6))
        else:
            frame = ether(0x0800, ip4(piece, 17, ident=ident, place=offset >> 3 | (0x2000 if more else 0), addresses=A4 + B4))
        block = _block(frame, 1, len(frame), b"\x45")._replace(times=[time], first_packet_id=number)
        found = decoder.decode(block, 0)
        if not offset and not more:
            continue  # no fragment
        twin = twins.get((six, ident))
        if not piece or offset + len(piece) > MAX_BYTES:
            assert isinstance(found, Oddity)
            continue
        if twin is None or time - twin.time > LIFETIME_NS:
            twin = twins[six, ident] = _Twin(time)
        whole = twin.put(offset, piece, more)
        if whole is not None and len(whole) >= 8:
            del twins[six, ident]
            assert isinstance(found, Datagram)
            assert bytes(found.data[found.start : found.start + found.captured]) == whole[8:]
        elif whole is not None or twin.runs() > MAX_RANGES:
            del twins[six, ident]
            assert isinstance(found, Oddity)
        else:
            assert found is None


@cache
def _frames() -> tuple[tuple[int, bytes], ...]:
    many = [*TO_KEY4.values(), *TO_KEY6.values()]
    quote = ETHER4[14:42]
    many.append((1, ether(0x0800, ip4(b"\x0b\0\0\0\0\0\0\0" + quote, 1))))
    many.append((1, ether(0x86DD, ip6(b"\x01\x04\0\0\0\0\0\0" + ip6(bytes(24)), 58))))
    many.append((1, ether(0x0800, ip4(udp(b"question"), 17))))
    many.append((7, bytes((1, 2, 212, 0, 0, 1)) + ETHER4[14:]))
    return tuple(many)


def frames() -> Iterable[bytes]:
    """Give every encapsulation, whole and cut."""
    for link_type, frame in _frames():
        at = TYPES.index(link_type)
        yield bytes((at, 0)) + frame
        yield bytes((at, 9)) + frame[:-9]


def runs() -> Iterable[bytes]:
    """Give several packets of each link type of the fast path."""
    for link_type in FAST:
        own = [frame for kind, frame in _frames() if kind == link_type]
        if own:
            yield bytes((FAST.index(link_type),)) + said(*((0, frame) for frame in own[:6]), (17, own[0][:-5]))


def trains() -> Iterable[bytes]:
    """Give fragments in order, out of order, overlapping, late and too long."""
    plain = [(0, 0 | 1, 4, 1), (0, 32 | 1, 4, 2), (0, 64, 9, 3)]
    for order in (plain, plain[::-1], [plain[0], (0, 16 | 1, 4, 9), *plain[1:]], [*plain[:2], (24, *plain[2][1:])]):
        for six in (0, 1):
            yield b"".join(bytes((kind | six,)) + pack(">HBB", place, size, content) for kind, place, size, content in order)
    yield b"".join(bytes((0,)) + pack(">HBB", 16 * at | 1, 1, at) for at in range(1, 40))
    yield bytes((0,)) + pack(">HBB", 0xFFF8, 200, 0) + bytes((1,)) + pack(">HBB", 0xFFF8 | 1, 0, 0)


def wireless() -> Iterable[bytes]:
    """Give 802.11 data frames around IPv4, bare and behind radiotap."""
    body = b"\x08\0\0\0" + bytes(18) + b"\0\0" + b"\xaa\xaa\x03\0\0\0\x08\0" + ETHER4[14:]
    yield bytes((0,)) + body
    yield bytes((2,)) + b"\0\0\x08\0\0\0\0\0" + body


def framed(types: tuple[int, ...]) -> Callable[[Source], Iterable[bytes]]:
    """Make a harvest of the packets of a capture whose link type is among these."""

    def harvest(source: Source) -> Iterable[bytes]:
        for link_type, data, wire in source.frames:
            if link_type in types:
                yield bytes((types.index(link_type), min(wire - len(data), 127) if wire > len(data) else 0)) + data

    return harvest


def trailed(source: Source) -> Iterable[bytes]:
    """Give the first packets of a capture as one input."""
    first = source.frames[:12]
    if first and first[0].link_type in FAST:
        own = [frame for frame in first if frame.link_type == first[0].link_type]
        yield bytes((FAST.index(first[0].link_type),)) + said(*((0, frame.data) for frame in own))


PACKETS = "analyzer.packets."
TARGETS = (
    Target(
        "packets", packets, tuple(PACKETS + name for name in ("decoder", "link", "ppp", "tunnels", "transport", "ip4", "ip6", "icmp")),
        frames, harvest=framed(TYPES),
    ),
    Target("rare", rare, (f"{PACKETS}rare",), wireless, harvest=framed(RARE)),
    Target("layouts", layouts, ("analyzer.tcp._loop",), runs, harvest=trailed),
    Target("fragments", fragments, (f"{PACKETS}fragments",), trains),
)  # fmt: skip
