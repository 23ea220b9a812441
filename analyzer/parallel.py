"""One capture on several processors: each process reads all of it and follows its share of the connections.

Walking over the records and finding each packet's connection is done by all; what is said on a connection is read by one. The parts are
put together as if one process had made them, ids included, and where what connections learn from each other could have made a difference
the pass is made again, with what was learned. This process takes the first share and what comes after: calls, ledger, findings.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from analyzer import aws, capture, passes, pipeline, tls
from analyzer.errors import AnalyzerError, UsageError
from analyzer.joining import Part, agree, join, learned
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureInfo
from analyzer.model.sharing import Share
from analyzer.model.wants import EVERYTHING, WITHOUT_CALLS, Wants
from analyzer.survey import survey

MOST_JOBS = 256
"""More processes than any machine has a use for: each walks over the whole capture."""
PROGRAM = "from analyzer.parallel import work; work()"


class Task(NamedTuple):
    """What another process is asked to do."""

    asked: passes.Reading
    share: Share
    secrets: bytes
    """Key log contents of the captures, where they are known from a pass before. They go through a pipe, and nowhere else."""
    told: tls.Tickets


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    progress: Callable[[capture.Capture], None] | None = None,
    calls: bool = True,
    wants: Wants | None = None,
    jobs: int = 1,
    compares_clocks: bool = True,
) -> Analysis:
    """Analyse captures like `pipeline.read`, with the same answer, in `jobs` processes; 0 means one for each processor at hand.

    Without `compares_clocks` the files are taken to be of one point and clock, as those of a rotated set are, and not looked at before.

    Standard input and pipes, which can be read only once, and captures of several points, whose views of a connection are compared, are
    read by one process. Raises what `pipeline.read` raises, and UsageError for a number of jobs that cannot be.
    """
    names = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    jobs = processes(jobs)
    if jobs > 1 and names and sys.executable and all(Path(name).is_file() for name in names):
        with passes.undisturbed():
            clocks = survey(names) if compares_clocks else []
            if all(clock.point == 0 for clock in clocks):
                parts = wants or (EVERYTHING if calls else WITHOUT_CALLS)
                found = _together(passes.Reading(names, services, keys, parts, clocks), progress, jobs)
                if found is not None:
                    return found
    return pipeline.read(names, services=services, keys=keys, progress=progress, calls=calls, wants=wants, compares_clocks=compares_clocks)


def check(services: Iterable[str]) -> None:
    """Raise UsageError for a rule like those of `--service` that cannot be read."""
    for text in services:
        aws.parse_service_option(text)


def processes(jobs: int) -> int:
    """Return how many processes are meant; 0 is one for each processor that this process may use. Raises UsageError."""
    if not 0 <= jobs <= MOST_JOBS:
        raise UsageError(f"{jobs} jobs cannot be", hint=f"1 to {MOST_JOBS}, or 0 for one a processor")
    return jobs or _processors()


def _processors() -> int:
    """Count the processors that this process may use; where the system does not say, those that it has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _together(asked: passes.Reading, progress: Callable[[capture.Capture], None] | None, jobs: int) -> Analysis | None:
    """Read captures in several processes; None where only one can tell the answer."""
    known = passes.key_log(asked.keys)
    tickets = tls.NOTHING_KNOWN
    secrets: list[bytes] = []
    for _ in range(3):  # a first pass, one with secrets that came late, one with what was learned of tickets
        first, info, parts = _passes(asked, known, progress, jobs, b"\n".join(secrets), tickets)
        missing = set().union(*(part.missing for part in parts))
        if not secrets and passes.worth_another(asked, info, known, missing):
            secrets = info.secrets
        elif agree(parts):
            return first.finish(info, part=join(parts))
        else:
            tickets = learned(parts)
    return None


def _passes(
    asked: passes.Reading,
    keys: tls.KeyLog,
    progress: Callable[[capture.Capture], None] | None,
    jobs: int,
    secrets: bytes,
    known: tls.Tickets,
) -> tuple[pipeline.Pipeline, CaptureInfo, list[Part]]:
    """Make one pass; a share whose process was lost is read here."""
    others = []
    try:
        for number in range(1, jobs):
            others.append(_start(Task(asked, Share(number, jobs), secrets, known)))  # noqa: PERF401 - those begun are ended in any case
        first, source = pipeline.run_pass(pipeline.Pipeline, asked, keys, progress, Share(0, jobs), known)
        parts = [first.part()]
        for number, other in enumerate(others, 1):
            part = _result(other)
            if part is None:
                again = passes.key_log(asked.keys)
                again.add(secrets + b"\n")
                part = pipeline.run_pass(pipeline.Pipeline, asked, again, None, Share(number, jobs), known)[0].part()
            parts.append(part)
        return first, source.info, parts
    finally:
        for other in others:
            _end(other)


def _start(task: Task) -> subprocess.Popen[bytes]:
    # Not by fork, which a program with threads does not survive, nor by the module multiprocessing, which would run a user's script again.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    with suppress(OSError):  # it is gone already, and its share will be read here
        process.stdin.write(pickle.dumps(task))
        process.stdin.close()
    return process


def _result(process: subprocess.Popen[bytes]) -> Part | None:
    """Return what another process found; None where it was lost."""
    assert process.stdout is not None
    try:
        part: Part = pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError, ValueError):
        return None
    return part


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def work() -> None:
    """Be another process: take a task from standard input, write what was found to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one is interrupted too, and ends it
    task: Task = pickle.load(sys.stdin.buffer)
    keys = passes.key_log(task.asked.keys)
    keys.add(task.secrets + b"\n")
    try:
        with passes.undisturbed():
            running, _ = pipeline.run_pass(pipeline.Pipeline, task.asked, keys, None, task.share, task.told)
            part: Any = running.part()
            pickle.dump(part, sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
    except (AnalyzerError, OSError):
        return  # the first process meets the same, and says it
    sys.stdout.flush()
    os._exit(0)
