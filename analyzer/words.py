"""Integers in a byte string, as compiled code reads them: without an object for any of them.

In plain Python one `struct` call for many fields is quicker, so that the two places where every packet is read ask `NATIVE` which it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64


def u16(data: bytes, at: i64) -> i64:
    """Read two bytes, the highest first (network order). Raises IndexError where they are not there."""
    high: i64 = data[at]
    low: i64 = data[at + 1]
    return high << 8 | low


def u32(data: bytes, at: i64) -> i64:
    """Read four bytes, the highest first (network order). Raises IndexError where they are not there."""
    a: i64 = data[at]
    b: i64 = data[at + 1]
    c: i64 = data[at + 2]
    d: i64 = data[at + 3]
    return a << 24 | b << 16 | c << 8 | d


def u32_little(data: bytes, at: i64) -> i64:
    """Read four bytes, the lowest first. Raises IndexError where they are not there."""
    a: i64 = data[at]
    b: i64 = data[at + 1]
    c: i64 = data[at + 2]
    d: i64 = data[at + 3]
    return d << 24 | c << 16 | b << 8 | a


NATIVE: Final = not hasattr(u32, "__code__")
"""Whether this file was compiled: then reading a field costs less than a tenth of what `struct` takes for it."""
