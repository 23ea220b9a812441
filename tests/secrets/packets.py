"""What a capture file says besides its packets: outputs that are captures may hold packets as they were, and nothing secret beside them."""

from __future__ import annotations

import struct

MAGIC = b"\x0a\x0d\x0d\x0a"
ENHANCED, SIMPLE, SECRETS = 6, 3, 10


def is_capture(data: bytes) -> bool:
    """Tell whether a file is a pcapng."""
    return data[:4] == MAGIC


def beside_packets(data: bytes) -> bytes:
    """Return a pcapng without the bytes of its packets: comments, names, statistics, TLS secrets."""
    out, at = [], 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        body = data[at + 8 : at + length - 4]
        if kind == ENHANCED:
            (captured,) = struct.unpack_from("<I", body, 12)
            body = body[20 + captured + -captured % 4 :]
        elif kind == SIMPLE:
            body = b""
        out.append(body)
        at += max(12, length)
    return b"".join(out)


def packets(data: bytes) -> list[bytes]:
    """Return the packets of a pcapng."""
    out, at = [], 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == ENHANCED:
            (captured,) = struct.unpack_from("<I", data, at + 20)
            out.append(data[at + 28 : at + 28 + captured])
        at += max(12, length)
    return out
