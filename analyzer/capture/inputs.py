"""Where bytes come from: files, named pipes and standard input, with errors in the user's words and a count of what was read."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from analyzer.errors import CaptureError


class Input:
    """One thing that the user named; `-` is standard input.

    Raises CaptureError when it does not exist, is a directory or may not be read.
    """

    __slots__ = ("consumed", "index", "name", "path", "regular", "size")

    def __init__(self, path: str | os.PathLike[str], index: int) -> None:
        self.index = index
        self.path = os.fspath(path)
        self.name = "standard input" if self.path == "-" else self.path
        self.consumed = 0
        self.size: int | None = None
        self.regular = False
        if self.path == "-":
            return
        try:
            found = Path(self.path).stat()
        except (OSError, ValueError) as error:
            raise _refused(self.name, error) from None
        if stat.S_ISDIR(found.st_mode):
            raise CaptureError(f"{self.name} is a directory", hint="name the capture files in it")
        if stat.S_ISREG(found.st_mode):
            self.regular = True
            self.size = found.st_size

    def open(self, *, count: bool = True) -> Raw:
        """Open it for one pass; `count` false for a look at its beginning that does not move `consumed`."""
        if self.path == "-":
            stream = getattr(sys.stdin, "buffer", None)
            if stream is None:
                raise CaptureError("there is no standard input to read")
            return Raw(self, stream, getattr(stream, "read1", stream.read), owned=False, count=count)
        try:
            file = Path(self.path).open("rb", buffering=0)  # noqa: SIM115 - Raw closes it
        except OSError as error:
            raise _refused(self.name, error) from None
        if count:
            self.consumed = 0
        return Raw(self, file, file.read, owned=True, count=count)


class Raw:
    """The bytes of one input as they lie on disk or come through a pipe."""

    __slots__ = ("_count", "_file", "_input", "_owned", "_read", "_seen", "trouble")

    def __init__(self, source: Input, file: BinaryIO, read: Callable[[int], bytes | None], *, owned: bool, count: bool) -> None:
        self._input = source
        self._file = file
        self._read = read
        self._owned = owned
        self._count = count
        self._seen = False
        self.trouble: str | None = None
        """What ended the input before its time, as the end of a sentence that begins with its name."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes as soon as there are any; empty at the end.

        A read error after the first bytes ends the input and is kept in `trouble`; before them it raises CaptureError.
        """
        try:
            data = self._read(size) or b""
        except (OSError, ValueError) as error:
            if not self._seen:
                raise _refused(self._input.name, error) from None
            self.trouble = f"could not be read to its end ({_reason(error)})"
            return b""
        if data:
            self._seen = True
            if self._count:
                self._input.consumed += len(data)
        return data

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._owned:
            self._file.close()


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _refused(name: str, error: Exception) -> CaptureError:
    hint = None
    if isinstance(error, FileNotFoundError):
        return CaptureError(f"{name} does not exist", hint="check the path")
    if isinstance(error, PermissionError):
        hint = "captures made as root are often readable by root only: sudo chown $USER FILE"
    return CaptureError(f"{name} cannot be read: {_reason(error)}", hint=hint)
