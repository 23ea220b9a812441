"""Files that are there whole or not at all, and that only their owner may read."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from analyzer.errors import AnalyzerError

TEXT_BATCH = 1 << 18
"""Characters that are encoded and written at a time."""


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` when the block ends well; mode 0600. Raises AnalyzerError where it cannot be written.

    It is written beside `path` under a temporary name and renamed, so that nobody ever reads half of it and a failure leaves what was
    there before. A link is followed. What is no file (a pipe, /dev/stdout) is written to as it stands.
    """
    named = Path(path)
    try:
        # Asked of the path itself: the pipe behind /dev/stdout has no name that could be resolved.
        if named.exists() and not stat.S_ISREG(named.stat().st_mode):
            if named.is_dir():
                raise AnalyzerError(f"cannot write {os.fspath(path)}: it is a folder")
            with named.open("wb") as out:
                yield out
            return
        target = named.resolve()
        # mkstemp makes files that nobody else may open, whatever the umask.
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as out:
                yield out
            Path(temporary).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise AnalyzerError(f"cannot write {os.fspath(path)}: {error.strerror or error}") from None


def write_text(pieces: Iterable[str], out: IO[bytes]) -> None:
    """Write pieces of text as UTF-8, many at a time; what UTF-8 lacks (half a surrogate pair) as an escape."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= TEXT_BATCH:
            out.write("".join(held).encode("utf-8", "backslashreplace"))
            held.clear()
            size = 0
    out.write("".join(held).encode("utf-8", "backslashreplace"))


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Return a folder, made for its owner alone if it is not there yet; folders above it must be. Raises AnalyzerError."""
    folder = Path(path)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        raise AnalyzerError(f"cannot write the folder {os.fspath(path)}: a file has that name") from None
    except OSError as error:
        raise AnalyzerError(f"cannot make the folder {os.fspath(path)}: {error.strerror or error}") from None
    return folder
