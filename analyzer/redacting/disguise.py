"""What stands in for words, names and addresses: of the same length and kind, the same for the same, and different for what differs.

Everything hangs on one key. Without it nothing can be turned back; a word that is short, or that somebody can guess and has the key, is no
secret. Letters become letters of the same case and digits digits, so that what reads a message reads the disguised one alike.
"""

from __future__ import annotations

import re
from hashlib import blake2b, shake_128

from analyzer.redacting.addresses import Addresses
from analyzer.redacting.hosts import Hosts

WORD = re.compile(rb"[A-Za-z0-9]+")
HEX = re.compile(rb"(?=.*[0-9])(?:[0-9a-f]{8,}|[0-9A-F]{8,})")
UUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
KEY_ID = re.compile(rb"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}")
DIGITS = bytes(48 + number % 10 for number in range(256))
LETTERS = bytes(97 + number % 26 for number in range(256)), bytes(65 + number % 26 for number in range(256))
HEXADECIMAL = bytes(97 + number % 6 for number in range(256)), bytes(65 + number % 6 for number in range(256))
SHORT = 6
"""Words up to this length are remembered, so that no two of them become the same."""
LEAST_SEARCHED = 8
"""Words from this length on are searched for in what was written: shorter ones come about by chance."""
MOST_REMEMBERED = 1_000_000
MOST_SEARCHED = 200_000
TRIES = 64
_SAFE = bytes(byte if 0x20 <= byte < 0x7F or byte in b"\t\r\n" else 0x78 for byte in range(256))
"""Bytes that are no plain text become `x`."""


class Disguise:
    """Stands in for what must not be seen. `key` decides how; two captures disguised with one key go together."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, digest_size=32).digest()
        self._words: dict[bytes, bytes] = {}
        self._taken: set[bytes] = set()
        self.addresses = Addresses(self._key)
        self.hosts = Hosts(self.label, self.keep, self.addresses)
        self.hidden: dict[bytes, None] = {}
        """Words that were replaced and are long enough to be searched for."""
        self.shown: set[bytes] = set()
        """Words that were kept somewhere: what is public is no secret elsewhere."""
        self.unsearched = 0
        """Words that were replaced beyond those."""

    def word(self, word: bytes) -> bytes:
        """Return what stands in for a word of ASCII letters and digits."""
        known = self._words.get(word)
        if known is not None:
            return known
        known = self._new(word)
        if len(self._words) >= MOST_REMEMBERED:
            self._words = {old: new for old, new in self._words.items() if len(old) <= SHORT}
        self._words[word] = known
        self.hide(word)
        return known

    def text(self, text: bytes) -> bytes:
        """Return a text with every word replaced; marks and spaces stay, what is no plain text becomes `x`."""
        return WORD.sub(self._replace, text).translate(_SAFE)

    def identifier(self, text: bytes) -> bytes:
        """Return an identifier; one of hexadecimal digits and hyphens (a UUID) becomes another."""
        if not UUID.fullmatch(text):
            return self.text(text)
        known = self._words.get(text)
        if known is None:
            drawn = self._drawn(text.replace(b"-", b"").lower(), 0)
            letters = iter(drawn)
            known = bytes(char if char == 45 else next(letters) for char in text)
            known = known.upper() if text.isupper() else known
            self._words[text] = known
            self.hide(text)
        return known

    def label(self, label: bytes) -> bytes:
        """Return what stands in for a label of a host name, whose case means nothing (RFC 4343)."""
        new = WORD.sub(self._replace, label.lower()).translate(_SAFE)
        if label.islower() or label == label.lower():
            return new
        return bytes(ord(chr(fresh).upper()) if 65 <= old <= 90 else fresh for old, fresh in zip(label, new, strict=True))

    def keep(self, text: bytes) -> bytes:
        """Return a text as it is, and remember that its words are no secret."""
        for word in WORD.findall(text):
            if len(word) >= LEAST_SEARCHED and len(self.shown) < MOST_SEARCHED:
                self.shown.add(word)
        return text

    def hide(self, word: bytes) -> None:
        """Remember a word to search for."""
        if len(word) < LEAST_SEARCHED or len(set(word)) < 3 or word in self.hidden:
            return
        if len(self.hidden) < MOST_SEARCHED:
            self.hidden[word] = None
        else:
            self.unsearched += 1

    def _replace(self, found: re.Match[bytes]) -> bytes:
        return self.word(found[0])

    def _new(self, word: bytes) -> bytes:
        short = len(word) <= SHORT
        new = word
        for turn in range(TRIES):
            new = self._drawn(word, turn)
            if new != word and not (short and new in self._taken):
                break
        if short:
            self._taken.add(new)
        return new

    def _drawn(self, word: bytes, turn: int) -> bytes:
        """Draw a word of the same shape: case by case, digits for digits, hexadecimal for hexadecimal."""
        lower, upper = HEXADECIMAL if HEX.fullmatch(word) else LETTERS
        drawn = shake_128(self._key + turn.to_bytes(1, "big") + word).digest(len(word))
        new = bytes(
            [lower[fresh] if old >= 97 else upper[fresh] if old >= 65 else DIGITS[fresh] for old, fresh in zip(word, drawn, strict=True)]
        )
        if KEY_ID.fullmatch(word):
            return word[:4] + new[4:]
        # No number begins with a zero that did not.
        if 48 <= word[0] <= 57 and (word[0] == 48) != (new[0] == 48):
            return bytes((48 if word[0] == 48 else 49 + drawn[0] % 9,)) + new[1:]
        return new
