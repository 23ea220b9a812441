"""The client's side of a connection: what each request says, and when it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.http._heads import request_line
from analyzer.http._layouts import RequestLayouts
from analyzer.http._usual import UsualRequests
from analyzer.http.framing import Framing, request_framing
from analyzer.http.message import MessageReader
from analyzer.http.side import Beginnings, Side
from analyzer.http.window import FirstByte, Window
from analyzer.model.http import LONG_REQUEST_SEGMENTS, SHORT_REQUEST_BYTES, HttpExchange, Request
from analyzer.model.seams import ByteStream

if TYPE_CHECKING:
    from analyzer.http.exchange import Conversation, Wishes


class Requests(Side):
    """The client's side. Implements `side.Side`."""

    __deletable__ = ("reader",)
    """What compiled code may delete."""

    def __init__(self, conversation: Conversation, stream: ByteStream, wishes: Wishes, layouts: RequestLayouts) -> None:
        self.conversation = conversation
        self.stream = stream
        self.wishes = wishes
        self._layouts = layouts
        self._beginnings = Beginnings(stream)
        self.current: HttpExchange | None = None
        """The exchange whose request is under way."""
        self.reader: MessageReader = UsualRequests(self, layouts)

    def noted(self, offset: int) -> None:
        """See `side.Side`."""
        self._beginnings.note(offset)

    def begins(self, offset: int, *, lost_before: bool) -> None:
        """Start an exchange."""
        mark = self._beginnings.of(offset)
        self.current = self.conversation.begin_request(offset, mark)

    def head(self, lines: list[bytes], size: int, *, cut: bool) -> tuple[Framing, int, Window | None] | None:
        """Take a request's head; see `side.Side`."""
        exchange = self.current
        if exchange is None:
            return None
        method, target, version = request_line(lines[0])
        fields = self._layouts.reader.read(lines[1:])
        if version is not None and not cut:
            self._layouts.learn((method, target, version), lines, fields)
        mark = self.stream.complete(exchange.request_offset + size)
        exchange.request_end = mark
        exchange.request_bytes = size
        exchange.request_end_offset = exchange.request_offset + size
        exchange.request_version = version
        exchange.request = Request(method, target, fields, b"")
        if b"connection" in fields and b"close" in fields[b"connection"].lower():
            exchange.closes = "client"
        if cut:
            return Framing.UNKNOWN, 0, None
        exchange.request_packet = mark[1]
        framing, length = request_framing(fields)
        window: Window | None = None
        if framing is not Framing.NONE:
            wanted = self.wishes.request_window(method, target, fields)
            if b"100-continue" in fields.get(b"expect", b"").lower():
                exchange.head_end_ns = mark[0]
                window = FirstByte(wanted, self._body_begins)
            elif wanted:
                window = Window(wanted, 0)
        return framing, length, window

    def _body_begins(self) -> None:
        """Note when the client stopped waiting for 100 (Continue), whether that came or not (RFC 9110 section 10.1.1)."""
        if self.current is not None:
            self.current.body_start_ns = self.stream.first_seen(0)[0]

    def ends(self, offset: int, size: int, window: Window | None, *, complete: bool, whole: bool, now: bool) -> None:
        """Note the end of a request."""
        exchange, self.current = self.current, None
        if exchange is None:
            return
        exchange.request_complete = complete
        exchange.request_bytes = size
        exchange.request_end_offset = offset
        if complete:
            if now:
                mark = exchange.request_end = self.stream.complete(offset)
                if whole:
                    exchange.request_packet = mark[1]
        elif exchange.head_end_ns is not None and exchange.body_start_ns is None:
            pass  # the answer came in place of 100 (Continue): the head was all
        elif exchange.response_start is not None and exchange.request_end is not None:
            # Answered before it had ended, and never ended: it was still under way when the answer came.
            exchange.request_end = max(exchange.request_end, exchange.response_start)
        request = exchange.request
        if window is not None and request is not None:
            exchange.request = Request(request.method, request.target, request.fields, window.result(complete)[0])
        if complete:
            self.watch(offset, size)

    def completed(self, exchange: HttpExchange, offset: int, size: int) -> None:
        """Note that a whole request was read to its end, with the bytes being delivered."""
        self.current = None
        exchange.request_end = mark = self.stream.complete(offset)
        exchange.request_packet = mark[1]
        exchange.request_complete = True
        exchange.request_bytes = size
        exchange.request_end_offset = offset
        if size > SHORT_REQUEST_BYTES:
            self.watch(offset, size)

    def watch(self, offset: int, size: int) -> None:
        """Have the ACK of a long request's last byte timed."""
        link = self.conversation.link
        if size > LONG_REQUEST_SEGMENTS * link.segment_bytes():
            link.watch_request_end(offset)

    def touched(self, offset: int) -> None:
        """Note bytes of a request of unknown length."""
        if self.current is not None:
            self.current.request_end = self.stream.complete(offset)
            self.current.request_end_offset = offset

    def stopped(self) -> None:
        """No request follows."""
        self.conversation.stopped()
