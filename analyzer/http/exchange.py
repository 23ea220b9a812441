"""Requests and their responses on one connection (RFC 9110 section 3, RFC 9112 section 9.3.2): which answer belongs to which question."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, TypeAlias

from analyzer.http._heads import FRAMING, FieldReader
from analyzer.http._layouts import Layouts, RequestLayouts, ResponseLayouts
from analyzer.http.requests import Requests
from analyzer.http.responses import Responses
from analyzer.model.http import SHORT_REQUEST_BYTES, HttpExchange, Mark, RequestWindow, ResponseWindow
from analyzer.model.seams import ByteStream, Link, Sink
from analyzer.units import TimeNs

Tunnel: TypeAlias = Callable[[Link, ByteStream, ByteStream], tuple[Sink | None, Sink | None]]
"""Makes the readers of what client and server say through a tunnel."""
MOST_OUTSTANDING: Final = 1024
"""Unanswered requests that are remembered on one connection."""


class Wishes(NamedTuple):
    """What the describing stage wants to be shown."""

    request_fields: AbstractSet[bytes]
    response_fields: AbstractSet[bytes]
    presence: AbstractSet[bytes]
    request_window: RequestWindow
    response_window: ResponseWindow
    varying: AbstractSet[bytes] = frozenset()
    """Request fields that may differ between requests that are described alike."""

    def layouts(self) -> tuple[RequestLayouts, ResponseLayouts]:
        """Make what reads the heads of requests and of responses, for all connections."""
        requests = FieldReader(self.request_fields | FRAMING, self.presence)
        return Layouts(requests, self.varying), Layouts(FieldReader(self.response_fields | FRAMING, self.presence))


class Conversation:
    """The exchanges of one connection, in order; each is handed to `done` when nothing more can happen to it."""

    __deletable__ = ("requests", "responses")
    """What compiled code may delete."""

    def __init__(
        self,
        link: Link,
        client: ByteStream,
        server: ByteStream,
        wishes: Wishes,
        layouts: tuple[RequestLayouts, ResponseLayouts],
        number: Callable[[], int],
        done: Callable[[HttpExchange], None],
        tunnel: Tunnel | None = None,
    ) -> None:
        self.link = link
        self._tunnel = tunnel
        self._number = number
        self._done = done
        self._waiting: deque[HttpExchange] = deque()
        """Requests without a complete response, oldest first."""
        self._answered: HttpExchange | None = None
        """The last complete exchange, until it is known whether its answer was received."""
        self._index = 0 if link.whole_start else 1
        self._previous_end: TimeNs | None = None
        self._open_sides = 2
        self.requests = Requests(self, client, wishes, layouts[0])
        self.responses = Responses(self, server, wishes, layouts[1])

    def begin_request(self, offset: int, mark: Mark) -> HttpExchange:
        """Start an exchange with the first byte of its request."""
        if self.responses.reader.lost:
            self.responses.reader.close_lost()
        if self._answered is not None:
            self._settle()
        exchange = self._new()
        exchange.request_offset = exchange.request_end_offset = offset
        exchange.request_start = exchange.request_end = mark
        exchange.request_packet = mark[1]
        waiting = self._waiting
        if not waiting:
            exchange.previous_end_ns = self._previous_end
        waiting.append(exchange)
        if len(waiting) > MOST_OUTSTANDING:
            oldest = 1 if waiting[0] is self.responses.current else 0
            self._hand_over(waiting[oldest])
            del waiting[oldest]
        return exchange

    def begin_response(self, *, lost_before: bool) -> HttpExchange:
        """Return the exchange that a response beginning now belongs to: the oldest unanswered one that the server has begun to receive."""
        self._settle()
        waiting = self._waiting
        if not waiting:
            waiting.append(self._new())
        elif len(waiting) > 1:
            # With one request under way the client takes whatever comes for its answer; with several the
            # acknowledgment tells which are meant.
            seen = self.link.acknowledged_by_response()
            if waiting[0].request_start is not None and waiting[0].request_offset >= seen:
                waiting.appendleft(self._new())
            elif lost_before:
                # The answers to the older ones may be among what was lost; without pipelining the newest is the one.
                while len(waiting) > 1 and waiting[1].request_offset < seen:
                    self._hand_over(waiting.popleft())
        return waiting[0]

    def alone(self) -> HttpExchange | None:
        """Return the exchange that a response belongs to, where one alone waits and its request has ended; else None."""
        waiting = self._waiting
        return waiting[0] if len(waiting) == 1 and self._answered is None and waiting[0].request_complete else None

    def end_response(self, exchange: HttpExchange, end: Mark) -> None:
        """Take the exchange whose response has ended off the list."""
        waiting = self._waiting
        if waiting and waiting[0] is exchange:
            waiting.popleft()
        self._previous_end = end[0]
        if waiting:
            waiting[0].previous_end_ns = end[0]  # pipelined: later than its own start
        exchange.rtt_ns = self.link.server_rtt_ns()
        if self._answered is not None:
            self._settle(now=True)
        self._answered = exchange

    def tunnelled(self) -> None:
        """Let others read what follows: a tunnel was opened (RFC 9110 section 9.3.6)."""
        self.requests.reader.stop()
        if self._tunnel is not None:
            self.requests.reader.relay, self.responses.reader.relay = self._tunnel(self.link, self.requests.stream, self.responses.stream)

    def stopped(self) -> None:
        """Settle everything once both directions have ended."""
        self._open_sides -= 1
        if not self._open_sides:
            self._settle(now=True)
            while self._waiting:
                self._hand_over(self._waiting.popleft())
            # They know the conversation too, and nobody looks for cycles during a pass: a capture may hold millions of connections.
            del self.requests.reader, self.responses.reader, self.requests, self.responses

    def under_way(self) -> list[HttpExchange]:
        """Return the exchanges that were not handed over yet, oldest first; they may change until then."""
        return [*([self._answered] if self._answered is not None else ()), *self._waiting]

    @property
    def over(self) -> HttpExchange | None:
        """The exchange that is over, and handed over as soon as something else happens; None where there is none."""
        return self._answered

    def settle(self) -> None:
        """Hand over the exchange that is over, without waiting for what comes next."""
        self._settle()

    def _new(self) -> HttpExchange:
        exchange = HttpExchange(self._number(), self.link)
        exchange.index = self._index
        self._index += 1
        return exchange

    def _settle(self, *, now: bool = False) -> None:
        """Hand over the answered exchange, once its request has ended too, or `now`.

        Not before something else happens: only what came since tells whether the client got the answer.
        """
        exchange = self._answered
        if exchange is not None and (now or exchange is not self.requests.current):
            self._answered = None
            end = exchange.response_end
            if end is not None:
                exchange.received = self.link.response_received(exchange.response_end_offset, end[0])
            if self.link.troubled() or exchange.request_bytes > SHORT_REQUEST_BYTES or not exchange.request_complete:
                self._look_back(exchange)
            else:
                exchange.troubled = False
            self._done(exchange)

    def _hand_over(self, exchange: HttpExchange) -> None:
        """Hand over an exchange that got no answer, or not all of one."""
        exchange.rtt_ns = self.link.server_rtt_ns()
        self._look_back(exchange)
        self._done(exchange)

    def _look_back(self, exchange: HttpExchange) -> None:
        """Ask what became of the bytes of an exchange; of a short request that was answered without trouble that is known."""
        link = self.link
        if exchange.request_start is not None:
            exchange.request_acknowledged = link.request_received(exchange.request_end_offset)
            exchange.request_repeats = link.request_repeats(exchange.request_offset, exchange.request_end_offset)
        if exchange.response_start is not None:
            exchange.response_repeats = link.response_repeats(exchange.response_offset, exchange.response_end_offset)
