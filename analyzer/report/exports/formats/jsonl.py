"""JSON Lines of a table: a row a line, all columns, times and durations in nanoseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

from analyzer.model.table import Table
from analyzer.report.exports.format import Tabular
from analyzer.report.exports.writing import write_text
from analyzer.report.tables import render


def save(table: Table[Any], out: IO[bytes], origin: Mapping[str, str], columns: Sequence[str] | None = None) -> None:
    """Write a table as JSON Lines. `columns` are those wanted, None all. It has no place for `origin`."""
    del origin
    write_text(render(table, "jsonl", columns), out)


FORMAT = Tabular("jsonl", (".jsonl", ".ndjson"), "tables, a JSON object a row", save)
