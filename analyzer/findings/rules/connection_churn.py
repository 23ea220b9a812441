"""A client opens connections far faster than its requests need them.

By Little's law the requests of a second, times the time that each takes, is the number of connections that are busy. It fires where a
client opened at least 25 connections to one server within some second and at least three times as many as it had calls running at once in
that second: a pool that fills when many calls come together opens as many as it has calls. What it costs the calls is charged only where
`connection-not-reused` has not: that says which side closes, this what the rate does (processor time of both sides, ports, handshakes).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NamedTuple

from analyzer import sdks
from analyzer.findings.rule import MOST_PACKETS, Rule, streams_filter
from analyzer.findings.service_words import MOST_FINDINGS
from analyzer.findings.setup import DECIDES, Paid, avoidable, inferred, paid, server_of
from analyzer.findings.view import SET_UP, View
from analyzer.findings.words import median, plural, remedy_for, sdk_name
from analyzer.model.rows import Call, Connection, Finding
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.units import SECOND, DurationNs, TimeNs, count, duration, percent

RATE = 25
"""Connections opened within one second. A closed one keeps its port for 60 s (TIME_WAIT): 25 a second are 1 500 ports and as many
handshakes a minute, which is felt in processor time; a loop of single calls over a path of 8 ms comes to 20."""
BEYOND = 3
"""How many times the calls running at once a client must open: a pool that fills opens one a call, a race between two addresses two."""

RULE = Rule(
    code="connection-churn",
    name="Connection churn",
    severity="warning",
    summary="Connections are opened far faster than the requests need them",
    remedy="Keep connections alive and share one client; give its pool room for as many idle connections as there are calls at a time.",
    references=("RFC 9112 section 9.3", "J. D. C. Little, A Proof for the Queuing Formula L = λW (1961)"),
    rank=43,
)


class Second(NamedTuple):
    """The second in which a client opened most connections to a server."""

    opened: list[Connection]
    calls: int
    """Calls that began in it."""
    running: int
    """Most calls at once, their set-up included."""
    took_ns: DurationNs
    """What a call takes once it has a connection: the median from first byte of the request to last of the answer."""

    @property
    def busy(self) -> float:
        """Connections that carry a request at a time, by Little's law."""
        return self.calls * self.took_ns / SECOND


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client and server name, those that opened most in a second first."""
    opened: dict[tuple[str, str], list[Connection]] = defaultdict(list)
    for row in view.connections.values():
        served = row.service is not None and row.service not in CREDENTIAL_SERVICES
        if served and row.copy_of is None and row.syn_ns is not None and row.established_ns is not None:
            opened[row.client_address, server_of(row)].append(row)
    calls: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for number, made in view.ended_on.items():
        under = view.connections.get(number)
        if under is not None and len(opened.get(key := (under.client_address, server_of(under)), ())) >= RATE:
            calls[key] += made
    waited: dict[tuple[str, str], list[Paid]] = defaultdict(list)
    for one in view.once(paid):
        waited[one.connection.client_address, server_of(one.connection)].append(one)
    found = []
    for key, rows in opened.items():
        second = _busiest(view, rows, calls.get(key, []))
        if second is not None and len(second.opened) >= RATE and len(second.opened) >= BEYOND * second.running:
            found.append((key, second))
    for key, second in sorted(found, key=lambda one: -len(one[1].opened))[:MOST_FINDINGS]:
        yield _finding(view, key, opened[key], sorted(calls[key], key=_number), waited.get(key, []), second)


def _busiest(view: View, rows: list[Connection], calls: Sequence[Call]) -> Second | None:
    """Return the second from a SYN on in which most connections were opened; None where too few ever were, or no call used them."""
    if len(rows) < RATE or not calls:
        return None
    rows.sort(key=_opened)
    starts = [_opened(row) for row in rows]
    first = max(range(len(rows)), key=lambda at: bisect_left(starts, starts[at] + SECOND) - at)
    begin = starts[first]
    last = bisect_left(starts, begin + SECOND)
    ends = sorted(call.end_ns for call in calls)
    begins = sorted(call.start_ns for call in calls)
    inside = begins[bisect_left(begins, begin) : bisect_left(begins, begin + SECOND)]
    if not inside:
        return None
    # A call that ends where another begins leaves its connection to it.
    running = max(bisect_right(begins, at) - bisect_right(ends, at) for at in inside)
    took = median(
        row.response_end_ns - row.request_start_ns
        for call in calls
        if begin <= call.start_ns < begin + SECOND
        for row in view.exchanges_of(call)[-1:]
        if row.response_end_ns is not None and row.request_start_ns is not None
    )
    return Second(rows[first:last], len(inside), max(1, running), took)


def _number(call: Call) -> int:
    return call.call_id


def _opened(row: Connection) -> TimeNs:
    return row.syn_ns if row.syn_ns is not None else row.first_ns


def _finding(view: View, key: tuple[str, str], rows: list[Connection], calls: list[Call], waited: list[Paid], second: Second) -> Finding:
    needless = [one.call for one in avoidable(waited)]
    cost = view.charge_all(needless, SET_UP)
    share = view.share(cost, needless) if cost else None  # its time is charged elsewhere: then it has no share of its own
    sdk = Counter(call.sdk for call in calls).most_common(1)[0][0]
    kept = _discarded(rows, sdk)
    unsure = inferred(view, needless)
    proof = [row for row in second.opened if row.first_ns == row.syn_ns][:MOST_PACKETS] or second.opened[:1]
    return RULE.finding(
        _text(view, key, rows, calls, second, cost, share, kept, sdk),
        cost_ns=cost,
        share=share,
        confidence="likely" if unsure else "proven",
        decides=DECIDES if unsure else None,
        calls=[call.call_id for call in needless],
        exchanges=[number for call in needless for number in call.exchange_ids[-1:]],
        connections=[row.connection_id for row in rows],
        packet_ids=[row.first_packet_id for row in proof],
        display_filter=f"tcp.flags.syn == 1 && tcp.flags.ack == 0 && {streams_filter(row.connection_id for row in proof)}",
        remedy=remedy_for("pool-size" if kept is not None else "keep-alive", calls, RULE.remedy),
    )


def _text(
    view: View, key: tuple[str, str], rows: list[Connection], calls: list[Call], second: Second, cost: DurationNs, share: float | None,
    kept: int | None, sdk: str | None,
) -> str:  # fmt: skip
    name = sdk_name(sdk)
    text = f"{name or 'The client'} opened {count(len(second.opened))} connections in one second for {plural(second.calls, 'call')} "
    busy = f"{second.busy:.1f}" if second.busy >= 0.1 else "fewer than 0.1"
    text += f"that keep {busy} of them busy ({count(second.calls)}/s x {duration(second.took_ns)}); "
    text += f"no more than {plural(second.running, 'call')} ran at once. "
    span = max(_opened(row) for row in rows) - min(_opened(row) for row in rows)
    text += f"In all {plural(len(rows), 'connection')} were opened in {duration(span)} for {plural(len(calls), 'call')}"
    text += _handshakes(view, rows)
    if kept is not None:
        text += f" Its pool keeps {count(kept)} idle ones: further ones are closed after their request."
    if cost > 0:
        text += f" What opening them needlessly cost the calls: {duration(cost)}"
        text += f", {percent(share)} of the time of all calls." if share is not None else "."
    else:
        text += " What that cost the calls is in the findings about connections that are not reused; here it is the rate."
    return text + f" Client {key[0]}, server {key[1]}."


def _handshakes(view: View, rows: list[Connection]) -> str:
    shaken = [shake for row in rows for shake in view.handshakes_on.get(row.connection_id, [])[:1]]
    full = sum(shake.resumed is False for shake in shaken)
    resumed = sum(shake.resumed is True for shake in shaken)
    if not full and not resumed:
        return "."
    took = sum(shake.duration_ns or 0 for shake in shaken)
    return f", with {plural(full, 'full TLS handshake')} and {count(resumed)} resumed. They took {duration(took)} in all."


def _discarded(rows: list[Connection], sdk: str | None) -> int | None:
    """Return how many idle connections the SDK's pool keeps, where it shows that connections were closed because that many were open."""
    profile = sdks.profile(sdk)
    pool = profile.pools[0] if profile is not None and profile.pools else None
    if pool is None or pool.keep_alive is False:
        return None
    limit = pool.idle_size if pool.idle_size is not None else pool.size if pool.waits is False else None
    if limit is None or not isfinite(limit):
        return None
    thrown = [row.closed_ns for row in rows if row.exchanges == 1 and row.closed_by.startswith("client") and row.closed_ns is not None]
    begins = sorted(_opened(row) for row in rows)
    ends = sorted(row.closed_ns for row in rows if row.closed_ns is not None)
    others = [bisect_left(begins, at) - bisect_right(ends, at) for at in thrown]
    return int(limit) if others and median(others) >= limit else None
