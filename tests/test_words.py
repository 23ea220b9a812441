"""Integers in a byte string: read like `struct` does, at any place, and never beyond the end."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.words import u16, u32, u32_little


@given(st.binary(min_size=4, max_size=12), st.integers(0, 8))
def test_reads_what_struct_reads(data: bytes, at: int) -> None:
    if at + 4 > len(data):
        with pytest.raises(IndexError):
            u32(data, at)
        return
    assert u16(data, at) == struct.unpack_from(">H", data, at)[0]
    assert u32(data, at) == struct.unpack_from(">I", data, at)[0]
    assert u32_little(data, at) == struct.unpack_from("<I", data, at)[0]
