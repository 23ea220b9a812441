"""Records sealed by the letter of the RFCs, slowly, to be opened again."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from analyzer.tls.ciphers import suite
from analyzer.tls.protection import Protection, protection_13, protections_12
from analyzer.tls.schedule import TLS_1_0, TLS_1_1, TLS_1_2, key_block, traffic_keys

MASTER, CLIENT, SERVER = bytes(range(48)), b"c" * 32, b"s" * 32
SUITES_13 = [0x1301, 0x1302, 0x1303, 0x1304, 0x1305]
SUITES_12 = [0xC02F, 0xC030, 0xCCA8, 0xC0AC, 0xC0AD, 0xC0AE, 0xC0AF]
SUITES_MAC = [0x002F, 0x0035, 0x003C, 0x003D, 0xC028, 0x0001, 0x0002, 0x003B]
SHA_1 = [0x002F, 0xC014, 0x0002, 0x0001]

Seal = Callable[[int, int, bytes], tuple[bytes, bytes]]
"""Sequence number, content type, plaintext -> record header, fragment."""


class Case(NamedTuple):
    """One way to protect records: how they are sealed, and a fresh opener."""

    name: str
    seal: Seal
    opener: Callable[[], Protection]


def aead(number: int, key: bytes) -> AESGCM | AESCCM | ChaCha20Poly1305:
    found = suite(number)
    assert found is not None
    assert found.bulk is not None
    if "CHACHA" in found.name:
        return ChaCha20Poly1305(key)
    return AESGCM(key) if "GCM" in found.name else AESCCM(key, tag_length=8 if "CCM_8" in found.name else 16)


def seal_13(number: int, secret: bytes, padding: int = 0) -> Seal:
    """RFC 8446 section 5.2."""
    found = suite(number)
    assert found is not None
    assert found.bulk is not None
    key, iv = traffic_keys(secret, found.bulk.key_length, found.hash)
    cipher, tag = aead(number, key), found.bulk.tag_length

    def seal(sequence: int, kind: int, plain: bytes) -> tuple[bytes, bytes]:
        inner = plain + bytes((kind,)) + bytes(padding)
        header = b"\x17\x03\x03" + (len(inner) + tag).to_bytes(2, "big")
        nonce = bytes(a ^ b for a, b in zip(iv, sequence.to_bytes(12, "big"), strict=True))
        return header, cipher.encrypt(nonce, inner, header)

    return seal


def seal_12(version: int, number: int, side: int, encrypt_then_mac: bool = False, padding: int = 0) -> Seal:
    """RFC 5246 section 6.2.3 with 5288, 6655, 7905 and 7366; RFC 2246 for the IV of TLS 1.0."""
    found = suite(number)
    assert found is not None
    bulk = found.bulk
    assert bulk is not None
    iv_length = bulk.iv_length if bulk.kind != "cbc" or version == TLS_1_0 else 0
    block = key_block(version, found.hash, MASTER, CLIENT, SERVER, bulk.mac_length, bulk.key_length, iv_length)
    mac_key, key, iv = block[side], block[2 + side], block[4 + side]
    last = iv

    def record(kind: int, length: int) -> bytes:
        return bytes((kind,)) + version.to_bytes(2, "big") + length.to_bytes(2, "big")

    def mac(sequence: int, kind: int, covered: bytes) -> bytes:
        return hmac.digest(mac_key, sequence.to_bytes(8, "big") + record(kind, len(covered)) + covered, bulk.mac or "")

    def seal(sequence: int, kind: int, plain: bytes) -> tuple[bytes, bytes]:
        nonlocal last
        count = sequence.to_bytes(8, "big")
        if bulk.mac is None:
            associated = count + record(kind, len(plain))
            if bulk.kind == "chacha20-poly1305":
                nonce, explicit = bytes(a ^ b for a, b in zip(iv, sequence.to_bytes(12, "big"), strict=True)), b""
            else:
                explicit = os.urandom(8)
                nonce = iv + explicit
            body = explicit + aead(number, key).encrypt(nonce, plain, associated)
        elif bulk.kind == "null":
            body = plain + mac(sequence, kind, plain)
        else:
            inner = plain if encrypt_then_mac else plain + mac(sequence, kind, plain)
            fill = -(len(inner) + 1) % 16 + 16 * padding
            first = last if version == TLS_1_0 else os.urandom(16)
            encryptor = Cipher(algorithms.AES(key), modes.CBC(first)).encryptor()
            body = encryptor.update(inner + bytes((fill,)) * (fill + 1)) + encryptor.finalize()
            last = body[-16:]
            body = body if version == TLS_1_0 else first + body
            body = body + mac(sequence, kind, body) if encrypt_then_mac else body
        return record(kind, len(body)), body

    return seal


def opener_12(version: int, number: int, side: int, encrypt_then_mac: bool = False) -> Protection:
    both = protections_12(version, number, MASTER, CLIENT, SERVER, encrypt_then_mac=encrypt_then_mac)
    assert both is not None
    return both[side]


def opener_13(number: int, secret: bytes) -> Protection:
    found = protection_13(number, secret)
    assert found is not None
    return found


def case_13(number: int, padding: int = 0) -> Case:
    secret = bytes(48 if number == 0x1302 else 32)
    return Case(f"1.3 {number:04X}", lambda sequence, kind, plain: seal_13(number, secret, padding)(sequence, kind, plain),
                lambda: opener_13(number, secret))  # fmt: skip


def case_12(version: int, number: int, encrypt_then_mac: bool = False, padding: int = 0, side: int = 0) -> Case:
    return Case(
        f"{version:04X} {number:04X}{' encrypt-then-MAC' if encrypt_then_mac else ''}",
        seal_12(version, number, side, encrypt_then_mac, padding),
        lambda: opener_12(version, number, side, encrypt_then_mac),
    )


def cases() -> list[Case]:
    """Make them anew: in TLS 1.0 sealing goes on where it was."""
    return [
        *(case_13(number) for number in SUITES_13),
        *(case_12(TLS_1_2, number) for number in SUITES_12 + SUITES_MAC),
        *(case_12(TLS_1_2, number, encrypt_then_mac=True) for number in SUITES_MAC[:5]),
        *(case_12(version, number) for version in (TLS_1_0, TLS_1_1) for number in SHA_1),
        *(case_12(version, 0x002F, encrypt_then_mac=True) for version in (TLS_1_0, TLS_1_1)),
    ]
