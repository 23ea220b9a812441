"""Requests queue in the client: its pool has too few connections, and the wire shows only that none of them ever rests.

It fires where nearly all connections of a client to a server were busy for a stretch of time, and on them most requests followed the answer
before at once: whoever asked had been waiting. A program of N threads, each calling in a loop, looks the same on N connections; so it takes
at least four connections, an SDK whose requests wait for a connection (those of others open one more), and it is `likely` only where their
number is that SDK's limit. Where the SDK cannot be read, their number must be the limit of one.

The cost is a lower bound and lies outside of the calls' ledger, which begins with their first packet: while every connection that gets free
is taken at once, at least one request is waiting; how many more is not on the wire. Hence it has no share of the calls' time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from math import isfinite
from typing import NamedTuple

from analyzer import sdks
from analyzer.findings.pool import Levels, at_once, levels, member, stack_of
from analyzer.findings.rule import MOST_PACKETS, Rule
from analyzer.findings.service_words import dearest, frames_filter, service_name
from analyzer.findings.setup import server_of
from analyzer.findings.view import View
from analyzer.findings.words import median, remedy_for, sdk_name
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.units import MILLISECOND, SECOND, DurationNs, TimeNs, count, duration

FEWEST = 4
"""Connections: programs with two or three threads are common, pools of that size are not."""
KEPT = 3
"""Requests on a connection from which on it belongs to a pool that keeps connections."""
SOON = 0.1
"""The median of these pauses is at most this share of what a call takes: threads that do something between their calls pause longer."""
NEARLY = 0.9
"""Share of the connections that is busy when the pool is full; one of ten may just be given on."""
MOSTLY = 2 / 3
"""Share of the requests on open connections that must have followed at once while the pool was full."""
ROUNDS = 3
"""Times that each connection is given on while the pool is full, on average: two rounds are a burst just above the pool's size."""
FLOOR_NS: DurationNs = 50 * MILLISECOND
"""A pool that is full for a shorter time delays nobody long enough to look for."""

RULE = Rule(
    code="pool-too-small",
    name="The connection pool is too small",
    severity="warning",
    summary="Requests wait in the client for a free connection",
    remedy="Raise the connection pool's limit to the number of requests at a time, or send fewer at a time.",
    references=("J. D. C. Little, A Proof for the Queuing Formula L = λW (1961)", "botocore Config: max_pool_connections"),
    rank=46,
)


class Follower(NamedTuple):
    """A request that followed an answer on its connection at once."""

    call: Call
    exchange: Exchange
    before: Exchange
    gap_ns: DurationNs


class Full(NamedTuple):
    """The times in which a pool was full."""

    size: int
    """Most connections that were busy at once."""
    need: int
    """So many busy ones make a stretch."""
    full_ns: DurationNs
    active_ns: DurationNs
    """First request to last answer."""
    followers: list[Follower]
    reuses: int
    """Requests that did not open their connection."""
    took_ns: DurationNs
    """First byte of a request to last of its answer, the median."""
    calls: list[Call]


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client, server name and SDK (without plaintext: TLS stack), dearest first."""
    groups: dict[tuple[str, str, str], dict[int, list[tuple[Call, Exchange]]]] = defaultdict(lambda: defaultdict(list))
    for number, asked in view.asked_on.items():
        under = view.connections.get(number)
        if under is None:
            continue
        stack = stack_of(next(iter(view.handshakes_on.get(number, ())), None))
        for sdk, alike in groupby(asked, key=_sdk):
            groups[under.client_address, server_of(under), sdk or stack][number] += alike
    found = []
    for key, used in groups.items():
        # Whose requests never wait for a connection needs no look at each of them.
        if sum(len(rows) >= KEPT for rows in used.values()) < FEWEST or not _limits(next(iter(used.values()))[0][0].sdk):
            continue
        pool = {number: timed for number, rows in used.items() if (timed := _timed(rows))}
        kept = [rows for rows in pool.values() if len(rows) >= KEPT]
        if len(kept) < FEWEST:
            continue
        full = _full(kept, partial(_level, view, pool))
        if full is not None and (told := _finding(view, key, full)) is not None:
            found.append(told)
    yield from dearest(found)


def _sdk(pair: tuple[Call, Exchange]) -> str | None:
    return pair[0].sdk


def _timed(rows: Sequence[tuple[Call, Exchange]]) -> list[tuple[Exchange, Call]]:
    """Return the exchanges of a connection whose first and last byte are known, in order, each with its call."""
    known = [(row, call) for call, row in rows if row.request_start_ns is not None and row.response_end_ns is not None]
    return sorted(known, key=lambda one: one[0].exchange_id)


def _level(view: View, pool: Mapping[int, Sequence[tuple[Exchange, Call]]]) -> Levels:
    return levels([member(view.connections[number], [row for row, _ in rows], None) for number, rows in pool.items()])


def _full(kept: Sequence[Sequence[tuple[Exchange, Call]]], level_of: Callable[[], Levels]) -> Full | None:
    """Return when a pool was full; None where it never was, or not for long, or requests did not follow at once.

    `level_of` tells of all its connections: while more than one of ten is idle nobody waits for one.
    """
    bounds = [[_bounds(row) for row, _ in rows] for rows in kept]
    took = median(end - start for times in bounds for start, end in times)
    soon = at_once(took)
    events: list[tuple[TimeNs, int]] = []
    reuses = 0
    followers: list[Follower] = []
    for rows, times in zip(kept, bounds, strict=True):
        begin, last = times[0]
        reuses += len(rows) - 1
        for at in range(1, len(rows)):
            start, end = times[at]
            if 0 <= start - last <= soon:
                row, call = rows[at]
                followers.append(Follower(call, row, rows[at - 1][0], start - last))
            else:
                events += ((begin, 1), (max(begin, last), -1))
                begin = start
            last = end
        events += ((begin, 1), (max(begin, last), -1))
    if len(followers) < MOSTLY * reuses:
        return None
    level = level_of()
    size, need, stretches = _stretches(events)
    begins = [start for start, _ in stretches]
    full = sum(end - start for start, end in stretches)

    def inside(row: Exchange) -> bool:
        start, _ = _bounds(row)
        at = bisect_right(begins, start) - 1
        return at >= 0 and start <= stretches[at][1]

    spare = size - need
    followers = [one for one in followers if inside(one.exchange) and level.idle_at(_bounds(one.exchange)[0]) <= spare]
    active = max(times[-1][1] for times in bounds) - min(times[0][0] for times in bounds)
    enough = size >= FEWEST and len(followers) >= max(ROUNDS * size, MOSTLY * reuses) and full >= max(FLOOR_NS, ROUNDS * took)
    if not enough or median(one.gap_ns for one in followers) > SOON * took:
        return None
    return Full(size, need, full, active, followers, reuses, took, [call for rows in kept for _, call in rows])


def _bounds(row: Exchange) -> tuple[TimeNs, TimeNs]:
    start = row.request_start_ns or 0
    return start, max(start, row.response_end_ns or 0)


def _stretches(events: list[tuple[TimeNs, int]]) -> tuple[int, int, list[tuple[TimeNs, TimeNs]]]:
    """Return the most connections that were busy at once, how many are nearly as many, and the times in which those were."""
    events.sort()
    size = busy = 0
    for _, change in events:
        busy += change
        size = max(size, busy)
    need = max(1, round(NEARLY * size))
    out: list[tuple[TimeNs, TimeNs]] = []
    since: TimeNs | None = None
    busy = 0
    for at, change in events:
        busy += change
        if busy >= need and since is None:
            since = at
        elif busy < need and since is not None:
            out.append((since, at))
            since = None
    return size, need, out


def _finding(view: View, key: tuple[str, str, str], full: Full) -> Finding | None:
    sdk = full.calls[0].sdk
    limits = _limits(sdk)
    at_limit = full.size in limits
    if not limits or (sdk is None and not at_limit):
        return None
    own = sdks.profile(sdk)
    likely = own is not None and bool(own.pools) and at_limit
    quickest = sorted(full.followers, key=lambda one: one.gap_ns)[: MOST_PACKETS // 2]
    proof = [packet for one in quickest for packet in (one.before.response_packet_id, one.exchange.first_packet_id)]
    return RULE.finding(
        _text(key, full, at_limit, likely),
        severity=None if at_limit else "info",
        cost_ns=full.full_ns,
        confidence="likely" if likely else "possible",
        decides=f"the program's own log or metrics of its pool (requests that wait for a connection): {count(full.size)} threads or tasks "
        "that each call in a loop look the same",
        calls=[one.call.call_id for one in full.followers],
        exchanges=[one.exchange.exchange_id for one in full.followers],
        connections=sorted({one.exchange.connection_id for one in full.followers}),
        packet_ids=proof,
        display_filter=frames_filter(proof),
        remedy=remedy_for("pool-size", full.calls, RULE.remedy),
    )


def _limits(sdk: str | None) -> frozenset[int]:
    """Return the pool limits at which requests wait: those of an SDK (none, where it never waits), of all that it may be where unknown."""
    own = sdks.profile(sdk)
    if sdk is None:
        profiles = list(sdks.profiles().values())
    elif own is not None and own.pools:
        profiles = [own]
    else:  # a family of SDKs, of which nothing tells the one
        profiles = [one for name, one in sdks.profiles().items() if own is not None and name.startswith(f"{sdk}-")]
    pools = [pool for one in profiles for pool in one.pools[:1]]
    return frozenset(int(pool.size) for pool in pools if pool.waits and pool.size is not None and isfinite(pool.size))


def _text(key: tuple[str, str, str], full: Full, at_limit: bool, likely: bool) -> str:
    sdk = full.calls[0].sdk
    gap = median(one.gap_ns for one in full.followers)
    limit = f"the limit of {sdk_name(sdk) or sdk}" if sdk is not None else "the default limit of several SDKs"
    busy = f"all {count(full.size)}" if full.need == full.size else f"{count(full.need)} or all of its {count(full.size)}"
    text = f"Calls {'probably' if likely else 'may'} queue in the client: {busy} connections were busy for {duration(full.full_ns)} of "
    text += (
        f"{duration(full.active_ns)}, and {count(len(full.followers))} of {count(full.reuses)} requests on open connections followed the "
    )
    text += f"answer before within {duration(gap)} (median). "
    if at_limit:
        text += f"{count(full.size)} is {limit}. "
    rate = full.size * SECOND // max(1, full.took_ns + gap)
    text += f"{service_name(full.calls[0].service)} takes {duration(full.took_ns)} for a call (median, on the wire): "
    text += f"{count(full.size)} connections carry about {count(rate)} calls a second, and no more. "
    text += f"If they queue, at least one was waiting all that time, {duration(full.full_ns)} in all; how many more, and how long each, is "
    return text + f"not on the wire: it lies before a call's first packet. Client {key[0]}, server {key[1]}."
