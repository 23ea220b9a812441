"""What would be with a cause removed: what is asked, and the answer as a table (a row a change) with the calls behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from analyzer.model.table import Table
from analyzer.units import SECOND, DurationNs

SOURCES = ("ready", "agent")
"""Other sources of credentials: there before a call asks for them; or an agent on the host that gives them in one request (ECS, EKS)."""

LONGEST_TRIP_NS: DurationNs = 60 * SECOND
"""A longer round trip is a slip of the hand."""


UNSEEN = "a replay of them cannot show the gain"
"""In the note of a change that may gain what no call of the capture shows: it must not be called one that changes nothing."""


class Wishes(NamedTuple):
    """The changes that are asked about."""

    keep_alive: bool = False
    """Connections are kept open and reused; those that must be opened at first, or for calls at the same time, still are."""
    warm_pool: bool = False
    """No call ever waits for a connection: all are open before, and stay so."""
    tls13: bool = False
    """Handshakes are TLS 1.3."""
    resumption: bool = False
    """All handshakes but the first of a client resume its session."""
    hop_limit: bool = False
    """The answers to IMDSv2 token requests reach the client."""
    credentials: str | None = None
    """Another source of credentials: one of SOURCES."""
    no_loss: bool = False
    """No packet is lost."""
    no_filter_scan: bool = False
    """What a filter threw away is not read."""
    rtt_ns: DurationNs | None = None
    """Round trip to the endpoints."""
    pool: int | None = None
    """Most connections of a client to a server."""


class WhatIf(NamedTuple):
    """One change, or several at once, and what it does to all calls: the row of the table `whatif`.

    Percentiles are nearest rank and leave truncated calls out; totals are sums of durations, not wall clock. `_low_ns` and `_high_ns` bound
    the range that the spread of the calls, and what is unknown of pieces put in or taken out, leave open for four captures of five.
    """

    change: str
    """As an option of the command: `keep-alive`, `rtt 1.0 ms`; of several joined by ` + `."""
    title: str
    """The same in words."""
    applies: bool
    """Whether it changes anything; where not, `note` says why."""
    calls: int
    """Calls before."""
    calls_after: int
    """Fewer where pages of a filter scan are not asked for any more."""
    changed: int
    """Calls that it makes shorter or longer."""
    p50_before_ns: DurationNs | None
    p50_ns: DurationNs | None
    p50_low_ns: DurationNs | None
    p50_high_ns: DurationNs | None
    p95_before_ns: DurationNs | None
    p95_ns: DurationNs | None
    p95_low_ns: DurationNs | None
    p95_high_ns: DurationNs | None
    p99_before_ns: DurationNs | None
    p99_ns: DurationNs | None
    p99_low_ns: DurationNs | None
    p99_high_ns: DurationNs | None
    total_before_ns: DurationNs
    total_ns: DurationNs
    total_low_ns: DurationNs
    total_high_ns: DurationNs
    gain_ns: DurationNs
    """Before less after, of the totals; negative where it costs."""
    share: float
    """Of the total before."""
    note: str
    """What the number rests on, or why the change does not apply."""


class Replayed(NamedTuple):
    """A call replayed; `after_ns` is None where it would not be made any more."""

    call_id: int
    operation: str | None
    duration_ns: DurationNs
    after_ns: DurationNs | None
    low_ns: DurationNs | None
    """At least, by what was observed of the pieces that were put in or taken out."""
    high_ns: DurationNs | None
    """At most."""
    queue_ns: DurationNs
    """Part of `after_ns` before the first packet: waiting for a free connection, which no capture shows."""


@dataclass(slots=True)
class Replay:
    """The answer to a what-if. Shows itself, where the answer that it was asked of does."""

    changes: Table[WhatIf]
    """Largest gain first; of several wishes each alone, then all together."""
    calls: Table[Replayed]
    """The calls with all wishes together; without wishes those of the first row."""
    noun: str = "call"
    """What is counted: calls, or dialogues where the capture holds no calls."""
    show: Callable[[Replay, str], str] | None = None
    """Writes it in a form: text, html."""

    def __str__(self) -> str:
        if self.show is not None:
            return self.show(self, "text")
        return "\n".join(f"{row.change}: {row.p50_before_ns} -> {row.p50_ns} ns (p50)" for row in self.changes)

    __repr__ = __str__

    def _repr_html_(self) -> str | None:
        """Show the table in a notebook."""
        return self.show(self, "html") if self.show is not None else None
