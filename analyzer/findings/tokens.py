"""Token requests whose answer never reached the client, and what the capture shows of where it was lost (IMDSv2).

An instance's `HttpPutResponseHopLimit` is the IP TTL of the answer to `PUT /latest/api/token`; all else comes with an ordinary TTL. Each
router between IMDS and the client takes one off (RFC 791 section 3.2), and the one that would make it zero drops the answer and sends ICMP
time exceeded to IMDS, not to the client.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from analyzer.findings.imds import GIVEN_UP_NS, Dialogue
from analyzer.findings.view import View
from analyzer.model.rows import Anomaly, Connection, Exchange
from analyzer.units import MILLISECOND, SECOND, ConnectionId, DurationNs, PacketId, TimeNs

INITIAL_TTLS = frozenset({64, 128, 255})
"""What systems send with: a packet that still has one of these has passed no router."""
MOST_HOPS = 8
"""A TTL up to this was set low on purpose: the next usual one is 64, and no packet within one data centre passes 56 routers."""
SILENT_NS: DurationNs = SECOND
"""A request that nobody closed or followed counts as unanswered after this, the usual response time-out of SDKs."""

SAME_REQUEST_NS: DurationNs = 100 * MILLISECOND
"""Two views of one request begin within this time, after their clocks were aligned; a client gives up later."""

DROPPED, LAST_HOP, LOW, ACKNOWLEDGED, SILENT, FILTERED = "dropped", "last-hop", "low", "acknowledged", "silent", "filtered"
PROVEN = frozenset({DROPPED, LAST_HOP})


class Lost(NamedTuple):
    """A token request that was given up without an answer, though IMDS may have sent one."""

    dialogue: Dialogue
    exchange: Exchange
    begin_ns: TimeNs
    gave_up_ns: TimeNs
    end_ns: TimeNs
    """When the client went on with something else, or the end of the dialogue."""
    known_end: bool
    """Whether it was seen to be given up, not only to stay unanswered."""
    how: str
    """What was seen: dropped (ICMP time exceeded quotes the answer), last-hop (the answer with TTL 1), low (with another low TTL),
    acknowledged (the request, and nothing more), silent (not even that), filtered (the request itself did not get as far as a translated
    copy of its connection did: the hop limit is not the cause)."""
    ttl: int | None
    """Of the answer, where one was seen."""
    hop_limit: int | None
    """The hop limit itself, where the answer was seen before any router."""
    proof: tuple[PacketId, ...]
    connections: tuple[ConnectionId, ...]
    """Where the proof lies: its own connection, or translated copies of it."""
    dropped: tuple[Anomaly, ...]
    """ICMP errors about the answer."""
    seen_id: PacketId | None
    """A packet of the answer, or of an ICMP error about it, where one was seen."""

    @property
    def waited_ns(self) -> DurationNs:
        """How long the client waited for the answer."""
        return self.gave_up_ns - (self.exchange.request_start_ns or self.begin_ns)


def is_late(dialogue: Dialogue, exchange: Exchange) -> bool:
    """Tell whether an answer came, but only after the client had stopped waiting for it: then it gets through, and is slow."""
    if exchange.response_start_ns is None or exchange.outcome != "undelivered":
        return False
    over = dialogue.given_up(exchange)
    return over is not None and exchange.response_start_ns >= over[0]


def arrived(dialogue: Dialogue, exchange: Exchange) -> bool:
    """Tell whether the answer to a token request got to the client, in time or not."""
    return exchange.outcome in ("ok", "error") or is_late(dialogue, exchange)


def lost(view: View, group: Sequence[Dialogue]) -> list[Lost]:
    """Return the token requests of a client whose answer died on its way; not those that IMDS itself left unanswered.

    Where answers to tokens do get to this client, only what is proven counts: behind one translated address there may be clients that are
    near enough, and others.
    """
    found = [one for dialogue in group for one in _lost(view, dialogue)]
    if any(arrived(dialogue, row) for dialogue in group for row in dialogue.tokens()):
        return [one for one in found if one.how in PROVEN or one.how == FILTERED]
    return found


def _lost(view: View, dialogue: Dialogue) -> Iterator[Lost]:
    told: dict[int, tuple[Anomaly, ...]] = {}
    for exchange in dialogue.tokens():
        if exchange.outcome not in ("no-response", "undelivered") or exchange.request_start_ns is None:
            continue
        found = _trace(view, dialogue, exchange, exchange.request_start_ns, told)
        if found is not None:
            yield found


def _trace(view: View, dialogue: Dialogue, exchange: Exchange, asked: TimeNs, told: dict[int, tuple[Anomaly, ...]]) -> Lost | None:
    """Find out what was seen of an answer; `told` keeps what ICMP said of each connection."""
    under = dialogue.under(exchange)
    if under is None:
        return None
    over = dialogue.given_up(exchange)
    known = over is not None
    if over is None:
        end = max(under.last_ns, dialogue.call.end_ns, view.analysis.capture.last_ns or 0)
        over = (end, min(end, max(dialogue.call.end_ns, asked)))
    if over[0] - asked < (GIVEN_UP_NS if known else SILENT_NS):
        return None
    seen = [(under, exchange), *_copies(view, exchange)]
    if any(row.outcome in ("ok", "error") for _, row in seen):
        return None
    if under.connection_id not in told:
        told[under.connection_id] = tuple(
            row for one, _ in seen for row in view.anomalies_on.get(one.connection_id, ()) if _is_about_answer(row, one)
        )
    errors = told[under.connection_id]
    answers = [(one, row) for one, row in seen if row.status is not None and row.outcome == "undelivered"]
    low = [(one, row) for one, row in answers if row.response_ttl is not None and row.response_ttl <= MOST_HOPS]
    if not errors and is_late(dialogue, exchange):
        return None
    ttl = min((row.response_ttl for _, row in low if row.response_ttl is not None), default=None)
    shown = low or answers
    if errors:
        how = DROPPED
    elif answers:
        if ttl is None or not (ttl == 1 or any(one.server_ttl is not None and one.server_ttl > MOST_HOPS for one, _ in low)):
            return None  # with a TTL like everything else it was lost for another reason
        how = LAST_HOP if ttl == 1 else LOW
    elif (beyond := _not_passed_on(view, dialogue, exchange)) is not None:
        how = FILTERED
        seen = [*seen, (beyond, exchange)]
    elif any(one.server_ttl in INITIAL_TTLS and row.request_end_ns is not None for one, row in seen[1:]):
        return None  # the request got as far as IMDS, and no answer was sent there
    elif (_works(under) or exchange.request_acknowledged) and under.server_ttl not in INITIAL_TTLS:
        how = ACKNOWLEDGED if exchange.request_acknowledged else SILENT
    else:
        return None  # next to IMDS and no answer there: it sent none
    limits = {row.response_ttl for one, row in low if one.server_ttl in INITIAL_TTLS}
    return Lost(
        dialogue,
        exchange,
        dialogue.begin(exchange),
        over[0],
        over[1],
        known,
        how,
        ttl,
        max((limit for limit in limits if limit is not None), default=None),
        _proof(exchange, seen[-1][0] if how == FILTERED else under, shown, errors, asked_too=len(view.analysis.capture.files) > 1),
        tuple(dict.fromkeys(one.connection_id for one, _ in (shown or (seen if how == FILTERED else seen[:1])))),
        errors,
        next((row.response_packet_id for _, row in shown), next((row.packet_id for row in errors), None)),
    )


def _copies(view: View, exchange: Exchange) -> list[tuple[Connection, Exchange]]:
    """Return the same request as other views of its connection show it: nearer to IMDS more may be seen of its answer."""
    found = []
    whole = view.connections[exchange.connection_id].syn_ns is not None
    for copy, rows in view.seen_again.get(exchange.connection_id, ()):
        if whole == (copy.syn_ns is not None):
            at = bisect_left(rows, exchange.index_on_connection, key=lambda row: row.index_on_connection)
        else:  # they count from different requests
            at = bisect_left(rows, (exchange.request_start_ns or 0) - SAME_REQUEST_NS, key=lambda row: row.request_start_ns or 0)
        if at < len(rows) and rows[at].operation == "PutToken" and _same(exchange, rows[at], counted=whole == (copy.syn_ns is not None)):
            found.append((copy, rows[at]))
    return found


def _same(one: Exchange, other: Exchange, *, counted: bool) -> bool:
    """Tell whether two views of a connection show the same request: by its number, where both count from the same one, else by its time."""
    if counted:
        return one.index_on_connection == other.index_on_connection
    asked, there = one.request_start_ns, other.request_start_ns
    return asked is not None and there is not None and abs(asked - there) <= SAME_REQUEST_NS


def _not_passed_on(view: View, dialogue: Dialogue, exchange: Exchange) -> Connection | None:
    """Return the translated copy of a connection that came about, but on which the first request never appeared; None where it did.

    That the capture behind the translation went on until then shows in the copy of a later connection of the dialogue.
    """
    last, asked = dialogue.connections[-1], exchange.request_start_ns
    if exchange.index_on_connection or asked is None or last.first_ns <= asked or not view.seen_again.get(last.connection_id):
        return None
    for copy, _ in view.seen_again.get(exchange.connection_id, ()):
        if copy.established_ns is not None and not copy.bytes_sent and not copy.gap_bytes:
            return copy
    return None


def _is_about_answer(row: Anomaly, under: Connection) -> bool:
    """Tell whether an ICMP error says that a packet from the server ran out of hops."""
    if row.code != "icmp-time-exceeded":
        return False
    address = f"[{under.server_address}]" if ":" in under.server_address else under.server_address
    return f": TCP {address}:{under.server_port} to " in row.detail


def _works(under: Connection) -> bool:
    """Tell whether the connection itself came about, or had, where its beginning was not captured."""
    return under.established_ns is not None or (under.syn_ns is None and under.packets_received > 0)


def _proof(
    exchange: Exchange, under: Connection, answers: list[tuple[Connection, Exchange]], errors: tuple[Anomaly, ...], *, asked_too: bool
) -> tuple[PacketId, ...]:
    """Return the packets that show it: the answer and the ICMP error about it, else the request and the client's FIN.

    With `asked_too` the request is named beside the answer: it is in another file.
    """
    if answers or errors:
        found = [exchange.first_packet_id] if asked_too else []
        found += [row.response_packet_id for _, row in answers[:1]] + [row.packet_id for row in errors[:1]]
    elif under.connection_id != exchange.connection_id:
        found = [exchange.first_packet_id, under.established_packet_id]
    else:
        closed = under.closed_packet_id if under.closed_by.startswith("client") else None
        found = [exchange.first_packet_id, closed]
    return tuple(packet for packet in found if packet is not None)
