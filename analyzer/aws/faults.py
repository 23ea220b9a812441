"""The error type that an answer names, in any of the AWS protocols (Smithy: AWS JSON 1.0/1.1, REST JSON, REST XML, Query)."""

from __future__ import annotations

import re

from analyzer.aws._json_windows import members, string

TYPE_FIELD = b"x-amzn-errortype"
WINDOW = 65536
"""Bytes of an answer that is no success that are looked at."""

_TYPE_MEMBERS = frozenset({b"__type", b"code", b"Code"})
_NAME = re.compile(r"[A-Za-z0-9_.]{1,128}")
_XML_CODE = re.compile(rb"<Code>\s{0,64}([A-Za-z0-9_.]{1,128})\s{0,64}</Code>")


def error_type(fields: dict[bytes, bytes], body: bytes) -> str | None:
    """Tell the error type from a header, or from the first bytes of a JSON or XML body; None where there is none.

    Namespace before `#` and documentation link after `:` are dropped, as every SDK does (Smithy, "Operation error serialization").
    """
    value = fields.get(TYPE_FIELD)
    if value:
        name = _bare(value[:512].decode("ascii", "replace"))
        if name is not None:
            return name
    start = body[:64].lstrip()[:1]
    if start == b"{":
        for depth, key, text in members(body):
            if depth == 1 and key in _TYPE_MEMBERS:
                name = _bare(string(text) or "")
                if name is not None:
                    return name
    elif start == b"<":
        found = _XML_CODE.search(body)
        if found:
            return found[1].decode("ascii")
    return None


def _bare(text: str) -> str | None:
    name = text.partition(":")[0].rpartition("#")[2].strip()
    return name if _NAME.fullmatch(name) else None
