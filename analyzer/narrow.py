"""Keeping a part of an answer: the filters of all verbs."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.condition import condition
from analyzer.model.rows import Call, Connection, Exchange
from analyzer.model.table import Table
from analyzer.units import TimeNs, seconds

__all__ = ["Filter", "apply", "condition"]


MOST_NAMES = 6
"""Services, and hosts, that are named where a filter lets nothing through."""


class Filter(NamedTuple):
    """What of an answer is wanted; empty means all."""

    services: frozenset[str]
    hosts: frozenset[str]
    since_ns: TimeNs | None
    until_ns: TimeNs | None
    connections: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.services or self.hosts or self.connections or self.since_ns is not None or self.until_ns is not None)

    def words(self, first: TimeNs) -> str:
        """Say what is wanted; times count from `first`."""
        parts = [f"{name} {', '.join(sorted(values))}" for name, values in (("service", self.services), ("host", self.hosts)) if values]
        if self.connections:
            parts.append(f"connection {', '.join(map(str, sorted(self.connections)))}")
        if self.since_ns is not None:
            parts.append(f"from {seconds(self.since_ns - first)} s on")
        if self.until_ns is not None:
            parts.append(f"before {seconds(self.until_ns - first)} s")
        return "; ".join(parts)


def apply(analysis: Analysis, wanted: Filter, *, whole_calls: bool = True) -> Analysis:
    """Return the part of an answer that a filter lets through. Findings are made anew over that part.

    A call passes with one of its connections (and its start). With `whole_calls` all that belongs to such a call stays with it, whether it
    would pass by itself or not: the dialogue that it waited for, and the exchanges, connections and lookups of both.
    """
    if not wanted:
        return analysis

    def right(row: Connection) -> bool:
        names = {row.server_address, (row.server_name or "").lower(), (row.server_name or "").lower().partition(":")[0]}
        return (
            (not wanted.connections or row.connection_id in wanted.connections)
            and (not wanted.hosts or not wanted.hosts.isdisjoint(names))
            and (not wanted.services or row.service in wanted.services)
        )

    def within(time: TimeNs | None) -> bool:
        if time is None or (wanted.since_ns is not None and time < wanted.since_ns):
            return False
        return wanted.until_ns is None or time < wanted.until_ns

    timed = wanted.since_ns is not None or wanted.until_ns is not None
    kept = {row.connection_id for row in analysis.connections if right(row)}
    calls = analysis.calls.where(lambda row: not kept.isdisjoint(row.connection_ids) and (not timed or within(row.start_ns)))
    calls, bound = _with_dialogues(analysis, calls) if whole_calls else (calls, Belongings(set(), set()))
    named = {row.call_id for row in calls}
    exchanges = [
        row
        for row in analysis.exchanges
        if row.exchange_id in bound.exchanges or (row.connection_id in kept and (not timed or within(_begin(row))))
    ]
    if timed:
        used = {row.connection_id for row in exchanges}
        begun = {row.connection_id for row in analysis.connections if within(row.first_ns)}
        kept &= used | begun
    kept |= bound.connections
    narrowed = bool(wanted.services or wanted.hosts or wanted.connections)
    return Analysis(
        capture=analysis.capture,
        vantage=analysis.vantage,
        connections=analysis.connections.where(lambda row: row.connection_id in kept),
        lookups=analysis.lookups.where(
            lambda row: (
                not bound.connections.isdisjoint(row.connection_ids)
                or ((not narrowed or not kept.isdisjoint(row.connection_ids)) and (not timed or within(row.start_ns)))
            )
        ),
        exchanges=Table("exchanges", analysis.exchanges.row_type, exchanges),
        handshakes=analysis.handshakes.where(lambda row: row.connection_id in kept),
        calls=calls,
        spans=analysis.spans.where(lambda row: row.call_id in named),
        anomalies=analysis.anomalies.where(lambda row: row.connection_id is None or row.connection_id in kept),
        check=analysis.check,
        imagine=analysis.imagine,
        pooled=analysis.pooled,
        filtered=wanted.words(analysis.capture.first_ns or 0),
        outside=None if kept else present(analysis),
        context=analysis.context or analysis,
        renderers=analysis.renderers,
        saved=analysis.saved,
        home=analysis.home,
    )


def present(analysis: Analysis) -> str:
    """Say what an answer holds that a filter could let through: services and server names, most connections first."""
    counted = [Counter(row.service or "other" for row in analysis.connections), Counter(map(_server, analysis.connections))]
    parts = []
    for word, names in zip(("service", "host"), counted, strict=True):
        listed = ", ".join(name for name, _ in names.most_common(MOST_NAMES))
        parts.append(f"{word}{'s' if len(names) > 1 else ''} {listed}{', ...' if len(names) > MOST_NAMES else ''}")
    first, last = analysis.capture.first_ns, analysis.capture.last_ns
    if first is not None and last is not None:
        parts.append(f"{seconds(last - first)} s")
    number = len(analysis.connections)
    return f"{number} TCP connection{'s' if number != 1 else ''} ({'; '.join(parts)})" if number else "no TCP connections"


def _server(row: Connection) -> str:
    return row.server_name or row.server_address


class Belongings(NamedTuple):
    """What belongs to calls: links that must lead somewhere."""

    exchanges: set[int]
    connections: set[int]


def _with_dialogues(analysis: Analysis, calls: Table[Call]) -> tuple[Table[Call], Belongings]:
    """Add the dialogues that calls waited for; return all of them and what belongs to them."""
    named = {row.call_id for row in calls}
    named |= {row.dialogue_id for row in analysis.spans if row.dialogue_id is not None and row.call_id in named}
    calls = analysis.calls.where(lambda row: row.call_id in named)
    exchanges = {number for row in calls for number in row.exchange_ids}
    connections = {number for row in calls for number in row.connection_ids}
    connections |= {row.connection_id for row in analysis.exchanges if row.exchange_id in exchanges}
    return calls, Belongings(exchanges, connections)


def _begin(row: Exchange) -> TimeNs | None:
    return row.request_start_ns if row.request_start_ns is not None else row.response_start_ns
