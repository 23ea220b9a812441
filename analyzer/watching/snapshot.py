"""What a watch shows at one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Finding, Span
from analyzer.model.table import Table
from analyzer.units import DurationNs, TimeNs
from analyzer.watching.rates import Rate


class Seen(NamedTuple):
    """A call as the live view shows it."""

    call: Call
    """With the columns of its process."""
    spans: tuple[Span, ...]
    findings: tuple[str, ...]
    """Codes of the findings that name it, as far as they could be told when it ended."""


class Pool(NamedTuple):
    """The open connections of one client to one server."""

    client: str
    server: str
    service: str | None
    open: int
    busy: int
    """Those with a request under way."""
    process: str | None


class Snapshot(NamedTuple):
    """What is new since the snapshot before, and how things stand."""

    now_ns: TimeNs | None
    """Time on the packets' clock; None before the first packet."""
    elapsed_ns: DurationNs
    source: str
    engine: str
    packets: int
    packets_per_second: float
    dropped: int | None
    """Packets that the kernel dropped; None while the engine has not told."""
    new: tuple[Seen, ...]
    """Calls that became final since the last snapshot, in order of their end."""
    under_way: tuple[Seen, ...]
    """Calls that are not final, as they are by now."""
    pools: tuple[Pool, ...]
    rates: tuple[Rate, ...]
    findings: tuple[Finding, ...]
    """Of the last calls, dearest first."""
    seen: int
    """Calls since the beginning."""
    recorded: tuple[str, ...]
    """Files that the flight recorder wrote since the last snapshot."""
    anomalies: tuple[str, ...]
    """What happened to the capture itself since the last snapshot."""
    last: bool
    """Whether the watch is over."""
    answer: Callable[[], Analysis]
    """Makes the full answer of what is kept."""

    @property
    def calls(self) -> Table[Call]:
        """The calls that became final since the last snapshot, with the columns of their processes."""
        from analyzer.watching.rows import WatchedCall

        return Table("calls", WatchedCall, [one.call for one in self.new])

    def analysis(self) -> Analysis:
        """Return the full answer of what is kept: the last calls with all that belongs to them."""
        return self.answer()

    def __repr__(self) -> str:
        return f"<Snapshot of {self.source}: {self.packets} packets, {len(self.new)} new calls, {len(self.under_way)} under way>"


def pools(rows: Sequence[Connection], busy: set[int], process: Callable[[int], str | None]) -> list[Pool]:
    """Return the open connections by client and server, most first."""
    found: dict[tuple[str, str], list[Connection]] = {}
    for row in rows:
        if row.closed_ns is None and (row.established_ns is not None or row.exchanges):
            found.setdefault((row.client_address, row.server_name or row.server_address), []).append(row)
    out = []
    for (client, server), group in found.items():
        at_work = sum(row.connection_id in busy for row in group)
        names = {process(row.connection_id) for row in group}
        out.append(
            Pool(client, server, group[0].service, len(group), at_work, names.pop() if len(names) == 1 else None)
        )  # fmt: skip
    return sorted(out, key=lambda one: (-one.open, one.server))
