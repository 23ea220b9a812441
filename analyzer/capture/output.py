"""Where captures may be written."""

from __future__ import annotations

import os
from pathlib import Path

from analyzer.errors import UsageError


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
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is no file", hint="a capture is written, read again and checked: name a file, OUT.pcapng")
        same = path.exists() and origin.exists() and path.samefile(origin)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    if same:
        raise UsageError(f"{path} is the capture itself", hint="name another file: the original stays as it is")
