"""The work on one set of captures: read it as one, write its tables and then its record."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from analyzer import capture, parallel
from analyzer.batching.inputs import Source, at_hand
from analyzer.batching.sets import CaptureSet
from analyzer.errors import CaptureError
from analyzer.files import make_folder
from analyzer.fleet.manifest import SCHEMA, TABLES, read_json, record_path, table_path, write_json
from analyzer.model.analysis import Analysis
from analyzer.report.document import analyzer_version, capture_of
from analyzer.report.exports.exporting import origin_of, save_table, tables, tabular_of


class Task(NamedTuple):
    """What a worker is asked to do. It goes through the scheduler: a key log is named, never carried."""

    captures: CaptureSet
    folder: str
    services: tuple[str, ...]
    keys: str | None


def identity(task: Task) -> dict[str, Any]:
    """Return what a result depends on: where it is the same, the work is done."""
    keys = None
    if task.keys is not None:
        about = Path(task.keys).stat()
        keys = [task.keys, about.st_size, about.st_mtime_ns]
    return {
        "analyzer_version": analyzer_version(),
        "files": [list(source) for source in task.captures.sources],
        "services": list(task.services),
        "keys": keys,
    }


def done(task: Task) -> dict[str, Any] | None:
    """Return the record of a set that was read before, with the same options and unchanged; None where it is to be read."""
    record = read_json(record_path(Path(task.folder), task.captures.name))
    if record is None or record.get("state") != "done" or record.get("identity") != identity(task):
        return None
    paths = record.get("tables")
    if not isinstance(paths, dict) or not all((Path(task.folder) / str(path)).is_file() for path in paths.values()):
        return None
    return record


def run(task: Task) -> dict[str, Any]:
    """Read a set and return its record, which says `failed` where nothing of it could be read; only a full disk and the like raise."""
    found = done(task)
    if found is not None:
        return found
    began = perf_counter()
    record: dict[str, Any] = {
        "schema": SCHEMA, "name": task.captures.name, "host": task.captures.host, "state": "failed", "identity": identity(task),
    }  # fmt: skip
    try:
        with at_hand(task.captures.sources) as paths:
            readable, left_out = _readable(paths, task.captures.sources)
            # One host and interface: there are no clocks to compare, and no second look is needed.
            analysis = parallel.read(readable, services=task.services, keys=task.keys, compares_clocks=False)
            for file, address in zip(analysis.capture.files, readable, strict=True):
                file.name = _address(address, paths, task.captures.sources)
            record |= {"left_out": left_out, **_written(task, analysis)}
    except CaptureError as error:
        record["error"] = str(error)
    record["seconds"] = round(perf_counter() - began, 3)
    write_json(record_path(Path(task.folder), task.captures.name), record)
    return record


def _readable(paths: list[str], sources: tuple[Source, ...]) -> tuple[list[str], list[str]]:
    """Leave out files of which nothing can be read; return the others, and why. Raises CaptureError where there is no other."""
    good, left_out = [], []
    first: CaptureError | None = None
    for path, source in zip(paths, sources, strict=True):
        try:
            capture.open_captures([path])
        except CaptureError as error:
            left_out.append(str(error).replace(path, source.address))
            first = first or error
        else:
            good.append(path)
    if not good:
        raise CaptureError("; ".join(left_out)) from first
    return good, left_out


def _address(path: str, paths: list[str], sources: tuple[Source, ...]) -> str:
    return sources[paths.index(path)].address


def _written(task: Task, analysis: Analysis) -> dict[str, Any]:
    """Write the tables of an answer that have rows; return what its record says of them."""
    makers, origin, form = tables(analysis), origin_of(analysis), tabular_of("parquet")
    rows: dict[str, int] = {}
    paths: dict[str, str] = {}
    for name in TABLES:
        table = makers[name]()
        rows[name] = len(table)
        if not rows[name]:
            continue
        paths[name] = table_path(name, task.captures.host, task.captures.name)
        target = Path(task.folder, paths[name])
        make_folder(target.parent, parents=True)
        save_table(table, target, form, origin)
    return {"state": "done", "capture": capture_of(analysis), "rows": rows, "tables": paths, "ids": _ids(analysis)}


def _ids(analysis: Analysis) -> dict[str, int]:
    """Return how many ids of each kind are taken, so that those of several sets can be told apart."""
    return {
        "connection": max((row.connection_id for row in analysis.connections), default=-1) + 1,
        "exchange": max((row.exchange_id for row in analysis.exchanges), default=-1) + 1,
        "call": max((row.call_id for row in analysis.calls), default=-1) + 1,
        "span": max((row.span_id for row in analysis.spans), default=-1) + 1,
        "lookup": max((row.lookup_id for row in analysis.lookups), default=-1) + 1,
    }
