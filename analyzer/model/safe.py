"""Text from packets made safe to show: the one function behind every form, `plain`, and `markup` for HTML."""

from __future__ import annotations

import unicodedata
from html import escape

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that move a cursor, hide or reorder text."""


def plain(text: str) -> str:
    """Return text with every control, format and unassigned character written as an escape: safe for a terminal, one line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in HIDDEN else char for char in text)


def markup(text: str) -> str:
    """Return text for HTML, in an element or a quoted attribute: as `plain`, and what is markup as an entity."""
    return escape(plain(text))


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
