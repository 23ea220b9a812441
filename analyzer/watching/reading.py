"""Blocks from a source that waits for packets, read by a thread of its own, so that the watch goes on while nothing comes."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from analyzer.model.capture import CaptureInfo
from analyzer.model.seams import Block

MOST_WAITING = 128
"""Blocks that wait for us; beyond them the reader waits, and what comes meanwhile waits in the pipe and in the kernel's buffer."""
AT_ONCE = 32
"""Blocks that are taken before it is looked what they came to."""
HELD_BYTES = 64 << 20
"""Bytes that are held back for the key log at most."""


class Source(Protocol):
    """Where packets come from."""

    name: str
    engine: str

    @property
    def info(self) -> CaptureInfo:
        """What is known of the capture so far."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield packets as they come; waits."""
        ...

    def stop(self) -> None:
        """Let `blocks` end, with what has come until now."""
        ...

    def drops(self) -> int | None:
        """Return how many packets were dropped; None where nobody tells."""
        ...


class Reader:
    """Reads a source. Blocks may be held back for `lag_s` seconds: a program writes its keys a moment after its packets are seen."""

    def __init__(self, source: Source, lag_s: float = 0.0) -> None:
        self.source = source
        self.ended = False
        """Whether the source has ended and all of it was taken."""
        self._lag = lag_s
        self._held: deque[tuple[float, Block]] = deque()
        self._held_bytes = 0
        self._queue: queue.Queue[Block | BaseException | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._read, name="packets", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> list[Block]:
        """Return the blocks that are ready, after waiting up to `timeout_s` for one. Raises what the source raised."""
        deadline = time.monotonic() + timeout_s
        out: list[Block] = []
        while True:
            wait = deadline - time.monotonic()
            if self._held:
                wait = min(wait, self._held[0][0] - time.monotonic())
            try:
                item = self._queue.get(timeout=max(0.0, wait)) if not out and wait > 0 else self._queue.get_nowait()
            except queue.Empty:
                item = None
            else:
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    self.ended = True
                    out += [block for _, block in self._held]
                    self._held.clear()
                    return out
                if self._lag:
                    self._held.append((time.monotonic() + self._lag, item))
                    self._held_bytes += len(item.data)
                else:
                    out.append(item)
            now = time.monotonic()
            while self._held and (self._held[0][0] <= now or self._held_bytes > HELD_BYTES):
                block = self._held.popleft()[1]
                self._held_bytes -= len(block.data)
                out.append(block)
            if item is None and (out or now >= deadline):
                return out
            if len(out) >= AT_ONCE:
                return out

    def stop(self) -> None:
        """Let the source end."""
        self.source.stop()

    def close(self) -> None:
        """Stop, and wait until the source has given back what it holds."""
        self.source.stop()
        deadline = time.monotonic() + 10
        while self._thread.is_alive() and time.monotonic() < deadline:
            try:
                self._queue.get(timeout=0.05)  # nobody takes them any more, and the reader may be waiting for room
            except queue.Empty:
                pass
        self._thread.join(0.1)

    def _read(self) -> None:
        try:
            for block in self.source.blocks():
                self._queue.put(block)
        except BaseException as error:  # told to whoever takes
            self._queue.put(error)
        else:
            self._queue.put(None)
