"""What happened in a phase of a call, in words: from its exchange, connection, lookups and handshake, with the causes of its length."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from analyzer import timers
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Span
from analyzer.report.sentences import plural
from analyzer.units import ConnectionId, DurationNs, TimeNs, bytes_, duration

CAUSES = {
    "address-fallback": "another address had been tried in vain before",
    "happy-eyeballs": "several addresses were tried at once",
    "syn-retransmitted": "the SYN was sent again",
    "expect-continue": "the client waited for 100 Continue",
    "delayed-ack": "small data was held back until a delayed ACK came (Nagle)",
    "head-of-line": "behind the answer to an earlier request on this connection",
    "query-repeated": "the query was sent again",
    "search-list": "names of the resolver's search list were tried",
    "request-repeated": "bytes of the request were lost and sent again",
    "response-hole": "bytes of the answer came late, after others",
    "zero-window": "the receiver's window was closed",
    "imds-version-1": "without a token (IMDSv1)",
}
"""Causes in words; one that is not named here is written as its code."""


class Words:
    """Tells what happened during the spans of some calls. Looks at their own rows only, not at the whole answer."""

    def __init__(self, analysis: Analysis, calls: Sequence[Call]) -> None:
        wanted = {number for call in calls for number in call.exchange_ids}
        found = [row for row in analysis.exchanges if row.exchange_id in wanted and row.request_start_ns is not None]
        self._exchanges: dict[ConnectionId, list[Exchange]] = {}
        for row in sorted(found, key=_begun):
            self._exchanges.setdefault(row.connection_id, []).append(row)
        used = {number for call in calls for number in call.connection_ids} | set(self._exchanges)
        used |= {call.connection_id for call in calls if call.connection_id is not None}
        self.connections: dict[ConnectionId, Connection] = {
            row.connection_id: row for row in analysis.connections if row.connection_id in used
        }
        self._lookups = [row for row in analysis.lookups if not used.isdisjoint(row.connection_ids)]
        self._handshakes = {row.connection_id: row for row in analysis.handshakes if row.connection_id in used}

    def exchange(self, span: Span) -> Exchange | None:
        """Return the exchange that a span is part of: the last on its connection that had begun when the span did."""
        rows = self._exchanges.get(span.connection_id, []) if span.connection_id is not None else []
        begun = bisect_right(rows, span.start_ns, key=_begun)
        return rows[begun - 1] if begun else None

    def evidences(self) -> set[str]:
        """Return how the exchanges of the calls are known."""
        return {row.evidence for rows in self._exchanges.values() for row in rows}

    def without_ids(self) -> bool:
        """Tell whether there are several exchanges, and none says which call it belongs to."""
        rows = [row for found in self._exchanges.values() for row in found]
        return len(rows) > 1 and all(row.invocation_id is None and row.operation is not None for row in rows)

    def tell(self, span: Span, phase: str, before: str | None, after: str | None) -> str:
        """Say what happened in a span of a phase, between the phases `before` and `after`."""
        under = self.connections.get(span.connection_id) if span.connection_id is not None else None
        exchange = self.exchange(span)
        tellers: dict[str, Callable[[], str]] = {
            "dns": lambda: self._dns(span),
            "connect": lambda: _connect(under),
            "tls": lambda: self._tls(span),
            "client": lambda: _client(before, after),
            "send": lambda: _send(exchange),
            "wait": lambda: _wait(exchange, span.end_ns),
            "receive": lambda: _receive(exchange, under),
            "backoff": lambda: f"pause before attempt {span.attempt}" if span.attempt is not None else "pause before the next attempt",
            "unexplained": lambda: "nothing that is known explains this time",
        }
        text = tellers[phase]() if phase in tellers else phase
        return text + causes(span)

    def ended(self, spans: Sequence[Span]) -> str:
        """Say why a failed attempt failed."""
        exchange = next((found for span in reversed(spans) if (found := self.exchange(span)) is not None), None)
        if exchange is None:
            under = next((row for span in spans if (row := self.connections.get(span.connection_id or 0)) is not None), None)
            return "no connection" if under is None or under.established_ns is None else "no request was sent"
        by = _closed(self.connections.get(exchange.connection_id), spans[-1].end_ns)
        if exchange.outcome == "no-response":
            return f"{asked(exchange)} got no answer{by}"
        if exchange.outcome == "undelivered":
            return f"the answer to {asked(exchange)} did not reach the client"
        if exchange.outcome == "cut":
            return f"the answer to {asked(exchange)}{f' ({exchange.status})' if exchange.status is not None else ''} broke off{by}"
        status = f"{exchange.status or ''} {exchange.error_type or ''}".strip()
        return f"{asked(exchange)} was answered {status}".rstrip()

    def _dns(self, span: Span) -> str:
        found = [row for row in self._lookups if span.connection_id in row.connection_ids and row.start_ns <= span.end_ns]
        found = [row for row in found if row.start_ns >= span.start_ns] or found
        if not found:
            return "name lookup"
        kinds = ", ".join(dict.fromkeys(row.type for row in found))
        tries = max(row.tries for row in found)
        again = f"; asked {tries} times" if tries > 1 else ""
        silent = "; no answer" if all(row.end_ns is None for row in found) else ""
        return f"asked {found[0].resolver} for {found[0].name} ({kinds}){again}{silent}"

    def _tls(self, span: Span) -> str:
        row = self._handshakes.get(span.connection_id) if span.connection_id is not None else None
        if row is None:
            return "TLS handshake"
        facts = [row.version or "", "" if row.resumed is None else "resumed" if row.resumed else "full"]
        if row.round_trips is not None:
            facts.append(plural(row.round_trips, "round trip"))
        listed = ", ".join(filter(None, facts))
        return f"TLS handshake ({listed})" if listed else "TLS handshake"


def _begun(exchange: Exchange) -> TimeNs:
    return exchange.request_start_ns or 0


def asked(exchange: Exchange) -> str:
    """Name a request: method and path."""
    return f"{exchange.method or 'the request'} {exchange.target or ''}".strip()


def causes(span: Span) -> str:
    """Name the causes of a span, and what limits what is known of it."""
    # That a handshake was full its own words say.
    told = [_in_words(cause) for cause in span.causes if cause != "full-handshake"]
    if span.shared:
        told.append("shared with other calls")
    if span.evidence == "inferred":
        told.append("inferred")
    return "".join(f"; {text}" for text in told)


def _in_words(cause: str) -> str:
    timer = timers.word(cause)
    return f"timer: {timer}" if timer is not None else CAUSES.get(cause, cause.replace("-", " "))


def _connect(under: Connection | None) -> str:
    if under is None:
        return "TCP handshake"
    text = f"TCP handshake with {under.server_address}:{under.server_port}"
    if under.established_ns is None:
        text = f"no answer to SYN from {under.server_address}:{under.server_port}"
    if under.syn_retransmissions:
        text += f", SYN sent {under.syn_retransmissions + 1} times"
    return text


CLOSED = {
    "client": "closed by the client",
    "server": "closed by the server",
    "client-reset": "reset by the client",
    "server-reset": "reset by the server",
    "middlebox-reset": "reset by something on the path",
}


def _closed(under: Connection | None, end: TimeNs) -> str:
    """Say how a connection ended, if that was before `end`."""
    if under is None or under.closed_ns is None or under.closed_ns > end or under.closed_by not in CLOSED:
        return ""
    return f", {CLOSED[under.closed_by]}"


def _client(before: str | None, after: str | None) -> str:
    text = "the program's own time"
    if before is not None and after is not None:
        return f"{text}, between {before} and {after}"
    return f"{text}, before {after}" if after is not None else text


def _send(exchange: Exchange | None) -> str:
    if exchange is None:
        return "request"
    again = f", {plural(exchange.request_repeats, 'segment')} of it sent again" if exchange.request_repeats else ""
    what = f"request {asked(exchange)}" if exchange.method is not None else "an encrypted request"
    return f"{what}, {bytes_(exchange.request_bytes)}{again}"


def _wait(exchange: Exchange | None, end: TimeNs) -> str:
    if exchange is None:
        return "until the first byte of the answer"
    first = exchange.response_start_ns
    if first is None or first > end:
        return "no answer came in this time"
    return "until the first byte of the answer" + (f" ({exchange.status})" if exchange.status is not None else "")


def _broken(exchange: Exchange, under: Connection | None) -> str:
    """Say why an answer that began did not end, which its outcome `cut` leaves open; nothing for one that did."""
    if exchange.outcome != "cut" or exchange.response_start_ns is None:
        return ""
    if under is None or under.closed_by not in CLOSED or under.closed_ns is None or under.closed_ns < exchange.response_start_ns:
        return ", and its end is not in the capture"
    return f", and broke off: the connection was {CLOSED[under.closed_by]}"


def _receive(exchange: Exchange | None, under: Connection | None = None) -> str:
    if exchange is None:
        return "answer"
    again = f", {plural(exchange.response_repeats, 'segment')} of it sent again" if exchange.response_repeats else ""
    return f"answer, {bytes_(exchange.response_bytes)}{again}{_broken(exchange, under)}"


WAITED = {
    "stall": "repairing losses before the server had the request",
    "network": "one round trip to the server and back",
    "server": "the service itself",
    "wait": "network and server cannot be told apart",
}


UNDER_WAY = "the request's last bytes were still under way until they were acknowledged; the shortest round trip took"
LONG_REQUEST_BYTES = 10 * 1200
"""From about here on a request fills more than ten segments (1200 bytes is a small MSS); of it the row keeps no count."""


def waited(kind: str, took: DurationNs, under: Connection | None, request_bytes: int = 0) -> str:
    """Say what a part of a wait is; `request_bytes` is the size of what was sent before it."""
    if kind == "network" and under is not None and under.min_rtt_ns is not None and took != under.min_rtt_ns:
        if until_acknowledged(took, request_bytes, under):
            return f"{UNDER_WAY} {duration(under.min_rtt_ns)}"
        return f"{WAITED[kind]}; the shortest seen took {duration(under.min_rtt_ns)}"
    return WAITED[kind]


def until_acknowledged(network_ns: DurationNs, request_bytes: int, under: Connection) -> bool:
    """Tell whether the network's part of a wait is that of a long request: not a round trip, but until the ACK of its last byte."""
    return request_bytes > LONG_REQUEST_BYTES and under.min_rtt_ns is not None and network_ns > under.min_rtt_ns
