"""Start lines and fields (RFC 9112 sections 2 to 5): only the fields that somebody asked for are taken, the rest is dropped here.

No regular expression: a start line may be long, and hostile.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from analyzer.http.starts import METHODS

FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"connection", b"expect", b"content-encoding"})
"""Fields that framing and timing need."""
VERSIONS: Final = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}
METHOD_NAMES: Final = {method: method.decode() for method in METHODS}
LONGEST_METHOD: Final = 24
MOST_NAMES: Final = 1024
LONGEST_NAME: Final = 64
"""Bounds of the memory of field names, which the peer chooses."""
MOST_LINES: Final = 1024
LONGEST_LINE: Final = 512
"""Bounds of the memory of lines."""
LARGEST_VALUE: Final = 16_384
"""A field that repeats is joined up to this size."""


def end_of_head(data: bytes | bytearray, start: int, end: int) -> tuple[int, int]:
    """Return where the head ends and where the content begins, or (-1, -1). Bare line feeds are taken too (RFC 9112 section 2.2)."""
    at = data.find(b"\r\n\r\n", start, end)
    stop = end if at < 0 else at + 3
    bare = data.find(b"\n\n", start, stop)
    mixed = data.find(b"\n\r\n", start, stop)
    if bare >= 0 and (mixed < 0 or bare < mixed):
        return bare, bare + 2
    if mixed >= 0:
        return mixed, mixed + 3
    return (at, at + 4) if at >= 0 else (-1, -1)


def usual_head(data: bytes, start: int, end: int) -> tuple[list[bytes], int]:
    """Return the lines of a head and where the content begins; no lines where not all is there, or not all of them end in CRLF."""
    at = data.find(b"\r\n\r\n", start, end)
    if at < 0:
        return [], -1
    lines = data[start:at].split(b"\r\n")
    return (lines, at + 4) if data.count(b"\n", start, at) < len(lines) else ([], -1)


def lines_of(head: bytes) -> list[bytes]:
    """Split a head into lines, whatever ends them."""
    lines = head.split(b"\r\n")
    return lines if head.count(b"\n") < len(lines) else [line.rstrip(b"\r") for line in head.split(b"\n")]


def request_line(line: bytes) -> tuple[str, bytes, str | None]:
    """Return method, target and version (`1.0`, `1.1`; None for another or none) of a request line, or of what there is of it."""
    parts = line.split(b" ", 3)
    if len(parts) != 3 or parts[2] not in VERSIONS:
        method, _, rest = line.partition(b" ")
        target, _, protocol = rest.strip(b" \t").rpartition(b" ")
        if not protocol.startswith(b"HTTP/"):
            target, protocol = rest.strip(b" \t"), b""
        parts = [method, target.strip(b" "), protocol]
    name = METHOD_NAMES.get(parts[0])
    return name or parts[0][:LONGEST_METHOD].decode("ascii", "replace"), parts[1], VERSIONS.get(parts[2])


def status_of(line: bytes) -> int | None:
    """Return the status code of a status line; None where the line is none (RFC 9112 section 4)."""
    code = line[9:12]
    if line[8:10] == b"  ":
        code = line[8 : LONGEST_METHOD + 8].lstrip(b" ")[:4].rstrip(b" \t")
    elif line[12:13] not in (b" ", b"", b"\t"):
        return None
    return int(code) if len(code) == 3 and code.isdigit() and line[:7] == b"HTTP/1." and line[8:9] == b" " else None


class FieldReader:
    """Takes the wanted fields from heads; of `presence` fields only that they are there.

    Remembers how names were spelled, and whole lines of wanted fields, which hold no secret: most come again with each message.
    """

    __slots__ = ("_lines", "_names", "_presence", "_wanted")

    def __init__(self, wanted: AbstractSet[bytes], presence: AbstractSet[bytes]) -> None:
        self._wanted = frozenset(wanted) - presence
        self._presence = frozenset(presence)
        self._names: dict[bytes, bytes | None] = {}
        self._lines: dict[bytes, tuple[bytes, bytes]] = {}

    def read(self, lines: list[bytes]) -> dict[bytes, bytes]:
        """Return the wanted fields among the lines behind a start line, names in lower case, values of repeated ones joined by `, `.

        A line that begins with a space continues the field before it (obs-fold, RFC 9112 section 5.2).
        """
        fields: dict[bytes, bytes] = {}
        known, names, wanted = self._lines.get, self._names, self._wanted
        last: bytes | None = None
        for line in lines:
            seen = known(line)
            if seen is not None and seen[0] not in fields:
                last, value = seen
                fields[last] = value
                continue
            colon = line.find(b":")
            if colon < 0 or line[0] < 33:
                if line[:1] in (b" ", b"\t") and last is not None and last in wanted and len(fields[last]) < LARGEST_VALUE:
                    fields[last] = (fields[last] + b" " + line.strip()).strip()
                continue
            raw = line[:colon]
            try:
                last = names[raw]
            except KeyError:
                last = self._learn(raw)
            if last is None:
                continue
            if last not in wanted:
                fields[last] = b""
            elif last not in fields:
                fields[last] = value = line[colon + 1 :].strip()
                if len(line) <= LONGEST_LINE:
                    if len(self._lines) >= MOST_LINES:
                        self._lines.clear()
                    self._lines[line] = last, value
            elif len(fields[last]) < LARGEST_VALUE:
                fields[last] += b", " + line[colon + 1 :].strip()
        return fields

    def kind(self, raw: bytes) -> tuple[bytes, bool | None]:
        """Return a field name in lower case, and whether its value is wanted (True), only its presence (False), or nothing (None)."""
        name = raw.lower()
        return name, True if name in self._wanted else False if name in self._presence else None

    def _learn(self, raw: bytes) -> bytes | None:
        name = raw.lower()
        known = name if name in self._wanted or name in self._presence else None
        if len(raw) <= LONGEST_NAME:
            if len(self._names) >= MOST_NAMES:
                self._names.clear()
            self._names[raw] = known
        return known
