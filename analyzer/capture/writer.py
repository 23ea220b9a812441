"""Writes pcapng blocks (draft-ietf-opsawg-pcapng), and adds comments to blocks that exist without touching anything else of them.

Options are kept as they are and in their order: a comment comes before them. A text longer than an option can be is cut between
characters.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from analyzer.capture.sections import INTERFACE, OLD_PACKET, PACKET, SECRETS, SECTION, STATISTICS, TLS_KEY_LOG
from analyzer.units import TimeNs

BYTE_ORDER_MAGIC = 0x1A2B3C4D
COMMENT, APPLICATION, NAME, RESOLUTION, FRAME_CHECK = 1, 4, 2, 9, 13
RECEIVED, DROPPED = 4, 5
CUSTOM = 0xBAD
LONGEST_TEXT = 0xFFFF
UNKNOWN_LENGTH = 0xFFFFFFFFFFFFFFFF
NANOSECONDS, MICROSECONDS = 9, 6
COMMENTABLE = frozenset({PACKET, OLD_PACKET})
"""Blocks of packets that can hold a comment; a simple packet block has no options (section 4.4)."""
PRIVATE_ENTERPRISE = 0
"""Of a custom block that says nothing: reserved (https://www.iana.org/assignments/enterprise-numbers)."""


def section(comment: str, application: str) -> bytes:
    """Return a section header, with which a file begins (section 4.1)."""
    options = [(code, text.encode()) for code, text in ((COMMENT, comment), (APPLICATION, application)) if text]
    return block(SECTION, struct.pack("<IHHQ", BYTE_ORDER_MAGIC, 1, 0, UNKNOWN_LENGTH) + options_of(options))


def interface(link_type: int, name: str | None, *, snaplen: int = 0, resolution: int = NANOSECONDS, frame_check_bits: int = 0) -> bytes:
    """Return the description of an interface (section 4.2); its times are in units of 10 to the minus `resolution` seconds."""
    options = [(RESOLUTION, bytes((resolution,)))]
    if name is not None:
        options.insert(0, (NAME, name.encode()))
    if frame_check_bits:
        options.append((FRAME_CHECK, bytes((frame_check_bits,))))
    return block(INTERFACE, struct.pack("<HHI", link_type, 0, snaplen) + options_of(options))


def enhanced(number: int, time: TimeNs, data: bytes, wire_length: int, comment: str | None = None) -> bytes:
    """Return a packet of the interface with this number, at `time` in the interface's units (section 4.3)."""
    head = struct.pack("<IIIII", number, time >> 32 & 0xFFFFFFFF, time & 0xFFFFFFFF, len(data), wire_length)
    return block(PACKET, head + padded(data) + (options_of([(COMMENT, comment.encode())]) if comment else b""))


def secrets(keys: bytes, order: str = "<") -> bytes:
    """Return a block with a TLS key log, which must come before the packets that it opens (section 4.7)."""
    return block(SECRETS, struct.pack(order + "II", TLS_KEY_LOG, len(keys)) + padded(keys), order)


def statistics(number: int, time: TimeNs, received: int | None, dropped: int | None) -> bytes:
    """Return what an interface counted from its start until `time` (section 4.6)."""
    counts = [(code, struct.pack("<Q", value)) for code, value in ((RECEIVED, received), (DROPPED, dropped)) if value is not None]
    return block(STATISTICS, struct.pack("<III", number, time >> 32 & 0xFFFFFFFF, time & 0xFFFFFFFF) + options_of(counts))


def placeholder() -> bytes:
    """Return a block that says nothing and keeps its place in Wireshark's numbers: a custom block (section 4.8)."""
    return block(CUSTOM, struct.pack("<I", PRIVATE_ENTERPRISE))


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Return a block of any type, in byte order `order`, around a body whose size is a multiple of four."""
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def options_of(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Return options with their end mark (section 3.5)."""
    out = b"".join(_option("<", code, value) for code, value in options)
    return out + struct.pack("<HH", 0, 0)


def padded(data: bytes) -> bytes:
    """Return bytes filled up to a multiple of four."""
    return data + bytes(-len(data) % 4)


def with_comment(raw: bytes, order: str, comment: str) -> bytes:
    """Return a block in byte order `order` with a comment more: a section header, or a packet that can hold one.

    The length of a section is no longer what its header says: it becomes unknown. A block of another kind, or one too short for what it
    says, comes back as it is.
    """
    kind, size = struct.unpack_from(order + "II", raw)
    at = _options_at(raw, kind, order)
    if at is None or size != len(raw):
        return raw
    option = _option(order, COMMENT, comment.encode())
    rest = raw[at:-4]
    if not rest:
        rest = bytes(4)
    body = raw[8:at]
    if kind == SECTION:
        body = body[:8] + struct.pack(order + "Q", UNKNOWN_LENGTH) + body[16:]
    body += option + rest
    total = struct.pack(order + "I", len(body) + 12)
    return raw[:4] + total + body + total


def without_length(raw: bytes, order: str) -> bytes:
    """Return a section header whose section has no announced length, as blocks of it grow."""
    return raw[:16] + struct.pack(order + "Q", UNKNOWN_LENGTH) + raw[24:]


def _options_at(raw: bytes, kind: int, order: str) -> int | None:
    """Return where the options of a block begin; None where it has none."""
    if kind == SECTION:
        return 24
    if kind not in COMMENTABLE or len(raw) < 32:
        return None
    captured: int = struct.unpack_from(order + "I", raw, 20)[0]
    at = 28 + ((captured + 3) & ~3)
    return at if at <= len(raw) - 4 else None


def _option(order: str, code: int, value: bytes) -> bytes:
    if len(value) > LONGEST_TEXT:
        value = value[:LONGEST_TEXT].decode("utf-8", "ignore").encode() if code == COMMENT else value[:LONGEST_TEXT]
    return struct.pack(order + "HH", code, len(value)) + padded(value)
