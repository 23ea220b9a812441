"""Decrypted streams: plaintext with addresses, and what its readers may ask about the connection beneath it.

A plaintext byte lies between two times, its record's first and last byte on the wire: starts use the first, ends the last.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from analyzer.model.http import Mark
from analyzer.model.seams import ByteStream, Claim, End, Link, Opener, Repair, Sink
from analyzer.model.stalls import Held
from analyzer.tls._records import Record
from analyzer.units import ConnectionId, DurationNs, TimeNs

MOST_RECORDS: Final = 8192
"""Records whose place on the wire is remembered; a body of 64 MB has half as many."""
MOST_HELD: Final = 32
"""Bytes of plaintext that are held until it is clear what they begin."""


class PlainStream(ByteStream):
    """The plaintext of one direction. Implements `model.seams.ByteStream`."""

    __slots__ = ("_began", "_done", "_ends", "_starts", "_stops", "link", "need", "offset", "sink")

    def __init__(self) -> None:
        self.link: PlainLink | None = None
        """Told the TTL of each record's last packet, where somebody asks for it."""
        self.offset = 0
        self.need = 0
        self.sink: Sink | None = None
        self._began: Mark = (0, 0)
        self._done: Mark = (0, 0)
        self._ends: list[int] = []
        """Where the plaintext of each record ends."""
        self._starts: list[int] = []
        self._stops: list[int] = []
        """Where each record begins and ends on the wire."""

    def first_seen(self, offset: int) -> Mark:
        """The packet that first carried the record being delivered."""
        return self._began

    def complete(self, offset: int) -> Mark:
        """The packet that completed the record being delivered."""
        return self._done

    def deliver(self, data: bytes, size: int, record: Record) -> None:
        """Hand the plaintext of a record, the first `size` bytes of `data`, to the reader, as far as it must see it."""
        self._began, self._done = record.began, record.done
        at = self.offset
        after = self.offset = at + size
        ends = self._ends
        ends.append(after)
        self._starts.append(record.start)
        self._stops.append(record.end)
        if len(ends) > MOST_RECORDS:
            del ends[: MOST_RECORDS // 2], self._starts[: MOST_RECORDS // 2], self._stops[: MOST_RECORDS // 2]
        if self.need < after and self.sink is not None:
            if self.link is not None:
                self.link.take_ttl()
            hidden = self.need - at if self.need > at else 0
            self.need = self.sink.feed(data, hidden, size, at + hidden)

    def gap(self, size: int) -> None:
        """Skip plaintext that could not be read."""
        at, self.offset = self.offset, self.offset + size
        if self.sink is not None and size > 0:
            self.need = self.sink.gap(at, size)

    def starts_at(self, offset: int) -> int:
        """Return where on the wire the record with the byte at `offset` begins."""
        starts = self._starts
        return starts[min(bisect_right(self._ends, offset), len(starts) - 1)] if starts else 0

    def ends_at(self, offset: int) -> int:
        """Return where on the wire the record ends whose plaintext reaches up to `offset` (exclusive)."""
        stops = self._stops
        return stops[min(bisect_left(self._ends, offset), len(stops) - 1)] if stops else 0

    def reached(self, wire: int) -> int:
        """Return up to where the plaintext of whole records goes that end at or before a wire offset."""
        found = bisect_right(self._stops, wire)
        return self._ends[found - 1] if found else self._ends[0] - 1 if self._ends else 0


class PlainLink(Link):
    """A connection's answers to the readers of its plaintext, who count plaintext bytes. Implements `model.seams.Link`."""

    def __init__(self, link: Link, client: PlainStream, server: PlainStream) -> None:
        self._link = link
        self._client, self._server = client, server
        self.connection_id: ConnectionId = link.connection_id
        self.ports = link.ports
        self.whole_start = link.whole_start
        self.packet_ttl = link.packet_ttl

    def take_ttl(self) -> None:
        """Note the TTL of the packet that is being delivered."""
        self.packet_ttl = self._link.packet_ttl

    def client(self) -> tuple[bytes, int]:
        """See `model.seams.Link`."""
        return self._link.client()

    def server(self) -> tuple[bytes, int]:
        """See `model.seams.Link`."""
        return self._link.server()

    def server_rtt_ns(self) -> DurationNs | None:
        """See `model.seams.Link`."""
        return self._link.server_rtt_ns()

    def segment_bytes(self) -> int:
        """See `model.seams.Link`."""
        return self._link.segment_bytes()

    def response_received(self, offset: int, time: TimeNs) -> bool:
        """See `model.seams.Link`."""
        return self._link.response_received(self._server.ends_at(offset), time)

    def request_received(self, offset: int) -> bool | None:
        """See `model.seams.Link`."""
        return self._link.request_received(self._client.ends_at(offset))

    def acknowledged_by_response(self) -> int:
        """See `model.seams.Link`; of a record that was acknowledged in part nothing counts."""
        return self._client.reached(self._link.acknowledged_by_response())

    def watch_request_end(self, offset: int) -> None:
        """See `model.seams.Link`."""
        self._link.watch_request_end(self._client.ends_at(offset))

    def request_acknowledged_ns(self, offset: int) -> TimeNs | None:
        """See `model.seams.Link`."""
        return self._link.request_acknowledged_ns(self._client.ends_at(offset))

    def troubled(self) -> bool:
        """See `model.seams.Link`."""
        return self._link.troubled()

    def request_repeats(self, start: int, end: int) -> int:
        """See `model.seams.Link`."""
        return self._link.request_repeats(*_wire(self._client, start, end))

    def response_repeats(self, start: int, end: int) -> int:
        """See `model.seams.Link`."""
        return self._link.response_repeats(*_wire(self._server, start, end))

    def needed_repeats(self, start: int, end: int) -> list[Repair]:
        """See `model.seams.Link`."""
        return self._link.needed_repeats(*_wire(self._client, start, end))

    def holes(self, start: int, end: int) -> list[Repair]:
        """See `model.seams.Link`."""
        return self._link.holes(*_wire(self._server, start, end))

    def request_held(self, start: int, end: int) -> list[Held]:
        """See `model.seams.Link`."""
        return self._link.request_held(*_wire(self._client, start, end))

    def response_held(self, start: int, end: int) -> list[Held]:
        """See `model.seams.Link`."""
        return self._link.response_held(*_wire(self._server, start, end))

    def request_blocked(self, start: int, end: int) -> list[Repair]:
        """See `model.seams.Link`."""
        return self._link.request_blocked(*_wire(self._client, start, end))

    def response_blocked(self, start: int, end: int) -> list[Repair]:
        """See `model.seams.Link`."""
        return self._link.response_blocked(*_wire(self._server, start, end))

    def forget(self, client_offset: int, server_offset: int) -> None:
        """See `model.seams.Link`."""
        self._link.forget(self._client.ends_at(client_offset), self._server.ends_at(server_offset))


def _wire(stream: PlainStream, start: int, end: int) -> tuple[int, int]:
    """Return the wire offsets of the records that hold the plaintext from `start` to `end`."""
    if end <= start:
        at = stream.starts_at(start)
        return at, at
    return stream.starts_at(start), stream.ends_at(end)


class Plaintext:
    """Both directions of a decrypted connection, until and after somebody claims them."""

    def __init__(self, link: Link, openers: tuple[Opener, ...]) -> None:
        self.client, self.server = PlainStream(), PlainStream()
        self._link = self.server.link = PlainLink(link, self.client, self.server)
        self._openers = openers
        self._held: dict[bool, tuple[bytes, Record]] = {}
        self._claimed = False
        self._over = False
        self.protocol: str | None = None
        """What is spoken inside, once it is known."""

    def deliver(self, data: bytes, record: Record, *, client: bool) -> None:
        """Take the plaintext of a record."""
        if not self._claimed and not self._over and data and not self._claim(data, record, client=client):
            return
        (self.client if client else self.server).deliver(data, len(data), record)

    def settled(self, *, client: bool) -> PlainStream | None:
        """Return who takes the plaintext of a direction from now on, if that is settled."""
        return (self.client if client else self.server) if self._claimed else None

    def gap(self, size: int, *, client: bool) -> None:
        """Learn that plaintext could not be read."""
        (self.client if client else self.server).gap(size)

    def end(self, how: End, *, client: bool) -> None:
        """Learn that a direction has ended."""
        stream = self.client if client else self.server
        sink, stream.sink, stream.link = stream.sink, None, None
        if sink is not None:
            sink.end(stream.offset, how)

    def _claim(self, data: bytes, record: Record, *, client: bool) -> bool:
        """Show the first bytes of a direction to the openers; False where they are held until more comes."""
        held = self._held.pop(client, None)
        if held is not None:
            first = held[1]
            data = held[0] + data
            record = Record(record.kind, first.start, record.end, first.began, record.done, record.header, record.body)
        more = False
        for opener in self._openers:
            claim = opener.sniff(self._link, data, 0, len(data))
            if claim is Claim.MORE:
                more = True
            elif claim is (Claim.REQUEST if client else Claim.RESPONSE):
                self.client.sink, self.server.sink = opener.open(self._link, self.client, self.server)
                self.client.need, self.server.need = self.client.offset, self.server.offset
                self._claimed = True
                self.protocol = opener.name
                break
        else:
            if more and len(data) < MOST_HELD:
                self._held[client] = data, record
                return False
            self._over = self._over or client
        if held is None:
            return True
        (self.client if client else self.server).deliver(data, len(data), record)
        return False
