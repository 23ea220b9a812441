"""A call opened a connection because none was idle: at the start, beside other calls, or after the earlier ones had ended.

It fires for calls that waited at least 1 ms for name, connection and TLS of their own connection, where that is at least 2 % of their
time. Clients that open a connection a request are `connection-not-reused`, idle connections that were ended are
`idle-connection-closed`; what those charge is not charged here again. Dialogues with credential endpoints are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import frames_filter
from analyzer.findings.setup import DECIDES, FLOOR_NS, WORTH, Paid, clients, inferred, own_ns, paid, parts, server_of, set_up_ns, wasted
from analyzer.findings.view import SET_UP, View
from analyzer.findings.words import median, named, out_of, plural, remedy_for
from analyzer.model.rows import Call, Finding
from analyzer.units import DurationNs, TimeNs, duration, percent

SLOW = 0.25
"""From this share of its time on set-up is what makes a call slow; below it is only part of it."""

RULE = Rule(
    code="cold-connection",
    name="Cold connections",
    severity="info",
    summary="Calls opened a connection because none was idle",
    remedy="Make one client when the program starts, share it, and send a first request before the traffic comes; keep connections open "
    "between requests (keep-alive is on by default in boto3, SDK for JavaScript v3, Java, Go and .NET).",
    references=("RFC 9293 section 3.5", "RFC 9112 section 9.3"),
    rank=44,
)


def check(view: View) -> Iterator[Finding]:
    """Yield one finding over all clients: who paid, how much, and what the same operation takes without."""
    elsewhere = {one.call.call_id for group in view.once(clients) if wasted(group) for one in group.single}
    cold: list[Paid] = []
    cost, taken = 0, []
    for one in view.once(paid):
        if one.call.call_id in elsewhere:
            continue
        took = view.charge_all([one.call], SET_UP)
        if took >= FLOOR_NS:
            cold.append(one)
            taken.append(took)
            cost += took
    calls = [one.call for one in cold]
    time = sum(map(own_ns, calls))
    if not cold or cost < WORTH * time:
        return
    share = view.share(cost, calls)
    unsure = inferred(view, calls)
    yield RULE.finding(
        _text(view, cold, cost, median(taken), cost >= SLOW * sum(call.duration_ns for call in calls), share),
        cost_ns=cost,
        share=share,
        confidence="likely" if unsure else "proven",
        decides=DECIDES if unsure else None,
        calls=[call.call_id for call in calls],
        exchanges=[number for call in calls for number in call.exchange_ids[-1:]],
        connections=[one.connection.connection_id for one in cold],
        packet_ids=[packet for one in cold for packet in (one.connection.first_packet_id, _request(view, one.call))],
        display_filter=_filter(view, cold),
        remedy=remedy_for("warm-up", calls, RULE.remedy),
    )


def _text(view: View, cold: list[Paid], cost: DurationNs, each: DurationNs, felt: bool, share: float | None) -> str:
    calls = [one.call for one in cold]
    many = len(calls) > 1
    text = out_of(calls, view.service_calls)
    if felt:
        text += " were slow because each opened a connection" if many else " was slow because it opened a connection"
    else:
        text += " opened a connection first"
    text += f" ({duration(each)}{', the median' if many and max(map(set_up_ns, calls)) > 1.1 * each else ''})."
    text += f" {_why(view, cold)}"
    if many:
        text += f" That is {duration(cost)} in all"
        text += f", {percent(share)} of the time of all calls" if share is not None else ""
        text += f"; one takes {parts(calls)} (median)."
    else:
        text += f" It took {parts(calls)}" + (f": {percent(share)} of the time of all calls." if share is not None else ".")
    operation = named(calls)
    if operation:
        warm = [call.duration_ns for call in view.service_calls if call.reused and call.operation == calls[0].operation and call.ok]
        if warm:
            text += f" The same operation on an open connection takes {duration(median(warm))} (median of {plural(len(warm), 'call')})."
    return text


def _why(view: View, cold: list[Paid]) -> str:
    """Say why no connection was idle: none had been opened yet, all carried other calls, or the earlier ones had ended."""
    start = beside = 0
    keys = {(one.connection.client_address, server_of(one.connection)) for one in cold}
    running: dict[tuple[str, str], list[TimeNs]] = {key: [] for key in keys}  # heaps of ends
    seen: set[tuple[str, str]] = set()
    ids = {one.call.call_id for one in cold}
    for call in view.service_calls:
        under = view.connections.get(call.connection_id) if call.connection_id is not None else None
        if under is None:
            continue
        key = (under.client_address, server_of(under))
        if key not in keys:
            continue
        while running[key] and running[key][0] <= call.start_ns:
            heappop(running[key])
        if call.call_id in ids:
            if key not in seen:
                start += 1
            elif running[key]:
                beside += 1
        seen.add(key)
        heappush(running[key], call.end_ns)
    later = len(cold) - start - beside
    told = [f"{start} at the start" if start else "", f"{beside} beside other calls" if beside else ""]
    told.append(f"{later} later, when no earlier one was idle" if later else "")
    if len(cold) == 1:
        alone = "It was the first call." if start else "The open ones carried other calls." if beside else "No earlier one was idle."
        return alone
    return f"{', '.join(text for text in told if text)}."


def _filter(view: View, cold: list[Paid]) -> str:
    """Show the handshakes, and the requests that waited for them."""
    shakes = f"tcp.flags.syn == 1 && {streams_filter(one.connection.connection_id for one in cold)}"
    asked = frames_filter(_request(view, one.call) for one in cold)
    return f"({shakes}) || {asked}" if asked else shakes


def _request(view: View, call: Call) -> int | None:
    row = view.exchanges.get(call.exchange_ids[-1]) if call.exchange_ids else None
    return row.first_packet_id if row is not None else None
