"""A batch: hundreds of captures, on this machine or on a cluster of Dask's."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from analyzer import parallel
from analyzer.batching.inputs import expand
from analyzer.batching.sets import sets
from analyzer.batching.task import Task, done, identity, run
from analyzer.errors import AnalyzerError, CaptureError, MissingTool, UnknownFormat, UsageError
from analyzer.files import make_folder
from analyzer.fleet import Fleet
from analyzer.fleet.manifest import RECORDS, SCHEMA, is_batch, read_manifest, record_path, write_json, write_manifest
from analyzer.reading import read_batch
from analyzer.report.document import analyzer_version

Record: TypeAlias = dict[str, Any]
RETRIES = 3
"""How often a set is given to another worker where one was lost with it; after that the set itself is what ends them."""

PATIENCE_S = 20
"""How long a scheduler may take to answer."""
LOCAL: dict[str, Any] = {
    "threads_per_worker": 1, "processes": True, "dashboard_address": None, "memory_limit": 0, "silence_logs": logging.CRITICAL,
}  # fmt: skip
"""Workers of this machine: a process each, as the work is Python's, and nothing that listens to others."""


def batch(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    jobs: int = 0,
    scheduler: str | None = None,
    progress: Callable[[Record, int], None] | None = None,
) -> Fleet:
    """Read many captures and keep the tables of each as Parquet in the folder `out`; return the answer over all of them.

    `inputs` are paths, folders, globs or addresses that fsspec knows; rotated files are joined to sets, each of which is read as one
    capture. The work is done by `jobs` workers of a Dask cluster on this machine (0: one a processor; 1: by this process, without Dask),
    or by those of the `scheduler` at an address (`tcp://host:8786`), which must reach inputs and `out` by the same names and have the
    analyzer installed. A batch into the folder of an earlier one adds to it. What was read before, unchanged and with the same options, is
    not read again: an interrupted batch goes on where it was. A set of which nothing can be read is in the manifest with its error, and
    spoils nothing else. `progress` gets the record of each set that is done, and how many there are.

    A program that calls this with several workers needs `if __name__ == "__main__":`, as workers import it.
    Raises UsageError, CaptureError for inputs that cannot be found, MissingTool without Dask, pyarrow or fsspec where they are needed.
    """
    given = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    processes = parallel.processes(jobs)
    key_log = os.path.abspath(keys) if keys is not None else None  # noqa: PTH100 - as it is named, links and all
    if key_log is not None and not Path(key_log).is_file():
        raise UsageError(f"cannot read the key log {keys}")
    parallel.check(services)
    _needs_parquet()
    captures = sets(expand(given))
    at = Path(out)
    if at.is_dir() and not is_batch(at) and not (at / RECORDS).is_dir() and any(at.iterdir()):
        raise UsageError(f"{at} holds other files", hint="name a new or empty folder, or that of an earlier batch")
    folder = make_folder(out).absolute()
    make_folder(folder / RECORDS)
    tasks = [Task(one, os.fspath(folder), tuple(services), key_log) for one in captures]
    records: dict[str, Record] = {}

    def note(record: Record) -> None:
        records[record["name"]] = record
        if progress is not None:
            progress(record, len(tasks))

    left = []
    for task in tasks:
        before = done(task)
        if before is not None:
            note(before)
        else:
            left.append(task)
    if left and (scheduler is not None or processes > 1):
        _spread(left, min(processes, len(left)), scheduler, note)
    else:
        for task in left:
            note(run(task))
    kept = [record for record in _earlier(folder) if record["name"] not in records]
    write_manifest(folder, analyzer_version(), [records[one.name] for one in captures] + kept)
    return read_batch(folder)


def _earlier(folder: Path) -> Sequence[Record]:
    """Return what an earlier batch says of its sets; nothing where there is none, or its manifest is damaged and will be made anew."""
    try:
        found: Sequence[Record] = read_manifest(folder)["sets"]
    except (UnknownFormat, CaptureError):
        return ()
    return found


def _needs_parquet() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingTool("a batch keeps Parquet, which needs pyarrow", hint="pip install 'sdkledger[batch]'") from None


def _spread(tasks: Sequence[Task], workers: int, scheduler: str | None, note: Callable[[Record], None]) -> None:
    """Let Dask's workers do the tasks, and take their records as they come."""
    try:
        dask: Any = import_module("distributed")
    except ImportError:
        hint = "pip install 'sdkledger[batch]', or --jobs 1, which does without"
        raise MissingTool("several workers need dask.distributed", hint=hint) from None
    with _quiet():
        try:
            cluster = dask.LocalCluster(n_workers=workers, **LOCAL) if scheduler is None else None
            client = dask.Client(cluster if cluster is not None else scheduler, timeout=PATIENCE_S)
        except (OSError, ValueError, TimeoutError) as error:
            raise AnalyzerError(f"no scheduler answers at {scheduler}: {error or type(error).__name__}") from None
        try:
            largest_first = sorted(tasks, key=lambda task: -sum(source.size for source in task.captures.sources))
            futures = client.map(run, largest_first, pure=False, retries=RETRIES)
            of = {future.key: task for future, task in zip(futures, largest_first, strict=True)}
            for future in dask.as_completed(futures):
                trouble = future.exception()
                note(future.result() if trouble is None else _failed(of[future.key], trouble))
        finally:
            client.close()
            if cluster is not None:
                cluster.close()


def _failed(task: Task, error: BaseException) -> Record:
    """Return the record of a set that no worker could finish; it is tried again by the next batch."""
    known = isinstance(error, AnalyzerError)
    record: Record = {
        "schema": SCHEMA,
        "name": task.captures.name,
        "host": task.captures.host,
        "state": "failed",
        "identity": identity(task),
        # What an unknown error says may quote a capture.
        "error": str(error) if known else f"the workers that read it were lost or failed ({type(error).__name__})",
    }
    write_json(record_path(Path(task.folder), task.captures.name), record)
    return record


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Dask says of workers that come and go off standard error: the manifest tells what was not done."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
