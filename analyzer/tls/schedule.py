"""Secrets -> keys: TLS 1.3 (RFC 8446 section 7), TLS 1.2 (RFC 5246 sections 5 and 6.3), TLS 1.0 and 1.1 (RFC 2246, RFC 4346).

Hashes are named as hashlib names them. A key log gives traffic secrets and master secrets, so nothing here begins earlier than those.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import cache
from hashlib import sha256, sha384
from typing import Any, Final, NamedTuple

TLS_1_0: Final = 0x0301
TLS_1_1: Final = 0x0302
TLS_1_2: Final = 0x0303
TLS_1_3: Final = 0x0304

NONCE: Final = 12
"""Bytes in the nonce of every AEAD that TLS 1.3 uses (RFC 8446 section 5.3: at least 8, and N_MIN of all of them is 12)."""


@cache
def _label(label: str, length: int) -> bytes:
    """Write HkdfLabel with an empty context (RFC 8446 section 7.1)."""
    name = b"tls13 " + label.encode()
    return length.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0"


def expand_label(secret: bytes, label: str, length: int, hash_name: str) -> bytes:
    """Derive `length` bytes with HKDF-Expand-Label and an empty context (RFC 8446 section 7.1, RFC 5869 section 2.3)."""
    info = _label(label, length)
    block = output = hmac.digest(secret, info + b"\x01", hash_name)
    count = 1
    while len(output) < length:
        count += 1
        block = hmac.digest(secret, block + info + bytes((count,)), hash_name)
        output += block
    return output[:length]


_INNER_PAD: Final = bytes(value ^ 0x36 for value in range(256))
_OUTER_PAD: Final = bytes(value ^ 0x5C for value in range(256))
"""What HMAC makes of each byte of its key (RFC 2104 section 2)."""
_KEY_INFO: Final = {length: _label("key", length) + b"\x01" for length in (16, 32)}
_IV_INFO: Final = _label("iv", NONCE) + b"\x01"
"""What is expanded to the one block that is needed."""


def traffic_keys(secret: bytes, key_length: int, hash_name: str) -> tuple[bytes, bytes]:
    """Derive key (16 or 32 bytes) and IV of a traffic secret, which is as long as the hash (RFC 8446 section 7.3).

    Each is one block of HMAC with the same key: hashing its two pads once for both takes a third less than two calls of `hmac.digest`.
    """
    make: Callable[[bytes], Any]
    make, block = (sha256, 64) if hash_name == "sha256" else (sha384, 128)
    inner = make(secret.translate(_INNER_PAD).ljust(block, b"\x36"))
    outer = make(secret.translate(_OUTER_PAD).ljust(block, b"\x5c"))
    key = _finish(inner.copy(), outer.copy(), _KEY_INFO[key_length])
    return key[:key_length], _finish(inner, outer, _IV_INFO)[:NONCE]


def _finish(inner: Any, outer: Any, data: bytes) -> bytes:
    """Return the HMAC of some bytes (RFC 2104 section 2), of hashes that have taken the pads of its key."""
    inner.update(data)
    outer.update(inner.digest())
    digest: bytes = outer.digest()
    return digest


def next_secret(secret: bytes, hash_name: str) -> bytes:
    """Derive the traffic secret that follows a KeyUpdate (RFC 8446 section 7.2)."""
    return expand_label(secret, "traffic upd", len(secret), hash_name)


def _p_hash(secret: bytes, seed: bytes, length: int, hash_name: str) -> bytes:
    """Expand a secret with P_hash (RFC 5246 section 5)."""
    output, chain = b"", seed
    while len(output) < length:
        chain = hmac.digest(secret, chain, hash_name)
        output += hmac.digest(secret, chain + seed, hash_name)
    return output[:length]


def prf(version: int, secret: bytes, label: bytes, seed: bytes, length: int, hash_name: str) -> bytes:
    """Derive `length` bytes with the PRF of TLS 1.0 to 1.2; `hash_name` counts in TLS 1.2 only.

    TLS 1.2: RFC 5246 section 5. Before: MD5 and SHA-1, each keyed with half of the secret (RFC 2246 section 5). Raises ValueError where the
    platform forbids the hash (MD5 in FIPS mode).
    """
    if version >= TLS_1_2:
        return _p_hash(secret, label + seed, length, hash_name)
    half = (len(secret) + 1) // 2  # an odd secret's middle byte is in both halves
    md5 = _p_hash(secret[:half], label + seed, length, "md5")
    sha = _p_hash(secret[len(secret) - half :], label + seed, length, "sha1")
    return (int.from_bytes(md5, "big") ^ int.from_bytes(sha, "big")).to_bytes(length, "big")


class KeyBlock(NamedTuple):
    """What protects the two directions (RFC 5246 section 6.3); parts that a suite does not use are empty."""

    client_mac: bytes
    server_mac: bytes
    client_key: bytes
    server_key: bytes
    client_iv: bytes
    server_iv: bytes


def key_block(
    version: int,
    hash_name: str,
    master: bytes,
    client_random: bytes,
    server_random: bytes,
    mac_length: int,
    key_length: int,
    iv_length: int,
) -> KeyBlock:
    """Derive the keys of a TLS 1.0 to 1.2 connection from its master secret; lengths in bytes, each of one direction.

    Raises ValueError like `prf`.
    """
    lengths = (mac_length, mac_length, key_length, key_length, iv_length, iv_length)
    # Server random first: the other way round than in the master secret (RFC 5246 section 6.3).
    block = prf(version, master, b"key expansion", server_random + client_random, sum(lengths), hash_name)
    parts, start = [], 0
    for length in lengths:
        parts.append(block[start : start + length])
        start += length
    return KeyBlock(*parts)
