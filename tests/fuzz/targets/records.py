"""TLS: hellos and handshake messages, whole sessions with and without keys, and key logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from analyzer.model.seams import End, Link
from analyzer.tls import KeyLog
from analyzer.tls._records import begins_record
from analyzer.tls.hello import client_hello, encrypted_extensions, server_hello, shown
from analyzer.tls.ja4 import ja4
from analyzer.tls.keylog import MAX_LINE
from analyzer.tls.messages import LARGEST_HELLO, Messages
from tests.fuzz.source import Source
from tests.fuzz.target import Cursor, Target, pieces, said
from tests.http.speech import answer, ask
from tests.tls import talk
from tests.tls.talk import CCS, DATA, FINISHED, HANDSHAKE, RANDOM, Sealed, Talk, record

MASTER = f"CLIENT_RANDOM {RANDOM.hex()} {'00' * 48}\n"
LOGS = ("", Sealed.log(), MASTER, Sealed.log("SERVER_TRAFFIC_SECRET_0"))
ENDS = (End.FIN, End.RST, End.OPEN)


def hellos(data: bytes) -> None:
    """Read handshake messages at once and byte by byte: the same messages; of the hellos among them only safe text is shown."""
    whole = Messages()
    found = whole.feed(data)
    parts = Messages()
    assert [one for at in range(len(data)) for one in parts.feed(data[at : at + 1])] == found
    assert parts.partial() == whole.partial()
    rest = whole.partial()
    for message in [*found, rest] if rest is not None else found:
        assert len(message.body) <= min(message.size, LARGEST_HELLO + len(data))
        asked = client_hello(message.body)
        if asked is not None:
            print_ = ja4(asked.offer)
            assert print_.isascii()
            assert len(print_) == 36
            name = asked.offer.server_name
            assert name is None or (name.isascii() and name.isprintable())
            assert len(asked.random) == 32
        chosen = server_hello(message.body)
        if chosen is not None:
            assert 0 <= chosen.cipher <= 0xFFFF
        name = shown(encrypted_extensions(message.body)[0])
        assert name is None or (name.isascii() and name.isprintable())


def sessions(data: bytes) -> None:
    """Let a client and a server say pieces, some of them lost: every exchange has its offsets in order, and nothing is said twice."""
    cursor = Cursor(data)
    head = cursor.byte()
    speech = Talk(LOGS[head & 3], whole_start=bool(head & 4), compares=bool(head & 8))
    now = 0
    for tag, piece in pieces(cursor, 100):
        who = tag & 3
        now += 1 + (tag >> 2)
        if who & 2:
            speech.lose("server" if who & 1 else "client", len(piece) or 1)
        elif piece:
            (speech.tells if who else speech.asks)(now, piece)
        begins_record(piece, 0, len(piece))
    for row in speech.close(ENDS[head >> 4 & 3 if head >> 4 & 3 < 3 else 0]):
        assert row.evidence in ("inferred", "decrypted")
        assert row.request_bytes >= 0
        assert row.response_bytes >= 0
        for began, ended in ((row.request_start, row.request_end), (row.response_start, row.response_end)):
            assert began is None or ended is None or began <= ended
    assert len(speech.handshakes) <= 1
    assert cast("Link", speech).connection_id == 7


def keylogs(data: bytes) -> None:
    """Read a key log, in one piece and in two: lines that a cut does not touch are read alike, and memory is that of what was kept."""
    whole = KeyLog()
    bad = whole.add(data)
    assert 0 <= bad <= data.count(b"\n") + 1
    assert len(whole) <= data.count(b"\n") + 1
    cut = data.find(b"\n", len(data) // 2) + 1
    if cut and not data.startswith(b"\xef\xbb\xbf") and not data[cut:].startswith(b"\xef\xbb\xbf"):
        parts = KeyLog()
        assert parts.add(data[:cut]) + parts.add(data[cut:]) == bad
        for line in data.split(b"\n"):
            fields = line.split()
            if len(fields) == 3 and len(fields[1]) == 64 and len(line) <= MAX_LINE:
                try:
                    random = bytes.fromhex(fields[1].decode("ascii"))
                except ValueError:
                    continue
                assert dict(parts.secrets(random)) == dict(whole.secrets(random))
    again = KeyLog()
    step = max(5, len(data) // 20)
    for at in range(0, len(data), step):
        again.add(data[at : at + step])


def handshakes() -> Iterable[bytes]:
    """Write handshake messages."""
    yield talk.client_hello(protocols=(b"h2", b"http/1.1"), early=True)
    yield talk.client_hello(None, versions=(), signatures=(), tickets=False)
    yield talk.client_hello(more=(talk.extension(0x2A2A), talk.extension(35, b"ticket"), talk.extension(21, bytes(40))))
    yield talk.server_hello() + talk.message(8, talk.vector(2, talk.extension(16, talk.vector(2, talk.vector(1, b"h2"))))) + bytes(9)
    yield talk.server_hello(retry=True) + talk.server_hello(0xC02F, version=0x0303)
    yield talk.server_hello(resumed=True) + talk.message(11, bytes(90)) + talk.message(20, bytes(32))
    yield talk.client_hello()[:70]


def speeches() -> Iterable[bytes]:
    """Write sessions: full, resumed, retried, TLS 1.2, early data, with losses, joined late, with keys."""
    hello, chosen = record(HANDSHAKE, talk.client_hello(), 0x0301), record(HANDSHAKE, talk.server_hello())
    shaken = ((0, hello), (1, chosen + record(CCS, b"\1") + record(DATA, 120) + record(DATA, FINISHED)), (0, record(DATA, FINISHED)))
    turns = (*shaken, (0, record(DATA, 300)), (1, record(DATA, 60) + record(DATA, 70)), (5, record(DATA, 200)), (0, record(21, 19)))
    for head in (0x04, 0x14, 0x24, 0x00, 0x0D, 0x06):
        yield bytes((head,)) + said(*turns)
    yield b"\x04" + said(*shaken, (2, bytes(30)), (0, record(DATA, 300)), (3, bytes(9)), (1, record(DATA, 99)))
    yield b"\x04" + said((0, hello[:9]), (0, hello[9:]), (1, record(21, b"\2\x28")))
    yield b"\x00" + said((0, record(DATA, 300)), (1, record(DATA, 200) + record(DATA, 90)), (0, record(DATA, 310)))
    old = record(HANDSHAKE, talk.server_hello(0xC02F, version=0x0303) + talk.message(11, bytes(80)) + talk.message(14))
    late = ((0, hello), (1, old), (0, record(HANDSHAKE, talk.message(16, bytes(33))) + record(CCS, b"\1") + record(HANDSHAKE, 40)))
    done = ((1, record(HANDSHAKE, talk.message(4, bytes(60))) + record(CCS, b"\1") + record(HANDSHAKE, 40)), (0, record(DATA, 90)))
    yield b"\x04" + said(*late, *done, (1, record(DATA, 90)))
    yield b"\x06" + said(*late, *done, (1, record(DATA, 90)))
    again = record(HANDSHAKE, talk.server_hello(retry=True)) + record(CCS, b"\1")
    yield b"\x04" + said((0, hello), (1, again), (0, hello), *shaken[1:])
    for head in (0x05, 0x0D, 0x07):
        yield bytes((head,)) + said(*_sealed())


def _sealed() -> list[tuple[int, bytes]]:
    """A conversation that the keys open."""
    turns: list[tuple[int, bytes]] = []

    class Script(Talk):
        """Keeps what is said."""

        def asks(self, ms: float, *records: bytes) -> Talk:
            turns.append((0, b"".join(records)))
            return self

        def tells(self, ms: float, *records: bytes) -> Talk:
            turns.append((1, b"".join(records)))
            return self

    sealed = Sealed()
    sealed.shake(Script())
    turns.append((0, sealed.up(ask(target="/a"))))
    turns.append((1, sealed.down(b"\4\0\0\0", HANDSHAKE) + sealed.down(answer(body=b"x" * 90))))
    turns.append((0, sealed.up(b"\x18\0\0\1\0", HANDSHAKE) + sealed.up(ask(target="/b"))))
    return turns


def logs() -> Iterable[bytes]:
    """Write key logs, good and bad."""
    yield Sealed.log().encode()
    yield b"# comment\r\n\r\n" + MASTER.encode() + b"CLIENT_RANDOM abc def\nRSA 0011 22\nEXPORTER_SECRET " + b"0" * 64 + b" 11\n"
    yield b"\xef\xbb\xbf" + MASTER.encode().rstrip() + MASTER.encode()
    yield b"CLIENT_RANDOM " + b"g" * 64 + b" " + b"0" * 96 + b"\n" + b"x" * 3000 + b"\n" + MASTER.encode()[:80]


def from_talks(source: Source) -> Iterable[bytes]:
    """Take the connections out of a capture."""
    for heard in source.talks[:20]:
        if heard and heard[0][1][:1] in (b"\x16", b"\x17"):
            yield b"\x04" + said(*heard[:60])
            yield b"\x00" + said(*heard[3:40])


def from_hellos(source: Source) -> Iterable[bytes]:
    """Take the first handshake messages out of a capture."""
    for heard in source.talks[:20]:
        for _, piece in heard[:4]:
            if piece[:1] == b"\x16":
                yield piece[5:2000]


TLS = "analyzer.tls."
TARGETS = (
    Target("tls-hello", hellos, (f"{TLS}hello", f"{TLS}messages", f"{TLS}ja4"), handshakes, harvest=from_hellos),
    Target(
        "tls", sessions,
        tuple(TLS + name for name in ("_records", "session", "side", "both", "handshaking", "inferring", "opening", "decrypting")),
        speeches, harvest=from_talks, longest=8192,
    ),
    Target("keylog", keylogs, (f"{TLS}keylog",), logs),
)  # fmt: skip
