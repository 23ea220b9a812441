"""TCP options that something is made of (RFC 9293 section 3.1)."""

from __future__ import annotations

from typing import Final

END_OF_LIST: Final = 0
NO_OPERATION: Final = 1
MSS_OPTION: Final = 2
SACK_OPTION: Final = 5
TIMESTAMP_OPTION: Final = 8
"""Kinds (the IANA registry TCP Option Kind Numbers)."""
TIMESTAMPS: Final = 8
"""Bytes of the content of a timestamp option: two values."""


def mss(options: bytes) -> int | None:
    """Return the value of the maximum segment size option of a SYN, or None."""
    found = _content(options, MSS_OPTION)
    return found[0] << 8 | found[1] if found is not None and len(found) == 2 else None


def timestamp(options: bytes) -> bytes | None:
    """Return the two values of the timestamp option, 4 bytes each (RFC 7323 section 3.2), or None."""
    found = _content(options, TIMESTAMP_OPTION)
    return found if found is not None and len(found) == TIMESTAMPS else None


def sack_blocks(options: bytes) -> list[tuple[int, int]]:
    """Return the blocks of the selective acknowledgment option, left and right edge (RFC 2018 section 3); none where it is malformed."""
    found = _content(options, SACK_OPTION)
    if found is None:
        return []
    return [
        (int.from_bytes(found[edge : edge + 4], "big"), int.from_bytes(found[edge + 4 : edge + 8], "big"))
        for edge in range(0, len(found) - 7, 8)
    ]


def _content(options: bytes, wanted: int) -> bytes | None:
    """Return what the first option of a kind holds, as far as it was captured; None without one, and behind one that is malformed."""
    at = 0
    while at + 1 < len(options):
        kind = options[at]
        if kind == NO_OPERATION:
            at += 1
            continue
        length = options[at + 1]
        if kind == END_OF_LIST or length < 2:
            return None
        if kind == wanted:
            return options[at + 2 : at + length]
        at += length
    return None
