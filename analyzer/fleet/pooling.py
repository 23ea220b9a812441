"""Connections as pools over a batch: those of each capture by themselves, for one address may be many hosts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from analyzer.findings import pools
from analyzer.fleet.tables import FleetTable, Piece
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureInfo
from analyzer.model.pool import Pools
from analyzer.model.rows import Anomaly, Lookup
from analyzer.model.table import Table
from analyzer.units import TimeNs

Row = TypeVar("Row", bound=tuple[Any, ...])
NEEDED = ("connections", "exchanges", "handshakes")


def pooled(pieces: Mapping[str, Sequence[Piece]], ends: Mapping[str, TimeNs | None]) -> Callable[[Analysis], Pools]:
    """Return what makes the pools of a batch, or of a part of it: one capture's rows are in memory at a time.

    `ends` says when each capture ended, by its name: until then a connection that nobody closed was open.
    """

    def over_sets(part: Analysis) -> Pools:
        made = [pools(one) for one in _sets(part, pieces, ends)]
        rows = [row for one in made for row in one]
        rows.sort(key=lambda row: (-row.requests, -row.opened))
        return Pools(rows, lambda: (change for one in made for change in one.changes))

    return over_sets


def _sets(part: Analysis, pieces: Mapping[str, Sequence[Piece]], ends: Mapping[str, TimeNs | None]) -> Iterator[Analysis]:
    """Yield what a part holds of each capture, with the ids of the whole."""
    by_name = {table: {piece.name: piece for piece in pieces[table]} for table in NEEDED}
    order = pieces["connections"]
    for at, piece in enumerate(order):
        low = piece.before["connection"]
        high = order[at + 1].before["connection"] if at + 1 < len(order) else None
        info = CaptureInfo(last_ns=ends.get(piece.name))
        tables = {name: _of(getattr(part, name), by_name[name].get(piece.name), low, high) for name in NEEDED}
        if len(tables["connections"]):
            yield Analysis(
                capture=info, vantage=part.vantage, lookups=Table("lookups", Lookup), anomalies=Table("anomalies", Anomaly),
                connections=tables["connections"], exchanges=tables["exchanges"], handshakes=tables["handshakes"],
            )  # fmt: skip


def _of(table: Table[Row], piece: Piece | None, low: int, high: int | None) -> Table[Row]:
    """Return the rows of one capture, whose connections are numbered from `low` to below `high`."""
    if isinstance(table, FleetTable):
        return Table(table.name, table.row_type, table.of(piece) if piece is not None else ())
    number = table.getter("connection_id")
    if table.name == "connections":
        first = bisect_left(table, low, key=number)
        return table[first : bisect_left(table, high, key=number) if high is not None else len(table)]
    return Table(table.name, table.row_type, [row for row in table if low <= number(row) and (high is None or number(row) < high)])
