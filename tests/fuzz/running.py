"""Runs targets under atheris, each in a process of its own: libFuzzer ends the process that it runs in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random
from time import monotonic
from typing import NamedTuple

from analyzer.errors import AnalyzerError
from tests.fuzz import corpus
from tests.fuzz.mutating import mutate
from tests.fuzz.registry import targets
from tests.fuzz.source import LARGEST, Source

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 20
"""Seconds of one input that are a hang."""
MEMORY_MB = 1500
CHILD = """#!{python}
import sys
import atheris
with atheris.instrument_imports(include=["analyzer"]):
    from tests.fuzz.registry import targets
    target = targets()["{name}"]
atheris.Setup(sys.argv, target)
atheris.Fuzz()
"""


class Found(NamedTuple):
    """What a run came to."""

    executions: int
    seconds: int
    harvested: int
    """Inputs that were taken from real captures."""
    crashes: list[str]
    """Files of the inputs that crashed."""


def harvest(name: str, folder: Path | None) -> Iterable[bytes]:
    """Take a target's inputs out of the small captures below a folder."""
    target = targets()[name]
    for path in sorted(folder.rglob("*")) if folder is not None else ():
        if not path.is_file() or path.stat().st_size > LARGEST or path.suffix in (".json", ".md", ".keys", ".txt"):
            continue
        if name == "keylog":
            continue
        try:
            for data in target.harvest(Source(path)):
                if len(data) <= target.longest:
                    yield data
        except AnalyzerError:
            continue
    if name == "keylog" and folder is not None:
        for path in sorted(folder.rglob("*.keys")):
            yield path.read_bytes()[: target.longest]


def fuzz(name: str, work: Path, *, runs: int, seconds: int = 0, seed: int = 1, public: Path | None = None) -> Found:
    """Run a target so many times; its corpus grows in `work/corpus`, crashing inputs are left in `work/crashes`.

    After a crash it goes on with another seed until the runs are used up, but stops at the tenth.
    """
    target = targets()[name]
    grown = corpus.spread([*corpus.stored(name), *target.seeds()], work / "corpus")
    found = set(harvest(name, public))
    given = corpus.spread(found, work / "given")
    (work / "crashes").mkdir(exist_ok=True)
    began = monotonic()
    done = 0
    for turn in range(10):
        left = seconds - int(monotonic() - began) if seconds else 0
        if done >= runs or (seconds and left <= 0):
            break
        arguments = [
            str(grown), str(given), f"-runs={runs - done}", f"-max_total_time={left}", f"-seed={seed + turn}", f"-max_len={target.longest}",
            f"-timeout={TIMEOUT_S}", f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={work / 'crashes'}/", "-print_final_stats=1",
            "-len_control=20", "-verbosity=1",
        ]  # fmt: skip
        ended = _atheris(name, arguments, work / f"log-{turn}.txt")
        units = re.findall(r"stat::number_of_executed_units:\s*(\d+)", ended) or re.findall(r"^#(\d+)\s", ended, re.MULTILINE)
        done += max(map(int, units), default=0)
        if "Done " in ended:
            break
    crashes = sorted(path.name for path in (work / "crashes").iterdir())
    return Found(done, round(monotonic() - began), len(found), crashes)


def blind(name: str, work: Path, *, runs: int, seconds: int = 0, seed: int = 1) -> Found:
    """Run a target on so many mutations of its corpus in this process, many times faster and guided by nothing."""
    target = targets()[name]
    grown = work / "corpus"
    pool = sorted({*corpus.stored(name), *target.seeds(), *(corpus.gather(grown) if grown.is_dir() else ())})
    corpus.spread(pool, grown)
    crashes = work / "crashes"
    crashes.mkdir(exist_ok=True)
    random = Random(f"{name} {seed}")
    began = monotonic()
    done = 0
    seen: set[object] = set()
    while done < runs and not (seconds and done % 64 == 0 and monotonic() - began > seconds):
        data = mutate(random.choice(pool), random, pool, target.longest)
        done += 1
        try:
            target(data)
        except Exception as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = (type(error), trace and (trace.tb_frame.f_code.co_filename, trace.tb_lineno))
            if place not in seen:
                seen.add(place)
                corpus.spread([data], crashes)
    return Found(done, round(monotonic() - began), 0, sorted(path.name for path in crashes.iterdir()))


def reduce(name: str, work: Path) -> int:
    """Cut the corpus of a target down to what adds coverage, and store it; return how many inputs it has."""
    small = work / "small"
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    _atheris(name, ["-merge=1", f"-max_len={corpus.LARGEST_STORED}", str(small), str(work / "corpus")], work / "log-merge.txt")
    return corpus.store(name, corpus.gather(small))


def _atheris(name: str, arguments: list[str], log: Path) -> str:
    """Run the child and return what it said. It is a program of its own, which libFuzzer calls again to cut a corpus down."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    program = log.parent / "run.py"
    program.write_text(CHILD.format(python=sys.executable, name=name))
    program.chmod(0o755)
    with log.open("wb") as file:
        subprocess.run([program, *arguments], stdout=file, stderr=subprocess.STDOUT, cwd=ROOT, env=environment, check=False)
    return log.read_text("utf-8", "replace")
