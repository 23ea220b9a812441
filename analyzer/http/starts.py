"""What the first bytes of a message look like (RFC 9112 sections 3 and 4).

Enough to find HTTP on any port, and to find it again after lost bytes.
"""

from __future__ import annotations

import re
from typing import Final

from analyzer.model.seams import Claim

METHODS: Final = frozenset(
    b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH "
    b"PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT MERGE SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE M-SEARCH".split()
)  # RFC 9110 section 9, RFC 5789, RFC 4918, RFC 3253, RFC 5323, UPnP
LONGEST_METHOD: Final = max(map(len, METHODS))
LONGEST_START_LINE: Final = 65_536
TARGET: Final = re.compile(rb" *(?:[/*?\[]|[\w.~%-]{0,255}(?:[:/]|\Z))")
"""How a target begins (origin, asterisk, absolute and authority form), also where only a part of it is there."""
ODD_REQUEST: Final = re.compile(
    rb"[A-Z][A-Z_-]{1,22}(?:[ \t][^\r\n]*)?(?<! RTSP/\d\.\d)(?<! ICAP/\d\.\d)(?<! SIP/\d\.\d)\r?\n"
    rb"(?:[A-Za-z-]{1,40}:[^\r\n]*\r?\n){0,20}?[Hh]ost:"
)
LONGEST_ODD_HEAD: Final = 4096
LONGEST_PROTOCOL: Final = len(b"HTTP/1.1 ")


def claim(data: bytes, start: int, end: int) -> Claim:
    """Judge the first bytes of a direction: a request line, a status line, or neither."""
    request = looks_like_request(data, start, end)
    if request:
        return Claim.REQUEST
    response = looks_like_response(data, start, end)
    if response:
        return Claim.RESPONSE
    return Claim.MORE if request is None or response is None else Claim.NO


def looks_like_request(data: bytes, start: int, end: int) -> bool | None:
    """Tell whether `data[start:end]` begins with a request line of HTTP/1; None when there are too few bytes to tell.

    A line without a proper version, or with a method that nobody registered, counts when a Host field follows. Of a line whose end
    is not there yet the beginning decides.
    """
    if start < end and not 0x41 <= data[start] <= 0x5A:
        return False  # TLS and other binary protocols: a method begins with a capital letter
    space = data.find(b" ", start, min(end, start + LONGEST_METHOD + 1))
    if space >= 0 and data[start:space] in METHODS:
        line_end = data.find(b"\n", space, min(end, start + LONGEST_START_LINE))
        if line_end < 0:
            if space + 1 == end:
                return None
            return TARGET.match(data, space + 1, min(end, space + 256)) is not None
        version = data.rfind(b" HTTP/", space, line_end)
        if version >= 0:
            return data[version + 6 : version + 8] == b"1."
    elif space < 0 and end - start <= LONGEST_METHOD:
        head = data[start:end]
        return None if any(method.startswith(head) for method in METHODS) else False
    return ODD_REQUEST.match(data, start, min(end, start + LONGEST_ODD_HEAD)) is not None


def looks_like_response(data: bytes, start: int, end: int) -> bool | None:
    """Tell whether `data[start:end]` begins with a status line of HTTP/1; None when there are too few bytes to tell."""
    if not data.startswith(b"HTTP/1.", start, end):
        return None if end - start < 7 and b"HTTP/1.".startswith(data[start:end]) else False
    rest = data[start + 7 : min(end, start + LONGEST_PROTOCOL)]
    if len(rest) < 2:
        return None if not rest or rest.isdigit() else False
    return rest[:1].isdigit() and rest[1:] == b" "
