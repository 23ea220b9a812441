"""Searches a file for everything that was replaced, in every encoding in which it could have stayed.

Each word is looked for by its first eight bytes at every place of the file, and those of its encodings: hexadecimal, base64 in its three
alignments, UTF-16, backwards in percent and JSON escapes nothing changes for letters and digits. Time is linear in the size of the file.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from analyzer.redacting.disguise import LEAST_SEARCHED, Disguise

WINDOW = 1 << 20
GRAM = 8
MOST_FOUND = 20
LONGEST = 4096


class Search:
    """What is looked for, by its first eight bytes."""

    def __init__(self, disguise: Disguise) -> None:
        self._grams: dict[int, list[tuple[bytes, str]]] = {}
        self.words = 0
        for word in disguise.hidden:
            if word not in disguise.shown and word.lower() not in disguise.shown:
                self.words += 1
                self._add(word)
        for packed in disguise.addresses.replaced():
            text = str(ip_address(packed)).encode()
            if len(text) >= LEAST_SEARCHED:
                self.words += 1
                self._put(text, "as an address")
            if len(packed) == 16:
                self._put(packed, "as an address")

    def file(self, path: Path) -> Iterator[str]:
        """Yield where in a file something was found, and in which encoding; not what."""
        with path.open("rb") as file:
            yield from self.chunks(iter(lambda: file.read(WINDOW), b""))

    def chunks(self, chunks: Iterable[bytes]) -> Iterator[str]:
        """Yield where in bytes that come in pieces something was found."""
        if not self._grams:
            return
        import numpy as np

        table = np.array(sorted(self._grams), dtype=np.uint64)
        bits = np.zeros(1 << 22, dtype=bool)
        bits[_hashed(table)] = True
        base, rest, found = 0, b"", 0
        pieces = iter(chunks)
        chunk = next(pieces, None)
        while chunk is not None:
            following = next(pieces, None)
            data = rest + chunk
            # What is longer than what follows is confirmed with the next piece at hand.
            stop = len(data) if following is None else max(len(data) - LONGEST, 0)
            for at in self._candidates(np.frombuffer(data, np.uint8), table, bits, stop):
                how = self._confirmed(data, at)
                if how is not None:
                    yield f"a word that was replaced stands {how} at byte {base + at}"
                    found += 1
                    if found == MOST_FOUND:
                        return
            base, rest, chunk = base + stop, data[stop:], following

    def _candidates(self, data: Any, table: Any, bits: Any, stop: int) -> list[int]:
        import numpy as np

        whole = data
        out: list[int] = []
        for shift in range(GRAM):
            count = (len(whole) - shift) // GRAM
            if count <= 0:
                continue
            words = whole[shift : shift + count * GRAM].view("<u8")
            hits = np.flatnonzero(bits[_hashed(words)])
            if len(hits):
                places = np.searchsorted(table, words[hits])
                known = hits[table.take(places, mode="clip") == words[hits]]
                out += [int(hit) * GRAM + shift for hit in known]
        return sorted(at for at in out if at < stop)

    def _confirmed(self, data: bytes, at: int) -> str | None:
        for pattern, how in self._grams.get(int.from_bytes(data[at : at + GRAM], "little"), ()):
            if data.startswith(pattern, at):
                return how
        return None

    def _add(self, word: bytes) -> None:
        self._put(word, "as it is")
        for other, how in ((word.lower(), "in another case"), (word.upper(), "in another case")):
            if other != word:
                self._put(other, how)
        self._put(word.hex().encode(), "in hexadecimal")
        self._put(word.hex().upper().encode(), "in hexadecimal")
        self._put(word.decode().encode("utf-16-le"), "in UTF-16")
        self._put(word.decode().encode("utf-16-be"), "in UTF-16")
        for shift in range(3):
            coded = base64.b64encode(bytes(shift) + word)
            # The characters that the neighbours share with it are not its own.
            core = coded.rstrip(b"=")[(0, 2, 3)[shift] : -1]
            self._put(core, "in base64")
            self._put(core.replace(b"+", b"-").replace(b"/", b"_"), "in base64")

    def _put(self, pattern: bytes, how: str) -> None:
        pattern = pattern[:LONGEST]
        if len(pattern) >= GRAM and len(set(pattern)) > 2:
            known = self._grams.setdefault(int.from_bytes(pattern[:GRAM], "little"), [])
            if len(known) < 64 and (pattern, how) not in known:
                known.append((pattern, how))


def _hashed(words: Any) -> Any:
    import numpy as np

    with np.errstate(over="ignore"):
        return (np.asarray(words, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(42)
