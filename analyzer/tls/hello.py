"""What client and server say in their hellos (RFC 8446 section 4.1, RFC 5246 section 7.4.1, RFC 6066 section 3, RFC 7301).

Lengths are checked where they are read; a hello that is cut or contradicts itself gives what was readable before that.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from analyzer.tls.numbers import (
    ALPN,
    DRAFTS_13,
    DRAFTS_WITHOUT_SESSION,
    EARLY_DATA,
    ENCRYPT_THEN_MAC,
    HELLO_RETRY,
    PRE_SHARED_KEY,
    PSK_MODES,
    SERVER_NAME,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_VERSIONS,
    TLS_1_3,
)  # fmt: skip

DEFLATE: Final = 1
CUT: Final = -1
LONGEST_LIST: Final = 512
"""Bytes of a list of numbers that is remembered."""
READ_OF_CLIENT: Final = frozenset({SERVER_NAME, ALPN, SUPPORTED_VERSIONS, SIGNATURE_ALGORITHMS})
_NAME: Final = re.compile(r"[a-z0-9_.:-]{1,253}")
_PROTOCOL: Final = re.compile(rb"[\x21-\x7e]{1,64}")


class ClientHello(NamedTuple):
    """What a client offers."""

    version: int
    """Legacy version; the versions that it offers in TLS 1.3 are `versions`."""
    random: bytes
    session_id: bytes
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    """Types, in their order."""
    server_name: str | None
    protocols: tuple[bytes, ...]
    """ALPN names, in their order."""
    versions: tuple[int, ...]
    signatures: tuple[int, ...]

    @property
    def takes_tickets(self) -> bool:
        """Whether a TLS 1.3 server may send session tickets (RFC 8446 section 4.2.9)."""
        return PSK_MODES in self.extensions

    @property
    def offers_13(self) -> bool:
        """Whether TLS 1.3 may be chosen."""
        return TLS_1_3 in self.versions or any(version in DRAFTS_13 for version in self.versions)

    @property
    def early_data(self) -> bool:
        """Whether data may follow at once (0-RTT)."""
        return EARLY_DATA in self.extensions


class ServerHello(NamedTuple):
    """What a server chooses."""

    version: int
    random: bytes
    session_id: bytes
    cipher: int
    protocol: bytes | None
    """ALPN name, where it is said in the clear."""
    resumes: bool
    """Whether a pre-shared key was taken (TLS 1.3)."""
    is_retry: bool
    """Whether it is a HelloRetryRequest."""
    encrypt_then_mac: bool
    compresses: bool
    """Whether records are compressed with DEFLATE (RFC 3749)."""

    @property
    def is_13(self) -> bool:
        """Whether TLS 1.3 was chosen, or one of its drafts."""
        return self.version == TLS_1_3 or self.version in DRAFTS_13


class _Cut(Exception):
    """The message ends before what its lengths promise."""


class _Bytes:
    """Reads numbers and vectors off a message."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data, self._at, self._end = data, start, len(data) if end is None else end

    def __bool__(self) -> bool:
        return self._at < self._end

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if self._at + size > self._end:
            raise _Cut
        at, self._at = self._at, self._at + size
        return self._data[at : at + size]

    def number(self, size: int) -> int:
        """Return the next big-endian number of one or two bytes."""
        data, at = self._data, self._at
        if at + size > self._end:
            raise _Cut
        self._at = at + size
        return data[at] if size == 1 else data[at] << 8 | data[at + 1]

    def vector(self, width: int) -> _Bytes:
        """Return the vector whose length stands in the next `width` bytes; one that runs over the end is cut off there."""
        size = self.number(width)
        start = self._at
        self._at = min(self._end, start + size)
        return _Bytes(self._data, start, self._at)

    def rest(self) -> bytes:
        """Return what is left."""
        return self._data[self._at : self._end]

    def numbers(self) -> tuple[int, ...]:
        """Return what is left as numbers of two bytes."""
        data = self.rest()
        return _remembered(data) if len(data) <= LONGEST_LIST else _numbers(data)

    def extensions(self) -> Iterator[tuple[int, int, int]]:
        """Walk what is left as extensions: type, start and end of the content (CUT where only the type is there).

        Content that runs over the end is cut off there.
        """
        data, end = self._data, self._end
        at = self._at
        while at + 4 <= end:
            start = at + 4
            kind, at = data[at] << 8 | data[at + 1], min(end, start + (data[at + 2] << 8 | data[at + 3]))
            yield kind, start, at
        if at + 2 <= end:
            yield data[at] << 8 | data[at + 1], end, CUT


def _numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"!{len(data) // 2}H", data)


_remembered = lru_cache(maxsize=256)(_numbers)
"""A client says the same in each of its hellos."""


def client_hello(body: bytes) -> ClientHello | None:
    """Read a ClientHello, without its message header; None where not even its random is there."""
    data = _Bytes(body)
    session, name = b"", None
    ciphers: tuple[int, ...] = ()
    extensions: list[int] = []
    protocols: tuple[bytes, ...] = ()
    versions: tuple[int, ...] = ()
    signatures: tuple[int, ...] = ()
    try:
        version, random = data.number(2), data.take(32)
    except _Cut:
        return None
    try:
        session = data.vector(1).rest()[:32]
        ciphers = data.vector(2).numbers()
        data.vector(1)
        block = data.vector(2) if data else data
        for kind, start, stop in block.extensions():
            extensions.append(kind)
            if kind not in READ_OF_CLIENT or stop == CUT:
                continue
            value = _Bytes(body, start, stop)
            if kind == SERVER_NAME:
                name = _server_name(value)
            elif kind == ALPN:
                protocols = _protocols(value.vector(2))
            elif kind == SUPPORTED_VERSIONS:
                versions = value.vector(1).numbers()
            elif kind == SIGNATURE_ALGORITHMS:
                signatures = value.vector(2).numbers()
    except _Cut:
        pass
    return ClientHello(version, random, session, ciphers, tuple(extensions), name, protocols, versions, signatures)


def server_hello(body: bytes) -> ServerHello | None:
    """Read a ServerHello or HelloRetryRequest, without its message header; None where its cipher suite is not there."""
    data = _Bytes(body)
    protocol = None
    resumes = mac_last = compresses = False
    try:
        version, random = data.number(2), data.take(32)
        brief = version in DRAFTS_WITHOUT_SESSION
        session = b"" if brief else data.vector(1).rest()[:32]
        cipher = data.number(2)
    except _Cut:
        return None
    try:
        compresses = not brief and data.number(1) == DEFLATE
        block = data.vector(2) if data else data
        for kind, start, stop in block.extensions():
            if stop == CUT:
                break
            value = _Bytes(body, start, stop)
            if kind == SUPPORTED_VERSIONS:
                version = value.number(2)
            elif kind == PRE_SHARED_KEY:
                resumes = True
            elif kind == ALPN:
                protocol = next(iter(_protocols(value.vector(2))), None)
            elif kind == ENCRYPT_THEN_MAC:
                mac_last = True
    except _Cut:
        pass
    return ServerHello(version, random, session, cipher, protocol, resumes, random == HELLO_RETRY, mac_last, compresses)


def encrypted_extensions(body: bytes) -> tuple[bytes | None, bool]:
    """Read EncryptedExtensions (RFC 8446 section 4.3.1): the ALPN name chosen, and whether early data was accepted."""
    data = _Bytes(body)
    protocol, early = None, False
    try:
        for kind, start, stop in data.vector(2).extensions():
            if stop == CUT:
                break
            if kind == ALPN:
                protocol = next(iter(_protocols(_Bytes(body, start, stop).vector(2))), None)
            elif kind == EARLY_DATA:
                early = True
    except _Cut:
        pass
    return protocol, early


def shown(protocol: bytes | None) -> str | None:
    """Write an ALPN name for people; None for one that is not printable."""
    return protocol.decode("ascii") if protocol is not None and _PROTOCOL.fullmatch(protocol) else None


def _server_name(value: _Bytes) -> str | None:
    names = value.vector(2)
    while names:
        kind, name = names.number(1), names.vector(2).rest()
        if kind == 0:
            text = name[:300].decode("ascii", "replace").lower().removesuffix(".")
            return text if _NAME.fullmatch(text) else None
    return None


def _protocols(names: _Bytes) -> tuple[bytes, ...]:
    found = []
    while names:
        found.append(names.vector(1).rest())
    return tuple(found)
