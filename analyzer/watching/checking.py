"""`analyzer watch --check`: what is installed and allowed, and what will work, before anything is tried."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from analyzer.capture.live import ENGINES, Live, Wanted, choose_engine, find_namespace, interfaces
from analyzer.errors import AnalyzerError
from analyzer.report.text import plain
from analyzer.watching.keys import key_log_path
from analyzer.watching.owners.owners import Owners

VERSION_S = 5.0
QUIET = "tcp port 1"
"""A filter that lets next to nothing through (tcpmux, RFC 1078)."""


class Line(NamedTuple):
    """One thing that was looked at."""

    what: str
    good: bool | None
    """None where it is neither good nor bad."""
    found: str


class Checked(NamedTuple):
    """All of them."""

    lines: list[Line]
    works: bool
    """Whether a watch can begin."""
    then: str
    """What will work, or what to do."""


def check(place: str, engine: str = "auto", netns: str | None = None, keys: str | None = None) -> Checked:
    """Look at tools, rights, the interface and the key log. Raises nothing: what is wrong is said."""
    lines = [_engine(name) for name in ENGINES]
    namespace = None
    if netns is not None:
        try:
            namespace = find_namespace(netns)
            lines.append(Line("namespace", True, f"{netns} can be entered" if os.geteuid() == 0 else f"{netns} is there"))
        except AnalyzerError as error:
            lines.append(Line("namespace", False, f"{error}"))
            return Checked(lines, False, error.hint or "")
    lines.append(Line("rights", None, _rights()))
    try:
        lines.append(Line("interfaces", None, ", ".join(["any", *interfaces(namespace)])))
    except AnalyzerError as error:
        lines.append(Line("interfaces", False, str(error)))
    lines += _keys(key_log_path(keys))
    owners = Owners(namespace)
    owners.close()
    lines.append(
        Line("processes", owners.trouble is None, "can be told" if owners.trouble is None else f"only in part: {owners.trouble}")
    )  # fmt: skip
    lines.append(Line("metrics", None, _metrics()))
    if place == "-":
        return Checked(lines, True, "A capture is read from standard input.")
    return _try(lines, place, engine, namespace)


def words(found: Checked) -> Iterator[str]:
    """Yield what was found as lines of text."""
    marks = {True: "ok", False: "no", None: ""}
    for line in found.lines:
        yield plain(f"{marks[line.good]:<4}{line.what:<12}{line.found}").rstrip()
    yield ""
    yield plain(found.then)


def _engine(name: str) -> Line:
    if name == "socket":
        import ctypes.util

        pcap = ctypes.util.find_library("pcap")
        return Line(name, True, "a socket of our own" + ("" if pcap else "; without libpcap it cannot filter (--filter '')"))
    try:
        _, path = choose_engine(name)
    except AnalyzerError as error:
        return Line(name, False, str(error))
    return Line(name, True, f"{path} ({_version(path)})")


def _version(path: str) -> str:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=VERSION_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "does not start"
    said = (done.stdout or done.stderr).strip().splitlines()
    return said[0][:60] if said else "unknown version"


def _rights() -> str:
    if os.geteuid() == 0:
        return "root"
    try:
        status = Path("/proc/self/status").read_text()
        effective = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), 16)
    except (OSError, StopIteration, ValueError):
        return "an ordinary user"
    return "an ordinary user with CAP_NET_RAW" if effective >> 13 & 1 else "an ordinary user"


def _keys(path: str | None) -> Iterator[Line]:
    if path is None:
        yield Line("key log", None, "none: encrypted calls are told by their records' sizes and times (--keys FILE, SSLKEYLOGFILE)")
        return
    file = Path(path)
    if not file.exists():
        yield Line("key log", None, f"{path} is not there yet; it is followed as soon as it is")
    elif not os.access(file, os.R_OK):
        yield Line("key log", False, f"{path} may not be read by this user")
    else:
        yield Line("key log", True, f"{path}, {file.stat().st_size} bytes so far")


def _metrics() -> str:
    from importlib.util import find_spec

    return (
        "prometheus-client is installed" if find_spec("prometheus_client") is not None else "prometheus-client is not installed (--metrics)"
    )


def _try(lines: list[Line], place: str, engine: str, namespace: str | None) -> Checked:
    """Capture for a moment, with a filter that lets nothing through: only that tells whether it is allowed."""
    last: AnalyzerError | None = None
    for name in ENGINES if engine == "auto" else (engine,):
        try:
            _begin(Wanted(place, QUIET, namespace), name)
        except AnalyzerError as error:
            lines.append(Line(f"try {name}", False, str(error)))
            last = last or error
        else:
            lines.append(Line(f"try {name}", True, f"captures on {place}"))
            return Checked(lines, True, f"analyzer watch -i {place} will work{'' if name == engine else f', with {name}'}.")
    hint = last.hint if last is not None and last.hint is not None else "another interface, or another --engine"
    return Checked(lines, False, f"It will not work: {last}. {hint}.")


def _begin(wanted: Wanted, engine: str) -> None:
    """Capture for half a second. Raises what a watch would raise."""
    import threading

    live = Live(wanted, engine)
    timer = threading.Timer(0.5, live.stop)
    timer.start()
    try:
        for _ in live.blocks():
            pass
    finally:
        timer.cancel()
        live.stop()
