"""Requests and responses of a connection that nobody can read, told by order, size and time of its records.

The client's application data asks, the server's answers, and the client's next asks again: HTTP/1.1 without pipelining. What only looks
like that is told apart: session tickets (`tickets`), alerts and KeyUpdate (too short for a message), 100 (Continue).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from analyzer.model.http import LONG_REQUEST_SEGMENTS, SHORT_REQUEST_BYTES, HttpExchange, Mark
from analyzer.model.seams import End, Link
from analyzer.tls._records import Record
from analyzer.tls.tickets import Asked, Early, Server, TicketBook, sure
from analyzer.units import MILLISECOND, DurationNs

ALERT_13: Final = 19
"""Bytes of a TLS 1.3 record with an alert: level, description, content type and tag (RFC 8446 section 5.2)."""
SHORTEST_START_13: Final = 32
"""No HTTP message begins in so short a record: a start line and the end of its head have 16 bytes, content type and tag 17."""
CONTINUE: Final = len(b"HTTP/1.1 100 Continue\r\n\r\n")
TAIL_WITHIN_NS: Final[DurationNs] = 10 * MILLISECOND
"""A record like an alert that comes later than this after the answer's last is one (close_notify of an idle connection)."""
MOST_EARLY: Final = 16
"""Records of a first answer that are kept until it is known which are tickets."""


class Desk(NamedTuple):
    """What the connections of a capture share."""

    number: Callable[[], int]
    done: Callable[[HttpExchange], None]
    tickets: TicketBook
    measures_only: bool = False
    """Whether the exchanges are only compared with the real ones: what is asked of the connection stays theirs."""


class Inferring:
    """The exchanges of one connection; each is handed to `desk.done` when nothing more can happen to it."""

    def __init__(self, link: Link, desk: Desk) -> None:
        self._link = link
        self._desk = desk
        self.is_13 = True
        """Whether alerts may look like application data; taken for granted where no handshake was captured."""
        self.overhead = 17
        """Bytes of a record beside its plaintext: explicit nonce or IV, padding, MAC or tag, content type."""
        self.is_multiplexed = False
        """Whether HTTP/2 is spoken, whose requests and answers nobody can tell from each other unread (RFC 9113 section 5)."""
        self.tickets_from: Server | None = None
        """The server whose tickets may come before its first answer; None where none may."""
        self.began: Mark | None = None
        """The client's first application data."""
        self._index = 0 if link.whole_start else 1
        self._exchange: HttpExchange | None = None
        self._previous_end: int | None = None
        self._records = 0
        """Records of the response under way."""
        self._early: list[Early] = []
        self._asked_tail: Record | None = None
        self._told_tail: Record | None = None
        """The last record, where it may be an alert."""
        self._blind = False
        """Whether requests may have been lost since the last one."""

    @property
    def waiting(self) -> bool:
        """Whether an exchange is under way."""
        return self._exchange is not None

    def under_way(self) -> list[HttpExchange]:
        """Return the exchange that was not handed over yet; see `model.http.Talk`."""
        return [self._exchange] if self._exchange is not None else []

    @property
    def over(self) -> HttpExchange | None:
        """The exchange under way, if an answer to it has begun: only what comes next tells that it is over."""
        exchange = self._exchange
        return exchange if exchange is not None and (exchange.response_start is not None or self._early) else None

    def settle(self) -> None:
        """Hand over the exchange under way, if an answer to it has begun, without waiting for what comes next."""
        if self._early:
            self._resolve(answered=False)
        if self._exchange is not None and self._exchange.response_start is not None:
            self._settle()

    def asked(self, record: Record) -> None:
        """Take application data of the client."""
        if self.is_multiplexed:
            return
        self._blind = False
        exchange = self._exchange
        if exchange is not None and self._early:
            first = exchange.request_start[0] if exchange.request_start is not None else 0
            if sure(self._early, exchange.request_offset, first, self._link.server_rtt_ns()) == len(self._early):
                self._learn(len(self._early))
            elif not self._may_be_alert(record):
                self._resolve(answered=True)
        if exchange is None or exchange.response_start is not None:
            if self.is_13 and record.size < SHORTEST_START_13:
                return
            if exchange is not None and self._is_interim(exchange):
                exchange.interim.append(100)
                exchange.head_end_ns = exchange.request_end[0] if exchange.request_end is not None else None
                exchange.body_start_ns = record.began[0]
                exchange.response_start = exchange.response_end = exchange.response_packet = None
                exchange.response_bytes = self._records = 0
                exchange.response_complete = False
                self._extend(exchange, record)
                return
            self._settle()
            self._begin(record)
        elif self._may_be_alert(record):
            self._asked_tail = record
        else:
            self._extend(exchange, record)

    def answered(self, record: Record) -> None:
        """Take application data of the server."""
        exchange = self._exchange
        if exchange is None:
            if self.tickets_from is not None and not self._index and not self._blind:
                self._desk.tickets.learn(self.tickets_from, record.size)
            return
        if self._blind:
            return
        if exchange.response_start is None and self.tickets_from is not None:
            self._early.append(Early(record, self._link.acknowledged_by_response(), self._link.packet_ttl))
            if len(self._early) >= MOST_EARLY:
                self._resolve(answered=False)
            return
        self._respond(exchange, record, self._link.packet_ttl)

    def lost(self, *, client: bool) -> None:
        """Learn that records could not be read: after lost requests an answer belongs to nothing that was seen."""
        if client:
            self._blind = True
            if self._early:
                self._resolve(answered=False)

    def ended(self, cut_request: Record | None, cut_response: Record | None, how: End) -> None:
        """Close what is under way when both directions have ended; the cut ones are records whose end is missing."""
        if self._early:
            self._resolve(answered=False)
        exchange = self._exchange
        if cut_request is not None and (exchange is None or exchange.response_start is not None) and not self._blind:
            self._settle()
            exchange = self._begin(cut_request)
            exchange.request_complete = False
        if exchange is None:
            return
        if how is not End.OPEN:
            self._told_tail = None
        if cut_response is not None and not self._blind:
            self._respond(exchange, cut_response, self._link.packet_ttl)
            exchange.response_complete = False
        self._settle()

    # Requests.

    def _begin(self, record: Record) -> HttpExchange:
        exchange = self._exchange = HttpExchange(self._desk.number(), self._link)
        exchange.evidence = "inferred"
        exchange.index, self._index = self._index, self._index + 1
        exchange.previous_end_ns = self._previous_end
        exchange.request_start = record.began
        if self.began is None:
            self.began = record.began
        exchange.request_offset = record.start
        exchange.request_complete = True
        self._records = 0
        self._extend(exchange, record)
        return exchange

    def _extend(self, exchange: HttpExchange, record: Record) -> None:
        if self._asked_tail is not None:
            exchange.request_bytes += self._content(self._asked_tail)
            self._asked_tail = None
        exchange.request_end = record.done
        exchange.request_packet = record.done[1]
        exchange.request_end_offset = record.end
        exchange.request_bytes += self._content(record)
        size = record.end - exchange.request_offset
        if size > SHORT_REQUEST_BYTES and not self._desk.measures_only and size > LONG_REQUEST_SEGMENTS * self._link.segment_bytes():
            self._link.watch_request_end(record.end)

    # Responses.

    def _resolve(self, *, answered: bool) -> None:
        """Decide which of the first records are tickets; the rest answers."""
        exchange, early = self._exchange, self._early
        if exchange is None or exchange.request_start is None:
            self._early = []
            return
        rtt = self._link.server_rtt_ns()
        told = len(early)
        while told and self.is_13 and early[told - 1].record.size < SHORTEST_START_13:
            told -= 1  # close_notify is no answer behind a ticket
        asked = Asked(self.tickets_from, early[:told], exchange.request_offset, exchange.request_start[0], rtt, answered)
        tickets = self._desk.tickets.count(asked)
        self._learn(tickets)
        self.tickets_from = None
        for record, _, ttl in early[tickets:]:
            self._respond(exchange, record, ttl)

    def _learn(self, tickets: int) -> None:
        for early in self._early[:tickets]:
            if self.tickets_from is not None:
                self._desk.tickets.learn(self.tickets_from, early.record.size)
        self._early = []

    def _respond(self, exchange: HttpExchange, record: Record, ttl: int) -> None:
        if exchange.response_start is None:
            if self.is_13 and record.size < SHORTEST_START_13:
                return
            tail, self._asked_tail = self._asked_tail, None
            if tail is not None and tail.done[0] <= record.began[0]:
                self._extend(exchange, tail)
            exchange.response_start = record.began
            exchange.response_offset = record.start
            exchange.response_ttl = ttl
            exchange.response_complete = True
            if exchange.request_bytes > SHORT_REQUEST_BYTES:
                exchange.request_acked_ns = self._link.request_acknowledged_ns(exchange.request_end_offset)
        elif self._may_be_alert(record):
            self._told_tail = record
            return
        else:
            self._fold(exchange)
        self._tell(exchange, record)

    def _tell(self, exchange: HttpExchange, record: Record) -> None:
        exchange.response_end = record.done
        exchange.response_packet = record.done[1]
        exchange.response_end_offset = record.end
        exchange.response_bytes += self._content(record)
        exchange.rtt_ns = self._link.server_rtt_ns()
        self._records += 1

    def _fold(self, exchange: HttpExchange) -> None:
        """Take the last record for a part of the answer, if it came right behind it."""
        tail, self._told_tail = self._told_tail, None
        end = exchange.response_end
        if tail is not None and end is not None and tail.began[0] - end[0] <= TAIL_WITHIN_NS:
            self._tell(exchange, tail)

    def _settle(self) -> None:
        """Hand over the exchange under way."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        link = self._link
        if self._told_tail is not None:
            self._fold(exchange)
        self._asked_tail = None
        end = exchange.response_end
        if end is not None:
            self._previous_end = end[0]
            exchange.received = link.response_received(exchange.response_end_offset, end[0])
        else:
            exchange.rtt_ns = link.server_rtt_ns()
        if end is None or link.troubled() or exchange.request_bytes > SHORT_REQUEST_BYTES:
            exchange.request_acknowledged = link.request_received(exchange.request_end_offset)
            exchange.request_repeats = link.request_repeats(exchange.request_offset, exchange.request_end_offset)
            if end is not None:
                exchange.response_repeats = link.response_repeats(exchange.response_offset, exchange.response_end_offset)
        else:
            exchange.troubled = False
        self._desk.done(exchange)

    # Sizes.

    def _content(self, record: Record) -> int:
        return max(0, record.size - self.overhead)

    def _may_be_alert(self, record: Record) -> bool:
        return self.is_13 and record.size == ALERT_13

    def _is_interim(self, exchange: HttpExchange) -> bool:
        return self._records == 1 and exchange.response_bytes == CONTINUE and len(exchange.interim) < 1
