"""Parquet of a table: the columns of the output contract, for pandas, DuckDB, Spark and Athena.

Names ending in `_ns` are int64 nanoseconds (times: since the epoch), which every reader understands: durations and times of Arrow's own
types come back from some as plain numbers, from others with microseconds. Each field says its unit, the file its table, schema and
capture, as metadata.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from types import NoneType, UnionType
from typing import IO, TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from analyzer.errors import MissingTool
from analyzer.model.analysis import SCHEMA
from analyzer.model.table import Column, Table, columns_of
from analyzer.report.exports.format import Tabular
from analyzer.report.tables import choose

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP = 65_536
"""Rows that are converted, compressed and written at a time; a reader can skip and read as many by themselves."""
UNITS = {"time": "nanoseconds since 1970-01-01 00:00 UTC", "duration": "nanoseconds"}
LEAST, MOST = -(1 << 63), (1 << 63) - 1
"""What int64 holds. A damaged capture may say that it is of the year 2900."""


def save(table: Table[Any], out: IO[bytes], origin: Mapping[str, str], columns: Sequence[str] | None = None) -> None:
    """Write a table as Parquet, a row group at a time; `columns` are those wanted, None all. `origin` becomes metadata.

    Raises MissingTool without pyarrow, UsageError for a column that the table does not have.
    """
    arrow, writer_type = _library()
    wanted = choose(table, columns)
    schema = schema_of(table.row_type)
    schema = arrow.schema([schema.field(column.name) for column in wanted.columns])
    schema = schema.with_metadata({"analyzer.schema": SCHEMA, "analyzer.table": table.name, **origin, "pandas": _for_pandas(schema)})
    rows = map(wanted.values, table)
    with writer_type(out, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROW_GROUP)):
            arrays = [_array(values, field.type) for values, field in zip(zip(*batch, strict=True), schema, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema), row_group_size=ROW_GROUP)


def schema_of(row_type: type[Any]) -> pyarrow.Schema:
    """Return the Arrow schema of a row type: its columns in order, each with its unit. Raises MissingTool without pyarrow."""
    arrow, _ = _library()
    hints = get_type_hints(row_type)
    return arrow.schema([_field(arrow, column, hints[column.name]) for column in columns_of(row_type)])


def _for_pandas(schema: pyarrow.Schema) -> str:
    """Return what makes pandas read whole numbers that may be unknown as such: as doubles, its default, times would lose nanoseconds."""
    kinds = {"int64": "Int64", "bool": "boolean"}
    columns = [
        {
            "name": field.name,
            "field_name": field.name,
            "pandas_type": str(field.type),
            "numpy_type": kinds[str(field.type)],
            "metadata": None,
        }
        for field in schema
        if str(field.type) in kinds
    ]
    return json.dumps({"index_columns": [], "column_indexes": [], "columns": columns, "pandas_version": "2.2.0"})


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise MissingTool("pyarrow is not installed", hint="pip install 'sdkledger[parquet]'; csv and jsonl need nothing") from None
    return pyarrow, ParquetWriter


def _field(arrow: Any, column: Column, hint: Any) -> pyarrow.Field:
    unit = UNITS.get(column.kind)
    return arrow.field(column.name, _type(arrow, hint), metadata={"unit": unit} if unit else None)


def _type(arrow: Any, hint: Any) -> pyarrow.DataType:
    """Return the Arrow type of an annotation: what it is besides None."""
    if isinstance(hint, UnionType) or (get_origin(hint) is not None and NoneType in get_args(hint)):
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
    plain: dict[Any, Callable[[], Any]] = {bool: arrow.bool_, int: arrow.int64, float: arrow.float64, str: arrow.string}
    if hint in plain:
        return plain[hint]()
    if get_origin(hint) is tuple:
        return arrow.list_(_type(arrow, get_args(hint)[0]))
    return arrow.struct([_field(arrow, column, get_type_hints(hint)[column.name]) for column in columns_of(hint)])


def _array(values: tuple[Any, ...], kind: pyarrow.DataType) -> pyarrow.Array:
    """Return a column; what Arrow cannot hold (a time beyond int64, half a surrogate pair) becomes the nearest that it can."""
    import pyarrow

    if pyarrow.types.is_nested(kind):
        values = tuple(map(_nested, values))
    try:
        return pyarrow.array(values, kind)
    except (OverflowError, UnicodeError, pyarrow.ArrowInvalid):
        return pyarrow.array([_held(value) for value in values], kind)


def _nested(value: Any) -> Any:
    """Return tuples as lists and rows in them as dictionaries, which is how Arrow takes structures."""
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else [_nested(one) for one in value]
    return value


def _held(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return max(LEAST, min(value, MOST))
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_held(one) for one in value]
    return {name: _held(one) for name, one in value.items()} if isinstance(value, dict) else value


FORMAT = Tabular("parquet", (".parquet",), "tables for pandas, DuckDB, Spark; needs pyarrow", save)
