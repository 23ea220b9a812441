"""Which process holds a socket, what it is called, and in which container it runs (proc(5), cgroups(7))."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import PurePath

from analyzer.watching.rows import Owner

LONGEST_COMMAND = 120
MOST_SOCKETS = 20_000
"""Sockets whose owner is remembered."""
RESCAN_S = 0.02
"""A full look at all processes costs milliseconds: not more often than this."""
CONTAINER = re.compile(r"([0-9a-f]{12})[0-9a-f]{52}")
"""Id of a container in the name of its control group: docker-<id>.scope, cri-containerd-<id>.scope, /docker/<id>, /ecs/<task>/<id>."""
INTERPRETERS = re.compile(r"(python|node|ruby|java|perl|php|bash|sh|deno|bun|elixir|erl|beam\.smp|dotnet)[\d.]*$")
MOST_RECENT = 8
MOST_YOUNG = 16
"""Processes that are looked at first: those that held sockets lately, then the youngest."""
PROCESS_NUMBERS = 1 << 22
"""More than there can be (`PID_MAX_LIMIT`)."""
JAR = "-jar"
MODULE = "-m"


class Processes:
    """Finds the process that holds a socket, by its inode. Threads may ask at the same time."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root
        self._of: dict[int, int] = {}
        """Inode of a socket -> process."""
        self._lock = threading.Lock()
        self._looked = 0.0
        self._recent: list[int] = []
        """Processes that held sockets lately, the latest last: where the next one is probably held."""

    def holder(self, inode: int) -> Owner | None:
        """Return who holds a socket; None where nobody does any more, or may be looked at."""
        with self._lock:
            process = self._of.get(inode)
            if process is None:
                process = self._find(inode)
        return None if process is None else describe(process, self._root)

    def _find(self, inode: int) -> int | None:
        for process in reversed(self._recent):
            if self._look_at(process, inode):
                return process
        if len(self._of) > MOST_SOCKETS:
            self._of.clear()
        try:
            names = os.listdir(self._root)  # noqa: PTH208 - a path object for each of thousands would take most of the time
        except OSError:
            return None
        # A short-lived connection is probably that of a young process; and it must be found before it is gone.
        # Numbers are given in order and begin anew at a limit, so that the youngest are those right below the last one given.
        words = _read(f"{self._root}/loadavg").split()
        last = int(words[4]) if len(words) > 4 and words[4].isdigit() else 0
        young = sorted((int(name) for name in names if name.isdigit()), key=lambda process: (last - process) % PROCESS_NUMBERS)
        now = time.monotonic()
        if now - self._looked < RESCAN_S:
            young = young[:MOST_YOUNG]
        else:
            self._looked = now
        for process in young:
            if self._look_at(process, inode):
                self._recent = [*(one for one in self._recent if one != process), process][-MOST_RECENT:]
                return process
        return None

    def _look_at(self, process: int, inode: int) -> bool:
        """Note all sockets of a process; tell whether this one is among them."""
        folder = f"{self._root}/{process}/fd"
        try:
            descriptors = os.listdir(folder)  # noqa: PTH208 - the same
        except OSError:
            return False
        mine = False
        for descriptor in descriptors:
            try:
                target = os.readlink(f"{folder}/{descriptor}")  # noqa: PTH115 - the same
            except OSError:
                continue
            if target.startswith("socket:["):
                number = int(target[8:-1])
                self._of[number] = process
                mine = mine or number == inode
        return mine


def describe(process: int, root: str = "/proc") -> Owner:
    """Return what a process is called and where it runs."""
    name = _read(f"{root}/{process}/comm").strip() or None
    words = [word for word in _read(f"{root}/{process}/cmdline").split("\0") if word]
    found = CONTAINER.search(_read(f"{root}/{process}/cgroup"))
    return Owner(process, name, command_of(words), found.group(1) if found is not None else None)


def command_of(words: list[str]) -> str | None:
    """Return the program of a command line, with its script, jar or module where it runs one. Other arguments may hold secrets."""
    if not words:
        return None
    program = PurePath(words[0].split(" ")[0]).name
    shown = [program]
    if INTERPRETERS.match(program):
        rest = iter(words[1:])
        for word in rest:
            if word in (JAR, MODULE):
                shown += [word, PurePath(next(rest, "")).name]
                break
            if not word.startswith("-"):
                shown.append(PurePath(word).name)
                break
            if word in ("-c", "-e", "--eval"):
                break
    return " ".join(shown)[:LONGEST_COMMAND]


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a third of the time of Path.open, for every connection
            return file.read(4096).decode("utf-8", "replace")
    except OSError:
        return ""
