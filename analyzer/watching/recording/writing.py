"""Everything that is seen, written into a file while it is watched: reading that file gives the same answer again."""

from __future__ import annotations

import os
from pathlib import Path

from analyzer.capture.writer import enhanced, interface, section
from analyzer.errors import UsageError
from analyzer.files import open_private
from analyzer.model.capture import CaptureInfo
from analyzer.model.seams import Block
from analyzer.report.document import analyzer_version
from analyzer.report.text import plain


class Writer:
    """Writes a pcapng, readable by its owner only. Raises UsageError where it cannot be written."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._file = open_private(path)
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror or error}") from None
        self._described: dict[tuple[int, int], int] = {}
        self._file.write(section("", f"analyzer {analyzer_version()}"))

    def add(self, block: Block, info: CaptureInfo) -> None:
        """Write the packets of a block. Raises OSError where there is no room for them."""
        key = (block.interface, block.link_type)
        number = self._described.get(key)
        if number is None:
            number = self._described[key] = len(self._described)
            name = next((one.name for one in info.interfaces if one.number == block.interface), None)
            self._file.write(interface(block.link_type, None if name is None else plain(name)))
        data = block.data
        for start, length, wire, time in zip(block.starts, block.lengths, block.wire_lengths, block.times, strict=True):
            self._file.write(enhanced(number, time, data[start : start + length], wire))

    def flush(self) -> None:
        """See to it that what was added can be read."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
