"""A live source: which engine, and going on when the interface goes away and comes back."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from typing import Protocol

from analyzer.capture.live.netns import entered
from analyzer.capture.live.programs import Program
from analyzer.capture.live.sockets import PacketSocket
from analyzer.capture.live.wanted import Wanted
from analyzer.capture.opening import open_captures
from analyzer.errors import AnalyzerError, CaptureError, MissingTool, UsageError
from analyzer.model.capture import CaptureFile, CaptureInfo
from analyzer.model.rows import Anomaly
from analyzer.model.seams import Block, Emit

ENGINES = ("dumpcap", "tcpdump", "socket")
"""In the order in which they are tried."""
LOOK_AGAIN_S = 0.5
"""How often an interface that went away is looked for."""
ANY = "any"


class Run(Protocol):
    """One run of an engine, from its start until the interface goes away."""

    @property
    def info(self) -> CaptureInfo:
        """What is known of the capture so far."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield packets as they come."""
        ...

    def stop(self) -> None:
        """Let `blocks` end."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...

    def drops(self) -> int | None:
        """Return how many packets the kernel dropped so far; None where it does not tell."""
        ...


def choose_engine(asked: str = "auto") -> tuple[str, str]:
    """Return the engine to use and the path of its program (empty for the socket). Raises MissingTool for one that is not installed."""
    if asked != "auto" and asked not in ENGINES:
        raise UsageError(f"there is no engine {asked!r}", hint=f"auto, {', '.join(ENGINES)}")
    for engine in ENGINES[:2] if asked == "auto" else (asked,):
        if engine == "socket":
            return engine, ""
        # /usr/sbin is not in everybody's path, and tcpdump lies there.
        path = shutil.which(engine) or shutil.which(engine, path="/usr/sbin:/sbin:/usr/local/sbin")
        if path is not None:
            return engine, path
    if asked == "auto":
        return "socket", ""
    raise MissingTool(f"{asked} is not installed", hint="install it, or take --engine socket, which needs none")


def interfaces(netns: str | None = None) -> list[str]:
    """Return the names of the interfaces of a network namespace."""
    with entered(netns):
        return [name for _, name in socket.if_nameindex()]


class Live:
    """Captures on an interface until it is told to stop. Raises MissingTool, CaptureError or UsageError where it cannot begin."""

    def __init__(self, wanted: Wanted, engine: str = "auto", emit: Emit | None = None) -> None:
        self.engine, self._path = choose_engine(engine)
        self.wanted = wanted
        self.name = wanted.interface
        self._emit = emit
        self._stopping = threading.Event()
        self._over: Run | None = None
        """The last run that has ended."""
        self._over_drops = 0
        """What was dropped in runs that have ended."""
        known = interfaces(wanted.netns)
        if wanted.interface != ANY and wanted.interface not in known:
            raise CaptureError(f"there is no interface {wanted.interface}", hint=f"there are: {', '.join([ANY, *known])}")
        self.info = CaptureInfo(files=[CaptureFile(f"{wanted.interface} ({self.engine})", 1)])
        """What is known of the capture so far."""
        self._run = self._begin()

    def blocks(self) -> Iterator[Block]:
        """Yield packets as they come, numbered through; for a thread of its own, since it waits."""
        taken = 0
        while not self._stopping.is_set():
            run = self._run
            base = taken
            try:
                for block in run.blocks():
                    taken = base + block.first_packet_id + len(block.times) - 1
                    self._note(run, taken)
                    yield (
                        block._replace(first_packet_id=base + block.first_packet_id, first_frame=base + block.first_frame)
                        if base
                        else block
                    )
            finally:
                run.close()
                self._note(run, taken)
                self._over_drops += run.drops() or 0
                self._over = run
            if self._stopping.is_set():
                return
            self._tell("interface-gone", taken, f"{self.name} went away; what was sent until it came back was not captured")
            fresh = self._again()
            if fresh is None:
                return
            self._run = fresh
            self._tell("interface-back", taken, f"{self.name} is back")

    def stop(self) -> None:
        """Let `blocks` end, with what has come until now."""
        self._stopping.set()
        self._run.stop()

    def drops(self) -> int | None:
        """Return how many packets the kernel dropped so far; None while the engine has not told."""
        if self._run is self._over:
            return self._over_drops
        now = self._run.drops()
        return None if now is None and not self._over_drops else self._over_drops + (now or 0)

    def _begin(self) -> Run:
        if self.engine == "socket":
            return PacketSocket(self.wanted)
        return Program(self.engine, self._path, self.wanted, self._emit)

    def _again(self) -> Run | None:
        """Wait for the interface and begin anew; None when told to stop meanwhile."""
        while not self._stopping.wait(LOOK_AGAIN_S):
            try:
                if self.name == ANY or self.name in interfaces(self.wanted.netns):
                    return self._begin()
            except UsageError:
                raise
            except AnalyzerError:
                continue  # there, but not up yet
        return None

    def _note(self, run: Run, taken: int) -> None:
        """Take over what the run knows of the capture."""
        seen, info = run.info, self.info
        info.packets = info.files[0].packets = taken
        info.files[0].format = seen.files[0].format if seen.files else ""
        info.interfaces = seen.interfaces
        if info.first_ns is None:
            info.first_ns = seen.first_ns
        info.last_ns = seen.last_ns if seen.last_ns is not None else info.last_ns
        info.cut_packets, info.backwards = seen.cut_packets, seen.backwards
        info.bytes = seen.bytes

    def _tell(self, code: str, packet: int, detail: str) -> None:
        if self._emit is not None:
            self._emit(Anomaly(code, packet or None, None, detail))


class Piped:
    """A capture that comes through a pipe or from a file, watched while it comes: `tcpdump -U -w - | analyzer watch -`."""

    engine = "pipe"

    def __init__(self, path: str | os.PathLike[str], emit: Emit | None = None, chunk: int = 65_536) -> None:
        self.name = "standard input" if os.fspath(path) == "-" else os.fspath(path)
        self._capture = open_captures([path], emit=emit, chunk=chunk)
        self._stopped = False

    @property
    def info(self) -> CaptureInfo:
        """What is known of the capture so far."""
        return self._capture.info

    def blocks(self) -> Iterator[Block]:
        """Yield packets as they come; ends with the input."""
        for block in self._capture.blocks():
            if self._stopped:
                return
            yield block

    def stop(self) -> None:
        """Let `blocks` end with the next packet."""
        self._stopped = True

    def drops(self) -> int | None:
        """Return how many packets the capturing program says were dropped; None where it does not tell."""
        known = [one.dropped for one in self._capture.info.interfaces if one.dropped is not None]
        return sum(known) if known else None
