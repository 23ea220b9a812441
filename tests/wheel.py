#!/usr/bin/env python3
"""Check a built wheel and the program that was installed from it.

    wheel.py WHEEL PROGRAM CAPTURES

The wheel holds the package, its data, its type marker and (where ANALYZER_COMPILE is 1) compiled modules, and nothing else. The program
answers the first bundled capture with the number of requests that `index.toml` names, tells its calls when watched, and a file that is
no capture with exit status 2 and one line. Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path


def strangers(names: list[str]) -> list[str]:
    """List what does not belong into the wheel, and `analyzer/py.typed` if that is missing from it."""
    out = [name for name in names if not name.startswith("analyzer/") and ".dist-info/" not in name]
    out += [name for name in names if "__pycache__" in name or name.endswith((".pcap", ".pcapng"))]
    if os.environ.get("ANALYZER_COMPILE") == "1" and not any(name.endswith(".so") for name in names):
        out.append("nothing in it is compiled")
    if "analyzer/py.typed" not in names:
        out.append("analyzer/py.typed is missing")
    return out


def faults(program: str, captures: Path) -> list[str]:
    """Run the program as a user does; list what is wrong with its answers."""
    fact = tomllib.loads((captures / "index.toml").read_text())["capture"][0]
    done = subprocess.run([program, "report", captures / fact["file"], "--format", "json"], capture_output=True, text=True, check=False)
    if done.returncode:
        return [f"exit status {done.returncode}: {done.stderr.strip()[-400:]}"]
    report = json.loads(done.stdout)
    out = []
    if report["schema"] != "analyzer/1":
        out.append(f"schema {report['schema']}")
    requests = [row for row in report["exchanges"] if row["service"] == "dynamodb"]
    if len(requests) != fact["requests"]:
        out.append(f"{len(requests)} requests in {fact['file']}, not {fact['requests']}")
    with (captures / fact["file"]).open("rb") as file:
        done = subprocess.run([program, "watch", "-", "--plain"], stdin=file, capture_output=True, text=True, check=False)
    if done.returncode or done.stdout.count("Query") < fact["calls"]:
        out.append(f"watch: exit status {done.returncode}, {done.stderr.strip()[-400:]!r}")
    done = subprocess.run([program, captures / "README.md"], capture_output=True, text=True, check=False)
    if done.returncode != 2 or "Traceback" in done.stderr or not done.stderr.strip():
        out.append(f"a file that is no capture: exit status {done.returncode}, {done.stderr.strip()[-400:]!r}")
    return out


def main(wheel: str, program: str, captures: str) -> int:
    """Print what is wrong; return the exit status."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    wrong = strangers(names) + faults(program, Path(captures))
    for line in wrong:
        print(f"wheel: {line}")
    if not wrong:
        print(f"{Path(wheel).name}: {len(names)} files, and the installed program answers")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
