"""A TLS key log that grows while we watch: what programs add to it is read before the packets that it opens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from analyzer.errors import UsageError
from analyzer.tls import KeyLog

LAG_S = 0.25
"""How long packets wait for their keys: a program derives a secret when a packet comes, writes it, and both happen after we saw it."""
MOST_CONNECTIONS = 50_000
"""Connections whose secrets are remembered."""
PIECE = 1 << 20


class FollowedKeys:
    """Follows a key log, which may not be there yet, and may be cut or replaced. Raises UsageError where it may not be read."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.log = KeyLog()
        self.path = Path(path) if path is not None else None
        self._file: BinaryIO | None = None
        self._inode = 0
        self._at = 0
        if self.path is not None and self.path.exists() and not os.access(self.path, os.R_OK):
            raise UsageError(f"cannot read the key log {self.path}", hint="run it as the user who writes it, or as root")
        self.read()

    def read(self) -> None:
        """Take what was added since the last time."""
        if self.path is None:
            return
        try:
            found = self.path.stat()
            if self._file is None or found.st_ino != self._inode or found.st_size < self._at:
                self.close()
                self._file, self._inode, self._at = self.path.open("rb"), found.st_ino, 0
            if found.st_size == self._at:
                return
            while piece := self._file.read(PIECE):
                self._at += len(piece)
                self.log.add(piece)
        except OSError:
            self.close()  # not there yet, or gone: looked for again the next time
            return
        if len(self.log) > MOST_CONNECTIONS:
            self.log.keep(MOST_CONNECTIONS)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def key_log_path(asked: str | os.PathLike[str] | None) -> str | None:
    """Return the key log to follow: the one asked for, else the one that SSLKEYLOGFILE names, if any."""
    return os.fspath(asked) if asked is not None else os.environ.get("SSLKEYLOGFILE") or None
