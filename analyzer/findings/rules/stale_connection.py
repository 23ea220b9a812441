"""A request went out on a connection that was already dead: a reset or nothing at all came back, and the call lost that time.

It fires for requests on connections that had been used or open before, whose bytes the server never acknowledged, and that were answered by
a reset, crossed the service's FIN, or were repeated into silence until the client gave up. A reset after the request was acknowledged comes
from a service that had read it (`server-errors-retried`), and a first request that nobody answers is no stale connection. The cost is the
failed try, the back-off after it, and the set-up of the connection that replaced it. Without plaintext the next try is a call of its
own: it is taken to be the next one of that client to that server, where it opened a connection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.findings.backoff import words
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import frames_filter
from analyzer.findings.setup import FLOOR_NS, server_of
from analyzer.findings.tries import failed_tries
from analyzer.findings.view import SET_UP, View
from analyzer.findings.words import between, out_of, plural, remedy_for
from analyzer.model.rows import Call, Connection, Exchange, Finding
from analyzer.units import MILLISECOND, SECOND, DurationNs, TimeNs, count, duration, percent

SILENCE_NS: DurationNs = 200 * MILLISECOND
"""The shortest retransmission timer of Linux: silence that lasted less may be the client's own change of mind."""
LEAST_ROUND_TRIP_NS: DurationNs = 2 * MILLISECOND
"""Round trips below this are too short to tell a middlebox by its speed."""
NEXT_NS: DurationNs = SECOND
"""Most SDKs try again within 1 s of the first failure; what comes later may as well be another call."""
AGAIN = "the TLS keys, or the program's own log: whether the next request is the same one again"

DECIDES = "a capture at the service's end, or on the far side of the NAT or firewall: the request never arrives there"

RULE = Rule(
    code="stale-connection",
    name="Stale connections",
    severity="warning",
    summary="The first request after a pause went out on a connection that was already dead",
    remedy="Let the client close idle connections before the service or a NAT or firewall does (NAT gateway: 350 s), or turn on TCP "
    "keep-alive with a shorter period; set a read timeout that fits the call.",
    references=("RFC 9112 section 9.5", "RFC 9293 section 3.5.2", "RFC 5382 section 5"),
    rank=10,
)


class Dead(NamedTuple):
    """A try on a dead connection."""

    call: Call
    exchange: Exchange
    connection: Connection
    how: str
    """reset, closing (the service's FIN crossed the request), silence."""
    following: Call | None = None
    """Without plaintext: the call that is taken to be the next try."""


def check(view: View) -> Iterator[Finding]:
    """Yield one finding over all calls that lost time so."""
    lost: list[tuple[Dead, DurationNs]] = []
    unanswered = {call.call_id: call for call, row in view.failing if row.outcome == "no-response"}
    openers = _openers(view) if any(call.evidence == "inferred" for call in unanswered.values()) else {}
    for call in unanswered.values():
        exchanges = view.exchanges_of(call)
        for number, exchange in enumerate(exchanges):
            under = view.connections.get(exchange.connection_id)
            how = death(exchange, under) if under is not None else None
            if how is None or under is None or exchange.request_start_ns is None:
                continue
            following = exchanges[number + 1].request_start_ns if number + 1 < len(exchanges) else None
            took = _charge(view, call, exchange.request_start_ns, following)
            after = _after(openers, call, under) if following is None and call.evidence == "inferred" else None
            took += view.charge_all([after], SET_UP) if after is not None else 0
            if took >= FLOOR_NS:
                lost.append((Dead(call, exchange, under, how, after), took))
    if not lost:
        return
    dead = [one for one, _ in lost]
    calls = list({call.call_id: call for one in dead for call in (one.call, one.following) if call is not None}.values())
    joined = any(one.following is not None for one in dead)
    cost = sum(took for _, took in lost)
    share = view.share(cost, calls)
    streams = [one.connection.connection_id for one in dead]
    silent = any(one.how == "silence" for one in dead)
    yield RULE.finding(
        _text(view, dead, calls, cost, share),
        severity="error" if any(one.call.ok is False and one.following is None for one in dead) else None,
        cost_ns=cost,
        share=share,
        confidence="likely" if silent or joined else "proven",
        decides=DECIDES if silent else AGAIN if joined else None,
        calls=[call.call_id for call in calls],
        exchanges=[one.exchange.exchange_id for one in dead],
        connections=[*streams, *(call.connection_id for call in calls if call.connection_id is not None)],
        packet_ids=[packet for one in dead for packet in (one.exchange.first_packet_id, _answer(one), *_next(view, one))],
        display_filter=f"({streams_filter(streams)} && (tcp.flags.reset == 1 || tcp.flags.fin == 1 || tcp.analysis.retransmission)) || "
        f"{frames_filter(packet for one in dead for packet in (one.exchange.first_packet_id, *_next(view, one)))}",
        remedy=remedy_for("stale-connection", calls, RULE.remedy),
    )


def _openers(view: View) -> dict[tuple[str, str], tuple[list[TimeNs], list[Call]]]:
    """Return the calls that opened a connection, by client and server, with their starts."""
    out: dict[tuple[str, str], tuple[list[TimeNs], list[Call]]] = defaultdict(lambda: ([], []))
    for call in sorted(view.service_calls, key=lambda call: call.start_ns):
        under = view.connections.get(call.connection_id) if call.connection_id is not None else None
        if under is not None and not call.reused:
            starts, calls = out[under.client_address, server_of(under)]
            starts.append(call.start_ns)
            calls.append(call)
    return out


def _after(openers: dict[tuple[str, str], tuple[list[TimeNs], list[Call]]], call: Call, under: Connection) -> Call | None:
    """Return the next call that opened a connection, if it came soon enough to be the same request again."""
    starts, calls = openers.get((under.client_address, server_of(under)), ([], []))
    at = bisect_left(starts, call.end_ns)
    return calls[at] if at < len(starts) and starts[at] - call.end_ns <= NEXT_NS else None


def death(exchange: Exchange, under: Connection) -> str | None:
    """Tell how a connection turned out to be dead when a request was sent on it: reset, closing, silence; None where it was not.

    Only bytes that the server did not acknowledge prove that it never had the request.
    """
    begun, sent = exchange.request_start_ns, exchange.request_end_ns
    if exchange.outcome != "no-response" or exchange.response_start_ns is not None or exchange.request_acknowledged is not False:
        return None
    if begun is None or sent is None or (exchange.index_on_connection == 0 and not under.opened_ahead):
        return None
    closed = under.server_closed_ns
    if closed is not None and under.closed_by != "server" and closed >= begun:
        return "reset"
    if closed is not None and closed <= sent + (under.min_rtt_ns or 0):
        return "closing"
    # The client's own FIN in the silence changes nothing; before it, the request must have been repeated in vain.
    given_up = under.client_closed_ns if under.client_closed_ns is not None else under.last_ns
    quiet = given_up - sent
    return "silence" if exchange.request_repeats and quiet >= max(SILENCE_NS, 2 * (under.min_rtt_ns or 0)) else None


def _charge(view: View, call: Call, start: TimeNs, following: TimeNs | None) -> DurationNs:
    """Charge a dead try: from its request to the next request, or to the end of the call where none followed."""
    total = 0
    for span in view.spans_of(call):
        if span.end_ns <= start or (following is not None and span.start_ns >= following):
            continue
        took = span.end_ns - max(start, span.start_ns)
        if span.phase in ("failed", "backoff", *SET_UP):
            total += view.charge(call, span.phase, took)
        elif following is None and span.phase in ("send", "receive"):
            total += view.charge(call, span.phase, took)
        elif following is None and span.phase == "wait":
            for slot in ("wait_stall", "network", "server", "wait"):
                taken = view.charge(call, slot, took)
                total, took = total + taken, took - taken
    return total


def _text(view: View, dead: list[Dead], calls: list[Call], cost: DurationNs, share: float | None) -> str:
    if any(one.following is not None for one in dead):
        text = (
            f"{plural(len(dead), 'request')} went out on {'a connection' if len(dead) == 1 else 'connections'} already dead, and the next "
        )
        text += f"on {'a new one' if len(dead) == 1 else 'new ones'}: {duration(cost)} lost"
        text += f" ({percent(share)} of the time of all calls). " if share is not None else ". "
    elif len(calls) == 1:
        (call,) = calls
        least = "at least " if call.truncated in ("end", "both") else ""
        text = f"{call.operation or 'A call'} took {least}{duration(call.duration_ns)}; {duration(cost)} of it "
        text += "was lost on a connection that was already dead. "
    else:
        text = f"{out_of(calls, view.service_calls)} lost {duration(cost)} on connections that were already dead"
        text += f" ({percent(share)} of the time of all calls). " if share is not None else ". "
    idle = [one.exchange.idle_before_ns for one in dead if one.exchange.idle_before_ns is not None]
    text += f"The connection had been idle for {between(idle)}. " if idle else ""
    told = {
        "reset": "The request was answered by a reset (RST) instead of being acknowledged",
        "closing": "The request crossed the service's FIN and was never acknowledged",
        "silence": "The request was repeated and never acknowledged" + (" until the client gave up" if _all_given_up(view, dead) else ""),
    }
    hows = list(dict.fromkeys(one.how for one in dead))
    text += "; ".join(told[how] if not number else told[how][0].lower() + told[how][1:] for number, how in enumerate(hows)) + ". "
    foreign = next((one for one in dead if one.how == "reset" and one.connection.closed_by == "middlebox-reset"), None)
    text += f"{_sender(foreign)} " if foreign is not None else ""
    if all(one.following is not None for one in dead):
        return text + "Then a new connection was opened; that it carried the same request again cannot be read."
    text += _outcome(view, dead)
    numbers = {one.exchange.exchange_id for one in dead}
    return text + words(view, (one for call in calls for one in failed_tries(view, call) if one.exchange.exchange_id in numbers))


def _outcome(view: View, dead: list[Dead]) -> str:
    """Say what became of the requests: another try, on a new connection or on an open one, an error, or nothing to be seen."""
    failed = sum(one.call.ok is False for one in dead if one.following is None)
    if failed == len(dead):
        return "The program got an error."
    others = [one for one in dead if one.call.ok is not False or one.following is not None]
    saved, rest = ([one for one in others if _tried_again(view, one) is wanted] for wanted in (True, False))
    texts = []
    if saved:
        opened = {bool(_next(view, one)) for one in saved}
        if opened == {True}:
            texts.append("Then a new connection was opened and the request sent again.")
        elif opened == {False}:
            texts.append("Then the request was sent again on a connection that was already open.")
        else:
            texts.append("Then the request was sent again, on a new connection or on one that was already open.")
    if failed:
        texts.append(f"{count(failed)} of {count(len(dead))} times the program got an error.")
    if rest:
        text = (
            "the capture ends before an answer or another try" if any(_is_open(one) for one in rest) else "the capture shows no other try"
        )
        if any(_next(view, one) for one in rest):
            text = "the capture ends before the request was sent again"
        texts.append(
            f"{text[0].upper()}{text[1:]}." if len(rest) == len(dead) else f"{count(len(rest))} of {count(len(dead))} times {text}."
        )
    return " ".join(texts)


def _tried_again(view: View, one: Dead) -> bool:
    """Tell whether the request was sent again: the call has a later exchange, or the next call is taken for one."""
    return one.following is not None or any(row.exchange_id > one.exchange.exchange_id for row in view.exchanges_of(one.call))


def _is_open(one: Dead) -> bool:
    """Tell whether neither side has ended the connection: an answer may still come."""
    return one.connection.client_closed_ns is None and one.connection.server_closed_ns is None


def _all_given_up(view: View, dead: list[Dead]) -> bool:
    """Tell whether the client was seen to give up each request that met silence: it closed, tried again, or told of an error."""
    silent = (one for one in dead if one.how == "silence")
    return all(one.connection.client_closed_ns is not None or one.call.ok is False or _tried_again(view, one) for one in silent)


def _sender(one: Dead) -> str:
    """Say why a reset in the service's name is something else's: it came too soon, or with another TTL (`closed_by`)."""
    sent, closed, rtt = one.exchange.request_end_ns, one.connection.server_closed_ns, one.connection.min_rtt_ns
    if sent is not None and closed is not None and rtt is not None and rtt >= LEAST_ROUND_TRIP_NS and 0 <= closed - sent < rtt // 2:
        return (
            f"The reset came {duration(closed - sent)} after the request, but a round trip to the service takes {duration(rtt)}: something "
            "nearer (a NAT or firewall) sent it, not the service."
        )
    return (
        "The reset likely came from something on the way (a NAT or firewall), not from the service: its TTL is not that of the service's "
        "other packets."
    )


def _answer(one: Dead) -> int | None:
    """Return the reset or FIN that answered, if the connection's first one is from the service; of silence its last packet."""
    return one.connection.closed_packet_id if one.how != "silence" else one.connection.last_packet_id


def _next(view: View, one: Dead) -> list[int]:
    """Return the first packet of the connection that was opened in its place; nothing where the next try found one open."""
    number = (one.following or one.call).connection_id
    row = view.connections.get(number) if number is not None and number != one.connection.connection_id else None
    opened = row is not None and row.syn_ns is not None and row.syn_ns >= (one.exchange.request_start_ns or 0)
    return [row.first_packet_id] if row is not None and opened else []
