"""Opening a connection waited for a SYN or SYN-ACK that got lost, or for an address that never answered.

It fires for service calls, and for connections to AWS without readable calls, whose SYN was repeated before one was answered, or that first
tried another address of the same server, got nothing at all from it, and gave it up. The wait must be at least 100 ms and two round trips.
An address that answered, if only with a reset or an ICMP error, or that was overtaken by another (happy eyeballs), is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from analyzer.findings.gaps import told
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import frames_filter
from analyzer.findings.setup import by_server, server_of
from analyzer.findings.view import View
from analyzer.findings.words import between, out_of, plural, remedy_for
from analyzer.model.rows import Call, Connection, Finding
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.timers import Gap, name
from analyzer.units import MILLISECOND, SECOND, DurationNs, TimeNs, count, duration, percent

FLOOR_NS: DurationNs = 100 * MILLISECOND
"""Below the shortest timers: happy eyeballs give an address up after 250 ms, Linux repeats a SYN after 1 s, then 2 s, 4 s more."""
SLACK_NS: DurationNs = SECOND // 2
"""A client that gave an address up turns to the next within this time after the next repeat would have been due."""
TIMERS = 7
"""Repeats after which Linux itself gives up (tcp_syn_retries 6)."""
SYN_AND_RESET = 2 | 32
"""tcp.completeness: SYN-ACK, RST."""

RULE = Rule(
    code="syn-retransmitted",
    name="Lost or unanswered SYNs",
    severity="warning",
    summary="Connections took a second and more because a SYN got no answer",
    remedy="Find who drops them: a full accept queue or connection table (conntrack, NAT ports, the instance's allowance), a security "
    "group or a firewall, an address family that is not routed; and set a short connect timeout.",
    references=("RFC 6298 section 2.1", "RFC 8305 section 5"),
    rank=20,
)


class Late(NamedTuple):
    """A connection that came about late, or an attempt at one that came to nothing."""

    connection: Connection | None
    """The one that came about; None where none did."""
    given_up: tuple[Connection, ...]
    """Addresses that never answered."""
    stall_ns: DurationNs


def check(view: View) -> Iterator[Finding]:
    """Yield one finding over the calls that waited, and one over connections that carry no readable call."""
    late: list[tuple[Call, Late]] = []
    cost = 0
    odd = {row.connection_id for row in view.connections.values() if row.syn_ns is not None and _is_odd(row)}
    for call in view.service_calls if odd else ():
        if odd.isdisjoint(call.connection_ids):
            continue
        rows = [row for number in call.connection_ids if (row := view.connections.get(number)) is not None and row.syn_ns is not None]
        one = _late([row for row in rows if row.syn_ns is not None and row.syn_ns >= call.start_ns])
        if one is not None:
            left = one.stall_ns
            for slot in ("connect", "failed"):
                taken = view.charge(call, slot, left)
                cost, left = cost + taken, left - taken
            if left < one.stall_ns:
                late.append((call, one))
    if late and cost >= FLOOR_NS:
        calls = [call for call, _ in late]
        share = view.share(cost, calls)
        told = out_of(calls, view.service_calls)
        text = f"{told} waited {duration(cost)} because a SYN got no answer"
        text += f" ({percent(share)} of the time of all calls). " if share is not None else ". "
        yield _finding(text, [one for _, one in late], cost, share, calls)
    alone = list(_alone(view))
    cost = sum(one.stall_ns for one in alone)
    if alone:
        servers = {server_of(row) for one in alone for row in _rows(one)}
        server = next(iter(servers)) if len(servers) == 1 else "AWS"
        opened = sum(
            row.established_ns is not None and _ours(view, row) and (len(servers) > 1 or server_of(row) == server)
            for row in view.analysis.connections
        )
        # What was refused in the end is among those that waited, not among those that opened.
        every = plural(max(opened, len(alone)), "connection")
        text = f"{count(len(alone))} of {every} to {server} waited {duration(cost)} because a SYN got no answer. "
        yield _finding(text, alone, cost, None, [])


def _is_odd(row: Connection) -> bool:
    return row.established_ns is None or bool(row.syn_retransmissions)


def _late(rows: list[Connection]) -> Late | None:
    """Tell how long the connections of one call waited for answers to SYNs; None where it is nothing."""
    rows = sorted(rows, key=lambda row: (row.syn_ns or 0, row.connection_id))
    used = next((row for row in rows if row.established_ns is not None), None)
    silent = tuple(row for row in rows if unanswered(row) and (used is None or _before(row, used)))
    if used is None:
        waits = [(row.syn_ns or 0, row.last_ns) for row in silent]
        stall = max((end for _, end in waits), default=0) - min((start for start, _ in waits), default=0)
        return Late(None, silent, stall) if stall >= FLOOR_NS else None
    stall = used.syn_stall_ns or 0
    if stall < max(FLOOR_NS, 2 * (used.min_rtt_ns or 0)):
        stall = 0
    lost = (used.syn_ns or 0) - min((row.syn_ns or 0 for row in silent), default=used.syn_ns or 0)
    if lost < FLOOR_NS:
        lost, silent = 0, ()
    return Late(used, silent, stall + lost) if stall + lost else None


def unanswered(row: Connection) -> bool:
    """Tell whether nothing at all came back: no SYN-ACK, reset or ICMP error, nor what only comes after a SYN-ACK that was not captured."""
    return (
        row.syn_ns is not None
        and row.established_ns is None
        and not row.completeness & SYN_AND_RESET
        and not (row.packets_received or row.bytes_sent or row.icmp_errors)
    )


def _before(row: Connection, used: Connection) -> bool:
    return row.syn_ns is not None and used.syn_ns is not None and row.syn_ns < used.syn_ns


def _ours(view: View, row: Connection) -> bool:
    """Tell whether a connection goes to an AWS service and is in no call."""
    known = row.service is not None and row.service not in CREDENTIAL_SERVICES
    return known and row.copy_of is None and row.syn_ns is not None and row.connection_id not in view.called


def _alone(view: View) -> Iterator[Late]:
    """Yield the late connections that are in no call; an address given up goes to the next SYN of the client to the same server."""
    for rows in by_server([row for row in view.analysis.connections if _ours(view, row)]).values():
        rows.sort(key=lambda row: (row.syn_ns or 0, row.connection_id))
        silent: list[Connection] = []
        for row in rows:
            if unanswered(row):
                silent = [*silent[-TIMERS:], row]
                continue
            # A SYN that follows at once is another call's: the client waits for an answer before it turns to the next address.
            silent = [other for other in silent if _due(other) >= (row.syn_ns or 0)]
            tried = [other for other in silent if (row.syn_ns or 0) - (other.syn_ns or 0) >= FLOOR_NS]
            silent = [other for other in silent if other not in tried]
            one = _late([*tried, row])
            if one is not None:
                yield one


def _due(row: Connection) -> TimeNs:
    """Return until when another SYN may be the answer to the silence: the next repeat would have been due then."""
    return row.last_ns + (SECOND << min(row.syn_retransmissions, TIMERS)) + SLACK_NS


def _turns(late: list[Late], sdk: str | None) -> Iterator[Gap]:
    """Yield the times after which a client turned from an address that did not answer to another."""
    for one in late:
        if one.given_up and one.connection is not None:
            wait = (one.connection.syn_ns or 0) - min(row.syn_ns or 0 for row in one.given_up)
            gaps = [Gap(kind, wait, sdk, one.connection.service) for kind in ("address", "connect")]
            yield next((gap for gap in gaps if name(gap)), gaps[0])


def _rows(one: Late) -> Iterable[Connection]:
    return (*one.given_up, one.connection) if one.connection is not None else one.given_up


def _finding(text: str, late: list[Late], cost: DurationNs, share: float | None, calls: list[Call]) -> Finding:
    repeated = [one for one in late if one.connection is not None and one.connection.syn_retransmissions]
    given_up = [row for one in late for row in one.given_up]
    if repeated:
        waits = [one.connection.syn_stall_ns or 0 for one in repeated if one.connection is not None]
        text += f"{plural(len(repeated), 'connection')} came about only when a SYN sent again after {between(waits)} was answered: "
        text += "the first, or the answer to it, was lost."
        text += told(
            Gap("syn", row.syn_stall_ns or 0, repeats=row.syn_retransmissions) for one in repeated if (row := one.connection) is not None
        )
        text += " "
    if given_up:
        addresses = list(dict.fromkeys(row.server_address for row in given_up))
        shown = ", ".join(addresses[:3]) + (f" and {count(len(addresses) - 3)} more" if len(addresses) > 3 else "")
        were = "was" if len(given_up) == 1 else "were"
        text += f"{plural(len(given_up), 'connection')} to {shown} got no answer at all and {were} given up."
        text += f"{told(_turns(late, next((call.sdk for call in calls if call.sdk), None)))} "
    rows = [row for one in late for row in _rows(one)]
    streams = [row.connection_id for row in rows]
    answered = frames_filter(row.established_packet_id for row in rows)
    return RULE.finding(
        text.rstrip(),
        cost_ns=cost,
        share=share,
        confidence="proven",
        calls=[call.call_id for call in calls],
        connections=streams,
        packet_ids=[packet for row in rows for packet in (row.first_packet_id, row.established_packet_id)],
        display_filter=f"(tcp.flags.syn == 1{answered and f' || {answered}'}) && {streams_filter(streams)}",
        remedy=remedy_for("connect-timeout", calls, RULE.remedy) if given_up else RULE.remedy,
    )
