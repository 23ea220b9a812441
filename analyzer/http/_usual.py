"""The usual message, read in one go: a head of a known layout, whole in one segment, and content of a known length.

Whatever is not usual (a head in two segments, chunks, lost bytes, pipelining) is left to `MessageReader` before anything was changed:
without this file the answers are the same, and a test compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.http._layouts import RequestLayouts, ResponseLayouts
from analyzer.http.message import LENGTH, START, MessageReader
from analyzer.http.starts import looks_like_request, looks_like_response
from analyzer.http.window import Window
from analyzer.model.http import Request, Response

if TYPE_CHECKING:
    from analyzer.http.requests import Requests
    from analyzer.http.responses import Responses

WINDOW: Final = "window"
"""Where a layout's memory keeps how much of a request's content is to be looked at."""


class UsualRequests(MessageReader):
    """Reads the client's messages."""

    __slots__ = ("_due", "_layouts", "_requests", "_wanted")

    def __init__(self, requests: Requests, layouts: RequestLayouts) -> None:
        super().__init__(requests, looks_like_request)
        self._requests = requests
        self._layouts = layouts
        self._due = False
        """Whether nothing but the content of a usual request is due."""
        self._wanted = 0
        """How many bytes of it are to be looked at."""

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`."""
        if self._due:
            return self._content(data, start, end, offset)
        if self._state or self._open or self._held or self._lost:
            return super().feed(data, start, end, offset)
        fit = self._layouts.read(data, start, end)
        if fit is None:
            return super().feed(data, start, end, offset)
        layout, fields, content, due = fit
        if content + due < end:
            return super().feed(data, start, end, offset)
        requests, memory = self._requests, layout.memory
        stream = requests.stream
        exchange = requests.current = requests.conversation.begin_request(offset, stream.first_seen(offset))
        exchange.request_end = mark = stream.complete(offset)
        exchange.request_packet = mark[1]
        method, target, exchange.request_version = layout.lead
        exchange.request = tuple.__new__(Request, (method, target, fields, b"", memory))
        if b"connection" in fields and b"close" in fields[b"connection"].lower():
            exchange.closes = "client"
        size = exchange.request_bytes = content - start
        seen = exchange.request_end_offset = self._seen_to = offset + size
        self._begun = offset
        self._end = seen + due
        self._state = LENGTH
        self._due = self._open = self._whole = True
        wanted = None if memory is None else memory.get(WINDOW)
        if wanted is None:
            wanted = requests.wishes.request_window(method, target, fields)
            if memory is not None:
                memory[WINDOW] = wanted
        wanted = self._wanted = min(wanted, due)
        if content < end:
            return self._content(data, content, end, seen)
        return seen if wanted else self._end - 1

    def gap(self, offset: int, length: int) -> int:
        """Carry on over lost bytes; see `model.seams.Sink`."""
        self._hand_over()
        return super().gap(offset, length)

    def _content(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read content: usually all of it, or its last byte."""
        wanted, stop = self._wanted, self._end
        exchange = self._requests.current
        if offset + end - start != stop or (wanted and offset != self._seen_to) or exchange is None or exchange.request is None:
            self._hand_over()
            return super().feed(data, start, end, offset)
        self._due = self._open = False
        self._state = START
        if wanted:
            method, target, fields, _, memory = exchange.request
            exchange.request = tuple.__new__(Request, (method, target, fields, data[start : start + wanted], memory))
        self._requests.completed(exchange, stop, stop - self._begun)
        return stop

    def _hand_over(self) -> None:
        """Let the general reader go on with content that comes in pieces."""
        if self._due:
            self._due = False
            if self._wanted:
                self._window = Window(self._wanted, 0)


class UsualResponses(MessageReader):
    """Reads the server's messages."""

    __slots__ = ("_layouts", "_responses")

    def __init__(self, responses: Responses, layouts: ResponseLayouts) -> None:
        super().__init__(responses, looks_like_response)
        self._responses = responses
        self._layouts = layouts

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`."""
        if self._state or self._open or self._held or self._lost:
            return super().feed(data, start, end, offset)
        fit = self._layouts.read(data, start, end)
        responses = self._responses
        exchange = responses.conversation.alone()
        if fit is None or exchange is None:
            return super().feed(data, start, end, offset)
        layout, fields, content, due = fit
        request = exchange.request
        over = content + due - end
        if over < 0 or request is None or request.method == "HEAD" or request.method == "CONNECT":
            return super().feed(data, start, end, offset)
        status = layout.lead
        head, tail = responses.wishes.response_window(request, status, fields)
        stream = responses.stream
        exchange.response_start = stream.first_seen(offset)
        exchange.response_end = mark = stream.complete(offset)
        exchange.response_packet = mark[1]
        exchange.response_ttl = responses.link.packet_ttl
        exchange.response_offset = offset
        if b"connection" in fields and b"close" in fields[b"connection"].lower():
            exchange.closes = "both" if exchange.closes else "server"
        responses.acknowledged(exchange)
        size = content - start
        if over:
            responses.current = exchange
            exchange.response = tuple.__new__(Response, (status, fields, b"", b"", False))
            exchange.response_bytes = size
            exchange.response_end_offset = self._seen_to = offset + size
            self._begun = offset
            self._end = offset + size + due
            self._state = LENGTH
            self._open = self._whole = True
            seen = offset + end - start
            if head or tail:
                window = self._window = Window(head, tail)
                window.feed(data[content:end])
                self._seen_to = seen
            return self._need(seen)
        last = data[max(content, end - tail) : end] if tail else b""
        exchange.response = tuple.__new__(Response, (status, fields, data[content : min(content + head, end)], last, due <= head))
        exchange.response_bytes = size + due
        stop = exchange.response_end_offset = offset + size + due
        exchange.response_complete = True
        responses.conversation.end_response(exchange, mark)
        return stop
