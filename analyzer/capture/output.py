"""Capture files as they are written: private, and in their place only when they are whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from analyzer.errors import AnalyzerError, UsageError


def checked_target(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Raise UsageError where a capture would be written over the one that it is made from, or cannot be written at all."""
    path, origin = Path(target), Path(source)
    if os.fspath(target) == "-":
        raise UsageError("a capture is written to a file", hint="name it: OUT.pcapng")
    if os.fspath(source) == "-":
        raise UsageError("a capture that is copied is read more than once: standard input cannot be", hint="save it to a file first")
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint="name the file: OUT.pcapng")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"cannot write {path}: its directory does not exist")
    try:
        same = path.exists() and origin.exists() and path.samefile(origin)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    if same:
        raise UsageError(f"{path} is the capture itself", hint="name another file: the original stays as it is")


@contextmanager
def private_file(target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Give a file that only its owner may read; it takes its name when all is written, and leaves nothing behind otherwise.

    Raises AnalyzerError where it cannot be written.
    """
    path = Path(target)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
                yield file
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise AnalyzerError(f"cannot write {path}: {error.strerror or error}") from None
