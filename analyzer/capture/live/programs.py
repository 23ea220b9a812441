"""dumpcap and tcpdump as sources: the kernel's ring buffer, read by a program that needs few privileges, through a pipe."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

from analyzer.capture.live.netns import entered
from analyzer.capture.live.wanted import Wanted
from analyzer.capture.opening import Capture, open_captures
from analyzer.errors import AnalyzerError, CaptureError, UsageError
from analyzer.model.capture import CaptureInfo
from analyzer.model.seams import Block, Emit

CHUNK = 256 * 1024
"""Bytes of one read; a pipe gives what it has, which at low rates is one packet."""
PIPE_BYTES = 1 << 20
"""Size of the pipe (F_SETPIPE_SZ): what the program can put down while we are busy, before the kernel's buffer fills."""
F_SETPIPE_SZ = 1031
MOST_SAID = 16_384
"""Bytes of what a program says on stderr that are kept."""
DROPPED = re.compile(rb"(\d+) packets? dropped by kernel")
PATIENCE_S = 5.0
"""How long a program may take to end when it is told to."""


def dumpcap_command(path: str, wanted: Wanted) -> list[str]:
    """Return how dumpcap is called: pcapng with nanoseconds on stdout (dumpcap(1))."""
    command = [path, "-q", "-i", wanted.interface, "-s", str(wanted.snaplen), "-B", str(wanted.buffer_mb), "-w", "-"]
    return [*command, "-f", wanted.filter] if wanted.filter else command


def tcpdump_command(path: str, wanted: Wanted) -> list[str]:
    """Return how tcpdump is called: pcap with nanoseconds on stdout (tcpdump(1)).

    Not in immediate mode, in which each packet takes a slot for the largest one (libpcap, TPACKET_V2), and 64 MB hold 256 of them: packets
    come up to a second late at low rates, and none is dropped at high ones.
    """
    size, room = str(wanted.snaplen), str(wanted.buffer_mb * 1024)
    command = [path, "-i", wanted.interface, "-n", "-U", "--time-stamp-precision=nano", "-s", size, "-B", room, "-w", "-"]
    return [*command, "--", wanted.filter] if wanted.filter else command


COMMANDS: dict[str, Callable[[str, Wanted], list[str]]] = {"dumpcap": dumpcap_command, "tcpdump": tcpdump_command}


class Program:
    """One run of a capturing program. Raises CaptureError or UsageError, in the user's words, where it cannot begin."""

    def __init__(self, engine: str, path: str, wanted: Wanted, emit: Emit | None = None) -> None:
        self._engine = engine
        self._wanted = wanted
        self._said = b""
        self._stopped = False
        self._dropped: int | None = None
        try:
            with entered(wanted.netns):
                # A session of its own: Ctrl-C on the terminal is for us, who then end it in good order.
                self._process = subprocess.Popen(
                    COMMANDS[engine](path, wanted), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise CaptureError(f"{engine} cannot be started: {error.strerror or error}", hint="try --engine socket") from None
        assert self._process.stdout is not None
        self._widen(self._process.stdout.fileno())
        self._listener = threading.Thread(target=self._listen, name=f"{engine} stderr", daemon=True)
        self._listener.start()
        self._capture: Capture = open_captures([f"/dev/fd/{self._process.stdout.fileno()}"], emit=emit, chunk=CHUNK)

    @property
    def info(self) -> CaptureInfo:
        """What is known of the capture so far."""
        return self._capture.info

    def blocks(self) -> Iterator[Block]:
        """Yield packets as they come; ends when the program ends. Raises CaptureError where it ended because it could not capture."""
        begun = False
        try:
            for block in self._capture.blocks():
                begun = True
                yield block
        except AnalyzerError:
            if not self._stopped:
                self._explain(begun)
                raise
            return
        if not self._stopped:
            self._explain(begun)

    def stop(self) -> None:
        """Let the program end in good order: what it holds is still written, with its statistics."""
        if self._stopped:
            return
        self._stopped = True
        self._signal(signal.SIGINT)
        # One that does not hear, or is in the middle of something, is told again, and then ended: nobody waits for ever.
        for after, number in ((1.0, signal.SIGINT), (2.0, signal.SIGTERM), (PATIENCE_S, signal.SIGKILL)):
            timer = threading.Timer(after, self._signal, (number,))
            timer.daemon = True
            timer.start()

    def close(self) -> None:
        """See to it that the program is gone, and its pipes with it."""
        self.stop()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(PATIENCE_S)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def drops(self) -> int | None:
        """Return how many packets the kernel dropped, as far as the program has told; dumpcap tells at its end only."""
        known = [one.dropped for one in self._capture.info.interfaces if one.dropped is not None]
        if known:
            return sum(known)
        if self._engine == "tcpdump" and self._process.poll() is None:
            self._signal(signal.SIGUSR1)
        return self._dropped

    def _signal(self, number: signal.Signals) -> None:
        try:
            self._process.send_signal(number)
        except OSError:
            pass  # it is gone, or has changed to another user

    def _listen(self) -> None:
        pipe = self._process.stderr
        if pipe is None:
            return
        while piece := os.read(pipe.fileno(), 4096):
            self._said = (self._said + piece)[-MOST_SAID:]
            found = DROPPED.findall(self._said)
            if found:
                self._dropped = int(found[-1])

    def _widen(self, descriptor: int) -> None:
        import fcntl

        try:
            fcntl.fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            pass  # more than an ordinary user may have: the pipe stays as it is

    def _explain(self, begun: bool) -> None:
        """Raise what the program's last words mean, unless they say that the interface went away, which is no end."""
        deadline = time.monotonic() + PATIENCE_S
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self._listener.join(1)
        said = self._said.decode("utf-8", "replace")
        if not begun or self._process.returncode not in (0, None):
            error = trouble(said, self._engine, self._wanted)
            if error is not None:
                raise error
            if not begun:
                last = said.strip().splitlines()[-1] if said.strip() else f"it ended with status {self._process.returncode}"
                raise CaptureError(f"{self._engine} captured nothing on {self._wanted.interface}: {last}")


def trouble(said: str, engine: str, wanted: Wanted) -> AnalyzerError | None:
    """Return the error that a program's words on stderr mean; None where they mean none that we know."""
    lower = said.lower()
    if "permission" in lower or "operation not permitted" in lower:
        return no_permission(wanted.interface, engine)
    if "no such device" in lower or "there is no device named" in lower or "device doesn't exist" in lower:
        return CaptureError(f"there is no interface {wanted.interface}", hint="analyzer watch --check names those that there are")
    if ("syntax error" in lower or "isn't a valid capture filter" in lower or "filter expression" in lower) and wanted.filter:
        return UsageError(f"cannot read the filter {wanted.filter!r}", hint="a capture filter, not a display filter: man pcap-filter")
    return None


def no_permission(interface: str, engine: str) -> CaptureError:
    """Return the one clear message for whoever may not capture."""
    what = {
        "dumpcap": "once: sudo setcap cap_net_raw,cap_net_admin=eip $(command -v dumpcap), or join the group wireshark",
        "tcpdump": "once: sudo setcap cap_net_raw,cap_net_admin=eip $(command -v tcpdump)",
    }.get(engine, "the socket engine needs CAP_NET_RAW")
    return CaptureError(f"no permission to capture on {interface}", hint=f"run it with sudo; or {what}")
