"""Rows of a table read back from what was saved: each value checked against the kind that its column has in the output contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from analyzer.errors import CaptureError
from analyzer.model.finding import SEVERITIES
from analyzer.model.rows import Held, Repeated, Stall
from analyzer.model.table import columns_of

Row = TypeVar("Row", bound=tuple[Any, ...])

NEEDED = {
    "connections": ("connection_id",),
    "handshakes": ("connection_id",),
    "exchanges": ("exchange_id", "connection_id"),
    "calls": (
        "call_id", "start_ns", "end_ns", "duration_ns", "credentials_ns", "dns_ns", "connect_ns", "tls_ns", "send_ns", "wait_ns",
        "receive_ns", "failed_ns", "backoff_ns", "client_ns", "unexplained_ns",
    ),
    "spans": ("span_id", "call_id", "phase", "start_ns", "end_ns"),
    "findings": ("code", "severity", "cost_ns"),
}  # fmt: skip
"""Columns without which a table says nothing. Others may lack: they came with a later version."""
EMPTY: dict[str, object] = {"int": 0, "time": 0, "duration": 0, "float": 0.0, "bool": False, "text": "", "list": ()}
"""What stands for a column that lacks and cannot be unknown."""
LARGEST = 2**63 - 1
NESTED: dict[str, type[tuple[Any, ...]]] = {"stalls": Stall, "held": Held, "repeats": Repeated}


def read_rows(name: str, table: str, row_type: type[Row], dicts: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return rows made of dictionaries, column by column. Raises CaptureError, with the place, for what does not fit the contract."""
    columns = []
    for column in columns_of(row_type):
        values = [row.get(column.name) for row in dicts]
        present = any(column.name in row for row in dicts)
        if not present and dicts and column.name in NEEDED.get(table, ()):
            raise CaptureError(f"{name}: {table} has no column {column.name}")
        if not present:
            columns.append([_lacking(row_type, column.name, column.kind)] * len(dicts))
            continue
        try:
            columns.append(_column(values, column.name, column.kind, _optional(row_type, column.name)))
        except Unfit as unfit:
            raise CaptureError(f"{name}: {table}, row {unfit.row + 1}: {column.name} {unfit.what}") from None
    make = row_type._make  # type: ignore[attr-defined]  # rows are named tuples
    return list(map(make, zip(*columns, strict=True)))


class Unfit(Exception):
    """A value that does not fit its column."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(what)
        self.row = row
        self.what = what


def _optional(row_type: type[Any], name: str) -> bool:
    note = row_type.__annotations__[name]
    return str(getattr(note, "__forward_arg__", note)).endswith("| None")


def _lacking(row_type: type[Any], name: str, kind: str) -> object:
    defaults: dict[str, object] = row_type._field_defaults
    return defaults.get(name, None if _optional(row_type, name) else EMPTY[kind])


def _column(values: Iterable[Any], name: str, kind: str, optional: bool) -> list[Any]:
    read: Callable[[object], Any] = _nested(NESTED[name]) if name in NESTED else READERS[kind]
    made: list[Any] = []
    for index, value in enumerate(values):
        if value is None:
            if not optional and kind != "list":
                raise Unfit(index, "is unknown")
            made.append(None if optional else ())
            continue
        known = read(value)
        if known is None:
            raise Unfit(index, f"is no {kind}")
        if kind == "duration" and known < 0:
            raise Unfit(index, "is negative")
        made.append(known)
    return [value if value in SEVERITIES else "info" for value in made] if name == "severity" else made


def whole(value: object) -> int | None:
    """Return a whole number of at most 64 bits; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return value
    return None


def _real(value: object) -> float | None:
    if isinstance(value, float | int) and not isinstance(value, bool) and abs(value) <= LARGEST:  # also not NaN
        return float(value)
    return None


def _items(value: object) -> tuple[Any, ...] | None:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str | int | float | bool | None) for item in value):
        return None
    return tuple(value)


def _nested(row_type: type[tuple[Any, ...]]) -> Callable[[object], tuple[Any, ...] | None]:
    names = tuple(row_type.__annotations__)

    def read(value: object) -> tuple[Any, ...] | None:
        if not isinstance(value, list | tuple):
            return None
        made = []
        for item in value:
            parts = tuple(item.get(name) for name in names) if isinstance(item, dict) else item
            known = _items(parts)
            if known is None or len(known) != len(names):
                return None
            made.append(row_type(*known))
        return tuple(made)

    return read


READERS: dict[str, Callable[[object], Any]] = {
    "int": whole,
    "time": whole,
    "duration": whole,
    "float": _real,
    "bool": lambda value: value if isinstance(value, bool) else None,
    "text": lambda value: value if isinstance(value, str) else None,
    "list": _items,
}
