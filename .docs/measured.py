"""Writes the measured tables of `accuracy.md` from what the two checkers wrote.

python .docs/measured.py --score score.json --conform conform.json
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent / "accuracy.md"
COUNTED = {
    "calls": "calls found, with the right operation, in the right place",
    "tries": "calls with the right number of attempts",
    "reqs": "requests found",
    "ledger": "calls whose phases add up and leave no gap",
    "phases": "calls whose set-up and back-off are where they belong",
    "reused": "calls on an open connection that say so",
    "opened": "calls on a new connection that say so",
    "findings": "expected findings",
}
MEASURES = {
    "answered": "files answered", "packets": "packet counts", "times": "first and last times", "streams": "streams with Wireshark's number",
    "counts": "packets and bytes by direction", "shape": "tcp.completeness", "flags": "tcp.analysis flags", "http": "HTTP requests",
    "tls": "ClientHellos",
}  # fmt: skip


def scored(rows: list[dict[str, Any]]) -> list[str]:
    """Return the table of the runs against logs."""
    whole = sum(not row["short"] for row in rows)
    out = [
        f"Of {len(rows)} runs {whole} hold everything that is asked of them.",
        "",
        "| measure | with keys or in the clear | without keys |",
    ]
    out.append("| --- | --- | --- |")
    sides = [[row for row in rows if _open(row)], [row for row in rows if not _open(row)]]
    for name, words in COUNTED.items():
        cells = []
        for side in sides:
            pairs = [row[name] for row in side if isinstance(row.get(name), list)]
            cells.append(f"{sum(a for a, _ in pairs)} of {sum(b for _, b in pairs)}" if pairs else "")
        out.append(f"| {words} | {cells[0]} | {cells[1]} |")
    for name, words in (("extra", "calls that the client never made"), ("unexpected", "warnings or errors that nobody expected")):
        told = [sum(len(row[name]) if isinstance(row.get(name), list) else row.get(name) or 0 for row in side) for side in sides]
        out.append(f"| {words} | {told[0]} | {told[1]} |")
    for name, words in (("late", "late, ms"), ("server", "server, distance from the log, ms")):
        cells = []
        for side in sides:
            pairs = [row[name] for row in side if isinstance(row.get(name), list) and row[name][0] is not None]
            worst = [max((one[place] for one in pairs), default=0) for place in (0, 1)]
            median = statistics.median(one[0] for one in pairs) if pairs else 0
            said = f"{median:.1f} (median of medians), {worst[0]:.1f} the worst median, {worst[1]:.1f} the worst 95th percentile"
            cells.append(said if pairs else "")
        out.append(f"| {words} | {cells[0]} | {cells[1]} |")
    return out


def _open(row: dict[str, Any]) -> bool:
    """Tell whether what was said could be read: with keys, or because no connection of the scenario is encrypted."""
    return bool(row["keys"]) or bool(row.get("plain", row.get("tries") is not None))


def conformed(rows: list[dict[str, Any]]) -> list[str]:
    """Return the table of public captures."""
    out = [f"{len(rows)} captures:", "", "| measure | agree | of | files that agree wholly |", "| --- | --- | --- | --- |"]
    for name, words in MEASURES.items():
        pairs = [row["measures"][name] for row in rows if name in row["measures"]]
        whole = sum(a == b for a, b in pairs)
        out.append(f"| {words} | {sum(a for a, _ in pairs)} | {sum(b for _, b in pairs)} | {whole} of {len(pairs)} |")
    return out


def main() -> int:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--score", required=True, type=Path)
    parser.add_argument("--conform", required=True, type=Path)
    asked = parser.parse_args()
    text = PAGE.read_text()
    for name, lines in (
        ("score", scored(json.loads(asked.score.read_text()))),
        ("conform", conformed(json.loads(asked.conform.read_text()))),
    ):
        made = "\n".join([f"<!-- {name} -->", *lines, "<!-- end -->"])
        text, changed = re.subn(rf"<!-- {name} -->\n.*?<!-- end -->", lambda _, made=made: made, text, flags=re.DOTALL)  # type: ignore[misc]
        if changed != 1:
            parser.error(f"accuracy.md has no place for {name}")
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
