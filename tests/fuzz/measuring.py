"""What the inputs of a target reach: lines and branches of the modules that it is for, counted by coverage.py in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.registry import targets

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys
from pathlib import Path
from tests.fuzz.registry import targets
target = targets()[sys.argv[1]]
for path in sorted(Path(sys.argv[2]).iterdir()):
    try:
        target(path.read_bytes())
    except Exception:
        pass
"""


def coverage(name: str, corpus: Path) -> dict[str, object]:
    """Return the share of lines and of branches that a corpus reaches, in percent, and what it was measured over."""
    modules = targets()[name].modules
    paths = [(module.replace(".", "/") + "*") if module.endswith(".") else module.replace(".", "/") + ".py" for module in modules]
    with TemporaryDirectory() as folder:
        data, report = f"{folder}/data", f"{folder}/report.json"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        program = Path(folder) / "replay.py"
        program.write_text(CHILD)
        include = ",".join(f"{ROOT}/{path}" for path in paths)
        run = [sys.executable, "-m", "coverage"]
        subprocess.run(
            [*run, "run", "--branch", f"--data-file={data}", f"--include={include}", str(program), name, str(corpus)],
            cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        subprocess.run(
            [*run, "json", f"--data-file={data}", "-o", report, "-q"], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
        )
        totals = json.loads(Path(report).read_text())["totals"]
    lines, branches = totals["num_statements"], totals["num_branches"]
    return {
        "modules": len(modules),
        "lines": lines,
        "lines_percent": round(100 * totals["covered_lines"] / max(lines, 1), 1),
        "branches": branches,
        "branches_percent": round(100 * totals["covered_branches"] / max(branches, 1), 1),
    }


def line(name: str, figures: Mapping[str, object]) -> str:
    """Write the figures of a target as a line of a table."""
    crashes = figures["crashes"]
    reached = ", ".join(f"{kind} {figures[f'{kind}_percent']:>5} % of {figures[kind]}" for kind in ("lines", "branches"))
    runs = f"{figures['executions']:>9} guided, {figures['blind']:>9} blind"
    inputs = f"{figures['corpus']:>5} inputs ({figures['stored']} stored)"
    return f"{name:12} {runs}  {inputs}  {reached}  {len(crashes) if isinstance(crashes, list) else 0} crashes"
