"""Text from packets made safe for a terminal, Markdown and CSV: one function a form, used by everything that prints."""

from __future__ import annotations

import re
import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that move a cursor, hide or reorder text."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""


def plain(text: str) -> str:
    """Return text with every control, format and unassigned character written as an escape: safe for a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in HIDDEN else char for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def markdown(text: str) -> str:
    """Return text for a cell of a Markdown table: nothing in it is markup, an entity or a link (GitHub makes links of bare addresses)."""
    out = plain(text)
    for char in "\\`*_{}[]<>()#|~!&@":
        out = out.replace(char, f"\\{char}")
    return re.sub(r"(?i)(www)(?=\.)|(:)(?=//)", lambda found: found[1] + "\\" if found[1] else "\\:", out)


def csv(text: str) -> str:
    """Return text for a CSV cell: what a spreadsheet would take for a formula gets an apostrophe before it."""
    out = plain(text)
    return f"'{out}" if out.startswith(FORMULA) else out
