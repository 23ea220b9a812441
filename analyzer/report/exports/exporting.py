"""From an answer and a path to files: which format, which tables, and where they go."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis
from analyzer.model.table import Table
from analyzer.report.document import analyzer_version, capture_of
from analyzer.report.exports.format import Document, Format, Tabular
from analyzer.report.exports.registry import by_ending, formats, named
from analyzer.report.exports.writing import make_folder, whole_file, write_text
from analyzer.report.tables import render
from analyzer.report.worth import gains

Target: TypeAlias = str | os.PathLike[str]
CONTRACT = ("connections", "lookups", "handshakes", "exchanges", "calls", "spans", "findings", "anomalies")
"""The tables of the JSON document, in its order."""
KNOWN = (*CONTRACT, "whatif", "pool")
"""All tables; `whatif` and `pool` only answers have that were read from captures."""
TEXTS = ("csv", "jsonl")
LINES = (".jsonl", ".ndjson")
"""Endings that ask for one JSON object a line."""


def tables(analysis: Analysis) -> dict[str, Callable[[], Table[Any]]]:
    """Return what makes each table by its name: those of the JSON document, `whatif` where there is a replay, `pool` where there are pools.

    Nothing is made before it is asked for: findings take time.
    """
    made: dict[str, Callable[[], Table[Any]]] = {name: partial(getattr, analysis, name) for name in CONTRACT}
    if analysis.imagine is not None:
        made["whatif"] = lambda: next(gains(analysis))
    if analysis.pooled is not None:
        made["pool"] = analysis.pool
    return made


def export(analysis: Analysis, path: Target, to: str | None = None, table: str | None = None) -> list[Path]:
    """Write an answer in the format `to`, or the one that the ending of `path` asks for; return the files that were written.

    HAR, OTLP and Perfetto tell the whole answer in one file. Of tables (Parquet, CSV, JSON Lines) a file holds one: the one that `table`
    names, else the one that the file is named for (`calls.parquet`); a folder (a path that ends in `/`, is one, or has no ending) gets a
    file for each. Files are readable by their owner only, and there whole or not at all.
    Raises UsageError where nobody can tell what is wanted, MissingTool where a library is not installed, AnalyzerError where it cannot be
    written.
    """
    text = os.fspath(path)
    chosen = format_of(text, to, table)
    if isinstance(chosen, Document):
        with whole_file(text) as out:
            write_text(chosen.render(analysis, text.lower().endswith(LINES)), out)
        return [Path(text)]
    makers, origin = tables(analysis), origin_of(analysis)
    if table is None and _is_folder(text):
        folder = make_folder(text)
        written = [(folder / f"{name}{chosen.suffixes[0]}", make) for name, make in makers.items()]
        for target, make in written:
            save_table(make(), target, chosen, origin)
        return [target for target, _ in written]
    save_table(_made(makers, table or named_for(text)), text, chosen, origin)
    return [Path(text)]


def pieces(analysis: Analysis, to: str | None, table: str | None = None) -> Iterable[str]:
    """Return a document, or a table, as text for standard output. Raises UsageError for what is no text."""
    chosen = format_of(None, to, table)
    if isinstance(chosen, Document):
        return chosen.render(analysis, False)
    if chosen.name not in TEXTS:
        raise UsageError(f"{chosen.name} is no text", hint="-o FILE")
    return render(_made(tables(analysis), table), chosen.name)


def format_of(path: str | None, to: str | None, table: str | None) -> Format:
    """Return the format that is asked for, before anything is read; `path` is None for standard output.

    Raises UsageError where nobody can tell which format, or which table of it, is wanted.
    """
    chosen = _chosen(path, to, table)
    if isinstance(chosen, Document):
        if table is not None:
            raise UsageError(f"{chosen.name} holds a whole answer, not one table", hint=f"tables: --to {'|'.join(tabulars())}")
        if path is not None and (path.endswith("/") or Path(path).is_dir()):
            raise UsageError(f"{path} is a folder, and {chosen.name} is one file", hint=f"-o FILE{chosen.suffixes[0]}")
    elif table is None and (path is None or not (_is_folder(path) or named_for(path) in KNOWN)):
        what = "which table?" if path is None else f"which table is {Path(path).name} to hold?"
        raise UsageError(what, hint=f"--table {'|'.join(KNOWN)}, or a folder (-o out/) for all of them")
    return chosen


def _chosen(path: str | None, to: str | None, table: str | None) -> Format:
    if to is not None:
        return named(to)
    if path is None:
        raise UsageError("which format?", hint=f"--to {'|'.join(formats())}, or -o FILE with an ending that says it")
    if path.endswith("/") or (table is None and Path(path).is_dir()):
        return named("parquet")
    form = by_ending(path)
    if form is None:
        known = ", ".join(suffix for one in formats().values() for suffix in one.suffixes)
        hint = f"--to {'|'.join(formats())}, or a name that ends in one of {known}"
        raise UsageError(f"the name {Path(path).name} does not tell the format", hint=hint)
    return form


def named_for(path: str) -> str:
    """Return the table that a file is named for: `calls` of `out/calls.parquet`."""
    return Path(path).name.partition(".")[0]


def _is_folder(path: str) -> bool:
    return path.endswith("/") or Path(path).is_dir() or not (Path(path).suffix or Path(path).exists())


def _made(makers: dict[str, Callable[[], Table[Any]]], name: str | None) -> Table[Any]:
    if name not in makers:
        raise UsageError(f"there is no table {name!r}", hint=f"one of {', '.join(makers)}")
    return makers[name]()


def save_table(
    table: Table[Any], path: Target, form: Tabular, origin: dict[str, str] | None = None, columns: Sequence[str] | None = None
) -> None:
    """Write one table to a file: the wanted columns, None all. `origin` is what the file says of its capture, if it can.

    Raises UsageError for a column that the table does not have, MissingTool where a library is not installed, AnalyzerError.
    """
    with whole_file(path) as out:
        form.save(table, out, {"analyzer.version": analyzer_version()} if origin is None else origin, columns)


def tabular_of(name: str) -> Tabular:
    """Return the format of tables of that name. Raises UsageError for one that is none."""
    form = named(name)
    if not isinstance(form, Tabular):
        raise UsageError(f"{name} is no format of tables", hint=f"one of {', '.join(tabulars())}")
    return form


def tabulars() -> list[str]:
    """Return the names of the formats of tables."""
    return [one.name for one in formats().values() if isinstance(one, Tabular)]


def origin_of(analysis: Analysis) -> dict[str, str]:
    """Return what a file says of its origin: the version that made it, and the `capture` object of the JSON document."""
    return {"analyzer.version": analyzer_version(), "analyzer.capture": json.dumps(capture_of(analysis), separators=(",", ":"))}
