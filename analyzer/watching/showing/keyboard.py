"""Keys, one at a time, without waiting for a line to end."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ESCAPES = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[5~": "page-up",
    b"\x1b[6~": "page-down",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
}


class Keyboard:
    """Reads keys from a terminal; from anything else none."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def pressed(self) -> list[str]:
        """Return the keys that were pressed since the last time; does not wait."""
        if self._descriptor is None:
            return []
        out = []
        while select.select([self._descriptor], [], [], 0)[0]:
            said = os.read(self._descriptor, 32)
            if not said:
                self._descriptor = None
                break
            out += keys_in(said)
        return out


def keys_in(said: bytes) -> list[str]:
    """Return the keys that a terminal's bytes mean."""
    if said in ESCAPES:
        return [ESCAPES[said]]
    if said.startswith(b"\x1b"):
        return []
    return [ESCAPES.get(bytes([byte]), chr(byte)) for byte in said if byte < 0x80]


@contextmanager
def keyboard() -> Iterator[Keyboard]:
    """Let keys be read one by one from the terminal at standard input, and put it back afterwards."""
    if not sys.stdin.isatty():
        yield Keyboard(None)
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keyboard(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
