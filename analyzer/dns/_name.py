"""Domain names on the wire (RFC 1035 sections 3.1 and 4.1.4) -> text that is safe to show."""

from __future__ import annotations

import re

MAX_WIRE = 255
"""Bytes of a name, length bytes included (RFC 1035 section 2.3.4)."""
MAX_TEXT = 255
"""Characters kept of a name: escapes can make the text of a hostile name four times as long as its bytes."""
MAX_JUMPS = 127
"""A name has at most 127 labels, so no honest name needs more pointers; bounds the work for chains of pointers to pointers."""
HEADER = 12

_plain = re.compile(rb"[0-9A-Za-z_-]+").fullmatch
_ESCAPED = [chr(byte) if 0x21 <= byte <= 0x7E else f"\\{byte:03d}" for byte in range(256)]
_ESCAPED[ord(".")] = "\\."
_ESCAPED[ord("\\")] = "\\\\"


def label_text(label: bytes) -> str:
    """Write one label in lower case, with `\\.`, `\\\\` and `\\DDD` for what is not printable ASCII (RFC 4343 section 2.1)."""
    if _plain(label):
        return label.decode("ascii").lower()
    return "".join([_ESCAPED[byte] for byte in label.lower()])


def read_name(data: bytes, start: int, at: int, end: int) -> tuple[str, int]:
    """Read the name at `at` of the message that begins at `start`; return its text and the offset behind it.

    The text has no final dot; the root is `.`. Raises ValueError where the bytes are no name: a label or pointer beyond `end`, a
    reserved length, more than 255 bytes, or a pointer that does not lead further back than every one before it (so none can loop).
    """
    labels: list[str] = []
    after = -1
    back = at
    size = 1
    jumps = 0
    while True:
        if at >= end:
            raise ValueError("name runs past the end")
        length = data[at]
        if length < 0x40:
            at += 1
            if not length:
                break
            stop = at + length
            size += length + 1
            if stop > end or size > MAX_WIRE:
                raise ValueError("label runs past the end, or the name is too long")
            labels.append(label_text(data[at:stop]))
            at = stop
        elif length >= 0xC0:
            if at + 2 > end or jumps == MAX_JUMPS:
                raise ValueError("pointer is cut, or one of too many")
            target = start + ((length & 0x3F) << 8 | data[at + 1])
            if not start + HEADER <= target < back:
                raise ValueError("pointer does not lead back")
            if after < 0:
                after = at + 2
            at = back = target
            jumps += 1
        else:
            raise ValueError("reserved label type")
    return ".".join(labels)[:MAX_TEXT] or ".", at if after < 0 else after


def skip_name(data: bytes, at: int, end: int) -> int:
    """Find the offset behind the name at `at` without reading it; -1 where it runs past `end`."""
    while at < end:
        length = data[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            return at + 2 if at + 2 <= end else -1
        at += length + 1
    return -1
