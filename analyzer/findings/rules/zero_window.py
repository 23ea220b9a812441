"""The receiver closed its window: its program did not read what had come, and the sender had to stop.

It fires for service calls that stood still so for at least 10 ms and 5 % of their time. While a response comes the receiver is the client,
while a request goes out it is the service. Where a connection to AWS carries no readable call, its closed windows alone are told, without a
cost: how long they held the sender up is not known then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.stalls import Stalled, charge, lost_packets, stalled
from analyzer.findings.view import View
from analyzer.findings.words import out_of, plural
from analyzer.model.rows import Call, Connection, Finding
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.units import MILLISECOND, DurationNs, duration, percent

KINDS = frozenset({"zero-window"})
FLOOR_NS: DurationNs = 10 * MILLISECOND
"""A program that reads this late was only busy with what it had read; on a loopback windows close and open within microseconds."""
WORTH = 0.05
"""Below this share of the call nobody would notice it gone."""

SERVICE_REMEDY = "The service reads slowly: send smaller requests, fewer at a time; ask AWS support with these packets."

RULE = Rule(
    code="zero-window",
    name="Receiver too slow",
    severity="warning",
    summary="The receiver did not read what had come, and closed its window",
    remedy="Find what keeps the program from reading while an answer comes: a blocked event loop, garbage collection, throttled CPU "
    "(container limits), parsing between reads. Larger socket buffers only postpone it.",
    references=("RFC 9293 section 3.8.6.1", "Wireshark tcp.analysis.zero_window"),
    rank=20,
)


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each side that was too slow, and one for connections without readable calls."""
    every = list(stalled(view, KINDS))
    for side in ("client", "service"):
        yield from _side(view, [one for one in every if receiver(one) == side], side)
    yield from _unread(view)


def _side(view: View, stalls: list[Stalled], side: str) -> Iterator[Finding]:
    by_call: dict[int, list[Stalled]] = defaultdict(list)
    for one in stalls:
        by_call[one.call.call_id].append(one)
    found: list[Stalled] = []
    calls: list[Call] = []
    cost = 0
    for rows in by_call.values():
        call = rows[0].call
        if sum(row.took_ns for row in rows) < max(FLOOR_NS, WORTH * call.duration_ns):
            continue
        took = charge(view, call, [(row.stall.start_ns, row.stall.end_ns) for row in rows], ("server",) if side == "client" else ())
        if took >= FLOOR_NS:
            found += rows
            calls.append(call)
            cost += took
    if not found:
        return
    share = view.share(cost, calls)
    streams = [row.connection.connection_id for row in found]
    yield RULE.finding(
        _text(view, calls, found, side, cost, share),
        cost_ns=cost,
        share=share,
        confidence="proven",
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange.exchange_id for row in found],
        connections=streams,
        packet_ids=[row.stall.packet_id for row in found],
        display_filter=_filter(streams),
        remedy=None if side == "client" else SERVICE_REMEDY,
    )


def receiver(row: Stalled) -> str:
    """Tell whose window it was: the client's where the response had begun or the request had gone out, else the service's."""
    sent = row.exchange.request_end_ns
    return "service" if sent is None or row.stall.start_ns < sent else "client"


def _text(view: View, calls: list[Call], found: list[Stalled], side: str, cost: DurationNs, share: float | None) -> str:
    whose = "the client" if side == "client" else "the service"
    what = "the answer" if side == "client" else "the request"
    if len(calls) == 1:
        (call,) = calls
        text = f"{call.operation or 'A call'} took {duration(call.duration_ns)}; for {duration(cost)} of it {whose} did not read {what}."
    else:
        text = f"{out_of(calls, view.service_calls)} stood still for {duration(cost)} because {whose} did not read {what}"
        text += f" ({percent(share)} of the time of all calls)." if share is not None else "."
    whole = not any(lost_packets(one.connection) for one in found)
    text += f" Its window was closed {plural(len(found), 'time')}, and the other side had more to send"
    return f"{text}; nothing was lost." if whole else f"{text}."


def _unread(view: View) -> Iterator[Finding]:
    """Yield a finding for connections to AWS whose calls cannot be read."""
    rows = [row for row in view.analysis.connections if row.zero_windows and silent(view, row)]
    if rows:
        streams = [row.connection_id for row in rows]
        number = sum(row.zero_windows for row in rows)
        servers = {row.server_name or row.server_address for row in rows}
        where = f"{plural(len(rows), 'connection')} to {next(iter(servers)) if len(servers) == 1 else 'AWS'}"
        yield RULE.finding(
            f"On {where} a receiver closed its window ({plural(number, 'packet')} {'says' if number == 1 else 'say'} so). "
            f"The calls on {'it' if len(rows) == 1 else 'them'} cannot be read, so how long each stood still is not known.",
            cost_ns=0,
            confidence="possible",
            decides="the TLS keys (--keys): then the calls that stood still, and for how long, can be told",
            connections=streams,
            display_filter=_filter(streams),
        )


def silent(view: View, row: Connection) -> bool:
    """Tell whether a connection goes to an AWS service and is in no call."""
    known = row.service is not None and row.service not in CREDENTIAL_SERVICES
    return known and row.copy_of is None and row.connection_id not in view.called


def _filter(streams: list[int]) -> str:
    return f"{streams_filter(streams)} && (tcp.analysis.zero_window || tcp.analysis.window_update)"
