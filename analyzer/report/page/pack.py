"""Columns of numbers and long texts as the page's scripts read them: little-endian arrays, compressed, in base64."""

from __future__ import annotations

import gzip
import json
import sys
from array import array
from base64 import b64encode
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

KINDS = (("u8", "B", 1 << 8), ("u16", "H", 1 << 16), ("u32", "I", 1 << 32))
EXACT = 1 << 53
"""From here on a double, the only number of a script, holds not every integer."""


class Pack:
    """Collects columns; `directory` says where each lies in `blob`."""

    def __init__(self) -> None:
        self.directory: list[dict[str, Any]] = []
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, name: str, values: Sequence[int]) -> None:
        """Add a column of integers, as the smallest kind of number that holds them. Beyond 2**53 their last digits are lost."""
        low, high = min(values, default=0), max(values, default=0)
        kind, code = next(((kind, code) for kind, code, limit in KINDS if low >= 0 and high < limit), ("f64", "d"))
        if low < 0 and high < 1 << 31 and low + (1 << 31) >= 0:
            kind, code = "i32", "i"
        made = array(code, values)
        if sys.byteorder == "big":
            made.byteswap()
        raw = made.tobytes()
        # First bytes together, then second bytes: those of higher places are much alike, which compresses better.
        self._append(name, kind, len(values), b"".join(raw[place :: made.itemsize] for place in range(made.itemsize)))

    def add_steps(self, name: str, values: Sequence[int]) -> None:
        """Add a column as differences from one value to the next, which are small where it is nearly sorted."""
        self.add(name, [after - before for before, after in pairwise([0, *values])])
        self.directory[-1]["steps"] = True

    def add_json(self, name: str, value: Any) -> None:
        """Add a document."""
        raw = json.dumps(value, separators=(",", ":")).encode()
        self._append(name, "json", len(raw), raw)

    def _append(self, name: str, kind: str, length: int, raw: bytes) -> None:
        self.directory.append({"name": name, "kind": kind, "length": length, "offset": self._length})
        self._parts.append(raw)
        self._length += len(raw)

    def blob(self) -> str:
        """Return everything compressed, in base64."""
        return b64encode(gzip.compress(b"".join(self._parts), 6, mtime=0)).decode()


def unpacked(pack: Pack) -> dict[str, list[int]]:
    """Return the columns as they were added: the scripts' reading of them, for tests."""
    raw = b"".join(pack._parts)
    out = {}
    sizes = {"u8": ("B", 1), "u16": ("H", 2), "u32": ("I", 4), "i32": ("i", 4), "f64": ("d", 8)}
    for entry in pack.directory:
        if entry["kind"] == "json":
            continue
        code, size = sizes[entry["kind"]]
        planes = [raw[entry["offset"] + place * entry["length"] :][: entry["length"]] for place in range(size)]
        values = array(code, bytes(byte for group in zip(*planes, strict=True) for byte in group)).tolist()
        whole = [int(value) for value in values]
        out[entry["name"]] = list(accumulate(whole)) if entry.get("steps") else whole
    return out
