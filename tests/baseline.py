#!/usr/bin/env python3
"""Compare what score.py and conform.py found with what held before.

    baseline.py --score SCORE.json --conform CONFORM.json [--baseline FILE] [--update]

A row is one run of the analyzer: `score cold-start-http/client/clear` or `conform NAME-OF-CAPTURE`. A measure of a row
either holds or falls short by a number. Three things may not happen: a measure that held falls short, a row that was there
is gone, and the sum by which a measure falls short over the rows that the baseline knows grows. Each is named in a line of
its own; exit status 1 if there is one, 2 when an input cannot be read, else 0.

`--update` raises the baseline to what holds now; it refuses while anything is worse. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

SCORE_SHARES = ("calls", "tries", "reqs", "ledger", "phases", "findings", "reused", "opened")
"""Measures of score.py that are `[got, wanted]`."""
SCORE_LIMITS = ("extra", "unexpected", "dark", "late", "server", "cred")
"""Measures of score.py that are judged by a limit; the first two are counts of things that should not be."""

Baseline: TypeAlias = dict[str, dict[str, Any]]
"""`rows`: name -> measures that hold, in one string. `short`: measure -> sum by which it falls short."""


class Row(NamedTuple):
    """One run of the analyzer: by how much each of its measures falls short; 0 where it holds."""

    name: str
    short: dict[str, float]

    @property
    def holds(self) -> set[str]:
        return {measure for measure, short in self.short.items() if not short}


def _distance(measure: str, value: Any) -> float:
    if measure in SCORE_SHARES:
        got, wanted = value
        return float(abs(wanted - got))
    return float(value) if measure == "extra" else len(value) if measure == "unexpected" else 1


def score_rows(rows: Iterable[dict[str, Any]]) -> list[Row]:
    """Read the rows of `score.py --json`."""
    out = []
    for row in rows:
        name = f"score {row['scenario']}/{row['vantage']}/{'keys' if row['keys'] else 'clear'}"
        if "trouble" in row:
            out.append(Row(name, {"answered": 1}))
            continue
        short: dict[str, float] = {"answered": 0}
        missed = set(row["short"])
        for measure in (*SCORE_SHARES, *SCORE_LIMITS):
            if measure in row:
                # A gate may forgive a few (then the measure holds), and one that is missed is missed by something.
                short[measure] = max(1, _distance(measure, row[measure])) if measure in missed else 0
        out.append(Row(name, short))
    return out


def conform_rows(rows: Iterable[dict[str, Any]]) -> list[Row]:
    """Read the rows of `conform.py --json`."""
    return [
        Row(f"conform {row['file']}", {measure: abs(wanted - got) for measure, (got, wanted) in row["measures"].items()}) for row in rows
    ]


def totals(rows: Iterable[Row], known: Iterable[str]) -> dict[str, float]:
    """Add up, per tool and measure, by how much the known rows fall short.

    Rows that the baseline does not know are left out: an answer where there was none adds open points without being worse.
    """
    names = set(known)
    out: dict[str, float] = {}
    for row in rows:
        if row.name in names:
            for measure, short in row.short.items():
                key = f"{row.name.split()[0]} {measure}"
                out[key] = out.get(key, 0) + short
    return dict(sorted(out.items()))


def regressions(baseline: Baseline, rows: list[Row]) -> list[str]:
    """Name what held or was better before; empty when nothing is worse."""
    now = {row.name: row for row in rows}
    out = []
    for name, measures in baseline["rows"].items():
        row = now.get(name)
        if row is None:
            out.append(f"{name}: was not run")
            continue
        if "answered" not in row.holds:
            out.append(f"{name}: is no longer answered")
            continue
        for measure in measures.split():
            if measure not in row.short:
                out.append(f"{name}: {measure} is no longer measured")
            elif row.short[measure]:
                out.append(f"{name}: {measure} no longer holds, short by {row.short[measure]:g}")
    have = totals(rows, baseline["rows"])
    for key, before in baseline["short"].items():
        if have.get(key, 0) > before:
            out.append(f"total {key}: short by {have[key]:g}, was {before:g}")
    return out


def raised(baseline: Baseline, rows: list[Row]) -> Baseline:
    """Add what holds now to a baseline than which nothing is worse."""
    table = dict(baseline["rows"])
    for row in rows:
        # A run without an answer enters the baseline with its first answer.
        if "answered" in row.holds:
            table[row.name] = " ".join(sorted(row.holds, key=lambda measure: (measure != "answered", measure)))
    return {"rows": dict(sorted(table.items())), "short": totals(rows, table)}


def load(path: Path) -> Any:
    """Read a JSON file; raise SystemExit with status 2 where that cannot be done."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        print(f"baseline: cannot read {path}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--score", type=Path, required=True)
    parser.add_argument("--conform", type=Path, required=True)
    parser.add_argument("--baseline", type=Path, default=Path(__file__).with_name("baseline.json"))
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args(arguments)
    rows = score_rows(load(options.score)) + conform_rows(load(options.conform))
    baseline: Baseline = load(options.baseline)
    worse = regressions(baseline, rows)
    for line in worse:
        print(f"worse: {line}")
    if worse:
        print(f"{len(rows)} rows, {len(worse)} lines worse than {options.baseline.name}")
        return 1
    better = raised(baseline, rows)
    print(f"{len(rows)} rows, none worse; {_count(better) - _count(baseline)} measures hold that did not before")
    if better != baseline:
        if options.update:
            options.baseline.write_text(json.dumps(better, indent=1) + "\n")
            print(f"{options.baseline} is raised")
        else:
            print("the baseline can be raised: --update")
    return 0


def _count(baseline: Baseline) -> int:
    return sum(len(measures.split()) for measures in baseline["rows"].values())


if __name__ == "__main__":
    sys.exit(main())
