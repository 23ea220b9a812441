"""Sequence numbers: arithmetic modulo 2**32 (RFC 9293 section 3.4)."""

from __future__ import annotations

from typing import Final

MASK: Final = 0xFFFF_FFFF
HALF: Final = 0x8000_0000


def after(a: int, b: int) -> bool:
    """Tell whether sequence number `a` lies beyond `b`."""
    return 0 < (a - b) & MASK < HALF


def signed(difference: int) -> int:
    """Turn a difference of two sequence numbers into one between -2**31 and 2**31 - 1."""
    difference &= MASK
    return difference - 0x1_0000_0000 if difference >= HALF else difference
