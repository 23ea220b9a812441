"""CSV of a table: all columns, times and durations in nanoseconds, text that no spreadsheet takes for a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

from analyzer.model.table import Table
from analyzer.report.exports.format import Tabular
from analyzer.report.exports.writing import write_text
from analyzer.report.tables import render


def save(table: Table[Any], out: IO[bytes], origin: Mapping[str, str], columns: Sequence[str] | None = None) -> None:
    """Write a table as CSV (RFC 4180, lines ending in LF). `columns` are those wanted, None all. It has no place for `origin`."""
    del origin
    write_text(render(table, "csv", columns), out)


FORMAT = Tabular("csv", (".csv",), "tables for spreadsheets and databases", save)
