"""The JA4 fingerprint of a ClientHello (FoxIO, "JA4: TLS Client Fingerprinting", technical details; BSD 3-Clause)."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final

from analyzer.tls.numbers import ALPN, SERVER_NAME, is_grease
from analyzer.tls.offer import Offer

VERSIONS: Final = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}
NOTHING: Final = "0" * 12
MOST_NUMBERS: Final = 256
"""Numbers, and bytes of ALPN names, of a hello that is remembered: a hostile one may have tens of thousands."""


def ja4(offer: Offer) -> str:
    """Return the fingerprint over TCP of what a ClientHello offers: `a_b_c`.

    `a` is transport, version, whether a name is asked for, how many cipher suites and extensions, and the first and last character of
    the first ALPN name; `b` and `c` are the first 12 digits of hashes of the sorted cipher suites, and of the sorted extensions without
    name and ALPN, with the signature algorithms in their order. GREASE (RFC 8701) counts nowhere.
    """
    if offer.fingerprint is None:
        said = offer.version, offer.ciphers, offer.extensions, offer.protocols, offer.versions, offer.signatures
        usual = len(offer.ciphers) + len(offer.extensions) + len(offer.versions) + len(offer.signatures) <= MOST_NUMBERS
        offer.fingerprint = _remembered(*said) if usual and sum(map(len, offer.protocols)) <= MOST_NUMBERS else _ja4(*said)
    return offer.fingerprint


def _ja4(
    legacy: int,
    all_ciphers: tuple[int, ...],
    all_extensions: tuple[int, ...],
    protocols: tuple[bytes, ...],
    versions: tuple[int, ...],
    signatures: tuple[int, ...],
) -> str:
    ciphers = [value for value in all_ciphers if not is_grease(value)]
    extensions = [value for value in all_extensions if not is_grease(value)]
    offered = [value for value in versions if not is_grease(value)]
    version = VERSIONS.get(max(offered) if offered else legacy, "00")
    named = "d" if SERVER_NAME in extensions else "i"
    first = f"t{version}{named}{min(len(ciphers), 99):02d}{min(len(extensions), 99):02d}{_protocol(protocols)}"
    kept = sorted(value for value in extensions if value not in (SERVER_NAME, ALPN))
    last = _listed(kept)
    if signatures:
        last += "_" + _listed([value for value in signatures if not is_grease(value)])
    return f"{first}_{_digest(_listed(sorted(ciphers)))}_{_digest(last)}"


_remembered = lru_cache(maxsize=256)(_ja4)
"""A client says the same in each of its hellos."""


def _protocol(protocols: tuple[bytes, ...]) -> str:
    name = protocols[0] if protocols else b""
    if not name:
        return "00"
    ends = bytes((name[0], name[-1]))
    if ends.isalnum():
        return ends.decode("ascii")
    digits = name.hex()
    return digits[0] + digits[-1]


def _listed(values: list[int]) -> str:
    return ",".join(f"{value:04x}" for value in values)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12] if text else NOTHING
