"""TLS key logs (draft-ietf-tls-keylogfile, "The SSLKEYLOGFILE Format for TLS") -> the secrets of each connection.

Secrets are kept packed, one byte string a connection: a key log of a gigabyte names millions.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

MAX_LINE: Final = 4096
"""Bytes of a line that are looked at. The longest line with a secret has 300; an unknown label may have more (ECH_CONFIG)."""
RANDOM_DIGITS: Final = 64
GENERATIONS: Final = 32
"""Traffic secrets kept a direction. Those after a KeyUpdate follow from the first (RFC 8446 section 7.2), so a writer rarely logs them."""
REPACK: Final = 512
"""Bytes of packed secrets of one connection above which repeated ones are sought. A connection usually has 136, at most 34 + 4 * 66."""

LABELS: Final = (
    "CLIENT_RANDOM",
    "CLIENT_EARLY_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    *(f"{side}_TRAFFIC_SECRET_{generation}" for generation in range(GENERATIONS) for side in ("CLIENT", "SERVER")),
)
"""What is kept; a label's index is its code in a packed string. Exporter, ECH, QUIC and premaster secrets open no records here."""

_MASTER = frozenset((96,))
_TRAFFIC = frozenset((64, 96))
_CODES: Final = {label.encode(): (code, _TRAFFIC if code else _MASTER) for code, label in enumerate(LABELS)}
"""Label -> code, and how many hexadecimal digits its secret may have: a master secret has 48 bytes, others have those of the hash."""
_NOTHING: Final[Mapping[str, bytes]] = MappingProxyType({})
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_REST_OF_COMMENT: Final = b"#"


class KeyLog:
    """The secrets of TLS connections, by client random. It may grow while it is used; `len` counts connections."""

    __slots__ = ("_packed", "_pending")

    def __init__(self) -> None:
        # A packed string is a sequence of code, length of the secret, secret.
        self._packed: dict[bytes, bytes] = {}
        self._pending = b""

    def __len__(self) -> int:
        return len(self._packed)

    def __repr__(self) -> str:
        return f"KeyLog({len(self)} connections, {sum(len(_unpack(packed)) for packed in self._packed.values())} secrets)"

    def add(self, text: bytes) -> int:
        """Take more of a key log, cut anywhere, or another one; return how many lines could not be understood.

        Of two secrets with the same label and client random the later one counts. Comments, empty lines, unknown labels and labels that are
        not needed are understood. A last line without its end is used as it is, and completed, or judged, when more comes. Never raises.
        """
        bad = 0
        start = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0
        read = self._read
        if self._pending and (end := text.find(b"\n")) >= 0:
            bad = self._complete(text[start : min(end, MAX_LINE)])
            start = end + 1
        while (end := text.find(b"\n", start)) >= 0:
            if not read(text[start : end if end - start <= MAX_LINE else start + MAX_LINE]):
                bad += 1
            start = end + 1
        if start < len(text):
            bad += self._hold(text[start : start + MAX_LINE + 1])
        return bad

    def secrets(self, client_random: bytes) -> Mapping[str, bytes]:
        """Return the secrets known of the connection with this client random (32 bytes), by label; none: an empty mapping."""
        packed = self._packed.get(client_random)
        return _unpack(packed) if packed else _NOTHING

    def keep(self, most: int) -> None:
        """Forget the connections named first, but for the last `most`: a log that is followed for days would hold millions."""
        packed = self._packed
        for random in list(islice(packed, max(0, len(packed) - most))):
            del packed[random]

    def _hold(self, piece: bytes) -> int:
        """Keep the beginning of a line, or a further piece of it; return 1 where it is too long to be one."""
        line = self._pending + piece
        if len(line) > MAX_LINE:
            understood = self._read(line[:MAX_LINE])
            self._pending = _REST_OF_COMMENT
            return not understood
        self._pending = line
        self._read(line)
        return 0

    def _complete(self, piece: bytes) -> int:
        """Read the line that began in an earlier call; return how many bad ones it was.

        A key log may end without a line end and another one follow: then these are two lines, which is known by the second making sense.
        """
        begun, self._pending = self._pending, b""
        if begun.lstrip().startswith(b"#"):
            self._read(piece)
            return 0
        if self._read(begun + piece):
            return 0
        return not (self._read(piece) and self._read(begun))

    def _read(self, line: bytes) -> bool:
        """Keep the secret of one line, if it has one that is wanted; return whether the line was understood."""
        fields = line.split(None, 3)
        if not fields or fields[0][:1] == b"#":
            return True
        if len(fields) != 3:
            return False
        label, digits, secret = fields
        wanted = _CODES.get(label)
        if wanted is None:
            return label.isupper()
        code, lengths = wanted
        if len(digits) != RANDOM_DIGITS or len(secret) not in lengths:
            return False
        try:
            client_random, packed = unhexlify(digits), bytes((code, len(secret) // 2)) + unhexlify(secret)
        except ValueError:
            return False
        known = self._packed.get(client_random)
        if known is not None:
            packed = known + packed
            if len(packed) > REPACK:
                packed = _pack(_unpack(packed))
        self._packed[client_random] = packed
        return True


def _unpack(packed: bytes) -> dict[str, bytes]:
    secrets = {}
    at = 0
    while at < len(packed):
        end = at + 2 + packed[at + 1]
        secrets[LABELS[packed[at]]] = packed[at + 2 : end]
        at = end
    return secrets


def _pack(secrets: Mapping[str, bytes]) -> bytes:
    return b"".join(bytes((_CODES[label.encode()][0], len(secret))) + secret for label, secret in secrets.items())
