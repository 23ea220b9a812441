"""Connections as pools over a batch: those of each capture by themselves, for one address may be many hosts."""

from __future__ import annotations

from bisect import bisect_right
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
    order = pieces["connections"]
    starts = [piece.before["connection"] for piece in order]
    shared = {name: _shares(getattr(part, name), pieces[name], starts) for name in NEEDED}
    for at, piece in enumerate(order):
        info = CaptureInfo(last_ns=ends.get(piece.name))
        tables = {name: share(piece.name, at) for name, share in shared.items()}
        if len(tables["connections"]):
            yield Analysis(
                capture=info, vantage=part.vantage, lookups=Table("lookups", Lookup), anomalies=Table("anomalies", Anomaly),
                connections=tables["connections"], exchanges=tables["exchanges"], handshakes=tables["handshakes"],
            )  # fmt: skip


def _shares(table: Table[Row], pieces: Sequence[Piece], starts: Sequence[int]) -> Callable[[str, int], Table[Row]]:
    """Return what gives the rows of one capture, by its name and place; connections of each are numbered from its start on."""
    if isinstance(table, FleetTable):
        by_name = {piece.name: piece for piece in pieces}
        return lambda name, at: Table(table.name, table.row_type, table.of(by_name[name]) if name in by_name else ())
    number = table.getter("connection_id")
    rows: dict[int, list[Row]] = {}
    for row in table:
        rows.setdefault(bisect_right(starts, number(row)) - 1, []).append(row)
    return lambda name, at: Table(table.name, table.row_type, rows.get(at, ()))
