"""Records protected by a MAC: AES in CBC mode before or after the MAC, and no cipher (RFC 5246 section 6.2.3, RFC 7366).

A reader of captures is nobody's oracle, so nothing takes constant time.
"""

from __future__ import annotations

import hmac
from struct import Struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from analyzer.tls.ciphers import BLOCK
from analyzer.tls.protection import BadRecord

_MOST = 0xFFFF
_PADDINGS = tuple(bytes((length,)) * (length + 1) for length in range(256))
"""Padding by its last byte: as many more of the same (RFC 5246 section 6.2.3.2)."""
_mac_header = Struct("!Q3sH").pack
"""Sequence number, type and version as in the header, length (RFC 5246 section 6.2.3.1)."""


class _Counted:
    """A MAC and a sequence number."""

    __slots__ = ("_mac", "_mac_length", "_sequence")

    def __init__(self, hash_name: str, mac_key: bytes) -> None:
        self._mac = hmac.new(mac_key, digestmod=hash_name)
        self._mac_length = self._mac.digest_size
        self._sequence = 0

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        """Verify and decrypt one record."""
        raise NotImplementedError

    def content(self, header: bytes, body: bytes) -> tuple[int, bytes, int]:
        """Verify and decrypt one record; see `protection.Protection`."""
        kind, plain = self.open(header, body)
        return kind, plain, len(plain)

    def skip(self, records: int) -> None:
        """Count records that are not opened."""
        self._sequence += records

    def update(self) -> None:
        """Do nothing: TLS 1.2 changes keys by a handshake."""

    def _verify(self, header: bytes, covered: bytes, tag: bytes) -> None:
        """Count the record if its MAC is right, else raise `BadRecord`."""
        if len(covered) > _MOST:
            raise BadRecord("longer than a record can be")
        mac = self._mac.copy()
        mac.update(_mac_header(self._sequence, header[:3], len(covered)))
        mac.update(covered)
        if mac.digest() != tag:
            raise BadRecord("the MAC does not verify")
        self._sequence += 1


class Null(_Counted):
    """Opens records that are not encrypted (RFC 5246 section 6.2.3.1). Implements `protection.Protection`."""

    __slots__ = ()

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        """Verify one record and take off its MAC."""
        size = len(body) - self._mac_length
        if size < 0:
            raise BadRecord("no room for the MAC")
        plain = bytes(body[:size])
        self._verify(header, plain, body[size:])
        return header[0], plain


class _Cbc(_Counted):
    """Decrypts AES-CBC with one cipher for all records of a direction.

    A block is decrypted with the block before it, so the ciphertexts of TLS 1.0, whose IV is the end of the record before, are one long
    message. From TLS 1.1 on a record begins with its IV (RFC 4346 section 6.2.3.2): decrypted too, it gives a block to be dropped, and the
    ones after it are right. That saves making a cipher for each record, which takes longer than decrypting 16 KB.
    """

    __slots__ = ("_decrypt", "_start")

    def __init__(self, hash_name: str, mac_key: bytes, key: bytes, iv: bytes) -> None:
        super().__init__(hash_name, mac_key)
        self._decrypt = Cipher(AES(key), CBC(iv or bytes(BLOCK))).decryptor().update
        self._start = 0 if iv else BLOCK

    def _unpad(self, body: bytes, least: int) -> tuple[bytes, int]:
        """Decrypt whole blocks; return what came out and where its padding begins, `least` bytes or more after the IV."""
        # Half a block would stay in the cipher and shift all that follows.
        if len(body) % BLOCK or len(body) <= self._start + least:
            raise BadRecord("not whole blocks with MAC and padding")
        plain = self._decrypt(body)
        padding = plain[-1]
        end = len(plain) - padding - 1
        if end < self._start + least or not plain.endswith(_PADDINGS[padding]):
            raise BadRecord("the padding is wrong")
        return plain, end


class MacThenEncrypt(_Cbc):
    """Opens AES-CBC records with the MAC inside (RFC 5246 section 6.2.3.2). Implements `protection.Protection`."""

    __slots__ = ()

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        """Decrypt and verify one record."""
        plain, end = self._unpad(body, self._mac_length)
        size = end - self._mac_length
        content = plain[self._start : size]
        self._verify(header, content, plain[size:end])
        return header[0], content


class EncryptThenMac(_Cbc):
    """Opens AES-CBC records with the MAC outside (RFC 7366 section 3). Implements `protection.Protection`."""

    __slots__ = ()

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        """Verify and decrypt one record."""
        size = len(body) - self._mac_length
        if size < 0:
            raise BadRecord("no room for the MAC")
        encrypted = body[:size]
        self._verify(header, encrypted, body[size:])
        try:
            plain, end = self._unpad(encrypted, 0)
        except BadRecord:
            self._sequence -= 1  # the same sequence number again, as after every bad record
            raise
        return header[0], plain[self._start : end]
