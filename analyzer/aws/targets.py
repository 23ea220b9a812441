"""Request targets and host names as safe text: no secrets, no control characters, bounded in length (RFC 9112 section 3.2)."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

TEXT_LIMIT = 300
"""Characters of a target that are shown."""
READ_LIMIT = 4096
"""Bytes of a target that are looked at."""

SECRET_NAMES = (
    b"signature", b"credential", b"token", b"secret", b"passw", b"pwd", b"accesskey", b"apikey", b"api_key", b"api-key", b"auth",
    b"session", b"assertion", b"saml", b"jwt", b"policy", b"ssekey", b"customer-key", b"externalid",
)  # fmt: skip
"""A parameter whose name contains one of these (any case) is shown as `name=*`."""
SECRET_EXACT = frozenset({b"sig", b"code", b"key", b"pass", b"sid", b"otp", b"pin"})

# Access key ids (IAM user guide, "unique identifiers"), JSON web tokens, and runs too long or too mixed to be a name.
_SECRET_VALUE = re.compile(
    rb"""
    (?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}
  | eyJ[\w-]{8,}(?:\.[\w-]*){0,4}
  | (?:FwoG|IQoJ|AQAE|AQoD)[\w+/=%-]{12,}
  | (?<![\w+/%-])[A-Za-z0-9+%]{40,}={0,2}
  | (?<![A-Za-z0-9])(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{20,}  # also where its parameter's name is damaged
    """,
    re.VERBOSE,
)
_UNSAFE = re.compile(rb"[^\x20-\x7e]")
_HOST = re.compile(r"[a-z0-9_.-]{1,253}|[0-9a-f:.]{2,45}")
_PATH_END = re.compile(rb"[?;#]")
_NAMES = re.compile(rb"([^=;?#]*)=")


class Authority(NamedTuple):
    """A host name or address in lower case without brackets, and the port where one is given."""

    host: str
    port: int | None


def authority(value: bytes) -> Authority | None:
    """Read `host[:port]` as in a Host field or a URI (RFC 3986 section 3.2); user information is dropped, nonsense gives None."""
    text = value[-600:].rpartition(b"@")[2].strip().decode("ascii", "replace").lower()
    port_text = ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return None
        port_text = rest[1:]
    elif text.count(":") == 1:
        host, _, port_text = text.partition(":")
    else:
        host = text
    host = host.removesuffix(".")
    if not _HOST.fullmatch(host):
        return None
    port = int(port_text) if port_text.isascii() and port_text.isdecimal() and len(port_text) <= 5 else None
    return Authority(host, port)


def split(target: bytes) -> tuple[bytes | None, bytes]:
    """Split an absolute-form target (RFC 9112 section 3.2.2) into authority and path with query; other forms have no authority."""
    scheme = target[:8].lower()
    start = 7 if scheme.startswith(b"http://") else 8 if scheme == b"https://" else 0
    if not start:
        return None, target
    end = len(target)
    for mark in (b"/", b"?", b"#"):
        found = target.find(mark, start)
        if 0 <= found < end:
            end = found
    return target[start:end], target[end:] or b"/"


def shown(target: bytes) -> str:
    """Write path and query for people: secret parameters as `name=*`, bytes outside printable ASCII as `\\xNN`, at most 300 characters."""
    if len(target) > READ_LIMIT:
        # The last part may be the beginning of something that only its end gives away.
        target = target[:READ_LIMIT]
        target = target[: max(target.rfind(mark) for mark in (b"/", b"?", b"&", b"=")) + 1] + b"..."
    end = _PATH_END.search(target)
    path_length = end.start() if end else len(target)
    text = b"/".join(map(_masked, target[:path_length].split(b"/")))
    if end:
        text += end[0] + b"&".join(map(_masked, target[end.end() :].split(b"&")))
    return printable(text)


def printable(value: bytes) -> str:
    """Write bytes as printable ASCII, others as `\\xNN`, at most 300 characters."""
    text = _UNSAFE.sub(lambda match: b"\\x%02x" % match[0][0], value[: TEXT_LIMIT + 1]).decode("ascii")
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 3] + "..."


def _masked(part: bytes) -> bytes:
    """Mask one parameter, from the name of a secret to the part's end: separators other than `&` may belong to the value."""
    first, equals, value = part.partition(b"=")
    if not equals:
        return _SECRET_VALUE.sub(b"*", part)
    if value and any(map(_secret, _NAMES.findall(part))):
        return _SECRET_VALUE.sub(b"*", first) + b"=*"
    return _SECRET_VALUE.sub(b"*", first) + b"=" + _SECRET_VALUE.sub(b"*", value)


def _secret(name: bytes) -> bool:
    known = unquote_to_bytes(name).lower()
    return known in SECRET_EXACT or any(word in known for word in SECRET_NAMES)
