"""Requests and their responses on one connection (RFC 9110 section 3, RFC 9112 section 9.3.2): which answer belongs to which question."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Set as AbstractSet
from typing import NamedTuple

from analyzer.http._heads import FRAMING, REQUEST_LINE, STATUS_LINE, content_length, fields_of, lines_of, looks_like_request, looks_like_response
from analyzer.http.message import Framing, MessageReader
from analyzer.http.window import Window
from analyzer.model.http import HttpExchange, Mark, Request, RequestWindow, Response, ResponseWindow
from analyzer.model.seams import ByteStream, End, Link
from analyzer.units import TimeNs

VERSIONS = {b"0": "1.0", b"1": "1.1"}
LONG_REQUEST_SEGMENTS = 10
"""A request of more segments than this queues on its way; the ACK of its last byte is timed."""
MOST_OUTSTANDING = 1024
"""Unanswered requests that are remembered on one connection."""


class Wishes(NamedTuple):
    """What the describing stage wants to be shown."""

    request_fields: AbstractSet[bytes]
    response_fields: AbstractSet[bytes]
    presence: AbstractSet[bytes]
    request_window: RequestWindow
    response_window: ResponseWindow


class Conversation:
    """The exchanges of one connection, in order; each is handed to `done` when nothing more can happen to it."""

    def __init__(
        self,
        link: Link,
        client: ByteStream,
        server: ByteStream,
        wishes: Wishes,
        number: Callable[[], int],
        done: Callable[[HttpExchange], None],
    ) -> None:
        self.link = link
        self._number = number
        self._done = done
        self._waiting: deque[HttpExchange] = deque()
        """Requests without a complete response, oldest first."""
        self._answered: HttpExchange | None = None
        """The last complete exchange, until it is known whether its answer was received."""
        self._index = 0 if link.whole_start else 1
        self._previous_end: TimeNs | None = None
        self._open_sides = 2
        self.requests = Requests(self, client, wishes)
        self.responses = Responses(self, server, wishes)

    def begin_request(self, offset: int, mark: Mark) -> HttpExchange:
        """Start an exchange with the first byte of its request."""
        self.responses.reader.close_lost()
        self._settle()
        exchange = self._new()
        exchange.request_offset = exchange.request_end_offset = offset
        exchange.request_start = exchange.request_end = mark
        exchange.request_packet = mark[1]
        if self._previous_end is not None and not self._waiting:
            exchange.previous_end_ns = self._previous_end
        self._waiting.append(exchange)
        if len(self._waiting) > MOST_OUTSTANDING:
            self._done(self._waiting.popleft())
        return exchange

    def begin_response(self, *, lost_before: bool) -> HttpExchange:
        """Return the exchange that a response beginning now belongs to: the oldest unanswered one that the server has begun to receive."""
        self._settle()
        seen = self.link.acknowledged_by_response()
        waiting = self._waiting
        known = [exchange for exchange in waiting if exchange.request_offset < seen] if len(waiting) != 1 else list(waiting)
        if not known:
            exchange = self._new()
            waiting.appendleft(exchange)
            return exchange
        if lost_before:
            # The answers to the older ones may be among what was lost; without pipelining the newest is the one.
            for exchange in known[:-1]:
                waiting.remove(exchange)
                self._done(exchange)
            return known[-1]
        return known[0]

    def end_response(self, exchange: HttpExchange, end: Mark) -> None:
        """Take the exchange whose response has ended off the list."""
        if exchange in self._waiting:
            self._waiting.remove(exchange)
        self._previous_end = end[0]
        exchange.rtt_ns = self.link.server_rtt_ns()
        self._settle()
        self._answered = exchange

    def stopped(self) -> None:
        """Settle everything once both directions have ended."""
        self._open_sides -= 1
        if not self._open_sides:
            self.flush()

    def flush(self) -> None:
        """Hand over what is left."""
        self._settle()
        while self._waiting:
            exchange = self._waiting.popleft()
            exchange.rtt_ns = self.link.server_rtt_ns()
            self._done(exchange)

    def _new(self) -> HttpExchange:
        exchange = HttpExchange(self._number(), self.link)
        exchange.index = self._index
        self._index += 1
        return exchange

    def _settle(self) -> None:
        exchange = self._answered
        if exchange is not None and (exchange.request_complete or not self._open_sides or exchange.request is None):
            self._answered = None
            end = exchange.response_end
            if end is not None:
                exchange.received = self.link.response_received(exchange.response_end_offset, end[0])
            self._done(exchange)


class Requests:
    """The client's side. Implements `message.Side`."""

    def __init__(self, conversation: Conversation, stream: ByteStream, wishes: Wishes) -> None:
        self._conversation = conversation
        self._stream = stream
        self._wishes = wishes
        self._wanted = wishes.request_fields | FRAMING
        self._current: HttpExchange | None = None
        self.reader = MessageReader(self, looks_like_request)

    def begins(self, offset: int) -> None:
        """Start an exchange."""
        self._current = self._conversation.begin_request(offset, self._stream.first_seen(offset))

    def head(self, head: bytes, size: int, *, cut: bool) -> tuple[Framing, int, Window | None] | None:
        """Take a request's head; see `message.Side`."""
        exchange = self._current
        lines = lines_of(head)
        match = REQUEST_LINE.match(lines[0])
        if exchange is None:
            return None
        mark = self._stream.complete(exchange.request_offset)
        exchange.request_end = mark
        exchange.request_bytes = size
        exchange.request_end_offset = exchange.request_offset + size
        if not cut:
            exchange.request_packet = mark[1]
        fields = fields_of(lines[1:], self._wanted, self._wishes.presence)
        if match is None:  # cut, or without a proper version: what there is of it
            method, _, target = lines[0].partition(b" ")
            name = method[:24].decode("ascii", "replace")
        else:
            method, target, minor = match.groups()
            name = method.decode("ascii")
            exchange.request_version = VERSIONS.get(minor)
        exchange.request = Request(name, target, fields, b"")
        if b"close" in fields.get(b"connection", b"").lower():
            exchange.closes = "client"
        if cut:
            return Framing.UNKNOWN, 0, None
        framing, length = _request_framing(fields)
        window = None
        if framing is not Framing.NONE:
            wanted = self._wishes.request_window(name, target, fields)
            if wanted:
                window = Window(wanted, 0)
        return framing, length, window

    def ends(self, offset: int, size: int, window: Window | None, *, complete: bool, whole: bool, now: bool) -> None:
        """Note the end of a request."""
        exchange, self._current = self._current, None
        if exchange is None:
            return
        exchange.request_complete = complete
        exchange.request_bytes = size
        exchange.request_end_offset = offset
        if complete and now:
            exchange.request_end = self._stream.complete(offset)
            if whole:
                exchange.request_packet = exchange.request_end[1]
        if window is not None and exchange.request is not None:
            exchange.request = exchange.request._replace(body=window.result(complete)[0])
        link = self._conversation.link
        if complete and size > LONG_REQUEST_SEGMENTS * link.segment_bytes():
            link.watch_request_end(offset)

    def touched(self, offset: int) -> None:
        """Note bytes of a request of unknown length."""
        if self._current is not None:
            self._current.request_end = self._stream.complete(offset)
            self._current.request_end_offset = offset

    def stopped(self, offset: int, how: End) -> None:
        """No request follows."""
        self._conversation.stopped()


class Responses:
    """The server's side. Implements `message.Side`."""

    def __init__(self, conversation: Conversation, stream: ByteStream, wishes: Wishes) -> None:
        self._conversation = conversation
        self._stream = stream
        self._wishes = wishes
        self._wanted = wishes.response_fields | FRAMING
        self._current: HttpExchange | None = None
        self._began: Mark = (0, 0)
        self._offset = 0
        self._interim = False
        self._lost_at = 0
        self.reader = MessageReader(self, looks_like_response)

    def begins(self, offset: int) -> None:
        """Note when the first byte of a response came."""
        self._offset = offset
        self._began = self._stream.first_seen(offset)

    def head(self, head: bytes, size: int, *, cut: bool) -> tuple[Framing, int, Window | None] | None:
        """Take a response's head; see `message.Side`."""
        lines = lines_of(head)
        match = STATUS_LINE.match(lines[0])
        if match is None:
            return None
        status = int(match[1])
        conversation = self._conversation
        exchange = self._current = conversation.begin_response(lost_before=self._lost_at != self._offset)
        fields = fields_of(lines[1:], self._wanted, self._wishes.presence)
        self._interim = 100 <= status < 200 and status != 101
        if self._interim:
            exchange.interim.append(status)
            return Framing.NONE, 0, None
        if exchange.request_acked_ns is None and exchange.request_complete:
            exchange.request_acked_ns = conversation.link.request_acknowledged_ns(exchange.request_end_offset)
        exchange.response = Response(status, fields, b"", b"", False)
        exchange.response_start = self._began
        exchange.response_end = self._stream.complete(self._offset + size)
        exchange.response_packet = self._began[1] if cut else exchange.response_end[1]
        exchange.response_offset = self._offset
        exchange.response_end_offset = self._offset + size
        exchange.response_bytes = size
        if b"close" in fields.get(b"connection", b"").lower():
            exchange.closes = "both" if exchange.closes else "server"
        if cut:
            return Framing.UNKNOWN, 0, None
        request = exchange.request
        framing, length = _response_framing(status, request.method if request is not None else None, fields)
        if framing is Framing.TUNNEL:
            conversation.requests.reader.stop()
        window = None
        if framing is not Framing.NONE and request is not None:
            windows = self._wishes.response_window(request, status, fields)
            if windows.head or windows.tail:
                window = Window(windows.head, windows.tail, gzip=b"gzip" in fields.get(b"content-encoding", b""))
        return framing, length, window

    def ends(self, offset: int, size: int, window: Window | None, *, complete: bool, whole: bool, now: bool) -> None:
        """Note the end of a response."""
        self._lost_at = offset
        exchange = self._current
        if exchange is None or self._interim:
            self._current = None
            return
        self._current = None
        exchange.response_complete = complete
        exchange.response_bytes = size
        exchange.response_end_offset = offset
        if complete and now:
            exchange.response_end = self._stream.complete(offset)
            if whole:
                exchange.response_packet = exchange.response_end[1]
        if window is not None and exchange.response is not None:
            first, last, whole = window.result(complete)
            exchange.response = exchange.response._replace(body_head=first, body_tail=last, body_complete=whole)
        self._conversation.end_response(exchange, exchange.response_end or self._began)

    def touched(self, offset: int) -> None:
        """Note bytes of a response of unknown length."""
        if self._current is not None:
            self._current.response_end = self._stream.complete(offset)
            self._current.response_end_offset = offset

    def stopped(self, offset: int, how: End) -> None:
        """No response follows."""
        self._conversation.stopped()


def _request_framing(fields: dict[bytes, bytes]) -> tuple[Framing, int]:
    """How the length of a request's content is known (RFC 9112 section 6.3, rules 3 to 7)."""
    if b"transfer-encoding" in fields:
        chunked = fields[b"transfer-encoding"].lower().rstrip().endswith(b"chunked")
        return (Framing.CHUNKED if chunked else Framing.UNKNOWN), 0
    length = fields.get(b"content-length")
    if length is None:
        return Framing.NONE, 0
    size = content_length(length)
    return (Framing.UNKNOWN, 0) if size is None else (Framing.LENGTH, size)


def _response_framing(status: int, method: str | None, fields: dict[bytes, bytes]) -> tuple[Framing, int]:
    """How the length of a response's content is known (RFC 9112 section 6.3, rules 1 to 8)."""
    if status == 101 or (method == "CONNECT" and 200 <= status < 300):
        return Framing.TUNNEL, 0
    if method == "HEAD" or status in (204, 304):
        return Framing.NONE, 0
    if b"transfer-encoding" in fields:
        chunked = fields[b"transfer-encoding"].lower().rstrip().endswith(b"chunked")
        return (Framing.CHUNKED if chunked else Framing.CLOSE), 0
    length = fields.get(b"content-length")
    if length is None:
        return Framing.CLOSE, 0
    size = content_length(length)
    return (Framing.CLOSE, 0) if size is None else (Framing.LENGTH, size)
