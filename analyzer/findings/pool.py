"""Connections as pools: per client and endpoint, how many were open, busy and idle over time, who closed idle ones, what opening cost.

A lazy view over the tables: no packet is read again. The rules about pools look at the same figures.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from analyzer import timers
from analyzer.model.analysis import Analysis
from analyzer.model.pool import Pool, PoolChange, Pools
from analyzer.model.rows import Connection, Exchange, Handshake
from analyzer.timers import Gap
from analyzer.units import MILLISECOND, SECOND, ConnectionId, DurationNs, TimeNs

AT_ONCE_NS: DurationNs = MILLISECOND
"""A request this soon after an answer was waiting for it."""
AT_ONCE = 0.25
"""Or within this share of what a request takes: a client with one event loop reads the answers of its other connections first."""
IDLE_NS: DurationNs = SECOND
"""A connection closed sooner after its last answer was not kept: idle limits are seconds and longer."""
ALIKE = 0.1
"""Idle times that differ by no more than this share are one limit."""

OPENED, CLOSED, TAKEN, GIVEN_BACK = range(4)
"""Changes of a pool."""

Key = tuple[str, str, int]
"""Client address, server name or address, server port."""
Busy = tuple[TimeNs, TimeNs]


class Member(NamedTuple):
    """A connection of a pool with the times in which it was open and busy."""

    row: Connection
    opened_ns: TimeNs
    closed_ns: TimeNs
    busy: list[Busy]
    """In order, apart from each other."""


class Levels(NamedTuple):
    """How many connections were open and busy, from each of some moments on."""

    times: list[TimeNs]
    open: list[int]
    busy: list[int]

    def idle_at(self, time: TimeNs) -> int:
        """Return how many open connections carried nothing at a moment, what began or ended at it counted."""
        at = bisect_right(self.times, time) - 1
        return self.open[at] - self.busy[at] if at >= 0 else 0

    def full_at(self, time: TimeNs) -> bool:
        """Tell whether all of several open connections were busy at a moment."""
        at = bisect_right(self.times, time) - 1
        return at >= 0 and self.open[at] > 1 and not self.idle_at(time)


def pools(analysis: Analysis) -> Pools:
    """Return the pools of an answer, those with most requests first."""
    groups = members(analysis)
    shaken: dict[ConnectionId, Handshake] = {row.connection_id: row for row in analysis.handshakes}
    sdks = {row.connection_id: row.sdk for row in analysis.exchanges if row.sdk is not None}
    rows = [_row(key, group, shaken, sdks) for key, group in groups.items()]
    rows.sort(key=lambda row: (-row.requests, -row.opened, row.client_address, row.server, row.server_port))
    order = [(row.client_address, row.server, row.server_port) for row in rows]
    return Pools(rows, lambda: (change for key in order for change in _changes(key, groups[key])))


def members(analysis: Analysis) -> dict[Key, list[Member]]:
    """Return the connections that opened and speak HTTP or TLS, by client and endpoint, in order of their opening."""
    asked: dict[ConnectionId, list[Exchange]] = defaultdict(list)
    for row in analysis.exchanges:
        # A tunnel's own CONNECT is part of opening it.
        if row.request_start_ns is not None and row.method != "CONNECT":
            asked[row.connection_id].append(row)
    out: dict[Key, list[Member]] = defaultdict(list)
    end = analysis.capture.last_ns
    for under in analysis.connections:
        began_here = under.syn_ns is not None
        if under.copy_of is not None or under.protocol not in ("http/1.1", "tls") or (began_here and under.established_ns is None):
            continue
        out[key_of(under)].append(member(under, asked.get(under.connection_id, ()), end))
    for group in out.values():
        group.sort(key=lambda one: (one.opened_ns, one.row.connection_id))
    return out


def key_of(row: Connection) -> Key:
    """Return which pool a connection belongs to."""
    return row.client_address, row.server_name or row.server_address, row.server_port


def member(under: Connection, exchanges: Sequence[Exchange], end_ns: TimeNs | None) -> Member:
    """Return when a connection was open and busy; one that nobody closed stays open until `end_ns`, the end of the capture."""
    opened = under.established_ns if under.established_ns is not None else under.first_ns
    if under.closed_ns is not None:
        closed = under.closed_ns
    else:
        closed = max(under.last_ns, end_ns if end_ns is not None else under.last_ns)
    busy: list[Busy] = []
    for row in exchanges:
        start = row.request_start_ns
        if start is None:
            continue
        over = row.response_end_ns if row.response_end_ns is not None else min(closed, max(start, under.last_ns))
        opened = min(opened, start)
        busy.append((start, max(start, over)))
    busy = _apart(busy)
    return Member(under, opened, max(closed, opened, busy[-1][1] if busy else opened), busy)


def _apart(times: list[Busy]) -> list[Busy]:
    """Join times that overlap (pipelined requests); of those that only touch each stays its own."""
    times.sort()
    out: list[Busy] = []
    for start, end in times:
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def levels(group: Sequence[Member]) -> Levels:
    """Return how many connections were open and busy over time. Where one ends as another begins, both changes are one."""
    # Numbers that say time and change at once sort fast, and of a million requests they are a few: tuples would be a hundred MB.
    steps = [one.opened_ns << 2 | OPENED for one in group] + [one.closed_ns << 2 | CLOSED for one in group]
    steps += [start << 2 | TAKEN for one in group for start, _ in one.busy]
    steps += [end << 2 | GIVEN_BACK for one in group for _, end in one.busy]
    steps.sort()
    out = Levels([], [], [])
    is_open = is_busy = 0
    for step in steps:
        time, change = step >> 2, step & 3
        if change in (OPENED, CLOSED):
            is_open += 1 if change == OPENED else -1
        else:
            is_busy += 1 if change == TAKEN else -1
        if out.times and out.times[-1] == time:
            out.open[-1], out.busy[-1] = is_open, is_busy
        else:
            out.times.append(time)
            out.open.append(is_open)
            out.busy.append(is_busy)
    return out


def _row(key: Key, group: Sequence[Member], shaken: Mapping[ConnectionId, Handshake], sdks: Mapping[ConnectionId, str]) -> Pool:
    level = levels(group)
    start, end = level.times[0], level.times[-1]
    span = end - start
    rows = [one.row for one in group]
    busy = [time for one in group for time in one.busy]
    took = sorted(last - first for first, last in busy)
    idle = sorted(after[0] - before[1] for one in group for before, after in pairwise(one.busy))
    shakes = [shaken[row.connection_id] for row in rows if row.connection_id in shaken]
    closers = Counter(_closer(row) for row in rows)
    who, ended, timer = _idle_closes(group, sdks)
    return Pool(
        client_address=key[0],
        server=key[1],
        server_port=key[2],
        service=next((row.service for row in rows if row.service is not None), None),
        start_ns=start,
        span_ns=span,
        opened=sum(row.syn_ns is not None for row in rows),
        already_open=sum(row.syn_ns is None for row in rows),
        most_open=max(level.open),
        most_busy=max(*level.busy, 1 if busy else 0),
        mean_open=sum(one.closed_ns - one.opened_ns for one in group) / span if span else 0.0,
        mean_busy=sum(took) / span if span else 0.0,
        needed=max(needed(level), 1 if busy else 0),
        requests=len(busy),
        took_ns=_quantile(took, 50),
        idle_p50_ns=_quantile(idle, 50),
        idle_p90_ns=_quantile(idle, 90),
        idle_max_ns=idle[-1] if idle else None,
        followed_at_once=len(followers(group, level, _quantile(took, 50) or 0)),
        full_ns=_full_ns(level),
        closed_by_client=closers["client"],
        closed_by_server=closers["server"],
        closed_by_reset=closers["reset"],
        left_open=closers["open"],
        idle_closer=who,
        idle_closed=len(ended),
        idle_close_ns=_quantile(ended, 50),
        idle_close_timer=timer,
        connect_ns=sum(row.connect_ns or 0 for row in rows),
        handshakes_full=sum(row.resumed is False for row in shakes),
        handshakes_resumed=sum(row.resumed is True for row in shakes),
        handshake_ns=sum(row.duration_ns or 0 for row in shakes),
        connection_ids=tuple(row.connection_id for row in rows),
    )


def _full_ns(level: Levels) -> DurationNs:
    """Return for how long all open connections were busy, more than one of them."""
    times, is_open, is_busy = level
    return sum(times[at + 1] - times[at] for at in range(len(times) - 1) if is_open[at] == is_busy[at] > 1)


def needed(level: Levels) -> int:
    """Return how many connections the busiest second kept busy on average, rounded up (Little's law); of a shorter time, that time."""
    times, _, busy = level
    spent = [0]
    for at in range(len(times) - 1):
        spent.append(spent[-1] + busy[at] * (times[at + 1] - times[at]))
    at_work = [at for at in range(len(times)) if busy[at] or (at and busy[at - 1])]
    if not at_work:
        return 0
    window = min(SECOND, times[at_work[-1]] - times[at_work[0]])
    if not window:
        return 1
    # The sum over a window that slides is a chain of straight lines: it is largest where the window begins or ends at a change. `ahead`
    # and `behind` are the last changes up to its other end, which moves on with it.
    most, last, ahead, behind = 0, len(times) - 1, 0, -1
    for at in at_work:
        here = times[at]
        while ahead < last and times[ahead + 1] <= here + window:
            ahead += 1
        while behind < last and times[behind + 1] <= here - window:
            behind += 1
        before = spent[behind] + busy[behind] * (here - window - times[behind]) if behind >= 0 else 0
        most = max(most, spent[ahead] + busy[ahead] * (here + window - times[ahead]) - spent[at], spent[at] - before)
    return max(1, -(-most // window))


def followers(group: Sequence[Member], level: Levels, took: DurationNs) -> list[tuple[ConnectionId, TimeNs]]:
    """Return the requests that came at once after an answer while every other open connection was busy: connection and first byte of each.

    Of a client with one connection nobody can tell whether a request waited, or was made only then.
    """
    soon = at_once(took)
    return [
        (one.row.connection_id, after[0])
        for one in group
        for before, after in pairwise(one.busy)
        if after[0] - before[1] <= soon and level.full_at(after[0])
    ]


def stack_of(shaken: Handshake | None) -> str:
    """Return what tells one TLS client from another: the ciphers of its JA4, which offering a session does not change; nothing without."""
    return _ciphers(shaken.ja4) if shaken is not None and shaken.ja4 is not None else ""


@lru_cache(maxsize=1024)
def _ciphers(ja4: str) -> str:
    return f"{ja4}__".split("_")[1]


def at_once(took: DurationNs) -> DurationNs:
    """Return within what time after an answer a request had been waiting for it, where a request takes `took`."""
    return max(AT_ONCE_NS, round(AT_ONCE * took))


def _closer(row: Connection) -> str:
    return "reset" if row.closed_by.endswith("reset") else row.closed_by


def _idle_closes(group: Sequence[Member], sdks: Mapping[ConnectionId, str]) -> tuple[str | None, list[DurationNs], str | None]:
    """Return who ended most idle connections, after how long each, in order, and the timer that this is."""
    found: dict[str, list[tuple[DurationNs, str | None]]] = defaultdict(list)
    for one in group:
        at = one.row.closed_ns
        if at is None or not one.busy or at - one.busy[-1][1] <= IDLE_NS:
            continue
        found[_closer(one.row)].append((at - one.busy[-1][1], sdks.get(one.row.connection_id)))
    if not found:
        return None, [], None
    who = max(found, key=lambda name: len(found[name]))
    times = sorted(time for time, _ in found[who])
    middle = times[len(times) // 2]
    if times[-1] - times[0] > ALIKE * times[-1]:
        return who, times, None
    return who, times, timers.name(Gap("idle", middle, found[who][0][1], by="client" if who == "client" else "server")) or None


def _changes(key: Key, group: Sequence[Member]) -> Iterator[PoolChange]:
    before = (0, 0)
    for time, is_open, is_busy in zip(*levels(group), strict=True):
        if (is_open, is_busy) != before:
            before = (is_open, is_busy)
            yield PoolChange(*key, time, is_open, is_busy, is_open - is_busy)


def _quantile(ordered: Sequence[int], percent: int) -> int | None:
    """Return the value that `percent` of some numbers in order do not exceed; None of none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else None
