"""TCP options that the connection keeps (RFC 9293 section 3.2)."""

from __future__ import annotations

MSS_OPTION = 2


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
