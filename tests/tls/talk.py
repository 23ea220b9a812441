"""A scripted TLS connection: hellos, records and losses, and the handshakes and exchanges that were read from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import cast

from analyzer.http import HttpOpener, Wishes
from analyzer.model.http import HttpExchange, Windows
from analyzer.model.rows import Anomaly, Handshake
from analyzer.model.seams import Claim, End, Link
from analyzer.tls import KeyLog, TlsOpener
from analyzer.tls.numbers import HELLO_RETRY
from tests.http.speech import Speaker
from tests.tls.sealing import seal_13

MS = 1_000_000
CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
NAME = "dynamodb.us-east-1.amazonaws.com"
RANDOM, OTHER = b"c" * 32, b"s" * 32
FINISHED = 53
"""Size of a TLS 1.3 record with a Finished message, SHA-256."""


def record(kind: int, body: bytes | int, version: int = 0x0303) -> bytes:
    """Write a record; a number stands for so many bytes that nobody can read."""
    body = bytes(body) if isinstance(body, int) else body
    return bytes((kind,)) + version.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def vector(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width, "big") + data


def message(kind: int, body: bytes = b"") -> bytes:
    return bytes((kind,)) + vector(3, body)


def extension(kind: int, body: bytes = b"") -> bytes:
    return kind.to_bytes(2, "big") + vector(2, body)


def numbers(values: Sequence[int]) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def client_hello(
    name: str | None = NAME,
    *,
    versions: Sequence[int] = (0x0304, 0x0303),
    ciphers: Sequence[int] = (0x1301, 0xC02F),
    protocols: Sequence[bytes] = (),
    signatures: Sequence[int] = (0x0403,),
    tickets: bool = True,
    early: bool = False,
    more: Sequence[bytes] = (),
) -> bytes:
    """Write a ClientHello message."""
    parts = [extension(0, vector(2, b"\0" + vector(2, name.encode())))] if name is not None else []
    if protocols:
        parts.append(extension(16, vector(2, b"".join(vector(1, one) for one in protocols))))
    if versions:
        parts.append(extension(43, vector(1, numbers(versions))))
    if signatures:
        parts.append(extension(13, vector(2, numbers(signatures))))
    if tickets:
        parts.append(extension(45, b"\x01\x01"))
    if early:
        parts.append(extension(42))
    parts += more
    return message(1, b"\x03\x03" + RANDOM + vector(1, b"i" * 32) + vector(2, numbers(ciphers)) + b"\x01\0" + vector(2, b"".join(parts)))


def server_hello(cipher: int = 0x1301, *, version: int = 0x0304, resumed: bool = False, retry: bool = False) -> bytes:
    """Write a ServerHello message."""
    parts = [extension(43, version.to_bytes(2, "big"))] if version == 0x0304 else []
    if resumed:
        parts.append(extension(41, b"\0\0"))
    legacy = min(version, 0x0303).to_bytes(2, "big")
    random = HELLO_RETRY if retry else OTHER
    return message(2, legacy + random + vector(1, b"i" * 32) + numbers([cipher]) + b"\0" + vector(2, b"".join(parts)))


class Talk:
    """A connection on which everything is scripted. Implements Link. Each call of `asks` and `tells` is a packet at its time."""

    connection_id = 7
    ports = (40000, 443)
    packet_ttl = 60

    def __init__(
        self,
        keys: str = "",
        *,
        whole_start: bool = True,
        rtt: int | None = 10 * MS,
        opener: TlsOpener | None = None,
        compares: bool = False,
    ) -> None:
        self.whole_start = whole_start
        self.rtt = rtt
        self.acknowledged: int | None = None
        self.up, self.down = Speaker(), Speaker()
        self.packet = 0
        self.rows: list[HttpExchange] = []
        self.handshakes: list[Handshake] = []
        self.anomalies: list[Anomaly] = []
        log = KeyLog()
        log.add(keys.encode())
        number = count().__next__
        wishes = Wishes(frozenset({b"host"}), frozenset(), frozenset(), lambda *_: 0, lambda *_: Windows(0, 0))
        inner = HttpOpener(wishes, self._decrypted, number)
        self.opener = opener or TlsOpener(
            log, (inner,), done=self.rows.append, handshake=self.handshakes.append, anomaly=self.anomalies.append, number=number,
            compares=compares,
        )  # fmt: skip
        if opener is not None:
            opener._office = opener._office._replace(desk=opener._office.desk._replace(done=self.rows.append))
        self.up.sink, self.down.sink = self.opener.open(cast("Link", self), self.up, self.down)

    def _decrypted(self, raw: HttpExchange) -> None:
        raw.evidence = "decrypted"
        self.opener.yardstick.read(raw)
        self.rows.append(raw)

    # What is said.

    def asks(self, ms: float, *records: bytes) -> Talk:
        return self._say(self.up, ms, b"".join(records))

    def tells(self, ms: float, *records: bytes) -> Talk:
        return self._say(self.down, ms, b"".join(records))

    def lose(self, side: str, size: int) -> Talk:
        """Let bytes be missing from the capture."""
        speaker = self.up if side == "client" else self.down
        start, speaker.offset = speaker.offset, speaker.offset + size
        if speaker.sink is not None:
            speaker.need = speaker.sink.gap(start, size)
        return self

    def close(self, how: End = End.FIN) -> list[HttpExchange]:
        """End both directions; return the exchanges."""
        for speaker in (self.down, self.up):
            if speaker.sink is not None:
                speaker.sink.end(speaker.offset, how)
        return self.rows

    def shaken(self, at: float = 0, *, size: int = FINISHED, tickets: bool = True) -> Talk:
        """Do a full TLS 1.3 handshake that ends 12 ms after `at`; nobody can read its protected records."""
        self.asks(at, record(HANDSHAKE, client_hello(tickets=tickets), 0x0301))
        self.tells(at + 10, record(HANDSHAKE, server_hello()), record(CCS, b"\1"), record(DATA, 1200), record(DATA, FINISHED))
        return self.asks(at + 12, record(CCS, b"\1"), record(DATA, size))

    def _say(self, speaker: Speaker, ms: float, data: bytes) -> Talk:
        self.packet += 1
        speaker.now = (round(ms * MS), self.packet)
        at, speaker.offset = speaker.offset, speaker.offset + len(data)
        hidden = max(0, speaker.need - at)
        if hidden < len(data) and speaker.sink is not None:
            # Neighbours of a segment in its block must never be read.
            block = b"\x17\x03\x03\x00\x01!" * 4 + data + b"\x17\x03\x03\x00\x01!"
            speaker.need = speaker.sink.feed(block, 24 + hidden, 24 + len(data), at + hidden)
        return self

    # What readers ask (Link).

    def client(self) -> tuple[bytes, int]:
        return b"\x0a\0\0\1", 40000

    def server(self) -> tuple[bytes, int]:
        return b"\x0a\0\0\2", 443

    def server_rtt_ns(self) -> int | None:
        return self.rtt

    def segment_bytes(self) -> int:
        return 1460

    def troubled(self) -> bool:
        return False

    def response_received(self, offset: int, time: int) -> bool:
        return True

    def request_received(self, offset: int) -> bool | None:
        return True

    def acknowledged_by_response(self) -> int:
        return self.up.offset if self.acknowledged is None else self.acknowledged

    def watch_request_end(self, offset: int) -> None: ...

    def request_acknowledged_ns(self, offset: int) -> int | None:
        return None

    def request_repeats(self, start: int, end: int) -> int:
        return 0

    def response_repeats(self, start: int, end: int) -> int:
        return 0

    def forget(self, client_offset: int, server_offset: int) -> None: ...


def times(row: HttpExchange) -> tuple[float | None, ...]:
    """Start and end of a request and of its answer, ms."""
    marks = (row.request_start, row.request_end, row.response_start, row.response_end)
    return tuple(None if mark is None else mark[0] / MS for mark in marks)


def sniffed(data: bytes, *, whole_start: bool = True) -> Claim:
    """What the opener says of the first bytes of a direction."""
    talk = Talk(whole_start=whole_start)
    return talk.opener.sniff(cast("Link", talk), data, 0, len(data))


class Sealed:
    """The protected records of a TLS 1.3 connection (AES-128-GCM), and the key log that opens them."""

    SECRETS = {
        "CLIENT_EARLY_TRAFFIC_SECRET": b"e" * 32,
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET": b"1" * 32,
        "SERVER_HANDSHAKE_TRAFFIC_SECRET": b"2" * 32,
        "CLIENT_TRAFFIC_SECRET_0": b"3" * 32,
        "SERVER_TRAFFIC_SECRET_0": b"4" * 32,
    }

    def __init__(self) -> None:
        self.sequence = dict.fromkeys(self.SECRETS, 0)

    @classmethod
    def log(cls, *without: str) -> str:
        """Write the key log, without some of its lines."""
        return "".join(f"{label} {RANDOM.hex()} {secret.hex()}\n" for label, secret in cls.SECRETS.items() if label not in without)

    def __call__(self, label: str, kind: int, plain: bytes, padding: int = 0) -> bytes:
        """Seal the next record under a secret."""
        sequence = self.sequence[label]
        self.sequence[label] += 1
        header, body = seal_13(0x1301, self.SECRETS[label], padding)(sequence, kind, plain)
        return header + body

    def up(self, plain: bytes, kind: int = DATA) -> bytes:
        return self("CLIENT_TRAFFIC_SECRET_0", kind, plain)

    def down(self, plain: bytes, kind: int = DATA) -> bytes:
        return self("SERVER_TRAFFIC_SECRET_0", kind, plain)

    def shake(self, talk: Talk, *, protocol: bytes = b"http/1.1", early: bool = False, padding: int = 0) -> Talk:
        """Do a full handshake that ends at 12 ms, the client's Finished padded."""
        if not talk.packet:
            talk.asks(0, record(HANDSHAKE, client_hello(), 0x0301))
        chosen = extension(16, vector(2, vector(1, protocol))) + (extension(42) if early else b"")
        flight = [(8, vector(2, chosen)), (11, bytes(900)), (15, bytes(260)), (20, bytes(32))]
        talk.tells(
            10, record(HANDSHAKE, server_hello()), record(CCS, b"\1"),
            *(self("SERVER_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE, message(kind, body)) for kind, body in flight),
        )  # fmt: skip
        finished = self("CLIENT_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE, message(20, bytes(32)), padding)
        return talk.asks(12, record(CCS, b"\1"), finished)
