"""Tables of rows: a sequence with columns that can be narrowed and turned into a data frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar, overload

from analyzer.errors import UsageError
from analyzer.model.condition import close, condition
from analyzer.model.finding import CONFIDENCES, SEVERITIES
from analyzer.model.safe import markup
from analyzer.units import DurationNs, TimeNs

if TYPE_CHECKING:
    from os import PathLike

    from pandas import DataFrame

RANKS = {"severity": SEVERITIES, "confidence": CONFIDENCES}
"""Columns whose values have an order of their own, from the least on."""

Row = TypeVar("Row", bound=tuple[Any, ...])

FIRST_ROWS = 10


class Column(NamedTuple):
    """A column of a table: its name and what it holds."""

    name: str
    kind: str
    """time (ns since the epoch), duration (ns), int, float, bool, text or list."""


def columns_of(row_type: type[Any]) -> tuple[Column, ...]:
    """Return the columns of a row type, read from its annotations."""
    # Annotations of a named tuple are kept as text (wrapped), so that TimeNs and DurationNs, both int, can be told apart.
    return tuple(Column(name, _kind(getattr(note, "__forward_arg__", str(note)))) for name, note in row_type.__annotations__.items())


def _kind(note: str) -> str:
    note = note.removesuffix(" | None")
    if note.startswith("tuple["):
        return "list"
    return {"TimeNs": "time", "DurationNs": "duration", "bool": "bool", "str": "text", "float": "float"}.get(note, "int")


class Saver(Protocol):
    """Writes tables, to files and for people. `model` knows no formats; whoever makes answers hands it one."""

    def save(self, table: Table[Any], path: str | PathLike[str], form: str) -> None:
        """Write a table in a format of tables (parquet, csv, jsonl)."""
        ...

    def text(self, table: Table[Any]) -> str:
        """Return a table as a person reads it in a terminal."""
        ...


class Table(Sequence[Row], Generic[Row]):
    """Rows of one type, in order of their id. Immutable; `where` gives a narrower one."""

    saver: ClassVar[Saver | None] = None
    """Writes tables; None until something was read."""

    def __init__(self, name: str, row_type: type[Row], rows: Iterable[Row] = ()) -> None:
        self.name = name
        self.row_type = row_type
        self._rows: list[Row] = rows if isinstance(rows, list) else list(rows)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Names and kinds of the columns, in order."""
        return columns_of(self.row_type)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Table[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Table[Row]:
        if isinstance(index, slice):
            return Table(self.name, self.row_type, self._rows[index])
        return self._rows[index]

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __repr__(self) -> str:
        """Show the first rows with their usual columns, as the command line does; `to_pandas` has all."""
        number = len(self)
        head = f"<Table {self.name}: {number} rows, {len(self.columns)} columns>"
        if self.saver is None or not number:
            return head
        text = self.saver.text(Table(self.name, self.row_type, islice(self, FIRST_ROWS)))
        return f"{head}\n{text}" + (f"\n... {number - FIRST_ROWS} more rows" if number > FIRST_ROWS else "")

    def _repr_html_(self) -> str:
        """Show the first rows in a notebook."""
        names = [column.name for column in self.columns]
        head = "".join(f"<th>{markup(name)}</th>" for name in names)
        body = "".join("<tr>" + "".join(f"<td>{markup(str(value))}</td>" for value in row) + "</tr>" for row in islice(self, FIRST_ROWS))
        more = f"<p>{len(self)} rows</p>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def where(self, *conditions: Callable[[Row], bool] | str, **equal: object) -> Table[Row]:
        """Return the rows for which all conditions hold and the named columns have exactly the given values. None matches nothing.

        A condition is a function of a row, or text as on the command line: `duration_ns>200ms`, `operation=GetItem`, `target~token`.
        Raises UsageError for a column that the table does not have, and for text that cannot be read.
        """
        rows: Iterable[Row] = self._rows
        for name, value in equal.items():
            get = self.getter(name)
            rows = [row for row in rows if value is not None and get(row) == value]
        for one in conditions:
            holds = condition(self, one) if isinstance(one, str) else one
            rows = [row for row in rows if holds(row)]
        return Table(self.name, self.row_type, rows)

    def sort(self, *columns: str, descending: bool = False) -> Table[Row]:
        """Return the rows in order of columns, of the first, among equals of the next (`operation`, `-duration_ns`).

        A minus before a name turns its order round, `descending` that of all without one. Unknown values come last in either order; rows
        that are equal stay as they were. Severities go from info to error, confidences from possible to proven. Raises UsageError for a
        column that the table does not have, or whose values have no order.
        """
        rows = list(self)
        for text in reversed(columns):
            name = text.removeprefix("-")
            get = self.getter(name)
            if name in RANKS:
                get = _ranked(get, RANKS[name])
            if next(column.kind for column in self.columns if column.name == name) == "list":
                raise UsageError(f"{name} is a list, which has no order")
            known = [row for row in rows if get(row) is not None]
            known.sort(key=get, reverse=descending or text.startswith("-"))
            rows = known + ([row for row in rows if get(row) is None] if len(known) < len(rows) else [])
        return Table(self.name, self.row_type, rows)

    def getter(self, *names: str) -> Callable[[Row], Any]:
        """Return a function that takes the named columns from a row: the value for one name, a tuple for several.

        Raises UsageError for a column that the table does not have, with the names that are most like it.
        """
        known = self.row_type.__annotations__
        for name in names:
            if name not in known:
                meant = close(name, known)
                hint = f"did you mean {' or '.join(meant)}?" if meant else f"its columns: {', '.join(known)}"
                raise UsageError(f"the table {self.name} has no column {name!r}", hint=hint)
        # A row is a tuple: by position is twice as quick as by name.
        at = [self.row_type._fields.index(name) for name in names]  # type: ignore[attr-defined]  # rows are named tuples
        return itemgetter(*at)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries, tuples as lists: what the JSON document holds."""
        names = tuple(self.row_type.__annotations__)
        lists = [column.name for column in self.columns if column.kind == "list"]
        dicts = [dict(zip(names, row, strict=True)) for row in self._rows]
        for name in lists:
            for row in dicts:
                row[name] = list(row[name])
        return dicts

    def to_pandas(self) -> DataFrame:
        """Return a data frame: times as datetime64[ns, UTC], durations as timedelta64[ns], unknown as NaT or NA; names as in the table.

        Imports pandas (1.5 s), which is why nothing else does.
        """
        import pandas as pd

        data: dict[str, Any] = {}
        for index, column in enumerate(self.columns):
            values = [row[index] for row in self._rows]
            if column.kind == "time":
                data[column.name] = pd.to_datetime(pd.array(values, dtype="Int64"), unit="ns", utc=True)
            elif column.kind == "duration":
                data[column.name] = pd.to_timedelta(pd.array(values, dtype="Int64"), unit="ns")
            elif column.kind == "int":
                data[column.name] = pd.array(values, dtype="Int64")
            elif column.kind == "bool":
                data[column.name] = pd.array(values, dtype="boolean")
            elif column.kind == "float":
                data[column.name] = pd.array(values, dtype="Float64")
            elif column.kind == "text":
                data[column.name] = pd.array(values, dtype="string")
            else:
                data[column.name] = pd.Series([list(value) for value in values], dtype="object")
        return pd.DataFrame(data)

    def to_parquet(self, path: str | PathLike[str]) -> None:
        """Write the rows as a Parquet file, readable by its owner only: names as in the table, `_ns` columns int64 nanoseconds.

        Raises MissingTool without pyarrow, AnalyzerError where the file cannot be written.
        """
        self._save(path, "parquet")

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the rows as a CSV file, readable by its owner only: all columns, times and durations in nanoseconds.

        Raises AnalyzerError where the file cannot be written.
        """
        self._save(path, "csv")

    def to_jsonl(self, path: str | PathLike[str]) -> None:
        """Write the rows as a JSON Lines file, readable by its owner only: an object a row, times and durations in nanoseconds.

        Raises AnalyzerError where the file cannot be written.
        """
        self._save(path, "jsonl")

    def _save(self, path: str | PathLike[str], form: str) -> None:
        if self.saver is None:
            raise UsageError("this table was made without renderers", hint="analyzer.read makes answers whose tables can be saved")
        self.saver.save(self, path, form)


assert TimeNs is int  # the names of the two, not their types, are what `_kind` reads
assert DurationNs is int


def _ranked(get: Callable[[Row], Any], order: Sequence[str]) -> Callable[[Row], int | None]:
    """Return what tells the place of a value in an order; what is not in it comes last."""
    rank = {value: place for place, value in enumerate(order)}
    return lambda row: rank.get(get(row))
