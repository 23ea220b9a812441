"""Contents of HTTP messages, disguised in place: JSON stays JSON with AWS's own members, XML keeps its tags, other text its marks.

What the analysis reads stays: counts of items, that there is a next page, error types. Nothing is parsed: a body may be cut, begin in the
middle, or be no JSON at all, and each word of it is judged by what stands around it.
"""

from __future__ import annotations

import gzip
import re
import zlib

from analyzer.redacting.aws_names import is_code
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.heads import Heads
from analyzer.redacting.vocabulary import KEPT_CODES, KEPT_ENUMS, KEPT_KEYS, KEPT_NUMBERS, REGION

FORM = b"application/x-www-form-urlencoded"
MOST_INFLATED = 4 << 20
"""Bytes of an inflated body that are looked at: four pages of DynamoDB's."""
JSON = re.compile(
    rb"""
    "(?P<key>[A-Za-z_]{1,48})"(?P<colon>\s*:\s*)(?:"(?P<string>[^"\\]{0,200})"|(?P<number>-?\d{1,20}(?:\.\d{1,20})?)(?=[,}\]\s]|\Z))?
  | \\u[0-9a-fA-F]{4}
  | (?P<escape>\\.)
  | (?<![\w"\\.-])(?P<literal>true|false|null)(?![\w"])
  | (?<=[:\[,\s])(?P<float>-?\d+(?:\.\d+)?)(?P<exponent>[eE][+-]?\d{1,4})(?=[,\]}\s])
  | (?P<word>[A-Za-z0-9]+)
    """,
    re.VERBOSE,
)
XML = re.compile(rb"<Code>(?P<code>[A-Za-z0-9_.]{1,128})</Code>|<[/?!]?[A-Za-z]{1,40}(?=[\s/>?])|&[a-z]{2,6};|(?P<word>[A-Za-z0-9]+)")
LONGEST_NUMBER = 12
"""Digits, sign and mark of a count or of capacity units."""
_SAFE = bytes(byte if 0x20 <= byte < 0x7F or byte in b"\t\r\n" else 0x78 for byte in range(256))


class Bodies:
    """Disguises contents."""

    def __init__(self, disguise: Disguise, heads: Heads) -> None:
        self._disguise = disguise
        self._heads = heads

    def content(self, data: bytes, media_type: bytes, encoding: bytes, *, whole: bool) -> bytes:
        """Return content of the same length; zeros where it is no text. `whole` says that nothing of it is missing."""
        coding = encoding.strip().lower()
        if coding and coding != b"identity":
            return self._compressed(data, media_type, coding) if whole else bytes(len(data))
        return self.text(data, media_type)

    def text(self, data: bytes, media_type: bytes) -> bytes:
        """Return text of the same length; zeros where it is none."""
        kind = media_type.partition(b";")[0].strip().lower()
        if kind == FORM:
            return self._heads.parameters(data).translate(_SAFE)
        start = data[:64].lstrip()[:1]
        if b"json" in kind or (start in (b"{", b"[") and b"cbor" not in kind):
            return JSON.sub(self._json, data).translate(_SAFE)
        if b"xml" in kind or b"html" in kind or start == b"<":
            return XML.sub(self._xml, data).translate(_SAFE)
        if kind.startswith(b"text/") or _is_text(data):
            return self._disguise.text(data)
        return bytes(len(data))

    def _json(self, found: re.Match[bytes]) -> bytes:
        word = found["word"]
        disguise = self._disguise
        if word is not None:
            return disguise.word(word)
        key = found["key"]
        if key is not None:
            colon, string, number = found["colon"], found["string"], found["number"]
            out = b'"' + (disguise.keep(key) if key in KEPT_KEYS else disguise.text(key)) + b'"' + colon
            if string is not None:
                out += b'"' + (self._heads.error_type(string) if key == b"__type" else self._string(key, string)) + b'"'
            elif number is not None:
                out += number if key in KEPT_NUMBERS and len(number) <= LONGEST_NUMBER else disguise.text(number)
            return out
        if found["escape"] is not None or found["literal"] is not None:
            return found[0]
        if found["float"] is not None:
            return disguise.text(found["float"]) + found["exponent"]
        return b"\\u0078"

    def _string(self, key: bytes, string: bytes) -> bytes:
        kept = (key in KEPT_CODES and is_code(string)) or (
            string in KEPT_ENUMS.get(key, ()) or (key == b"region" and REGION.fullmatch(string))
        )
        return self._disguise.keep(string) if kept else self._disguise.text(string)

    def _xml(self, found: re.Match[bytes]) -> bytes:
        if found["word"] is not None:
            return self._disguise.word(found["word"])
        code = found["code"]
        if code is None or is_code(code):
            return self._disguise.keep(found[0])
        return b"<Code>" + self._disguise.text(code) + b"</Code>"

    def _compressed(self, data: bytes, media_type: bytes, coding: bytes) -> bytes:
        """Return a gzip member of the same length with the disguised text; zeros where that cannot be made."""
        if coding not in (b"gzip", b"x-gzip"):
            return bytes(len(data))
        try:
            unpacker = zlib.decompressobj(31)
            plain = unpacker.decompress(data, MOST_INFLATED)
        except zlib.error:
            return bytes(len(data))
        if not unpacker.eof:
            return bytes(len(data))
        return packed(self.text(plain, media_type), len(data)) or bytes(len(data))


def packed(text: bytes, size: int) -> bytes | None:
    """Return a gzip member of exactly `size` bytes with `text` (RFC 1952); None where it does not fit.

    What is left over goes into an extra field of the header, which every reader skips, and into empty blocks.
    """
    member = gzip.compress(text, 9, mtime=0)
    left = size - len(member)
    if left < 0:
        return None
    if not left:
        return member
    blocks = b""
    if left > 0xFFFF or left < 2:
        # Stored blocks of no bytes (RFC 1951 section 3.2.4), as a flush writes them, five bytes each.
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        count = max(0, (left - 0x8000) // 5) if left > 0xFFFF else 0
        blocks = b"\x00\x00\x00\xff\xff" * count
        member = member[:10] + blocks + packer.compress(text) + packer.flush() + member[-8:]
        left = size - len(member)
        if left < 0 or left == 1 or left > 0xFFFF + 2:
            return None
        if not left:
            return member
    extra = left - 2
    return member[:3] + b"\x04" + member[4:10] + extra.to_bytes(2, "little") + bytes(extra) + member[10:]


def _is_text(data: bytes) -> bool:
    """Tell whether bytes are plain text, for what says nothing of its type (the answers of IMDS)."""
    return not data.translate(None, bytes([*range(0x20, 0x7F), 9, 10, 13]))
