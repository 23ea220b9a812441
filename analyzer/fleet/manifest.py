"""What a batch wrote of itself: one record for each set of captures, and all of them in `manifest.json`.

A set's record is written after its tables and there whole or not at all, so that what has a record is done, whoever was lost meanwhile.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from analyzer.errors import CaptureError, UnknownFormat
from analyzer.files import whole_file

SCHEMA = "analyzer-batch/1"
MANIFEST = "manifest.json"
RECORDS = "sets"
TABLES = ("connections", "lookups", "handshakes", "exchanges", "calls", "spans", "findings", "anomalies")
MOST_NAME = 120
"""Bytes of a name in a path; a file system takes 255, and `set=` stands before it."""


def safe(name: str) -> str:
    """Return a name as one part of a path, unlike that of any other name."""
    quoted = quote(name, safe="")
    if len(quoted) <= MOST_NAME:
        return quoted.replace(".", "%2E") if quoted.strip(".") == "" else quoted
    from hashlib import sha256

    return quoted[: MOST_NAME - 17] + "-" + sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def table_path(table: str, host: str, name: str) -> str:
    """Return where a set's rows of a table lie, below the folder: a layout of partitions that DuckDB, Spark and pandas know."""
    return f"{table}/host={safe(host)}/set={safe(name)}/part-0.parquet"


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON document that is there whole or not at all. Raises AnalyzerError."""
    with whole_file(path) as out:
        out.write(json.dumps(value, indent=1).encode())
        out.write(b"\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a document of this schema; None where there is none, or not a whole one."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and value.get("schema") == SCHEMA else None


def record_path(folder: Path, name: str) -> Path:
    """Return where the record of a set lies."""
    return folder / RECORDS / f"{safe(name)}.json"


def write_manifest(folder: Path, version: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Write what is known of all sets."""
    write_json(folder / MANIFEST, {"schema": SCHEMA, "analyzer_version": version, "sets": list(records)})


def is_batch(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is the folder of a batch."""
    at = Path(path)
    return at.is_dir() and (at / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a batch. Raises UnknownFormat, CaptureError where what it says cannot be."""
    manifest = read_json(folder / MANIFEST)
    if manifest is None:
        raise UnknownFormat(f"{folder / MANIFEST} is no manifest of a batch", hint="analyzer batch CAPTURE... --out FOLDER makes one")
    records = manifest.get("sets")
    for record in records if isinstance(records, list) else [None]:
        if (
            not isinstance(record, dict)
            or not all(isinstance(record.get(key), str) for key in ("name", "host", "state"))
            or (record["state"] == "done" and not _whole(record))
        ):
            raise CaptureError(f"{folder / MANIFEST} is damaged", hint="analyzer batch with the same inputs writes it again")
    return manifest


def _whole(record: Mapping[str, Any]) -> bool:
    """Tell whether a record of what was done says all that is relied on, of the kind that it must be; no path leads out of the folder."""
    parts = {key: record.get(key) for key in ("identity", "capture", "rows", "tables", "ids")}
    if not all(isinstance(part, dict) for part in parts.values()):
        return False
    rows, tables, ids, capture = parts["rows"], parts["tables"], parts["ids"], parts["capture"]
    assert isinstance(rows, dict)
    assert isinstance(tables, dict)
    assert isinstance(ids, dict)
    assert isinstance(capture, dict)
    files = capture.get("files")
    return (
        set(tables) <= set(TABLES)
        and all(isinstance(path, str) and ".." not in path.split("/") and not path.startswith("/") for path in tables.values())
        and all(isinstance(count, int) for count in (*rows.values(), *ids.values()))
        and all(isinstance(rows.get(table), int) for table in tables)
        and isinstance(files, list)
        and all(isinstance(file, dict) and isinstance(file.get("name"), str) and isinstance(file.get("packets"), int) for file in files)
        and all(isinstance(capture.get(key), int) for key in ("packets", "bytes"))
        and all(isinstance(capture.get(key), int | None) for key in ("first_ns", "last_ns"))
    )
