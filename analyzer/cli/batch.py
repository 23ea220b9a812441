"""`analyzer batch`: captures by the hundred into one folder of tables."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from analyzer.cli.options import warn


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", required=True, type=click.Path(file_okay=False), metavar="FOLDER", help="Where the tables go, as Parquet.")
@click.option("--jobs", type=click.IntRange(0, 256), default=0, metavar="N", help="Workers on this machine; by default one a processor.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Give the work to a running Dask cluster instead.")
@click.option(
    "--service", "services", multiple=True, metavar="NAME=HOST[:PORT]", help="Take that host (a proxy, VPC endpoint, stand-in) for it."
)
@click.option("--keys", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="TLS secrets (NSS key log) for all captures.")
def batch(inputs: tuple[str, ...], out: str, jobs: int, scheduler: str | None, services: tuple[str, ...], keys: str | None) -> int:
    """Read many captures of many hosts and keep their tables in a folder.

    INPUT is a file, a folder, a glob, or an address that fsspec knows (s3://bucket/captures/). Files of a ring buffer or rotated capture
    are read as one. What was read before and has not changed is not read again: the same command goes on where it was interrupted,
    and another one into the same folder adds to it.

    `analyzer report FOLDER` and `analyzer.read("FOLDER")` answer over all of them.
    """
    from analyzer import batching
    from analyzer.fleet.showing import calls_of

    if any("=" not in text for text in services):
        raise click.UsageError("--service takes NAME=HOST[:PORT] here: a batch keeps everything, and reports filter.")
    gc.enable()  # one capture after another
    with _progress() as show:
        fleet = batching.batch(inputs, out, services=services, keys=keys, jobs=jobs, scheduler=scheduler, progress=show)
    failed = [row for row in fleet.sets if row.state != "done"]
    for note in fleet.capture.notes:
        warn(note)
    click.echo(f"{out}: {len(fleet.sets) - len(failed)} of {len(fleet.sets)} captures, {calls_of(fleet)}; analyzer report {out}")
    return 2 if failed and len(failed) == len(fleet.sets) else 0


@contextmanager
def _progress() -> Iterator[Callable[[dict[str, Any], int], None] | None]:
    """Give a function to call for each capture that is done, or None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("captures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("captures", total=None)

        def show(record: dict[str, Any], total: int) -> None:
            bar.update(task, advance=1, total=total)

        yield show
