"""What a client offers in its ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 6066 section 3, RFC 7301).

A client offers the same with each of its connections to a server: what was read once is remembered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from analyzer.tls.numbers import (
    ALPN,
    DRAFTS_13,
    EARLY_DATA,
    KEY_SHARE,
    PRE_SHARED_KEY,
    PSK_MODES,
    SERVER_NAME,
    SESSION_TICKET,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_VERSIONS,
    TLS_1_3,
)
from analyzer.tls.vectors import ABSENT, Cut, Vector, protocols

if TYPE_CHECKING:
    from mypy_extensions import i64

RANDOM: Final = 2
"""Where the random of a hello begins."""
SESSION_ID: Final = RANDOM + 32
"""Where it ends, and the session's id begins, with its length."""
EXTENSION: Final = 4
"""Bytes of an extension's type and length."""
READ: Final = frozenset({SERVER_NAME, ALPN, SUPPORTED_VERSIONS, SIGNATURE_ALGORITHMS})
MOST_OFFERS: Final = 256
LONGEST_OFFER: Final = 2048
"""Offers that are remembered, and bytes of each: a hostile capture may have thousands of long ones."""
_NAME: Final = re.compile(r"[a-z0-9_.:-]{1,253}")


class Offer:
    """What a client offers: the same in all its hellos to a server."""

    __slots__ = (
        "ciphers", "early_data", "extensions", "fingerprint", "offers_13", "protocols", "server_name", "signatures", "takes_tickets",
        "version", "versions",
    )  # fmt: skip

    def __init__(
        self,
        version: int,
        ciphers: tuple[int, ...],
        extensions: tuple[int, ...],
        server_name: str | None,
        protocols: tuple[bytes, ...],
        versions: tuple[int, ...],
        signatures: tuple[int, ...],
    ) -> None:
        self.version = version
        """Legacy version; the versions that it offers in TLS 1.3 are `versions`."""
        self.ciphers = ciphers
        self.extensions = extensions
        """Types, in their order."""
        self.server_name = server_name
        self.protocols = protocols
        """ALPN names, in their order."""
        self.versions = versions
        self.signatures = signatures
        self.takes_tickets = PSK_MODES in extensions
        """Whether a TLS 1.3 server may send session tickets (RFC 8446 section 4.2.9)."""
        self.offers_13 = TLS_1_3 in versions or any(version in DRAFTS_13 for version in versions)
        """Whether TLS 1.3 may be chosen."""
        self.early_data = EARLY_DATA in extensions
        """Whether data may follow at once (0-RTT)."""
        self.fingerprint: str | None = None
        """Its JA4, once somebody asked for that."""


_offers: Final[dict[bytes, Offer]] = {}
"""What was read once, by all that it may depend on."""


def offer_of(body: bytes) -> Offer:
    """Return what a ClientHello offers: its body, with version and random (34 bytes) at least."""
    same = _essence(body)
    if same is None:
        return _read(body)
    offer = _offers.get(same)
    if offer is None:
        if len(_offers) >= MOST_OFFERS:
            _offers.clear()
        offer = _offers[same] = _read(body)
    return offer


def _essence(body: bytes) -> bytes | None:
    """Return a ClientHello without what differs from one of a client to the next and is not read here; None: not whole, or long.

    That is its random, the session's id, and what key shares, session tickets and pre-shared keys contain. Lengths stay: what is left can
    be taken for nothing else.
    """
    end: i64 = len(body)
    if end == SESSION_ID:
        return None
    start: i64 = SESSION_ID + 1 + body[SESSION_ID]
    at = start
    if at + 2 > end:
        return None
    at += 2 + (body[at] << 8 | body[at + 1])
    if at >= end:
        return None
    at += 1 + body[at]
    if at + 2 > end or at + 2 + (body[at] << 8 | body[at + 1]) != end:
        return None
    at += 2
    parts = [body[:RANDOM]]
    while at < end:
        if at + EXTENSION > end:
            return None
        kind: i64 = body[at] << 8 | body[at + 1]
        inside = at + EXTENSION
        at = inside + (body[at + 2] << 8 | body[at + 3])
        if at > end:
            return None
        if kind in (KEY_SHARE, PRE_SHARED_KEY, SESSION_TICKET):
            parts.append(body[start:inside])
            start = at
    parts.append(body[start:])
    same = b"".join(parts)
    return same if len(same) <= LONGEST_OFFER else None


def _read(body: bytes) -> Offer:
    """Read what a ClientHello offers, as far as it goes."""
    data = Vector(body)
    name = None
    ciphers: tuple[int, ...] = ()
    extensions: list[int] = []
    names: tuple[bytes, ...] = ()
    versions: tuple[int, ...] = ()
    signatures: tuple[int, ...] = ()
    version = data.number(2)
    try:
        data.take(SESSION_ID - RANDOM)
        data.vector(1)
        ciphers = data.vector(2).numbers()
        data.vector(1)
        block = data.vector(2) if data else data
        for kind, start, stop in block.extensions():
            extensions.append(kind)
            if kind not in READ or stop == ABSENT:
                continue
            value = Vector(body, start, stop)
            if kind == SERVER_NAME:
                name = _server_name(value)
            elif kind == ALPN:
                names = protocols(value.vector(2))
            elif kind == SUPPORTED_VERSIONS:
                versions = value.vector(1).numbers()
            elif kind == SIGNATURE_ALGORITHMS:
                signatures = value.vector(2).numbers()
    except Cut:
        pass
    return Offer(version, ciphers, tuple(extensions), name, names, versions, signatures)


def _server_name(value: Vector) -> str | None:
    names = value.vector(2)
    while names:
        kind, name = names.number(1), names.vector(2).rest()
        if kind == 0:
            text = name[:300].decode("ascii", "replace").lower().removesuffix(".")
            return text if _NAME.fullmatch(text) else None
    return None
