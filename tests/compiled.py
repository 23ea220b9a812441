#!/usr/bin/env python3
"""Check that the compiled modules give the same answers as plain Python, capture by capture.

    compiled.py PLAIN COMPILED FOLDER...

PLAIN and COMPILED are Python interpreters with the package installed, one without and one with compiled modules. Both read every capture in
the folders, with the keys that lie beside it, by one process and some of them by two as well, and the documents must be equal to the last
byte. So must those of one capture cut at every snapshot length that leaves a part of a header, and with its packets cut, lost and
repeated at random. Standard library only.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

SUFFIXES = (".pcap", ".pcapng", ".cap", ".gz", ".zst", ".lz4")
LARGEST = 8 << 20
"""Bytes of a capture up to which it is read: the comparison is about cases, and there are enough smaller ones."""
SNAPSHOTS = range(14, 100)
"""Snapshot lengths that end within the headers, or shortly behind them."""
DRAWS = 60
"""Captures whose packets are cut, lost and repeated at random."""
CHILD = "--digests"
HOT = "analyzer.tcp._loop"
SHARED = 8
"""Of so many captures one is read by two processes as well, which takes half a second to begin with."""


def captures(folders: list[str]) -> list[Path]:
    """List the captures below folders."""
    found = {path for folder in folders for path in Path(folder).rglob("*") if path.suffix in SUFFIXES and ".pcap" in path.name.lower()}
    return sorted(path for path in found if path.is_file() and path.stat().st_size <= LARGEST)


def made(capture: Path, folder: Path) -> list[Path]:
    """Write a classic little-endian pcap again and again, damaged in ways that captures are; return the files."""
    data = capture.read_bytes()
    records, at = [], 24
    while at < len(data):
        size, wire = struct.unpack_from("<2I", data, at + 8)
        records.append((data[at : at + 8], data[at + 16 : at + 16 + size], wire))
        at += 16 + size

    def write(name: str, kept: list[tuple[bytes, bytes, int]]) -> Path:
        path = folder / f"{name}.pcap"
        path.write_bytes(data[:24] + b"".join(time + struct.pack("<2I", len(frame), wire) + frame for time, frame, wire in kept))
        return path

    files = [write(f"cut-{length}", [(time, frame[:length], wire) for time, frame, wire in records]) for length in SNAPSHOTS]
    for seed in range(DRAWS):
        draw = Random(seed)
        kept = []
        for index, (time, frame, wire) in enumerate(records):
            if draw.random() < 0.1:
                continue
            kept.append((time, frame[: draw.randrange(30, 1600)] if draw.random() < 0.3 else frame, wire))
            if index > 5 and draw.random() < 0.1:  # one of the last ones comes again, cut
                _, again, size = records[index - draw.randrange(5)]
                kept.append((time, again[: draw.randrange(54, 200)], size))
        files.append(write(f"drawn-{seed}", kept))
    return files


def key_log(capture: Path) -> Path | None:
    """Find the key log of a capture: beside it, or in the folder `keys` there."""
    stem = capture.name.partition(".")[0]
    names = [f"{stem}.keys", f"{capture.name}.keys"]
    return next((path for name in names for path in (capture.parent / name, capture.parent / "keys" / name) if path.is_file()), None)


def digests(paths: list[Path]) -> dict[str, str]:
    """Read captures with the package of this interpreter; return for each the digest of its document, or how it failed."""
    from hashlib import sha256
    from importlib import import_module
    from pkgutil import walk_packages

    import analyzer
    from analyzer.report.document import JsonRenderer

    out = {"": str(import_module(HOT).__file__)}
    for module in walk_packages(analyzer.__path__, "analyzer."):
        if not module.name.endswith(("__main__", "__mypyc")):
            try:
                import_module(module.name)  # a class may not derive from a compiled one
            except ModuleNotFoundError as missing:
                if (missing.name or "").startswith("analyzer"):
                    raise
    for number, path in enumerate(paths):
        answers = []
        for jobs in (1, 2) if number % SHARED == 0 else (1,):
            try:
                pieces = JsonRenderer().render(analyzer.read(path, keys=key_log(path), jobs=jobs))
                answers.append(sha256("".join(pieces).encode()).hexdigest())
            except analyzer.AnalyzerError as error:
                answers.append(f"no answer: {error}")
        out[str(path)] = answers[0] if len(set(answers)) == 1 else f"{answers[0]} by one process, {answers[1]} by two"
    return out


def main(plain: str, compiled: str, *folders: str) -> int:
    """Print what differs; return the exit status."""
    with TemporaryDirectory() as scratch:
        ours = Path(__file__).resolve().parent.parent / "captures" / "cold-start.pcap"
        return compare(plain, compiled, [*captures(list(folders)), *made(ours, Path(scratch))])


def compare(plain: str, compiled: str, paths: list[Path]) -> int:
    """Let both read the captures; print what differs and return the exit status."""
    given = "\n".join(map(str, paths))
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SSLKEYLOGFILE")}
    running = [
        subprocess.Popen([python, __file__, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for python in (plain, compiled)
    ]
    for child in running:
        assert child.stdin is not None
        child.stdin.write(given)
        child.stdin.close()
    first, second = (json.loads(child.stdout.read() or "{}") if child.stdout is not None else {} for child in running)
    if any(tuple(child.wait() for child in running)):
        return 1  # the traceback was shown
    wrong = []
    if not first[""].endswith(".py"):
        wrong.append(f"{plain} runs compiled code: {first['']}")
    if second[""].endswith(".py"):
        wrong.append(f"{compiled} runs plain Python: {second['']}")
    wrong += [f"{path}: {told}" for told_by in (first, second) for path, told in told_by.items() if " by two" in told]
    wrong += [f"{path}: {first[str(path)]} plain, {second[str(path)]} compiled" for path in paths if first[str(path)] != second[str(path)]]
    answered = [path for path in paths if not first[str(path)].startswith("no answer")]
    if len(answered) * 2 < len(paths) or not paths:
        wrong.append(f"only {len(answered)} of {len(paths)} captures were answered")
    for line in wrong:
        print(f"compiled: {line}")
    if not wrong:
        print(f"compiled and plain: equal answers for {len(answered)} captures, none for {len(paths) - len(answered)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:] == [CHILD]:
        print(json.dumps(digests([Path(line) for line in sys.stdin.read().splitlines()])))
    else:
        sys.exit(main(*sys.argv[1:]))
