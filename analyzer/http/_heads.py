"""Start lines and fields (RFC 9112 sections 2 to 5): only the fields that somebody asked for are taken, the rest is dropped here."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

METHODS = frozenset(
    b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH "
    b"PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT MERGE SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE M-SEARCH".split()
)  # RFC 9110 section 9, RFC 5789, RFC 4918, RFC 3253, RFC 5323, UPnP
LONGEST_METHOD = max(map(len, METHODS))
FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection", b"expect", b"content-encoding"})
"""Fields that framing and timing need."""
LONGEST_START_LINE = 65_536
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,24}) +([^\r\n]*?) +HTTP/1\.(\d)[ \t]*\Z")
ODD_REQUEST = re.compile(rb"[A-Z][A-Z_-]{1,22}(?:[ \t][^\r\n]*)?(?<! RTSP/\d\.\d)(?<! ICAP/\d\.\d)(?<! SIP/\d\.\d)\r?\n(?:[A-Za-z-]{1,40}:[^\r\n]*\r?\n){0,20}?[Hh]ost:")
LONGEST_ODD_HEAD = 4096
STATUS_LINE = re.compile(rb"HTTP/1\.\d +(\d\d\d)(?: [^\r\n]*)?[ \t]*\Z")


def looks_like_request(data: bytes, start: int, end: int) -> bool | None:
    """Tell whether `data[start:end]` begins with a request line of HTTP/1; None when there are too few bytes to tell.

    A line without a proper version, or with a method that nobody registered, counts when a Host field follows.
    """
    space = data.find(b" ", start, min(end, start + LONGEST_METHOD + 1))
    if space >= 0 and data[start:space] in METHODS:
        line_end = data.find(b"\n", space, min(end, start + LONGEST_START_LINE))
        if line_end < 0:
            return True
        version = data.rfind(b" HTTP/", space, line_end)
        if version >= 0:
            return data[version + 6 : version + 8] == b"1."
    elif space < 0 and end - start <= LONGEST_METHOD:
        head = data[start:end]
        return None if any(method.startswith(head) for method in METHODS) else False
    return ODD_REQUEST.match(data, start, min(end, start + LONGEST_ODD_HEAD)) is not None


def looks_like_response(data: bytes, start: int, end: int) -> bool | None:
    """Tell whether `data[start:end]` begins with a status line of HTTP/1; None when there are too few bytes to tell."""
    head = data[start : min(end, start + 9)]
    if len(head) < 9:
        return None if b"HTTP/1.".startswith(head[:7]) else False
    return head.startswith(b"HTTP/1.") and head[8:9] == b" "


def end_of_head(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the head ends and where the content begins, or (-1, -1). Bare line feeds are taken too (RFC 9112 section 2.2)."""
    at = data.find(b"\r\n\r\n", start, end)
    bare = data.find(b"\n\n", start, end if at < 0 else at)
    if bare >= 0:
        return bare, bare + 2
    return (at, at + 4) if at >= 0 else (-1, -1)


def fields_of(lines: list[bytes], wanted: AbstractSet[bytes], presence: AbstractSet[bytes]) -> dict[bytes, bytes]:
    """Return the wanted fields among the lines behind a start line, names in lower case; of `presence` fields only that they are there."""
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if name in wanted:
            if colon:
                value = value.strip()
                fields[name] = fields[name] + b", " + value if name in fields else value
        elif name in presence:
            fields[name] = b""
    return fields


def lines_of(head: bytes) -> list[bytes]:
    """Split a head into lines, whatever ends them."""
    lines = head.split(b"\r\n")
    return lines if head.count(b"\n") < len(lines) else [line.rstrip(b"\r") for line in head.split(b"\n")]


def content_length(value: bytes) -> int | None:
    """Return a Content-Length, also where equal ones were joined (RFC 9110 section 8.6); None where it is not valid."""
    first = value.partition(b",")[0].strip()
    if not first.isdigit() or len(first) > 18 or any(part.strip() != first for part in value.split(b",")):
        return None
    return int(first)
