"""Where answers go: standard output or a file, without a complaint when the reader leaves early."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable

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
    """Write pieces of text to a file that only its owner may read, or to standard output. Raises AnalyzerError."""
    if target is None or target == "-":
        try:
            sys.stdout.writelines(pieces)
            sys.stdout.flush()
        except BrokenPipeError:  # click would make it exit status 1
            pipe_closed()
        return
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as out:
            os.fchmod(descriptor, 0o600)  # a file that was there before would keep its mode
            out.writelines(pieces)
    except OSError as error:
        raise AnalyzerError(f"cannot write {target}: {error.strerror}") from None
