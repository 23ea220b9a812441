"""Text as bytes, many pieces at a time; files and folders are those of `analyzer.files`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from analyzer.files import make_folder as make_folder
from analyzer.files import whole_file as whole_file

TEXT_BATCH = 1 << 18
"""Characters that are encoded and written at a time."""


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
