"""Files that are there whole or not at all, and that only their owner may read: whatever the program writes goes through here."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from analyzer.errors import AnalyzerError

MODE = 0o600
"""Rights of every file: answers tell what programs do and where, packets hold credentials. The umask cannot add to them."""
FOLDER_MODE = 0o700


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` when the block ends well; mode 0600. Raises AnalyzerError where it cannot be written.

    It is written beside `path` under a temporary name and renamed, so that nobody ever reads half of it and a failure leaves what was
    there before. A link is followed. What is no file (a pipe, /dev/stdout) is written to as it stands, and so is a file that cannot be
    replaced (mounted by itself into a container, in a folder that is not ours).
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
        try:
            # mkstemp makes files that nobody else may open, whatever the umask.
            descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".part")
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or not target.exists():
                raise
            with open_private(target) as out:
                yield out
            return
        try:
            with os.fdopen(descriptor, "wb") as out:
                yield out
            _take_the_place(Path(temporary), target)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise AnalyzerError(f"cannot write {os.fspath(path)}: {error.strerror or error}") from None


def _take_the_place(temporary: Path, target: Path) -> None:
    try:
        temporary.replace(target)
    except OSError as error:
        if error.errno != errno.EBUSY:  # a mount point
            raise
        with temporary.open("rb") as made, open_private(target) as out:
            shutil.copyfileobj(made, out)
        temporary.unlink()


def open_private(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file that grows while others read it, empty and for its owner only, also where it was there before. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, MODE)
        return os.fdopen(descriptor, "wb")
    except BaseException:
        os.close(descriptor)
        raise


def make_folder(path: str | os.PathLike[str], *, parents: bool = False) -> Path:
    """Return a folder, made for its owner alone if it is not there yet, with those above it where `parents`. Raises AnalyzerError."""
    folder = Path(path)
    try:
        if parents:
            for above in reversed(folder.parents):
                above.mkdir(mode=FOLDER_MODE, exist_ok=True)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    except FileExistsError:
        raise AnalyzerError(f"cannot write the folder {os.fspath(path)}: a file has that name") from None
    except OSError as error:
        raise AnalyzerError(f"cannot make the folder {os.fspath(path)}: {error.strerror or error}") from None
    return folder
