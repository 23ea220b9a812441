"""The service, something on the way, or the client's own pool ended an idle connection, and a later call had to open a new one.

It fires for calls that waited at least 1 ms for set-up although an earlier connection of the same client to the same server would have
served them, had it not been ended by FIN or RST more than 1 s after its last answer and before the call began. Each such connection
answers for one call. A client that closes its own idle connections is told apart, and only where its idle limit shows: the same idle time
twice, or that of its HTTP library; else it may just have been the end of a program.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from analyzer import sdks
from analyzer.findings.gaps import told
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.setup import AT_ONCE_NS, FLOOR_NS, WORTH, Paid, own_ns, paid, server_of, set_up_ns
from analyzer.findings.view import SET_UP, View
from analyzer.findings.words import between, median, out_of, plural, remedy_for
from analyzer.model.rows import Connection, Finding
from analyzer.timers import Gap
from analyzer.units import SECOND, DurationNs, TimeNs, duration, percent

NOTICED_NS: DurationNs = SECOND // 20
"""A client whose own FIN comes within this time of its new SYN looked for the old connection and found it dead: it was the same pool."""
ALIKE = 0.1
"""Idle times that differ by no more than this share are one limit."""
AGAIN = (
    "The service ends connections that are idle for {idle}: keep them in use (a cheap request more often than that), or accept the price "
    "after a pause. No setting of the client changes it, TCP keep-alive neither."
)
PROBES = (
    "Something that counts idle connections (NAT gateway: 350 s, firewall, load balancer) ended them: turn on TCP keep-alive with a period "
    "below {idle}"
)
PROBED = (
    "TCP keep-alive is on already ({probes} here), and what sent the reset did not know the connection any more: it forgets idle ones "
    "sooner than the probes come. Send them more often than every {idle}, or keep connections in use, or accept the price after a pause: "
    "no request was lost."
)

Pool: TypeAlias = tuple[str, str, str | None]
"""Client address, server, SDK: calls that would have taken each other's connections."""

RULE = Rule(
    code="idle-connection-closed",
    name="Idle connections are closed",
    severity="warning",
    summary="Calls opened a connection again because an idle one had been closed",
    remedy="Keep connections in use, or accept the price after a pause.",
    references=("RFC 9112 section 9.5", "RFC 1122 section 4.2.3.6"),
    rank=40,
)


class Ended(NamedTuple):
    """A connection that was ended while it was idle."""

    connection: Connection
    idle_ns: DurationNs
    at_ns: TimeNs
    sdk: str | None

    @property
    def who(self) -> str:
        """Who ended it: client, service (FIN) or reset (RST; by the service or by something before it)."""
        by = self.connection.closed_by
        return "client" if by.startswith("client") else "service" if by == "server" else "reset"


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each who ends idle connections: the service, whoever sends resets, the client itself."""
    ended = _ended(view) if view.once(paid) else {}
    idle: dict[Pool, list[Ended]] = defaultdict(list)
    pairs: dict[str, list[tuple[Ended, Paid]]] = defaultdict(list)
    for one in view.once(paid):
        pool = (one.connection.client_address, server_of(one.connection), one.call.sdk)
        waiting = ended.get(pool)
        if not waiting and not idle[pool]:
            continue
        # Not the call's start: it may have waited for credentials before it looked for a connection.
        begun = min((span.start_ns for span in view.spans_of(one.call) if span.phase in SET_UP), default=one.call.start_ns)
        while waiting and waiting[-1].at_ns < begun:
            idle[pool].append(waiting.pop())
        if idle[pool] and idle[pool][-1].at_ns < begun:
            row = idle[pool].pop()
            pairs[row.who].append((row, one))
    for who in ("service", "reset", "client"):
        yield from _finding(view, who, pairs[who])


def _ended(view: View) -> dict[Pool, list[Ended]]:
    """Return the connections that ended while idle, by client, server and SDK, the latest end first."""
    out: dict[Pool, list[Ended]] = defaultdict(list)
    for row in view.connections.values():
        at = row.closed_ns
        exchanges = view.exchanges_on.get(row.connection_id)
        if at is None or not exchanges or row.copy_of is not None or row.closed_by == "open":
            continue
        last = exchanges[-1]
        ends = [exchange.response_end_ns for exchange in exchanges]
        if last.closes is not None or None in ends:
            continue  # announced, or a request was outstanding
        idle = at - max(end for end in ends if end is not None)
        if idle > AT_ONCE_NS:
            out[row.client_address, server_of(row), last.sdk].append(Ended(row, idle, at, last.sdk))
    for rows in out.values():
        rows.sort(key=lambda one: -one.at_ns)
    return out


def _finding(view: View, who: str, pairs: Sequence[tuple[Ended, Paid]]) -> Iterator[Finding]:
    if who == "client" and not _limit_shows([row for row, _ in pairs]):
        return
    calls = [one.call for _, one in pairs]
    if not pairs or sum(map(set_up_ns, calls)) < WORTH * sum(map(own_ns, calls)):
        return
    each = median(map(set_up_ns, calls))
    cost = view.charge_all(calls, SET_UP)
    if cost < FLOOR_NS:
        return
    share = view.share(cost, calls)
    idle = [row.idle_ns for row, _ in pairs]
    old = [row.connection.connection_id for row, _ in pairs]
    new = [one.connection.connection_id for _, one in pairs]
    proven = who != "client" and all(_same_pool(row, one) for row, one in pairs)
    yield RULE.finding(
        _text(view, who, pairs, each, cost, share),
        severity="info" if who == "client" else None,
        cost_ns=cost,
        share=share,
        confidence="proven" if proven else "likely",
        decides=None if proven else "whether one client (one process, one pool) made the calls before and after the pause",
        calls=[call.call_id for call in calls],
        exchanges=[number for call in calls for number in call.exchange_ids[-1:]],
        connections=[*old, *new],
        packet_ids=[packet for row, one in pairs for packet in (row.connection.closed_packet_id, one.connection.first_packet_id)],
        display_filter=f"((tcp.flags.fin == 1 || tcp.flags.reset == 1) && {streams_filter(old)}) || "
        f"(tcp.flags.syn == 1 && {streams_filter(new)})",
        remedy=_remedy(who, pairs, between(idle)),
    )


def _text(view: View, who: str, pairs: Sequence[tuple[Ended, Paid]], each: DurationNs, cost: DurationNs, share: float | None) -> str:
    calls = [one.call for _, one in pairs]
    idle = between([row.idle_ns for row, _ in pairs])
    many = len(pairs) > 1
    by = {
        "service": f"the service had closed {'idle ones' if many else 'the idle one'} after {idle}",
        "reset": f"{'idle ones were' if many else 'the idle one was'} reset after {idle}",
        "client": f"the client had closed its own idle {'ones' if many else 'one'} after {idle}",
    }[who]
    text = f"{out_of(calls, view.service_calls)} opened a connection again ({duration(each)}{' each' if many else ''}) because {by}."
    how = {"service": "A FIN", "reset": "A RST", "client": "The client's FIN or RST"}[who]
    side = "client" if who == "client" else "server"
    alike = max(row.idle_ns for row, _ in pairs) - min(row.idle_ns for row, _ in pairs) <= ALIKE * pairs[0][0].idle_ns
    usual = median([row.idle_ns for row, _ in pairs])
    text += told([Gap("idle", usual, pairs[0][0].sdk, pairs[0][0].connection.service, side)] if alike else [])
    text += f" {how} ended {plural(len(pairs), 'connection')} with no request outstanding"
    text += ", from the service's address: by the service, or by a NAT or firewall in its name" if who == "reset" else ""
    text += f". The new ones cost {duration(cost)} in all" if many else f". The new one cost {duration(cost)}"
    return text + (f", {percent(share)} of the time of all calls." if share is not None else ".")


def _same_pool(row: Ended, one: Paid) -> bool:
    """Tell whether the connection was certainly kept for such calls: it had been used again before, or the client found it dead."""
    if row.connection.exchanges > 1:
        return True
    noticed = row.connection.client_closed_ns
    return noticed is not None and abs(one.call.start_ns - noticed) <= NOTICED_NS


def _limit_shows(rows: Sequence[Ended]) -> bool:
    """Tell whether a client's idle limit shows in the idle times: the same at least twice, or that of its HTTP library."""
    if not rows:
        return False
    idle = [row.idle_ns for row in rows]
    limit = sdks.idle_limit(rows[0].sdk)
    if limit is not None and all(abs(time - limit) <= ALIKE * limit for time in idle):
        return True
    # Connections closed at one moment are a pool shut down; a limit ends each some time after its own last answer.
    apart = max(row.at_ns for row in rows) - min(row.at_ns for row in rows)
    return len(rows) > 1 and max(idle) - min(idle) <= ALIKE * max(idle) < apart


def _remedy(who: str, pairs: Sequence[tuple[Ended, Paid]], idle: str) -> str:
    calls = [one.call for _, one in pairs]
    if who == "client":
        return remedy_for("idle-limit", calls, "Raise the idle limit of the client's connection pool.")
    if who == "service":
        return AGAIN.format(idle=idle)
    if all(row.connection.keep_alives for row, _ in pairs):
        return PROBED.format(probes=plural(sum(row.connection.keep_alives for row, _ in pairs), "probe"), idle=idle)
    how = remedy_for("tcp-keepalive", calls, "")
    return PROBES.format(idle=idle) + (f" ({how})." if how else ".")
