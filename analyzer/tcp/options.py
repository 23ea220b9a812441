"""TCP options that the connection keeps (RFC 9293 section 3.2)."""

from __future__ import annotations

from typing import Final

MSS_OPTION: Final = 2
SACK_OPTION: Final = 5


def mss(options: bytes) -> int | None:
    """Return the value of the maximum segment size option of a SYN, or None."""
    at = 0
    while at + 1 < len(options):
        kind = options[at]
        if kind == 0:
            return None
        if kind == 1:
            at += 1
            continue
        length = options[at + 1]
        if length < 2:
            return None
        if kind == MSS_OPTION and length == 4 and at + 4 <= len(options):
            return int.from_bytes(options[at + 2 : at + 4], "big")
        at += length
    return None


def sack_blocks(options: bytes) -> list[tuple[int, int]]:
    """Return the blocks of the selective acknowledgment option, left and right edge (RFC 2018 section 3); none where it is malformed."""
    at = 0
    while at + 1 < len(options):
        kind = options[at]
        if kind == 0:
            break
        if kind == 1:
            at += 1
            continue
        length = options[at + 1]
        if length < 2:
            break
        if kind == SACK_OPTION:
            stop = min(at + length, len(options)) - 7
            return [
                (int.from_bytes(options[edge : edge + 4], "big"), int.from_bytes(options[edge + 4 : edge + 8], "big"))
                for edge in range(at + 2, stop, 8)
            ]
        at += length
    return []
