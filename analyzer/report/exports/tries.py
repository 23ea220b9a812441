"""Calls as the requests they made: what HAR calls an entry, OpenTelemetry an HTTP span.

A try is one request of a call, or a connection of it that never came to one, with the spans of the ledger that led to it. A call's spans
are contiguous and each belongs to exactly one try, so that the tries of a call add up to its duration to the nanosecond.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from operator import attrgetter, itemgetter
from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Span
from analyzer.model.timing import Timing, timing
from analyzer.report.ledger import PHASES as LEDGER
from analyzer.units import ConnectionId, DurationNs, PacketId, TimeNs

GAPS = frozenset({"credentials", "backoff", "client", "unexplained"})
"""Phases that happen between requests, or before the first."""
SET_UP = frozenset({"dns", "connect", "tls"})
PHASES = tuple(name for name in LEDGER if name not in ("stall", "network", "server"))
"""Phases that spans have."""


def doing(span: Span) -> str:
    """Return what was being done in a span: of a failed attempt its inner phase."""
    return span.inner_phase or "unexplained" if span.phase == "failed" else span.phase


class Try(NamedTuple):
    """One request of a call, or one connection that never came to a request."""

    call: Call
    attempt: int | None
    exchange: Exchange | None
    connection: Connection | None
    """Where it happened; None where no row tells."""
    spans: tuple[Span, ...]
    """Contiguous; first what the call did before (credentials, back-off, the program's own time)."""

    @property
    def start_ns(self) -> TimeNs:
        """Where its share of the call's time begins: at the end of the try before."""
        return self.spans[0].start_ns

    @property
    def duration_ns(self) -> DurationNs:
        """Its share of the call's time."""
        return self.spans[-1].end_ns - self.spans[0].start_ns

    @property
    def own(self) -> tuple[Span, ...]:
        """The spans from the first to the last in which something of it was on the wire."""
        busy = [index for index, span in enumerate(self.spans) if doing(span) not in GAPS]
        return self.spans[busy[0] : busy[-1] + 1] if busy else ()

    @property
    def around(self) -> tuple[Span, ...]:
        """The spans before and after: the call's time, not the request's."""
        busy = [index for index, span in enumerate(self.spans) if doing(span) not in GAPS]
        return self.spans[: busy[0]] + self.spans[busy[-1] + 1 :] if busy else self.spans

    @property
    def failed(self) -> bool:
        """Whether another try followed because of it."""
        return any(span.phase == "failed" for span in self.spans)

    def spent(self) -> dict[str, DurationNs]:
        """Return the time in each phase of the ledger, those without time left out."""
        sums = dict.fromkeys(PHASES, 0)
        for span in self.spans:
            sums[span.phase] = sums.get(span.phase, 0) + span.end_ns - span.start_ns
        return {phase: took for phase, took in sums.items() if took}

    def causes(self) -> tuple[str, ...]:
        """Return why its phases were long, each cause once."""
        return tuple(dict.fromkeys(cause for span in self.spans for cause in span.causes))


class Lone(NamedTuple):
    """A request whose time is in no call: of no AWS service, only partly captured, or beside what its call waited for."""

    exchange: Exchange
    connection: Connection
    parts: Timing
    beside: Call | None = None
    """The call beside whose critical path it ran: one of its attempts, of which the ledger holds nothing."""


class Rows:
    """The rows of an answer by what they belong to. Holds references only: the rows are those of the tables."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.connections: Mapping[ConnectionId, Connection] = {row.connection_id: row for row in analysis.connections}
        self.exchanges: Mapping[int, Exchange] = {row.exchange_id: row for row in analysis.exchanges}
        self.spans: dict[int, list[Span]] = {}
        for span in analysis.spans:
            self.spans.setdefault(span.call_id, []).append(span)

    def calls(self) -> list[Call]:
        """Return the calls by their start."""
        return sorted(self.analysis.calls, key=attrgetter("start_ns", "call_id"))

    def tries(self, call: Call) -> list[Try]:
        """Return the tries of a call, in order of time; one without spans has none."""
        spans = sorted(self.spans.get(call.call_id, ()), key=attrgetter("start_ns", "span_id"))
        asked = [self.exchanges[number] for number in call.exchange_ids if number in self.exchanges]
        return [self._try(call, *group) for group in _groups(spans, asked)]

    def _try(self, call: Call, spans: list[Span], exchange: Exchange | None) -> Try:
        own = [span for span in spans if doing(span) not in GAPS]
        number = next((span.connection_id for span in reversed(own) if span.connection_id is not None), call.connection_id)
        attempt = next((span.attempt for span in own if span.attempt is not None), None)
        if exchange is not None:
            number = exchange.connection_id
        return Try(call, attempt, exchange, self.connections.get(number) if number is not None else None, tuple(spans))

    def beside(self, call: Call, tries: Iterable[Try]) -> Iterator[Lone]:
        """Yield the requests of a call that ran wholly beside others of it, so that none of its spans is theirs."""
        shown = {one.exchange.exchange_id for one in tries if one.exchange is not None}
        for number in call.exchange_ids:
            row = self.exchanges.get(number)
            under = self.connections.get(row.connection_id) if row is not None else None
            if row is not None and under is not None and number not in shown and (parts := request_times(row, under)) is not None:
                yield Lone(row, under, parts, call)

    def lone(self) -> Iterator[Lone]:
        """Yield the requests that no call holds, by their start; copies of others (NAT) are left out, as what has no time at all."""
        held = {number for call in self.analysis.calls for number in call.exchange_ids}
        found = []
        for row in self.analysis.exchanges:
            under = self.connections.get(row.connection_id)
            if row.exchange_id in held or row.copy_of is not None or under is None or under.copy_of is not None:
                continue
            parts = timing(row, under) or _answer_only(row)
            if parts is not None:
                found.append(Lone(row, under, parts))
        yield from sorted(found, key=lambda one: (one.parts.start_ns, one.exchange.exchange_id))

    def in_order(self) -> Iterator[Try | Lone]:
        """Yield all tries and all lone requests by their start; only those of calls that overlap are held at a time."""
        waiting: list[tuple[TimeNs, int, Try | Lone]] = []
        number = 0
        lone = self.lone()
        following = next(lone, None)

        def before(limit: TimeNs | None) -> Iterator[Try | Lone]:
            nonlocal following, number
            while following is not None and (limit is None or following.parts.start_ns <= limit):
                heappush(waiting, (following.parts.start_ns, number, following))
                number += 1
                following = next(lone, None)
            while waiting and (limit is None or waiting[0][0] <= limit):
                yield heappop(waiting)[2]

        for call in self.calls():
            yield from before(call.start_ns)
            tries = self.tries(call)
            for one in tries:
                heappush(waiting, (one.start_ns, number, one))
                number += 1
            for other in self.beside(call, tries):
                heappush(waiting, (max(other.parts.start_ns, call.start_ns), number, other))
                number += 1
        yield from before(None)


def request_times(row: Exchange, under: Connection) -> Timing | None:
    """Return the times of a request without the set-up of its connection; of one that was not captured those of its answer, else None."""
    parts = timing(row, under)
    if parts is None:
        return _answer_only(row)
    before = (parts.connect_ns or 0) + (parts.client_ns or 0)
    return parts._replace(start_ns=parts.start_ns + before, total_ns=parts.total_ns - before, connect_ns=None, client_ns=None)


def _answer_only(row: Exchange) -> Timing | None:
    """Return the time of an exchange whose request was not captured: its answer."""
    first, end = row.response_start_ns, row.response_end_ns
    if first is None or row.request_start_ns is not None:
        return None
    took = max(0, end - first) if end is not None else 0
    return Timing(first, took, None, None, 0, 0, None, None, None, took)


class _Asked:
    """Finds the request that a span sends."""

    def __init__(self, rows: Iterable[Exchange]) -> None:
        self._by_packet: dict[tuple[ConnectionId, PacketId | None], list[Exchange]] = {}
        self._by_time: dict[ConnectionId, list[tuple[TimeNs, int, Exchange]]] = {}
        for row in rows:
            if row.request_start_ns is not None:
                self._by_packet.setdefault((row.connection_id, row.first_packet_id), []).append(row)
                self._by_time.setdefault(row.connection_id, []).append((row.request_start_ns, row.exchange_id, row))
        for times in self._by_time.values():
            times.sort()

    def sent_by(self, span: Span) -> Exchange | None:
        """Return the exchange whose first byte is in the span's first packet, else the last that had begun on its connection."""
        if span.connection_id is None:
            return None
        exact = self._by_packet.get((span.connection_id, span.first_packet_id), ())
        if len(exact) == 1:
            return exact[0]
        times = self._by_time.get(span.connection_id, [])
        at = bisect_right(times, span.start_ns, key=itemgetter(0))
        return times[max(at - 1, 0)][2] if times else None


def _groups(spans: Iterable[Span], rows: Iterable[Exchange]) -> Iterator[tuple[list[Span], Exchange | None]]:
    """Split a call's spans where a new request, or a new attempt, begins; what lies between goes with the one after it."""
    asked = _Asked(rows)
    held: list[Span] = []
    gaps: list[Span] = []
    exchange: Exchange | None = None
    begun = sent = False
    attempt: int | None = None
    for span in spans:
        what = doing(span)
        if what in GAPS:
            gaps.append(span)
            continue
        request = asked.sent_by(span) if what == "send" else None
        other = request is not None and exchange is not None and request.exchange_id != exchange.exchange_id
        if begun and (span.attempt != attempt or (sent and what in SET_UP) or other):
            yield held, exchange
            held, exchange, sent = [], None, False
        held += gaps
        held.append(span)
        gaps = []
        begun, attempt = True, span.attempt
        sent = sent or what not in SET_UP
        exchange = request or exchange
    held += gaps
    if held:
        yield held, exchange
