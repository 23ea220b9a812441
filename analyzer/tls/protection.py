"""Record protection: what opens the records of one direction of a TLS connection.

Nothing here knows packets. The ciphers are imported with the first connection whose secrets are known.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Protocol

from analyzer.tls.ciphers import suite as look_up
from analyzer.tls.schedule import TLS_1_0, TLS_1_2, key_block


class BadRecord(Exception):
    """A record does not verify: other keys, another sequence number, or bytes that are not those that were sent."""


class Protection(Protocol):
    """Opens the protected records of one direction, in order, from the first after ChangeCipherSpec or, in TLS 1.3, of a traffic secret."""

    __slots__ = ()

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        """Verify and decrypt one record: its header (5 bytes) and its fragment; return content type and plaintext.

        TLS 1.3: the inner content type, padding removed (RFC 8446 section 5.2). Raises `BadRecord`, and does not count the record then: the
        next one is tried with the same sequence number. To go beyond a bad record, `skip(1)`.
        """
        ...

    def content(self, header: bytes, body: bytes) -> tuple[int, bytes, int]:
        """Open a record like `open`; return content type, bytes that begin with the plaintext, and how many of them are plaintext.

        That spares a copy of each plaintext where more stands behind it, as in TLS 1.3.
        """
        kind, plain = self.open(header, body)
        return kind, plain, len(plain)

    def skip(self, records: int) -> None:
        """Count records that are not opened. In TLS 1.0 with CBC the next one cannot be opened either: its IV is the end of the last."""
        ...

    def update(self) -> None:
        """Go on with the keys that follow a KeyUpdate (RFC 8446 section 7.2), at sequence number 0; before TLS 1.3 nothing."""
        ...


def protection_13(suite: int, secret: bytes) -> Protection | None:
    """Make what opens the records of a TLS 1.3 traffic secret (handshake, early or application); None: suite not supported."""
    make = _maker_13(suite)
    return make(secret) if make is not None else None


@cache
def _maker_13(number: int) -> Callable[[bytes], Protection] | None:
    """Return what makes a suite's openers, which are asked for four times a connection; None: suite not supported."""
    found = look_up(number)
    if found is None or found.key_exchange is not None or found.bulk is None:
        return None
    from analyzer.tls import _aead

    return partial(_aead.Tls13, found.bulk, found.hash) if _aead.is_available(found.bulk) else None


def protections_12(
    version: int,
    suite: int,
    master: bytes,
    client_random: bytes,
    server_random: bytes,
    *,
    encrypt_then_mac: bool = False,
) -> tuple[Protection, Protection] | None:
    """Make what opens the client's and the server's records of TLS 1.0 to 1.2 (`version` 0x0301 to 0x0303); None: not supported.

    `master` is the master secret (48 bytes); that an extended one was agreed on (RFC 7627) made it another and changes nothing after that.
    `encrypt_then_mac` says that the server accepted that extension (RFC 7366), which counts for CBC only. Where compression was agreed on
    (RFC 3749), the plaintext is still compressed.
    """
    found = look_up(suite)
    if found is None or found.key_exchange is None or found.bulk is None or not TLS_1_0 <= version <= TLS_1_2:
        return None
    bulk = found.bulk
    # AEAD and the MACs with SHA-2 came with TLS 1.2 (RFC 5246 sections 1.2 and 6.2.3.3; RFC 5289 section 2).
    if version < TLS_1_2 and bulk.mac not in ("sha1", "md5"):
        return None
    iv_length = bulk.iv_length if bulk.kind != "cbc" or version == TLS_1_0 else 0
    try:
        block = key_block(version, found.hash, master, client_random, server_random, bulk.mac_length, bulk.key_length, iv_length)
        client = block.client_mac, block.client_key, block.client_iv
        server = block.server_mac, block.server_key, block.server_iv
        if bulk.mac is None:
            from analyzer.tls import _aead

            return _aead.tls12(bulk, *client[1:]), _aead.tls12(bulk, *server[1:])
        from analyzer.tls import _mac

        if bulk.kind == "null":
            return _mac.Null(bulk.mac, client[0]), _mac.Null(bulk.mac, server[0])
        if encrypt_then_mac:
            return _mac.EncryptThenMac(bulk.mac, *client), _mac.EncryptThenMac(bulk.mac, *server)
        return _mac.MacThenEncrypt(bulk.mac, *client), _mac.MacThenEncrypt(bulk.mac, *server)
    except ValueError:  # the platform forbids MD5 or the cipher
        return None
