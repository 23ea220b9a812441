"""Keeping a part of an answer: the filters of all verbs, and conditions on columns."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange
from analyzer.model.table import Table
from analyzer.units import SECOND, TimeNs

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
CONDITION = re.compile(r"\s*(\w+)\s*(==|!=|>=|<=|=|>|<|~)\s*(.*?)\s*\Z", re.DOTALL)
NUMBER = re.compile(r"(-?[0-9]{1,30}(?:\.[0-9]{1,30})?)\s*(ns|us|µs|ms|s)?")
UNITS = {"": 1, "ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


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
            parts.append(f"from {(self.since_ns - first) / SECOND:.3f} s on")
        if self.until_ns is not None:
            parts.append(f"before {(self.until_ns - first) / SECOND:.3f} s")
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
        filtered=wanted.words(analysis.capture.first_ns or 0),
        renderers=analysis.renderers,
    )


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


def condition(table: Table[Any], text: str) -> Callable[[Any], bool]:
    """Read a condition on a column: `operation=GetItem`, `status>=400`, `server_ns>20ms`, `target~token` (contains).

    Unknown values never match.

    Raises UsageError for a column that does not exist, or a value that does not fit it.
    """
    match = CONDITION.match(text)
    if match is None:
        raise UsageError(f"cannot read the condition {text!r}", hint="COLUMN=VALUE, also != < <= > >= and ~ (contains)")
    name, sign, value = match.groups()
    get = table.getter(name)
    kind = next(column.kind for column in table.columns if column.name == name)
    if sign == "~":
        return lambda row: get(row) is not None and value.lower() in str(get(row)).lower()
    compare = OPERATORS[sign]
    wanted = _value(name, kind, value)
    if kind == "list" and sign not in ("=", "==", "!="):
        raise UsageError(f"{name} is a list, which has no order", hint=f"{name}={value} (holds it), {name}!={value}, {name}~{value}")
    if kind == "list":
        return lambda row: compare(any(str(item) == value for item in get(row)), True)
    return lambda row: get(row) is not None and compare(get(row), wanted)


def _value(name: str, kind: str, text: str) -> object:
    if kind in ("text", "list"):
        return text
    if kind == "bool":
        if text.lower() not in ("true", "false", "yes", "no"):
            raise UsageError(f"{name} is true or false, not {text!r}")
        return text.lower() in ("true", "yes")
    match = NUMBER.fullmatch(text)
    if match is None or (match[2] and kind not in ("duration", "time")):
        raise UsageError(f"{name} is a number, not {text!r}")
    number = match[1]
    if not match[2] and "." not in number:
        return int(number)
    # Decimal: a double cannot hold a time in seconds to the nanosecond.
    return round(Decimal(number) * UNITS[match[2] or ""]) if kind in ("duration", "time") else float(number)
