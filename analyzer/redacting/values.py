"""Values of fields of which only known words and short numbers stay, and what programs say of themselves in a user agent."""

from __future__ import annotations

import re
from collections.abc import Callable

from analyzer.redacting.vocabulary import AGENT_WORDS, METADATA, OWN_PRODUCTS, PRODUCTS, STANDARD_FIELDS

TOKEN = re.compile(rb"[A-Za-z0-9_-]+")
PART = re.compile(rb"[A-Za-z0-9]+")
SPACED = re.compile(rb"([^\s()]+)|([\s()]+)")
NUMBER = re.compile(rb"-?[0-9]{1,12}")
STAMP = re.compile(rb"[0-9]{8}T[0-9]{6}Z")
RELEASE = re.compile(rb"[vVr]?[0-9]{1,6}(?:\.[0-9]{1,6}){0,4}(?:[-+._]?(?:alpha|beta|rc|dev|preview|post|a|b|SNAPSHOT)[.]?[0-9]{0,4})?")
ADDRESS = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
FEATURES = re.compile(rb"[A-Za-z0-9+-]{1,2}(?:,[A-Za-z0-9+-]{1,2}){0,40}")
"""Features of an SDK, by one or two letters each (botocore `useragent.py`)."""


def _set(text: bytes) -> frozenset[bytes]:
    return frozenset(text.split())


_CODINGS = _set(b"identity gzip x-gzip deflate compress x-compress br zstd sdch bzip2 chunked aws-chunked trailers q")
_CONNECTION = _set(b"close keep-alive upgrade http2-settings te transfer-encoding")
_CACHE = _set(
    b"""max-age s-maxage no-cache no-store no-transform must-revalidate proxy-revalidate public private immutable only-if-cached max-stale
    min-fresh stale-while-revalidate stale-if-error"""
)
_DATE = _set(
    b"""mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday jan feb mar apr may jun jul aug sep oct nov dec
    gmt utc"""
)
_NUMBERS: frozenset[bytes] = frozenset()
_RETRY = _set(b"attempt max ttl")
WORDS = {
    b"accept": _set(
        b"""application text image audio video html xhtml xml json css javascript plain webp png jpeg jpg gif svg apng avif q octet-stream
        cbor x-amz-json-1 x-amz-cbor-1 x-www-form-urlencoded"""
    ),
    b"accept-encoding": _CODINGS, b"content-encoding": _CODINGS, b"transfer-encoding": _CODINGS, b"te": _CODINGS,
    b"connection": _CONNECTION, b"proxy-connection": _CONNECTION,
    b"cache-control": _CACHE, b"pragma": _CACHE,
    b"keep-alive": _set(b"timeout max"),
    b"expect": _set(b"100-continue"),
    b"vary": STANDARD_FIELDS, b"trailer": STANDARD_FIELDS,
    b"upgrade": _set(b"websocket h2c tls http"),
    b"accept-ranges": _set(b"bytes none"), b"range": _set(b"bytes"),
    b"allow": _set(b"get head post put delete options patch trace connect"),
    b"age": _NUMBERS, b"x-amz-retry-after": _NUMBERS, b"x-aws-ec2-metadata-token-ttl-seconds": _NUMBERS, b"x-amz-api-version": _NUMBERS,
    b"date": _DATE, b"expires": _DATE, b"last-modified": _DATE, b"retry-after": _DATE, b"x-amz-date": _DATE,
    b"amz-sdk-request": _RETRY, b"amz-sdk-retry": _RETRY, b"aws-sdk-retry": _RETRY,
    b"smithy-protocol": _set(b"rpc-v2-cbor rpc-v2-json"),
    b"x-amzn-query-mode": _set(b"true false"),
}  # fmt: skip
"""Of which fields which words stay, besides numbers and times."""


class Values:
    """Disguises values word by word; `text` replaces a text, `keep` is told of what stays."""

    def __init__(self, text: Callable[[bytes], bytes], keep: Callable[[bytes], bytes]) -> None:
        self._text = text
        self._keep = keep

    def of(self, name: bytes, value: bytes) -> bytes:
        """Return the value of a field (lower case) of `WORDS`: unknown words are replaced, each by one of its length."""
        words = WORDS[name]
        return TOKEN.sub(lambda found: self._word(found[0], words), value)

    def _word(self, word: bytes, words: frozenset[bytes]) -> bytes:
        if word.lower() in words or _is_numbers(word):
            return self._keep(word)
        return self._text(word)

    def agent(self, value: bytes) -> bytes:
        """Return a user agent or the name of a server: known products with their versions stay, other words are replaced."""
        return b"".join(self._product(found[1]) if found[1] is not None else self._text(found[2]) for found in SPACED.finditer(value))

    def _product(self, token: bytes) -> bytes:
        core = token.rstrip(b";,")
        ending = token[len(core) :]
        if core.lower() in PRODUCTS or _is_release(core):
            return self._keep(core) + ending
        name, slash, rest = core.partition(b"/")
        low = name.lower()
        if not slash or (low not in PRODUCTS and low not in OWN_PRODUCTS):
            return self._text(core) + ending
        if low in OWN_PRODUCTS:
            return name + slash + self._text(rest) + ending
        if _is_release(rest) or rest.lower() in PRODUCTS or (low == b"m" and FEATURES.fullmatch(rest)):
            return self._keep(core) + ending
        if low not in METADATA:
            return self._keep(name) + slash + self._text(rest) + ending
        return self._keep(name) + slash + self._metadata(rest) + ending

    def _metadata(self, rest: bytes) -> bytes:
        """Return what stands behind `md/`, `os/` and the like: the name of something known, and its version."""
        if ADDRESS.search(rest):
            return self._text(rest)
        name, mark, version = rest.partition(b"#")
        if not mark:
            name, mark, version = rest.partition(b"/")
        if name.lower() not in AGENT_WORDS and name.lower() not in PRODUCTS:
            return PART.sub(self._part, name) + mark + self._text(version)
        if _is_release(version) or version.lower() in AGENT_WORDS:
            return self._keep(rest)
        return self._keep(name) + mark + PART.sub(self._part, version)

    def _part(self, found: re.Match[bytes]) -> bytes:
        part = found[0]
        return self._keep(part) if part.lower() in AGENT_WORDS or (part.isdigit() and len(part) <= 4) else self._text(part)


def _is_release(text: bytes) -> bool:
    """Tell whether a text is a version, and no address."""
    return len(text) <= 40 and RELEASE.fullmatch(text) is not None and ADDRESS.fullmatch(text) is None


def _is_numbers(word: bytes) -> bool:
    """Tell whether a word is a number, a range of two, a date or a time."""
    if STAMP.fullmatch(word):
        return True
    parts = word.split(b"-")
    return len(parts) <= 3 and all(len(part) <= 12 for part in parts) and word.replace(b"-", b"").isdigit()
