"""What readers of a connection may ask about it, and how they come to read it."""

from __future__ import annotations

from typing import Final

from analyzer.model import seams
from analyzer.model.seams import Claim, Opener, Repair
from analyzer.model.stalls import Held
from analyzer.tcp._half import Half
from analyzer.tcp.acks import acknowledges
from analyzer.tcp.seq import MASK
from analyzer.tcp.stream import Stream
from analyzer.tcp.trail import Repeat
from analyzer.units import ConnectionId, DurationNs, TimeNs

DEFAULT_MSS: Final = 1460


class Link(seams.Link):
    """The side of a connection that faces its readers. Implements `model.seams.Link`."""

    __slots__ = (
        "client_half", "client_rule", "connection_id", "first_half", "key", "last_seen_ack", "mss", "packet_ttl", "ports", "protocol",
        "whole_start",
    )  # fmt: skip

    def __init__(self, connection_id: ConnectionId, key: bytes, first: Half) -> None:
        self.connection_id = connection_id
        self.key = key
        """Source, target and ports of the first segment."""
        at = len(key) - 4
        self.ports = (key[at] << 8 | key[at + 1], key[at + 2] << 8 | key[at + 3])
        self.first_half = first
        """The direction of the first segment."""
        self.client_half: Half | None = None
        self.client_rule = ""
        """What told the client: syn, syn-ack, port, first-payload or request."""
        self.whole_start = False
        self.protocol: str | None = None
        self.mss = 0
        self.last_seen_ack = 0
        """Acknowledgement number of the segment being delivered."""
        self.packet_ttl = 0
        """Its TTL or hop limit."""

    @property
    def halves(self) -> tuple[Half, Half]:
        """The direction of the first segment, and the other."""
        return self.first_half, self.first_half.other

    def client(self) -> tuple[bytes, int]:
        """Address and port of the client; of the first sender while nobody knows."""
        return self._ends()[0]

    def server(self) -> tuple[bytes, int]:
        """Address and port of the server; of the second endpoint while nobody knows."""
        return self._ends()[1]

    def server_rtt_ns(self) -> DurationNs | None:
        """Smallest server-side round trip so far."""
        return self._client().stream.rtt_ns

    def segment_bytes(self) -> int:
        """Smaller of the two offered maximum segment sizes; the usual one where no SYN was captured."""
        return self.mss or DEFAULT_MSS

    def response_received(self, offset: int, time: TimeNs) -> bool:
        """Whether the client acknowledged the server's bytes up to `offset`, or had no occasion to."""
        client = self._client()
        if client.last_ack == client.other.next_seq and client.bare_ack is None and client.other.quiet:
            return True
        stream = client.other.stream
        stream.sync()
        if not client.seen or acknowledges(client, offset):
            return True
        return client.last_time <= time and not any(repeat.end >= offset for repeat in stream.repeats())

    def request_received(self, offset: int) -> bool | None:
        """Whether the server acknowledged the client's bytes up to `offset`; None where nothing of the server was captured."""
        client = self._client()
        client.stream.sync()
        return acknowledges(client.other, offset) if client.other.seen else None

    def acknowledged_by_response(self) -> int:
        """Offset in the client's stream that the server's segment being delivered acknowledges."""
        stream = self._client().stream
        stream.sync()
        return stream.position(self.last_seen_ack)

    def watch_request_end(self, offset: int) -> None:
        """Time the ACK of the client's bytes up to `offset`, the end of what was just delivered."""
        half = self._client()
        stream = half.stream
        stream.watched, stream.watched_ns = offset, None
        half.probe_time, half.probe_seq = stream.complete(offset)[0], (stream.seq - (stream.offset - offset)) & MASK

    def request_acknowledged_ns(self, offset: int) -> TimeNs | None:
        """When the watched end of a request was acknowledged."""
        stream = self._client().stream
        return stream.watched_ns if stream.watched == offset else None

    def troubled(self) -> bool:
        """Whether anything is remembered that `request_repeats` and those below it would tell."""
        half = self.first_half
        return half.stream.trail is not None or half.other.stream.trail is not None

    def request_repeats(self, start: int, end: int) -> int:
        """How many segments sent the client's bytes again."""
        return len(_within(self._client().stream, start, end))

    def response_repeats(self, start: int, end: int) -> int:
        """How many segments sent the server's bytes again."""
        return len(_within(self._client().other.stream, start, end))

    def needed_repeats(self, start: int, end: int) -> list[Repair]:
        """Repeats of the client's bytes that were acknowledged only after them, and at least one round trip after them."""
        stream = self._client().stream
        rtt = stream.rtt_ns or 0
        return [
            (repeat.first_sent, repeat.time, repeat.packet_id)
            for repeat in _within(stream, start, end)
            if not repeat.needless and repeat.acked is not None and repeat.acked - repeat.time >= rtt
        ]

    def holes(self, start: int, end: int) -> list[Repair]:
        """Holes in the server's bytes that were filled."""
        trail = self._client().other.stream.trail
        if trail is None:
            return []
        return [(hole.beyond, hole.filled, hole.packet_id) for hole in trail.holes if hole.end > start and hole.start < end]

    def request_blocked(self, start: int, end: int) -> list[Repair]:
        """Times in which the server's window was closed between two of the client's bytes."""
        return _blocked(self._client().stream, start, end)

    def response_blocked(self, start: int, end: int) -> list[Repair]:
        """Times in which the client's window was closed between two of the server's bytes."""
        return _blocked(self._client().other.stream, start, end)

    def request_held(self, start: int, end: int) -> list[Held]:
        """Segments of the client's bytes that it held back until a late ACK."""
        return _held(self._client().stream, start, end)

    def response_held(self, start: int, end: int) -> list[Held]:
        """Segments of the server's bytes that it held back until a late ACK."""
        return _held(self._client().other.stream, start, end)

    def forget(self, client_offset: int, server_offset: int) -> None:
        """Drop what is remembered of the bytes before these offsets."""
        client = self._client()
        for stream, offset in ((client.stream, client_offset), (client.other.stream, server_offset)):
            if stream.trail is not None and not stream.trail.forget(offset):
                stream.trail = None

    def claim(self, stream: Stream, opener: Opener, claim: Claim) -> bool:
        """Let an opener take the connection over; False where that contradicts who opened it."""
        half = stream.half
        client = half if claim is Claim.REQUEST else half.other if claim is Claim.RESPONSE else self._client()
        if self.client_half is not client:
            if self.client_rule in ("syn", "syn-ack"):
                return False
            self.set_client(client, "request")
        self.protocol = opener.name
        sinks = opener.open(self, client.stream, client.other.stream)
        client.asks = sinks[0] is not None
        client.stream.attach(sinks[0])
        client.other.stream.attach(sinks[1])
        return True

    def set_client(self, half: Half, rule: str) -> None:
        """Decide who is the client, and by which rule."""
        self.client_half, self.client_rule = half, rule

    def _client(self) -> Half:
        return self.client_half if self.client_half is not None else self.first_half

    def _ends(self) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        key = self.key
        width = (len(key) - 4) // 2
        first, second = (key[:width], self.ports[0]), (key[width : 2 * width], self.ports[1])
        return (first, second) if self._client() is self.first_half else (second, first)


def _within(stream: Stream, start: int, end: int) -> list[Repeat]:
    return [repeat for repeat in stream.repeats() if repeat.end > start and repeat.start < end]


def _held(stream: Stream, start: int, end: int) -> list[Held]:
    return [held for offset, held in stream.trail.held if start <= offset < end] if stream.trail else []


def _blocked(stream: Stream, start: int, end: int) -> list[Repair]:
    # Strictly within: at the first byte nothing was sent yet, perhaps for want of an answer, and at the end nothing was left to send.
    trail = stream.trail
    return [(window.filled, window.opened, window.packet_id) for window in trail.closed if start < window.offset < end] if trail else []
