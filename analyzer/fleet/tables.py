"""The tables of a batch: rows of many captures as one table, read when somebody looks, with ids that no two captures share."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from analyzer.model.rows import Finding, Repeated
from analyzer.model.table import Table
from analyzer.report.saved import read_table

if TYPE_CHECKING:
    from pandas import DataFrame

Row = TypeVar("Row", bound=tuple[Any, ...])

KINDS = {
    "connection_id": "connection", "connection_ids": "connection", "connections": "connection", "copy_of": "connection",
    "exchange_id": "exchange", "exchange_ids": "exchange",
    "call_id": "call", "calls": "call", "chain_id": "call", "dialogue_id": "call",
    "span_id": "span", "lookup_id": "lookup",
}  # fmt: skip
"""Columns that hold ids, and of what. Packet numbers stay: they are those of the captures, which Wireshark shows."""


class Piece(NamedTuple):
    """The rows of one set."""

    name: str
    host: str
    path: Path
    rows: int
    before: dict[str, int]
    """How many ids of each kind the sets before it took."""


class FleetTable(Table[Row]):
    """A table over all sets. Going through it holds one set's rows at a time; asking for rows by number loads all of them."""

    def __init__(self, name: str, row_type: type[Row], pieces: Sequence[Piece]) -> None:
        self.name = name
        self.row_type = row_type
        self.pieces = list(pieces)

    def __getattr__(self, name: str) -> Any:
        """Load all rows when somebody asks for them by number."""
        if name != "_rows":
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        rows = [row for piece in self.pieces for row in self.of(piece)]
        self._rows = rows
        return rows

    def __len__(self) -> int:
        return sum(piece.rows for piece in self.pieces)

    def __iter__(self) -> Iterator[Row]:
        if "_rows" in self.__dict__:
            yield from self._rows
            return
        for piece in self.pieces:
            yield from self.of(piece)

    def of(self, piece: Piece) -> list[Row]:
        """Return the rows of one set. Raises CaptureError where its file is damaged or gone."""
        rows: list[Row] = list(read_table(piece.path, self.name, self.row_type))
        return renumbered(self.row_type, rows, piece.before)

    def to_pandas(self) -> DataFrame:
        """Return a data frame like that of any table, with two columns before the others: `host` and `set`."""
        frame = super().to_pandas()
        frame.insert(0, "host", [piece.host for piece in self.pieces for _ in range(piece.rows)])
        frame.insert(1, "set", [piece.name for piece in self.pieces for _ in range(piece.rows)])
        return frame


def renumbered(row_type: type[Row], rows: list[Row], before: dict[str, int]) -> list[Row]:
    """Return rows with their ids moved up by those of the sets before."""
    if not any(before.values()):
        return rows
    names = list(row_type.__annotations__)
    moves: list[tuple[int, Callable[[Any], Any]]] = []
    for index, name in enumerate(names):
        kind = KINDS.get(name)
        if kind is not None and before.get(kind):
            moves.append((index, _moved(before[kind])))
        elif name == "repeats" and before.get("exchange"):
            moves.append((index, _repeats(before["exchange"])))
    if not moves:
        return rows
    out = []
    for row in rows:
        values = list(row)
        for index, move in moves:
            values[index] = move(values[index])
        out.append(tuple.__new__(row_type, values))
    return out


def _moved(by: int) -> Callable[[Any], Any]:
    def move(value: Any) -> Any:
        if value is None:
            return None
        return tuple(one + by for one in value) if isinstance(value, tuple) else value + by

    return move


def _repeats(by: int) -> Callable[[tuple[Repeated, ...]], tuple[Repeated, ...]]:
    def move(value: tuple[Repeated, ...]) -> tuple[Repeated, ...]:
        return tuple(one._replace(exchange_id=one.exchange_id + by) if one.exchange_id is not None else one for one in value)

    return move


def piece_of(pieces: Sequence[Piece], kind: str, number: int) -> Piece | None:
    """Return the rows among which an id of some kind is; None where it is of no set."""
    at = bisect_right(pieces, number, key=lambda piece: piece.before[kind]) - 1
    return pieces[at] if at >= 0 and number - pieces[at].before[kind] < pieces[at].rows else None


def homes(pieces: Mapping[str, Sequence[Piece]]) -> Callable[[Finding], tuple[str, Finding]]:
    """Return what tells the set that a finding is of, and the finding with that set's own numbers; of none where it names no connection."""

    def home(finding: Finding) -> tuple[str, Finding]:
        for kind, table, numbers in (("call", "calls", finding.calls), ("connection", "connections", finding.connections)):
            piece = piece_of(pieces[table], kind, numbers[0]) if numbers else None
            if piece is not None:
                return piece.name, finding._replace(
                    calls=tuple(number - piece.before["call"] for number in finding.calls),
                    exchanges=tuple(number - piece.before["exchange"] for number in finding.exchanges),
                    connections=tuple(number - piece.before["connection"] for number in finding.connections),
                )
        return "", finding

    return home
