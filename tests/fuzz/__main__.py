"""Fuzzes the parsers, guided by coverage.

    python -m tests.fuzz [TARGET...] [--runs N] [--seconds S] [--work FOLDER] [--public FOLDER] [--blind] [--store] [--json FILE]

Runs each target (all of them without a name) under atheris, from the stored corpus, the made-up seeds and, with --public, what real
captures yield; with --blind it only mutates the corpus. Crashing inputs are left in the working folder; with --store the corpus is cut
down to the inputs that add coverage and written back (without --public: what is stored must be our own). Then coverage.py replays the
corpus, and a table says executions, corpus, coverage and crashes of each target. Needs the extra `fuzz`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.fuzz import corpus, measuring, running
from tests.fuzz.registry import targets


def main(args: list[str] | None = None) -> int:
    """Fuzz; return 1 where a target crashed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the parsers, guided by coverage.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(targets())}; all of them without a name")
    parser.add_argument("--runs", type=int, default=10_000, help="executions of each target (default: 10000)")
    parser.add_argument("--seconds", type=int, default=0, help="seconds after which a target is done, whatever its runs (0: no bound)")
    parser.add_argument("--blind", action="store_true", help="mutate the corpus without guidance, without atheris and many times faster")
    parser.add_argument("--seed", type=int, default=1, help="seed of the mutations")
    parser.add_argument("--work", type=Path, help="folder of the growing corpus and of crashes (default: a temporary one)")
    parser.add_argument("--public", type=Path, help="folder of real captures to take inputs from")
    parser.add_argument("--store", action="store_true", help="cut the corpus down and store it")
    parser.add_argument("--json", type=Path, help="write the figures to this file, adding to those that are there")
    options = parser.parse_args(args)
    unknown = set(options.targets) - set(targets())
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    work = options.work or Path(mkdtemp(prefix="analyzer-fuzz-"))
    figures: dict[str, dict[str, object]] = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
    crashed = False
    for name in options.targets or targets():
        bounds = {"runs": options.runs, "seconds": options.seconds, "seed": options.seed}
        if options.blind:
            found = running.blind(name, work / name, **bounds)
        else:
            found = running.fuzz(name, work / name, **bounds, public=options.public)
        if options.store:
            running.reduce(name, work / name)
        before = figures.get(name, {})
        kind = "blind" if options.blind else "executions"
        counts = {each: int(str(before.get(each, 0))) for each in ("executions", "blind")}
        counts[kind] += found.executions
        crashed |= bool(found.crashes)
        figures[name] = {
            **counts,
            "harvested": found.harvested or before.get("harvested", 0),
            "corpus": len(corpus.gather(work / name / "corpus")),
            "stored": len(corpus.stored(name)),
            "crashes": found.crashes,
            **measuring.coverage(name, work / name / "corpus"),
        }
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1) + "\n")
        sys.stdout.write(measuring.line(name, figures[name]) + "\n")
        sys.stdout.flush()
    return 1 if crashed else 0


if __name__ == "__main__":
    sys.exit(main())
