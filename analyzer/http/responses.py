"""The server's side of a connection: what each response says, and when it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.http._heads import status_of
from analyzer.http._layouts import ResponseLayouts
from analyzer.http._usual import UsualResponses
from analyzer.http.framing import Framing, response_framing
from analyzer.http.message import MessageReader
from analyzer.http.side import Beginnings, Side
from analyzer.http.window import Window
from analyzer.model.http import SHORT_REQUEST_BYTES, HttpExchange, Mark, Response
from analyzer.model.seams import ByteStream

if TYPE_CHECKING:
    from analyzer.http.exchange import Conversation, Wishes

MOST_INTERIM: Final = 16
"""Interim responses that are remembered of one exchange."""


class Responses(Side):
    """The server's side. Implements `side.Side`."""

    __deletable__ = ("reader",)
    """What compiled code may delete."""

    def __init__(self, conversation: Conversation, stream: ByteStream, wishes: Wishes, layouts: ResponseLayouts) -> None:
        self.conversation = conversation
        self.link = conversation.link
        self.stream = stream
        self.wishes = wishes
        self._layouts = layouts
        self._beginnings = Beginnings(stream)
        self._began: Mark = (0, 0)
        self._ttl = 0
        self._offset = 0
        self._lost_before = False
        self.current: HttpExchange | None = None
        """The exchange whose final response is under way."""
        self.reader: MessageReader = UsualResponses(self, layouts)

    def noted(self, offset: int) -> None:
        """See `side.Side`."""
        self._beginnings.note(offset)

    def begins(self, offset: int, *, lost_before: bool) -> None:
        """Note when the first byte of a response came."""
        self._offset = offset
        self._began = self._beginnings.of(offset)
        self._ttl = self.link.packet_ttl
        self._lost_before = lost_before

    def head(self, lines: list[bytes], size: int, *, cut: bool) -> tuple[Framing, int, Window | None] | None:
        """Take a response's head; see `side.Side`."""
        status = status_of(lines[0])
        if status is None:
            return None
        conversation = self.conversation
        exchange = conversation.begin_response(lost_before=self._lost_before)
        if 100 <= status < 200 and status != 101:
            if len(exchange.interim) < MOST_INTERIM:
                exchange.interim.append(status)
            return (Framing.UNKNOWN if cut else Framing.NONE), 0, None
        self.current = exchange
        if exchange is conversation.requests.current:
            conversation.requests.reader.close_lost()
        fields = self._layouts.reader.read(lines[1:])
        if 200 <= status < 300 and status != 204 and not cut:
            self._layouts.learn(status, lines, fields)
        self.acknowledged(exchange)
        exchange.response = Response(status, fields, b"", b"", False)
        exchange.response_start = self._began
        exchange.response_ttl = self._ttl
        end = exchange.response_end = self.stream.complete(self._offset + size)
        exchange.response_packet = self._began[1] if cut else end[1]
        exchange.response_offset = self._offset
        exchange.response_end_offset = self._offset + size
        exchange.response_bytes = size
        if b"connection" in fields and b"close" in fields[b"connection"].lower():
            exchange.closes = "both" if exchange.closes else "server"
        if cut:
            return Framing.UNKNOWN, 0, None
        request = exchange.request
        framing, length = response_framing(status, request.method if request is not None else None, fields)
        if framing is Framing.TUNNEL:
            conversation.tunnelled()
        window = None
        if request is not None and framing is not Framing.NONE:
            windows = self.wishes.response_window(request, status, fields)
            if windows.head or windows.tail:
                window = Window(windows.head, windows.tail, gzip=b"gzip" in fields.get(b"content-encoding", b"").lower())
        return framing, length, window

    def ends(self, offset: int, size: int, window: Window | None, *, complete: bool, whole: bool, now: bool) -> None:
        """Note the end of a response."""
        exchange, self.current = self.current, None
        if exchange is None or exchange.response is None:
            return
        exchange.response_complete = complete
        exchange.response_bytes = size
        exchange.response_end_offset = offset
        if complete and now:
            mark = exchange.response_end = self.stream.complete(offset)
            if whole:
                exchange.response_packet = mark[1]
        if window is not None:
            response = exchange.response
            exchange.response = Response(response.status, response.fields, *window.result(complete))
        self.conversation.end_response(exchange, exchange.response_end or self._began)

    def acknowledged(self, exchange: HttpExchange) -> None:
        """Note when the last byte of a long request was acknowledged."""
        if exchange.request_complete and exchange.request_bytes > SHORT_REQUEST_BYTES:
            exchange.request_acked_ns = self.conversation.link.request_acknowledged_ns(exchange.request_end_offset)

    def touched(self, offset: int) -> None:
        """Note bytes of a response of unknown length."""
        if self.current is not None:
            self.current.response_end = self.stream.complete(offset)
            self.current.response_end_offset = offset

    def stopped(self) -> None:
        """No response follows."""
        self.conversation.stopped()
