"""How the length of a message's content is known (RFC 9112 section 6.3)."""

from __future__ import annotations

from enum import Enum, auto


class Framing(Enum):
    """How the length of a message's content is known."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()
    """Content lasts until the connection closes (RFC 9112 section 6.3, rule 8)."""
    TUNNEL = auto()
    """No HTTP follows (CONNECT, 101)."""
    UNKNOWN = auto()


def request_framing(fields: dict[bytes, bytes]) -> tuple[Framing, int]:
    """Return how the length of a request's content is known, and the length (RFC 9112 section 6.3, rules 3 to 7)."""
    if b"transfer-encoding" in fields:
        return (Framing.CHUNKED if is_chunked(fields[b"transfer-encoding"]) else Framing.UNKNOWN), 0
    length = fields.get(b"content-length")
    if length is None:
        return Framing.NONE, 0
    size = content_length(length)
    return (Framing.UNKNOWN, 0) if size is None else (Framing.LENGTH, size)


def response_framing(status: int, method: str | None, fields: dict[bytes, bytes]) -> tuple[Framing, int]:
    """Return how the length of a response's content is known, and the length (RFC 9112 section 6.3, rules 1 to 8)."""
    if status == 101 or (method == "CONNECT" and 200 <= status < 300):
        return Framing.TUNNEL, 0
    if method == "HEAD" or status == 204 or status == 304:
        return Framing.NONE, 0
    if b"transfer-encoding" in fields:
        return (Framing.CHUNKED if is_chunked(fields[b"transfer-encoding"]) else Framing.CLOSE), 0
    length = fields.get(b"content-length")
    if length is None:
        return Framing.CLOSE, 0
    size = content_length(length)
    return (Framing.CLOSE, 0) if size is None else (Framing.LENGTH, size)


def content_length(value: bytes) -> int | None:
    """Return a Content-Length, also where equal ones were joined (RFC 9110 section 8.6); None where it is not valid."""
    if not value.isdigit():
        first, _, others = value.partition(b",")
        value = first.strip()
        if not others or not value.isdigit() or any(part.strip() != value for part in others.split(b",")):
            return None
    return int(value) if len(value) <= 18 else None


def is_chunked(value: bytes) -> bool:
    """Tell whether chunked is the last of the transfer codings (RFC 9112 section 6.1)."""
    return value.rpartition(b",")[2].strip().lower() == b"chunked"
