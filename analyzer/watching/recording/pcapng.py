"""Writing pcapng (draft-ietf-opsawg-pcapng): packets with comments, and on demand the secrets that open them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping

from analyzer.units import TimeNs
from analyzer.watching.recording.ring import Kept

SECTION, INTERFACE, PACKET, SECRETS = 0x0A0D0D0A, 1, 6, 10
MAGIC = 0x1A2B3C4D
TLS_KEY_LOG = 0x544C534B
COMMENT, APPLICATION, NAME, RESOLUTION = 1, 4, 2, 9
NANOSECONDS = b"\x09"
LONGEST_TEXT = 0xFFFF
UNKNOWN_LENGTH = 0xFFFFFFFFFFFFFFFF


def pcapng(
    packets: Iterable[Kept],
    *,
    comment: str,
    application: str,
    names: Mapping[int, str],
    comments: Mapping[int, str],
    secrets: bytes = b"",
) -> Iterator[bytes]:
    """Yield the blocks of a file.

    `names` are those of interfaces by their number, `comments` belong to packets by their id, `secrets` is a TLS key log; it comes before
    the packets that it opens.
    """
    yield section(comment, application)
    if secrets:
        yield _block(SECRETS, struct.pack("<II", TLS_KEY_LOG, len(secrets)) + _padded(secrets))
    described: dict[tuple[int, int], int] = {}
    for packet in packets:
        key = (packet.interface, packet.link_type)
        if key not in described:
            described[key] = len(described)
            yield interface(packet.link_type, names.get(packet.interface))
        yield enhanced(described[key], packet.time, packet.data, packet.wire_length, comments.get(packet.packet_id))


def section(comment: str, application: str) -> bytes:
    """Return a section header, with which a file begins (section 4.1)."""
    options = [(code, text.encode()) for code, text in ((COMMENT, comment), (APPLICATION, application)) if text]
    return _block(SECTION, struct.pack("<IHHQ", MAGIC, 1, 0, UNKNOWN_LENGTH) + _options(options))


def interface(link_type: int, name: str | None) -> bytes:
    """Return the description of an interface, whose times are in nanoseconds (section 4.2)."""
    options = [(RESOLUTION, NANOSECONDS)]
    if name is not None:
        options.insert(0, (NAME, name.encode()))
    return _block(INTERFACE, struct.pack("<HHI", link_type, 0, 0) + _options(options))


def enhanced(number: int, time: TimeNs, data: bytes, wire_length: int, comment: str | None = None) -> bytes:
    """Return a packet of the interface with this number (section 4.3)."""
    head = struct.pack("<IIIII", number, time >> 32 & 0xFFFFFFFF, time & 0xFFFFFFFF, len(data), wire_length)
    return _block(PACKET, head + _padded(data) + (_options([(COMMENT, comment.encode())]) if comment else b""))


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    out = b""
    for code, value in options:
        value = value[:LONGEST_TEXT]
        out += struct.pack("<HH", code, len(value)) + _padded(value)
    return out + struct.pack("<HH", 0, 0)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
