"""The only things that stages know of each other: blocks of packets, byte streams, and the callbacks between stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from struct import Struct
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from analyzer.model.stalls import Held
from analyzer.units import ConnectionId, DurationNs, PacketId, TimeNs


class Process(NamedTuple):
    """The program at the local end of a connection, as the capturing host wrote it beside a packet (macOS)."""

    process_id: int
    name: str


class Block(NamedTuple):
    """A run of packets of one interface, in file order: `capture` makes it, the packet loop reads it.

    Packet `i` has its bytes at `data[starts[i] : starts[i] + lengths[i]]`; every packet of a block is whole in `data`.
    """

    data: bytes
    starts: list[int]
    lengths: list[int]
    """Captured bytes of each packet."""
    wire_lengths: list[int]
    """Bytes that each packet had on the wire; more than captured when the snapshot length cut it. Often the same list as `lengths`."""
    times: list[TimeNs]
    link_type: int
    """LINKTYPE_ value (https://www.tcpdump.org/linktypes.html)."""
    interface: int
    """Number of the interface, counted over all files and sections from 0."""
    first_packet_id: PacketId
    file: int
    """Index of the file in the list of inputs."""
    first_frame: int
    """`frame.number` of the first packet within its own file."""
    processes: Sequence[Process | None] | None = None
    """Whose each packet was, where the file says it beside the packets; None for files that do not, as nearly all."""


class Segment:
    """One TCP segment as the slow path decodes it; its payload is `data[start : start + captured]`."""

    __slots__ = (
        "ack", "captured", "data", "flags", "ip_id", "key", "options", "path", "process", "seq", "size", "start", "ttl", "window",
    )  # fmt: skip

    key: bytes
    """Source address, destination address, source port, destination port as on the wire: 12 bytes (IPv4) or 36 (IPv6)."""
    seq: int
    ack: int
    flags: int
    """The low eight bits: CWR ECE URG ACK PSH RST SYN FIN (0x80 ... 0x01)."""
    window: int
    """Unscaled."""
    data: bytes
    start: int
    size: int
    """Payload bytes by IP length, also where the capture holds fewer."""
    captured: int
    """Payload bytes that the capture holds."""
    options: bytes
    ip_id: int | None
    """IPv4 identification; None for IPv6 without a fragment header."""
    ttl: int
    path: int
    """What tells two sightings of a packet apart beside the TTL: interface, tunnel and VLAN."""
    process: Process | None
    """Whose it was, where the capture says so."""

    def __init__(
        self,
        key: bytes,
        seq: int,
        ack: int,
        flags: int,
        window: int,
        data: bytes,
        start: int,
        size: int,
        captured: int,
        options: bytes,
        ip_id: int | None,
        ttl: int,
        path: int,
        process: Process | None = None,
    ) -> None:
        self.key, self.seq, self.ack = key, seq, ack
        self.flags, self.window, self.options = flags, window, options
        self.data, self.start = data, start
        self.size, self.captured = size, captured
        self.ip_id, self.ttl = ip_id, ttl
        self.path, self.process = path, process


class Datagram(NamedTuple):
    """One UDP datagram; its payload is `data[start : start + captured]`."""

    source: bytes
    target: bytes
    source_port: int
    target_port: int
    data: bytes
    start: int
    size: int
    captured: int
    path: int


class IcmpError(NamedTuple):
    """An ICMP or ICMPv6 error with the packet that it quotes (RFC 792, RFC 4443)."""

    version: int
    """4 or 6: what `type` and `code` mean."""
    type: int
    code: int
    source: bytes
    """Address of the host that reports the error."""
    target: bytes
    quoted_protocol: int
    """6 TCP, 17 UDP."""
    quoted_key: bytes
    """Like `Segment.key`, of the quoted packet; empty where the quote is too short for ports."""
    quoted_seq: int | None
    """Sequence number of a quoted TCP segment, where the quote reaches it."""


class Oddity(NamedTuple):
    """A packet that could not be read as far as its link type promised; becomes a row of the anomalies table."""

    code: str
    detail: str


Packet: TypeAlias = Segment | Datagram | IcmpError | Oddity


class Layout(NamedTuple):
    """The fast path of one link type and IP version: how the loop reads a plain TCP segment with one `struct` call.

    `header` gives seven integers: `check` (type and version), `length` (IP length field), `lane` (fragment and protocol), `seq`,
    `ack`, `bits` (data offset and flags, 16 bits) and `window`.
    """

    header: Struct
    guard: int
    """Captured bytes that a packet must have for `header` to be read."""
    check_mask: int
    check_want: int
    lane_mask: int
    lane_want: int
    key_from: int
    key_to: int
    ip_header: int
    """What `length` counts beside the TCP segment: 20 for IPv4, 0 for IPv6."""
    tcp_at: int
    """Offset of the TCP header from the start of the packet."""


class End(Enum):
    """How one direction of a byte stream ended."""

    FIN = "fin"
    RST = "rst"
    """A reset by either side."""
    OPEN = "open"
    """The capture ended, or the connection was forgotten, before it did."""


class ByteStream(Protocol):
    """One direction of a connection: when and by which packet each of its bytes came.

    Answers are sure for the bytes that are being delivered: a reader asks as soon as it sees the byte that it cares about.
    """

    __slots__ = ()

    def first_seen(self, offset: int) -> tuple[TimeNs, PacketId]:
        """The packet that first carried the byte, in order or not."""
        ...

    def complete(self, offset: int) -> tuple[TimeNs, PacketId]:
        """The packet whose arrival made the byte and all bytes before it present."""
        ...


NEVER: Final = 0x100_0000_0000
"""The next offset that a `Sink` must see, where it wants no more: beyond the end of any stream."""


class Sink(Protocol):
    """Reads one direction of a connection. Offsets count the stream's bytes from 0 and never wrap."""

    __slots__ = ()

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Take `data[start:end]`, which begins at stream offset `offset`; return the next offset that it must see.

        Bytes before that offset are counted and not handed over. An answer not beyond the bytes just fed asks for the very next one.
        """
        ...

    def gap(self, offset: int, length: int) -> int:
        """Learn that `length` bytes at `offset` will never come; return the next offset that it must see."""
        ...

    def end(self, offset: int, how: End) -> None:
        """Learn that no more bytes come."""
        ...


Repair: TypeAlias = tuple[TimeNs, TimeNs, PacketId]
"""A time in which bytes waited: its start, its end, and the packet that ended it."""


class Link(Protocol):
    """What a reader of a connection may ask about the connection beneath it."""

    __slots__ = ()

    connection_id: ConnectionId
    whole_start: bool
    """Whether the connection's opening was captured."""
    ports: tuple[int, int]
    """Port of the sender of the first segment, and its peer's."""
    packet_ttl: int
    """IP TTL or hop limit, as captured, of the packet that is being delivered."""

    def client(self) -> tuple[bytes, int]:
        """Address and port of the client."""
        ...

    def server(self) -> tuple[bytes, int]:
        """Address and port of the server."""
        ...

    def server_rtt_ns(self) -> DurationNs | None:
        """Smallest round trip between capture point and server seen so far."""
        ...

    def segment_bytes(self) -> int:
        """Largest payload that one segment of this connection may carry (RFC 9293 section 3.7.1), for judging what is a long message."""
        ...

    def response_received(self, offset: int, time: TimeNs) -> bool:
        """Whether the client got the server's bytes up to `offset`, which came at `time`.

        It did if it acknowledged them; where it said nothing since and nothing was repeated, it gets the benefit of the doubt.
        """
        ...

    def request_received(self, offset: int) -> bool | None:
        """Whether the server acknowledged the client's bytes up to `offset`; None where nothing of the server was captured."""
        ...

    def acknowledged_by_response(self) -> int:
        """Offset in the client's stream that the server segment being delivered acknowledges."""
        ...

    def watch_request_end(self, offset: int) -> None:
        """Ask to be told, through `request_acknowledged_ns`, when the client's bytes up to `offset` are acknowledged."""
        ...

    def request_acknowledged_ns(self, offset: int) -> TimeNs | None:
        """When the client's bytes up to a watched `offset` were acknowledged, or None."""
        ...

    def troubled(self) -> bool:
        """Whether any repeats, holes or closed windows are remembered: where not, the answers below are empty, nothing can be forgotten."""
        ...

    def request_repeats(self, start: int, end: int) -> int:
        """How many segments sent the client's bytes in `start` to `end` again, needed or not; of the last 256 that sent any."""
        ...

    def response_repeats(self, start: int, end: int) -> int:
        """How many segments sent the server's bytes in `start` to `end` again, among those that the capture holds; of the last 256."""
        ...

    def needed_repeats(self, start: int, end: int) -> list[Repair]:
        """Repeats of the client's bytes in `start` to `end` that the server needed: first copy sent to needed copy sent."""
        ...

    def holes(self, start: int, end: int) -> list[Repair]:
        """Holes in the server's bytes in `start` to `end`: first segment beyond it came to filling one came."""
        ...

    def request_held(self, start: int, end: int) -> list[Held]:
        """Segments with the client's bytes in `start` to `end` that it held back until the server's late ACK."""
        ...

    def response_held(self, start: int, end: int) -> list[Held]:
        """Segments with the server's bytes in `start` to `end` that it held back until the client's late ACK."""
        ...

    def request_blocked(self, start: int, end: int) -> list[Repair]:
        """Times in which the server's window was closed between two of the client's bytes in `start` to `end`: filled to reopened."""
        ...

    def response_blocked(self, start: int, end: int) -> list[Repair]:
        """Times in which the client's window was closed between two of the server's bytes in `start` to `end`: filled to reopened."""
        ...

    def forget(self, client_offset: int, server_offset: int) -> None:
        """Drop what is remembered of the bytes before these offsets."""
        ...


class Claim(Enum):
    """What a reader says of the first bytes of a direction."""

    REQUEST = "request"
    """Mine; a client of my protocol sends this."""
    RESPONSE = "response"
    """Mine; a server of my protocol sends this."""
    EITHER = "either"
    """Mine; client and server send this alike."""
    MORE = "more"
    """Too few bytes to tell."""
    NO = "no"


class Opener(Protocol):
    """Takes over connections that speak its protocol."""

    __slots__ = ()

    name: str
    """Protocol as the `connections` table names it."""

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction, or after lost bytes those of a segment."""
        ...

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        """Make the readers of the client's and of the server's bytes; None reads nothing."""
        ...


Emit: TypeAlias = Callable[[Any], None]
"""Takes one finished row (an Exchange, a Lookup, an Anomaly, ...)."""
