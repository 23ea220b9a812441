"""A saved report as an answer again: the JSON document (`report --format json`), or the tables as Parquet (a folder, or calls alone).

What the file says is checked, not trusted: a column that lacks or is of another kind than the output contract says is an error with its
place, never a traceback. Findings are those that were saved; rules are not asked again.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Any

from analyzer.errors import AnalyzerError, CaptureError, UnknownFormat
from analyzer.model import rows as model
from analyzer.model.analysis import SCHEMA, Analysis
from analyzer.model.capture import CaptureFile, CaptureInfo
from analyzer.model.rows import Finding
from analyzer.model.table import Table
from analyzer.report.saved_rows import Row, read_rows, whole

ROW_TYPES: dict[str, type[tuple[Any, ...]]] = {
    "connections": model.Connection,
    "lookups": model.Lookup,
    "handshakes": model.Handshake,
    "exchanges": model.Exchange,
    "calls": model.Call,
    "spans": model.Span,
    "findings": model.Finding,
    "anomalies": model.Anomaly,
}
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
MARK = b"\xef\xbb\xbf"
FACTS = b"analyzer"
"""Key of a Parquet file's own metadata under which the document without its tables may stand, as JSON."""
HEAD = "report.json"
"""The same in a folder."""


def is_saved(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a saved report rather than a capture, by its first bytes. Reads nothing that cannot be read again."""
    at = Path(path)
    try:
        if at.is_dir():
            return any(at.glob("*.parquet"))
        if not S_ISREG(at.stat().st_mode):
            return False
        with at.open("rb") as file:
            first = file.read(64)
        if first.startswith(GZIP):
            with gzip.open(at) as packed:
                first = packed.read(64)
    except (OSError, EOFError, ValueError, zlib.error):
        return False
    return first.startswith(PARQUET) or first.removeprefix(MARK).lstrip().startswith(b"{")


def load(path: str | os.PathLike[str]) -> Analysis:
    """Return the answer that a saved report holds.

    Raises UnknownFormat where the file is no report, CaptureError where it cannot be read or breaks the output contract, AnalyzerError
    where Parquet needs pyarrow.
    """
    at, name = Path(path), os.fspath(path)
    try:
        if at.is_dir():
            return _parquet(name, {file.stem: file for file in sorted(at.glob("*.parquet"))}, at / HEAD)
        with at.open("rb") as file:
            first = file.read(len(PARQUET))
        if first == PARQUET:
            return _parquet(name, {"calls": at}, None)
        text = at.read_bytes()
        if first.startswith(GZIP):
            text = gzip.decompress(text)
    except (OSError, EOFError, zlib.error) as error:
        raise CaptureError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from None
    return _document(name, _json(name, text))


def _json(name: str, text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text.removeprefix(MARK))
    except (ValueError, RecursionError):
        raise UnknownFormat(f"{name} is no JSON document") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        hint = f"analyzer report CAPTURE --format json -o {Path(name).name} makes one (schema {SCHEMA})"
        raise UnknownFormat(f"{name} is JSON, but no report of analyzer that can be read", hint=hint)
    return document


def _document(name: str, document: Mapping[str, Any]) -> Analysis:
    tables: dict[str, Table[Any]] = {}
    for table, row_type in ROW_TYPES.items():
        found = document.get(table, [])
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise CaptureError(f"{name}: {table} is no list of rows")
        tables[table] = Table(table, row_type, read_rows(name, table, row_type, found))
    return _answer(name, document, tables)


def _answer(name: str, head: Mapping[str, Any], tables: Mapping[str, Table[Any]]) -> Analysis:
    capture = head.get("capture")
    capture = capture if isinstance(capture, dict) else {}
    names = [file["name"] for file in _listed(capture.get("files")) if isinstance(file, dict) and isinstance(file.get("name"), str)]
    vantage, version = capture.get("vantage"), head.get("analyzer_version")
    found: Table[Finding] = tables["findings"]
    return Analysis(
        capture=CaptureInfo(
            files=[CaptureFile(f"{name} ({', '.join(names)})" if names else name)],
            packets=whole(capture.get("packets")) or 0,
            bytes=whole(capture.get("bytes")) or 0,
            first_ns=whole(capture.get("first_ns")),
            last_ns=whole(capture.get("last_ns")),
            complete=capture.get("complete") is not False,
            notes=[note for note in _listed(capture.get("notes")) if isinstance(note, str)],
        ),
        vantage=vantage if isinstance(vantage, str) else None,
        connections=tables["connections"],
        lookups=tables["lookups"],
        exchanges=tables["exchanges"],
        anomalies=tables["anomalies"],
        handshakes=tables["handshakes"],
        calls=tables["calls"],
        spans=tables["spans"],
        check=lambda part: still_true(found, part),
        saved=version if isinstance(version, str) else "",
    )


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def still_true(found: Iterable[Finding], part: Analysis) -> Iterator[Finding]:
    """Yield the saved findings that are about what a part of an answer holds, or about no call and no connection: the capture itself."""
    if not part.filtered:
        yield from found
        return
    calls = {row.call_id for row in part.calls}
    connections = {row.connection_id for row in part.connections}
    for row in found:
        if not (row.calls or row.connections) or not calls.isdisjoint(row.calls) or not connections.isdisjoint(row.connections):
            yield row


def _parquet(name: str, files: Mapping[str, Path], beside: Path | None) -> Analysis:
    """Read tables from Parquet files named for them; other files are left alone."""
    tables: dict[str, Table[Any]] = {}
    head: dict[str, Any] = {}
    if beside is not None and beside.is_file():
        head = _json(os.fspath(beside), beside.read_bytes())
    for table, row_type in ROW_TYPES.items():
        if table not in files:
            tables[table] = Table(table, row_type)
            continue
        columns, facts = _columns(files[table])
        head = head or (_json(name, facts) if facts is not None else {})
        dicts = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        tables[table] = Table(table, row_type, read_rows(os.fspath(files[table]), table, row_type, dicts))
    if not len(tables["calls"]) and "calls" not in files:
        raise UnknownFormat(f"{name} holds no calls.parquet", hint=f"files are named for their tables: {', '.join(ROW_TYPES)}")
    return _answer(name, head, tables)


def load_tables(name: str, files: Mapping[str, Path], head: Mapping[str, Any]) -> Analysis:
    """Return the answer whose tables lie in Parquet files; `head` is the document without its tables. Raises like `load`."""
    tables = {
        table: Table(table, row_type, read_table(files[table], table, row_type) if table in files else ())
        for table, row_type in ROW_TYPES.items()
    }
    return _answer(name, head, tables)


def read_table(path: Path, table: str, row_type: type[Row]) -> list[Row]:
    """Return the rows of a table in a Parquet file. Raises CaptureError where it breaks the output contract, AnalyzerError."""
    columns, _ = _columns(path)
    dicts = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return read_rows(os.fspath(path), table, row_type, dicts)


def read_columns(path: Path, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield some columns of a Parquet file of ours, row by row, holding a row group at a time. Raises CaptureError, AnalyzerError."""
    reader, broken = _library(os.fspath(path))
    try:
        with reader.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=list(names)):
                yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)
    except (broken, OSError, ValueError, KeyError) as error:
        raise CaptureError(f"cannot read {path}: {str(error).splitlines()[0] if str(error) else 'no Parquet'}") from None


def _library(name: str) -> tuple[Any, type[Exception]]:
    try:
        from pyarrow import ArrowException
        from pyarrow import parquet as reader
    except ImportError:
        hint = "pip install 'sdkledger[parquet]', or save the report as JSON"
        raise AnalyzerError(f"{name} is Parquet, which needs pyarrow", hint=hint) from None
    return reader, ArrowException


def _columns(path: Path) -> tuple[dict[str, list[Any]], bytes | None]:
    """Return the columns of a Parquet file, times as nanoseconds, and what it says of its capture."""
    reader, broken = _library(os.fspath(path))
    from pyarrow import compute, types

    try:
        # By ParquetFile: a folder's name with `=` would be read as a partition.
        with reader.ParquetFile(path) as file:
            data = file.read()
        columns = {}
        for column in data.column_names:
            values = data[column]
            if types.is_timestamp(values.type):
                values = compute.cast(compute.cast(values, _in_ns(values.type)), "int64")
            elif types.is_duration(values.type):
                values = compute.cast(compute.cast(values, "duration[ns]"), "int64")
            columns[column] = values.to_pylist()
        return columns, (data.schema.metadata or {}).get(FACTS)
    except (broken, OSError, ValueError, OverflowError) as error:
        raise CaptureError(f"cannot read {path}: {str(error).splitlines()[0] if str(error) else 'no Parquet'}") from None


def _in_ns(kind: Any) -> Any:
    from pyarrow import timestamp

    return timestamp("ns", tz=kind.tz)
