"""Compressed input, told by its first bytes: gzip (RFC 1952), zstd (RFC 8878), lz4 frames.

Whatever can be decompressed is handed on; a cut stream, a wrong checksum or rubbish behind the end is a sentence in `trouble`.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from analyzer.capture.inputs import Raw
from analyzer.capture.limits import FREE_EXPANSION
from analyzer.errors import CaptureError

MAGICS = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
UNPACK = {"gzip": "gzip -dc", "zstd": "zstd -dc", "lz4": "lz4 -dc"}
"""What unpacks without a bound."""
_INPUT = 64 * 1024
_CHECKSUM = 8
"""End mark and checksum of an lz4 frame; that of zstd is shorter."""
_LONGEST_GZIP_HEADER = 128 * 1024


class _Decoder(Protocol):
    """One member or frame, as the decompressors of the standard library do it."""

    eof: bool
    needs_input: bool
    unused_data: bytes | None

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Damaged(Exception):
    """The stream breaks its format; the text says how."""


class GzipMember:
    """One gzip member. Unlike `zlib` with its own header handling, a wrong checksum loses none of the bytes before it."""

    def __init__(self) -> None:
        self.eof = False
        self.needs_input = True
        self.unused_data: bytes | None = None
        self._pending = b""
        self._body: Any = None
        self._crc = 0
        self._size = 0

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return up to `max_length` bytes; raise `_Damaged` where the stream breaks its format and nothing more can be had."""
        data = self._pending + data
        self._pending = b""
        if self._body is None:
            at = _gzip_header(data)
            if at is None:
                if len(data) > _LONGEST_GZIP_HEADER:
                    raise _Damaged("its header never ends")
                self._pending = data
                return b""
            self._body = zlib.decompressobj(-zlib.MAX_WBITS)
            data = data[at:]
        if self._body.eof:
            return self._close(data)
        retry = self._body.copy()
        try:
            out: bytes = self._body.decompress(data, max_length)
        except zlib.error:
            out = _salvage(retry, data, max_length)
            if not out:
                raise _Damaged("its data is damaged") from None
            self.needs_input = False
            self._body = _Broken()
            return out
        self._crc = zlib.crc32(out, self._crc)
        self._size += len(out)
        if self._body.eof:
            self._pending = self._body.unused_data
            self.needs_input = len(self._pending) < 8
        else:
            self._pending = self._body.unconsumed_tail
            self.needs_input = not self._pending
        return out

    def _close(self, data: bytes) -> bytes:
        if len(data) < 8:
            self._pending = data
            self.needs_input = True
            return b""
        self.eof = True
        self.unused_data = data[8:]
        if int.from_bytes(data[:4], "little") != self._crc or int.from_bytes(data[4:8], "little") != self._size & 0xFFFFFFFF:
            raise _Damaged("its checksum is wrong")
        return b""


class _Broken:
    """Stands in for a body whose readable part was handed out."""

    eof = False

    def copy(self) -> _Broken:
        return self

    def decompress(self, data: bytes, max_length: int) -> bytes:
        raise _Damaged("its data is damaged")


def _salvage(body: Any, data: bytes, max_length: int) -> bytes:
    """Decompress again in small steps, and the last of them byte by byte, to keep all that lies before the damage."""
    parts: list[bytes] = []
    size = 0
    for step in (512, 1):
        while size < max_length:
            retry = body.copy()
            try:
                part = body.decompress(data, min(step, max_length - size))
            except zlib.error:
                body = retry
                break
            if not part:
                break
            parts.append(part)
            size += len(part)
            data = body.unconsumed_tail
    return b"".join(parts)


def _gzip_header(data: bytes) -> int | None:
    """Return the length of a member's header (RFC 1952 section 2.3), None while it is not all there."""
    if len(data) < 10:
        return None
    if not data.startswith(b"\x1f\x8b\x08"):
        raise _Damaged("it goes on with something else")
    flags = data[3]
    at = 10
    if flags & 4:
        if len(data) < at + 2:
            return None
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for bit in (8, 16):
        if flags & bit:
            end = data.find(b"\0", at)
            if end < 0:
                return None
            at = end + 1
    if flags & 2:
        at += 2
    return at if at <= len(data) else None


class Expander:
    """Decompresses an input member by member; stops with `trouble` where a byte became more than `max_expansion` bytes."""

    def __init__(self, raw: Raw, head: bytes, kind: str, max_expansion: int) -> None:
        self.trouble: str | None = None
        self._raw = raw
        self._kind = kind
        self._magic = next(magic for magic, name in MAGICS.items() if name == kind)
        self._make, self._errors = _decoder(kind)
        self._decoder = self._make()
        self._next = head
        self._held = b""
        self._taken = len(head)
        self._given = 0
        self._max_expansion = max_expansion
        self._done = False

    def read(self, size: int) -> bytes:
        """Return up to `size` decompressed bytes; empty at the end."""
        while not self._done:
            data = b""
            ended = False
            if self._decoder.needs_input:
                data = self._take()
                ended = not data
            try:
                out = self._decoder.decompress(data, size)
            except self._errors as error:
                self._stop(f"is damaged: its {self._kind} stream cannot be decompressed further ({error})")
                break
            if self._decoder.eof:
                self._following()
            elif ended and not out:  # asked once more without input: of the last block of a cut stream there may be output left
                self._stop(f"ends in the middle of its {self._kind} stream")
            self._given += len(out)
            if self._given > FREE_EXPANSION and self._given > self._max_expansion * self._taken:
                self._stop(
                    f"was read in part: one compressed byte became more than {self._max_expansion} bytes"
                    f" ({UNPACK[self._kind]} FILE | analyzer - reads all of it)"
                )
            if out:
                return out
        return b""

    def _take(self) -> bytes:
        data, self._next = self._next, b""
        if not data:
            data = self._raw.read(_INPUT)
            self._taken += len(data)
        if self._kind == "gzip":
            return data
        # These decompressors throw away what they have when a checksum is wrong, so the last bytes, which hold it, are fed one by one.
        if not data:
            data, self._held = self._held[:1], self._held[1:]
            return data
        data = self._held + data
        self._held = data[-_CHECKSUM:]
        return data[:-_CHECKSUM] or self._take()

    def _following(self) -> None:
        """Begin the next member, if there is one."""
        rest = self._decoder.unused_data or b""
        rest += self._held
        self._held = b""
        while True:
            if self._kind == "gzip":
                rest = rest.lstrip(b"\0")  # padding of tapes and disk images, which gzip ignores too
            if len(rest) >= len(self._magic):
                break
            more = self._raw.read(_INPUT)
            self._taken += len(more)
            if not more:
                break
            rest += more
        if rest.startswith(self._magic):
            self._decoder = self._make()
            self._next = rest
            return
        self._done = True
        if rest:
            self.trouble = f"has other bytes behind its {self._kind} stream"

    def _stop(self, trouble: str) -> None:
        self._done = True
        self.trouble = self.trouble or self._raw.trouble or trouble


def _decoder(kind: str) -> tuple[Callable[[], _Decoder], tuple[type[Exception], ...]]:
    if kind == "gzip":
        return GzipMember, (_Damaged, zlib.error)
    if kind == "zstd":
        for name in ("compression.zstd", "backports.zstd"):
            try:
                zstd = importlib.import_module(name)
            except ImportError:
                continue
            return zstd.ZstdDecompressor, (zstd.ZstdError, EOFError)
        raise CaptureError("reading zstd needs a package that is not installed", hint="pip install backports.zstd, or run zstd -d FILE")
    try:
        lz4 = importlib.import_module("lz4.frame")
    except ImportError:
        raise CaptureError("reading lz4 needs a package that is not installed", hint="pip install lz4, or unpack it: lz4 -d FILE") from None
    return lz4.LZ4FrameDecompressor, (RuntimeError, EOFError)
