"""What client and server say in their hellos (RFC 8446 section 4.1, RFC 5246 section 7.4.1, RFC 6066 section 3, RFC 7301).

Lengths are checked where they are read; a hello that is cut or contradicts itself gives what was readable before that.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from analyzer.tls.numbers import (
    ALPN,
    DRAFTS_13,
    DRAFTS_WITHOUT_SESSION,
    EARLY_DATA,
    ENCRYPT_THEN_MAC,
    HELLO_RETRY,
    PRE_SHARED_KEY,
    SUPPORTED_VERSIONS,
    TLS_1_3,
)
from analyzer.tls.offer import RANDOM, SESSION_ID, Offer, offer_of
from analyzer.tls.vectors import ABSENT, Cut, Vector, protocols

DEFLATE: Final = 1
LONGEST_EXTENSIONS: Final = 512
"""Bytes of EncryptedExtensions that are remembered."""
_PROTOCOL: Final = re.compile(rb"[\x21-\x7e]{1,64}")


class ClientHello:
    """What one ClientHello says."""

    __slots__ = ("offer", "random")

    def __init__(self, random: bytes, offer: Offer) -> None:
        self.random = random
        self.offer = offer


class ServerHello:
    """What a server chooses."""

    __slots__ = ("cipher", "compresses", "encrypt_then_mac", "is_13", "is_retry", "protocol", "random", "resumes", "version")

    def __init__(self, version: int, random: bytes, cipher: int) -> None:
        self.version = version
        self.random = random
        self.cipher = cipher
        self.protocol: bytes | None = None
        """ALPN name, where it is said in the clear."""
        self.resumes = False
        """Whether a pre-shared key was taken (TLS 1.3)."""
        self.is_13 = False
        """Whether TLS 1.3 was chosen, or one of its drafts."""
        self.is_retry = random == HELLO_RETRY
        """Whether it is a HelloRetryRequest."""
        self.encrypt_then_mac = False
        self.compresses = False
        """Whether records are compressed with DEFLATE (RFC 3749)."""


def client_hello(body: bytes) -> ClientHello | None:
    """Read a ClientHello, without its message header; None where not even its random is there."""
    return ClientHello(body[RANDOM:SESSION_ID], offer_of(body)) if len(body) >= SESSION_ID else None


def server_hello(body: bytes) -> ServerHello | None:
    """Read a ServerHello or HelloRetryRequest, without its message header; None where its cipher suite is not there."""
    data = Vector(body)
    try:
        version, random = data.number(2), data.take(SESSION_ID - RANDOM)
        brief = version in DRAFTS_WITHOUT_SESSION
        if not brief:
            data.vector(1)
        found = ServerHello(version, random, data.number(2))
    except Cut:
        return None
    try:
        found.compresses = not brief and data.number(1) == DEFLATE
        block = data.vector(2) if data else data
        for kind, start, stop in block.extensions():
            if stop == ABSENT:
                break
            if kind == SUPPORTED_VERSIONS:
                found.version = Vector(body, start, stop).number(2)
            elif kind == PRE_SHARED_KEY:
                found.resumes = True
            elif kind == ALPN:
                found.protocol = next(iter(protocols(Vector(body, start, stop).vector(2))), None)
            elif kind == ENCRYPT_THEN_MAC:
                found.encrypt_then_mac = True
    except Cut:
        pass
    found.is_13 = found.version == TLS_1_3 or found.version in DRAFTS_13
    return found


def encrypted_extensions(body: bytes) -> tuple[bytes | None, bool]:
    """Read EncryptedExtensions (RFC 8446 section 4.3.1): the ALPN name chosen, and whether early data was accepted."""
    return _remembered(body) if len(body) <= LONGEST_EXTENSIONS else _extensions(body)


def _extensions(body: bytes) -> tuple[bytes | None, bool]:
    data = Vector(body)
    protocol, early = None, False
    try:
        for kind, start, stop in data.vector(2).extensions():
            if stop == ABSENT:
                break
            if kind == ALPN:
                protocol = next(iter(protocols(Vector(body, start, stop).vector(2))), None)
            elif kind == EARLY_DATA:
                early = True
    except Cut:
        pass
    return protocol, early


_remembered = lru_cache(maxsize=256)(_extensions)
"""A server says the same to all clients that offer the same."""


@lru_cache(maxsize=256)
def shown(protocol: bytes | None) -> str | None:
    """Write an ALPN name for people; None for one that is not printable."""
    return protocol.decode("ascii") if protocol is not None and _PROTOCOL.fullmatch(protocol) else None
