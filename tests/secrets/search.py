"""Finds parts of marked secrets in bytes, however they are written: plain, in UTF-16, hexadecimal, base64, percent-encoded, compressed."""

from __future__ import annotations

import binascii
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from urllib.parse import unquote_to_bytes

LENGTH = 8
"""Bytes of a secret that are a leak. A part this long of a random string is nowhere by chance."""
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}[ :,\\x-]{0,3}){8,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_DEEPEST = 3


def grams(secrets: Mapping[str, bytes]) -> dict[bytes, str]:
    """Return every part of the secrets that is a leak, in small letters, with the name of its secret."""
    return {secret.lower()[start : start + LENGTH]: name for name, secret in secrets.items() for start in range(len(secret) - LENGTH + 1)}


def leaks(data: bytes, known: Mapping[bytes, str]) -> set[str]:
    """Return the names of the secrets of which a part is in the data."""
    return {name for form in forms(data) for name in _plainly(form, known)}


def _plainly(data: bytes, known: Mapping[bytes, str]) -> Iterator[str]:
    small = data.lower()
    for at in range(len(small) - LENGTH + 1):
        name = known.get(small[at : at + LENGTH])
        if name is not None:
            yield name


def forms(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """Yield the data and whatever else can be read out of it."""
    yield data
    if b"\0" in data:
        yield data.replace(b"\0", b"")
    if b"%" in data:
        yield unquote_to_bytes(data)
    for found in _HEX.finditer(data):
        digits = re.sub(rb"[^0-9a-fA-F]", b"", found[0])
        for start in (0, 1):
            yield bytes.fromhex(digits[start : len(digits) - (len(digits) - start) % 2].decode())
    for found in _BASE64.finditer(data):
        text = found[0].translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(min(4, len(text))):
            part = text[start : len(text) - (len(text) - start) % 4]
            try:
                inside = binascii.a2b_base64(part)
            except binascii.Error:
                continue
            if start == 0 and depth < _DEEPEST:
                yield from (form for member in _members(inside) for form in forms(member, depth + 1))
            yield inside
    if depth < _DEEPEST:
        for inside in _members(data):
            yield from forms(inside, depth + 1)


def _members(data: bytes) -> Iterator[bytes]:
    """Yield what compressed parts hold."""
    at = -1
    while (at := data.find(b"\x1f\x8b\x08", at + 1)) >= 0:
        with suppress(zlib.error):
            yield zlib.decompressobj(wbits=31).decompress(data[at:])
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if data[:4] == b"PAR1":
        import pyarrow.parquet as parquet

        table = parquet.read_table(io.BytesIO(data))
        yield repr((table.to_pylist(), table.schema.metadata)).encode()
