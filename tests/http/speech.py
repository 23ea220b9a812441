"""A scripted connection: what client and server say, byte by byte or with losses, and the exchanges that were read from it."""

from __future__ import annotations

from itertools import count
from typing import cast

from analyzer.http import Wishes
from analyzer.http.exchange import Conversation
from analyzer.model.http import HttpExchange, Mark, Request, Windows
from analyzer.model.seams import End, Link, Sink

REQUEST_FIELDS = frozenset({b"host", b"user-agent", b"x-amz-target"})
RESPONSE_FIELDS = frozenset({b"x-amzn-requestid"})
PRESENCE = frozenset({b"x-aws-ec2-metadata-token"})


class Speaker:
    """One direction: its offset, what its reader asked for, and the mark of the segment being delivered. Implements ByteStream."""

    def __init__(self) -> None:
        self.offset = 0
        self.need = 0
        self.sink: Sink | None = None
        self.now: Mark = (0, 0)
        self.first: Mark | None = None

    def first_seen(self, offset: int) -> Mark:
        return self.first if self.first is not None else self.now

    def complete(self, offset: int) -> Mark:
        return self.now


class Line:
    """A connection on which everything is scripted. Implements Link. One packet a call, one unit of time a packet."""

    connection_id = 7
    ports = (40000, 80)
    packet_ttl = 60

    def __init__(self, *, head: int = 0, tail: int = 0, body: int = 0, show_all: bool = False, whole_start: bool = True) -> None:
        self.whole_start = whole_start
        self.show_all = show_all
        self.acknowledged: int | None = None
        self.rtt: int | None = 1
        self.unreceived = self.unheard = False
        self.trouble = True
        self.repeated_up: list[int] = []
        self.repeated_down: list[int] = []
        self.acks: dict[int, int] = {}
        self.watched: list[int] = []
        self.up, self.down = Speaker(), Speaker()
        self.time = 0
        self.rows: list[HttpExchange] = []
        self.asked: list[tuple[str, bytes, dict[bytes, bytes]]] = []

        def request_window(method: str, target: bytes, fields: dict[bytes, bytes]) -> int:
            self.asked.append((method, target, fields))
            return body

        def response_window(request: Request, status: int, fields: dict[bytes, bytes]) -> Windows:
            return Windows(head, tail)

        wishes = Wishes(REQUEST_FIELDS, RESPONSE_FIELDS, PRESENCE, request_window, response_window)
        link, fields = cast("Link", self), wishes.layouts()
        conversation = Conversation(link, self.up, self.down, wishes, fields, count().__next__, self.rows.append)
        self.conversation = conversation
        self.up.sink, self.down.sink = conversation.requests.reader, conversation.responses.reader

    # What is said.

    def client(self, data: bytes, *, seen: Mark | None = None) -> Line:
        return self._say(self.up, data, seen)

    def server(self, data: bytes, *, seen: Mark | None = None) -> Line:
        return self._say(self.down, data, seen)

    def lose(self, side: str, size: int) -> Line:
        """Let bytes be missing from the capture."""
        speaker = self.up if side == "client" else self.down
        start, speaker.offset = speaker.offset, speaker.offset + size
        if speaker.sink is not None and (self.show_all or speaker.offset > speaker.need):
            start = start if self.show_all else max(start, speaker.need)
            speaker.need = speaker.sink.gap(start, speaker.offset - start)
        return self

    def close(self, how: End = End.FIN) -> list[HttpExchange]:
        """End both directions, the server's first; return the exchanges."""
        for speaker in (self.down, self.up):
            if speaker.sink is not None:
                speaker.sink.end(speaker.offset, how)
        return self.rows

    def _say(self, speaker: Speaker, data: bytes, seen: Mark | None) -> Line:
        self.time += 1
        speaker.now, speaker.first = (self.time, self.time), seen
        at, speaker.offset = speaker.offset, speaker.offset + len(data)
        hidden = 0 if self.show_all else max(0, speaker.need - at)
        if hidden < len(data) and speaker.sink is not None:
            # Neighbours of a segment in its block must never be read.
            block = b"GET /before HTTP/1.1\r\n\r\n" + data + b"\r\n\r\nHTTP/1.1 599 behind\r\n\r\n"
            start = 24 + hidden
            speaker.need = speaker.sink.feed(block, start, 24 + len(data), at + hidden)
        return self

    # What readers ask (Link).

    def server_rtt_ns(self) -> int | None:
        return self.rtt

    def segment_bytes(self) -> int:
        return 540

    def troubled(self) -> bool:
        return self.trouble

    def response_received(self, offset: int, time: int) -> bool:
        return not self.unreceived

    def acknowledged_by_response(self) -> int:
        return self.up.offset if self.acknowledged is None else self.acknowledged

    def watch_request_end(self, offset: int) -> None:
        self.watched.append(offset)

    def request_acknowledged_ns(self, offset: int) -> int | None:
        return self.acks.get(offset)

    def request_received(self, offset: int) -> bool | None:
        return not self.unheard

    def request_repeats(self, start: int, end: int) -> int:
        return sum(start <= at < end for at in self.repeated_up)

    def response_repeats(self, start: int, end: int) -> int:
        return sum(start <= at < end for at in self.repeated_down)

    def forget(self, client_offset: int, server_offset: int) -> None: ...


def brief(exchange: HttpExchange) -> tuple[object, ...]:
    """What does not depend on how the bytes were cut into segments."""
    request, response = exchange.request, exchange.response
    return (
        exchange.exchange_id, exchange.index,
        request, exchange.request_version, exchange.request_offset, exchange.request_end_offset,
        exchange.request_bytes, exchange.request_complete,
        response, exchange.response_offset, exchange.response_end_offset,
        exchange.response_bytes, exchange.response_complete,
        tuple(exchange.interim), exchange.closes,
    )  # fmt: skip


def ask(method: str = "GET", target: str = "/", *fields: str, body: bytes = b"") -> bytes:
    """Write a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: db.example", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(status: int = 200, *fields: str, body: bytes | None = b"") -> bytes:
    """Write a response with a Content-Length; without one where `body` is None."""
    lines = [f"HTTP/1.1 {status} Fine", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def chunked(*parts: bytes, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """Write a chunked body."""
    return b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts) + b"0\r\n" + trailers + b"\r\n"
