"""Where answers go: standard output or a file, without a complaint when the reader leaves early."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from analyzer.errors import AnalyzerError


def never_fail_to_encode() -> None:
    """Write what the terminal's encoding lacks (a µ, a file name that is no text) as an escape."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def shows_blocks(target: str | None) -> bool:
    """Tell whether what is written can show block characters: files are UTF-8, standard output is what its encoding says."""
    if target is not None and target != "-":
        return True
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "\u2588\u258f".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def pipe_closed() -> None:
    """Send the rest of our output nowhere: its reader has gone (`| head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(pieces: Iterable[str], target: str | None) -> None:
    """Write pieces of text to a file (`analyzer.files.whole_file`), or to standard output. Raises AnalyzerError."""
    if target is None or target == "-":
        with standard_output():
            sys.stdout.writelines(pieces)
        return
    from analyzer.files import whole_file
    from analyzer.report.exports.writing import write_text

    with whole_file(target) as out:
        write_text(pieces, out)


@contextmanager
def standard_output() -> Iterator[None]:
    """Write to standard output inside the block: quiet where its reader leaves, with a clear message where nothing can be written.

    Raises AnalyzerError.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # click would make it exit status 1
        pipe_closed()
    except OSError as error:
        raise AnalyzerError(f"cannot write to standard output: {error.strerror or error}") from None


def fill_closed_streams() -> None:
    """Put /dev/null where the shell closed standard output or standard error (`>&-`): the next file opened would take its place."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_WRONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, os.fdopen(number, "w"))
