"""Opening the records of a connection whose secrets are known: which keys are in force, and going on after lost records."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from analyzer.tls._records import Record
from analyzer.tls.ciphers import suite, suite_name
from analyzer.tls.hello import ClientHello, ServerHello
from analyzer.tls.numbers import AES_128_GCM_13, AES_256_GCM_13, CHACHA_13, DRAFTS_UNLIKE_13, LARGEST_RECORD, VERSIONS
from analyzer.tls.protection import BadRecord, Protection, protection_13, protections_12

UNOPENED: Final = 0
"""No content type (RFC 8446 section 5.1: invalid)."""
MOST_SKIPPED: Final = 256
"""Records that may have been lost at once, if the next one is to be opened."""
MOST_TRIES: Final = 16_384
"""Tries to find out how many were lost, of one direction in all: a hostile capture could ask for them with every packet."""
NO_SECRETS: Final = "the key log has no secrets for it"
LACKS_SOME: Final = "the key log lacks some of its secrets"
UNSUPPORTED: Final = "its cipher suite is not supported"
"""Why there are no keys."""
CLIENT_HANDSHAKE: Final = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
SERVER_HANDSHAKE: Final = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_DATA: Final = "CLIENT_TRAFFIC_SECRET_0"
SERVER_DATA: Final = "SERVER_TRAFFIC_SECRET_0"
"""Labels of TLS 1.3's secrets; those of data are indispensable."""
Keys: TypeAlias = tuple[list[Protection], list[Protection]]


class Opening:
    """Opens the records of one direction, with one key after the other: early data, handshake, application data."""

    def __init__(self, stages: list[Protection], *, inflates: bool = False) -> None:
        self._later = list(stages)
        self._stage: Protection = self._later.pop(0)
        """The key in force."""
        self._inflate = zlib.decompressobj() if inflates else None
        self.lost = 0
        """How many records may have been lost at most before the next one."""
        self._tries = MOST_TRIES

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """Return content type and plaintext of a record; None where no key opens it."""
        body = record.body
        if body is None:
            return None
        if self.lost:
            return self._after_loss(record, body)
        stage, later = self._stage, 0
        while True:
            try:
                found = stage.open(record.header, body)
            except BadRecord:
                if later == len(self._later):
                    return None
                stage = self._later[later]
                later += 1
                continue
            if later:
                self._stage = stage
                del self._later[:later]
            return found if self._inflate is None else self._inflated(found)

    def data(self, header: bytes, body: bytes) -> tuple[int, bytes, int]:
        """Return a record's content type, bytes that begin with its plaintext, and how many of them are plaintext.

        The type is UNOPENED where the key in force does not open it.
        """
        try:
            kind, data, size = self._stage.content(header, body)
        except BadRecord:
            return UNOPENED, b"", 0
        if self._inflate is None:
            return kind, data, size
        inflated = self._inflated((kind, data[:size]))
        return (UNOPENED, b"", 0) if inflated is None else (kind, inflated[1], len(inflated[1]))

    def insert(self, stages: Sequence[Protection]) -> None:
        """Add keys that come after those in force."""
        self._later += stages

    def advance(self) -> None:
        """Go on to the next key."""
        if self._later:
            self._stage = self._later.pop(0)

    def update(self) -> None:
        """Go on to the key after a KeyUpdate."""
        self._stage.update()

    def skip(self) -> None:
        """Count a record that cannot be opened because a part of it is missing."""
        self._stage.skip(1)

    def _inflated(self, found: tuple[int, bytes]) -> tuple[int, bytes] | None:
        """Undo compression (RFC 3749): one stream for all records, of which each ends with all that was put in."""
        if self._inflate is None:
            return found
        try:
            return found[0], self._inflate.decompress(found[1], LARGEST_RECORD)
        except zlib.error:
            return None

    def _after_loss(self, record: Record, body: bytes) -> tuple[int, bytes] | None:
        """Find out how many records were lost: only the right number opens the next one."""
        tries = min(self.lost, MOST_SKIPPED, self._tries)
        self.lost = 0
        if self._inflate is not None:
            return None
        stage = self._stage
        for _ in range(tries + 1):
            try:
                return stage.open(record.header, body)
            except BadRecord:
                self._tries -= 1
                stage.skip(1)
        return None


def openings(secrets: Mapping[str, bytes], hello: ClientHello, chosen: ServerHello) -> tuple[Keys | None, str, str]:
    """Return the client's and the server's keys, in order of use, or None, why there are none, and which suite is the reason."""
    if not secrets:
        return None, NO_SECRETS, ""
    found = suite(chosen.cipher)
    if found is None or found.bulk is None:
        return None, UNSUPPORTED, suite_name(chosen.cipher)
    if chosen.version in DRAFTS_UNLIKE_13:
        return None, UNSUPPORTED, f"{found.name} with {VERSIONS[chosen.version]}"
    if chosen.is_13:
        return _of_13(secrets, chosen.cipher)
    master = secrets.get("CLIENT_RANDOM")
    if master is None:
        return None, LACKS_SOME, ""
    pair = protections_12(chosen.version, chosen.cipher, master, hello.random, chosen.random, encrypt_then_mac=chosen.encrypt_then_mac)
    if pair is None:
        return None, UNSUPPORTED, f"{found.name} with {VERSIONS.get(chosen.version, chosen.version)}"
    return ([pair[0]], [pair[1]]), "", ""


def early_openings(secrets: Mapping[str, bytes]) -> list[Protection]:
    """Return the keys that may open early data: the suite is that of an earlier connection, known by its hash alone."""
    secret = secrets.get("CLIENT_EARLY_TRAFFIC_SECRET")
    if secret is None:
        return []
    suites = (AES_256_GCM_13,) if len(secret) == 48 else (AES_128_GCM_13, CHACHA_13)
    return [made for made in (protection_13(number, secret) for number in suites) if made is not None]


def _of_13(secrets: Mapping[str, bytes], cipher: int) -> tuple[Keys | None, str, str]:
    client, server = secrets.get(CLIENT_DATA), secrets.get(SERVER_DATA)
    if client is None or server is None:
        return None, LACKS_SOME, ""
    sides = _stages(cipher, secrets.get(CLIENT_HANDSHAKE), client), _stages(cipher, secrets.get(SERVER_HANDSHAKE), server)
    return (None, UNSUPPORTED, suite_name(cipher)) if sides[0] is None or sides[1] is None else ((sides[0], sides[1]), "", "")


def _stages(cipher: int, handshake: bytes | None, data: bytes) -> list[Protection] | None:
    """Return the keys of a direction, in order of use; those of the handshake may be missing."""
    last = protection_13(cipher, data)
    if last is None:
        return None
    first = protection_13(cipher, handshake) if handshake is not None else None
    return [last] if first is None else [first, last]
