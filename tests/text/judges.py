"""What an output in each format must be, however much its text attacks: one judge a format."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

from markdown_it import MarkdownIt

from analyzer.model.safe import HIDDEN
from tests.text.hostile import EVIL

FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


def people(text: str) -> Iterator[str]:
    """Judge text for a terminal: nothing moves a cursor, hides or reorders; no line was forged."""
    yield from (f"U+{ord(char):04X}" for char in set(text) if char != "\n" and unicodedata.category(char) in HIDDEN)
    for line in text.splitlines():
        if re.match(r"\s*(forged|analyzer: warning: forged|hint: forged)", line):
            yield f"forged: {line[:80]}"


def markdown(text: str) -> Iterator[str]:
    """Judge Markdown (CommonMark, with GitHub's tables): no link, picture or markup of the attacker's; tables keep their columns."""
    yield from people(text)
    # GitHub makes links of bare addresses: the colon before the slashes, the point after www and the at sign are escaped.
    bare = re.sub(r"`[^`\n]*`|^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for found in re.finditer(rf"(?<!\\)://{EVIL}|www(?<!\\)\.{EVIL}|(?<!\\)@{EVIL}", bare):
        yield f"an address: {bare[found.start() - 20 : found.end()]!r}"
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        for one in (token, *(token.children or ())):
            if one.type in ("link_open", "image", "html_inline", "html_block"):
                yield f"{one.type}: {one.content[:60]} {one.attrs}"
    for block in re.split(r"\n\s*\n", text):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        sizes = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows}
        if len(sizes) > 1:
            yield f"cells: {sorted(sizes)} in {rows[0][:80]}"


def comma(text: str) -> Iterator[str]:
    """Judge CSV (RFC 4180): rows are rows, and no cell is a formula."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if len({len(row) for row in rows}) > 1:
        yield f"rows of {sorted({len(row) for row in rows})} cells"
    for cell in (cell for row in rows for cell in row):
        if cell.startswith(FORMULA) and not NUMBER.fullmatch(cell):
            yield f"a formula: {cell[:60]!r}"
        yield from people(cell)


def document(text: str) -> Iterator[str]:
    """Judge JSON: it can be read, and is plain ASCII without control characters, so that a terminal may show it too."""
    json.loads(text)
    yield from _ascii(text)


def lines(text: str) -> Iterator[str]:
    """Judge JSON Lines."""
    for line in text.splitlines():
        json.loads(line)
    yield from _ascii(text)


def _ascii(text: str) -> Iterator[str]:
    yield from (f"{char!r}" for char in sorted(set(text)) if char != "\n" and not " " <= char <= "~")


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: set[tuple[str, str]] = set()
        self.trouble: list[str] = []
        self._raw = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._raw = tag in ("script", "style")
        for name, value in attrs or [("", "")]:
            self.seen.add((tag, name))
            if name.startswith("on") or (name in ("href", "src", "action", "srcdoc") and EVIL in (value or "")):
                self.trouble.append(f"<{tag} {name}={value}>")
            self.trouble += [f"{one} in <{tag} {name}>" for one in people(value or "")]

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        if not self._raw:
            self.trouble += people(data.replace("\t", " "))

    def handle_comment(self, data: str) -> None:
        if "forged" in data or "alert" in data:
            self.trouble.append(f"a comment: {data[:60]}")


def page(text: str) -> Iterator[str]:
    """Judge HTML: elements and attributes are those that pages are made of, and text is text."""
    found = _Elements()
    found.feed(text)
    found.close()
    yield from found.trouble
    yield from (f"<{tag}>" for tag, _ in found.seen if tag in ("img", "iframe", "object", "embed", "base", "form", "link"))
    yield from (
        f"{text.count(attack)} times {attack}" for attack in ("<script>alert", "onload=alert(2)></style>", "<img src=x") if attack in text
    )


JUDGES: dict[str, Callable[[str], Iterator[str]]] = {
    "text": people, "table": people, "plain": people, "markdown": markdown, "csv": comma, "json": document, "jsonl": lines,
    "html": page, "har": document, "otlp": document, "perfetto": document,
}  # fmt: skip
"""By format. A format that is not here, nor in the next, has nobody who judges it, and a test says so."""
BINARY = {"parquet", "pcapng"}
"""Formats that are data and no text: their readers are programs. Comments in captures are judged by a test of their own."""
