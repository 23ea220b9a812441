"""Text from packets made safe for a terminal, HTML, Markdown and CSV: one function a form, used by everything that prints."""

from __future__ import annotations

import re

from analyzer.model.safe import HIDDEN as HIDDEN
from analyzer.model.safe import markup as markup
from analyzer.model.safe import plain as plain

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""


_MARKUP = re.compile(
    r"""
    (?P<always> [`*~\[|#] )                      # code, emphasis, strike-out, links and notes, cells, headings and references to issues
  | (?P<slash> \\ (?= [!-/:-@\[-`{-~] | \Z) )     # a backslash that would escape what follows
  | (?P<tag> < (?= [A-Za-z/!?]) )                # a tag, a comment, a link in angle brackets
  | (?P<entity> & (?= \#?\w{1,32};) )
  | (?P<mention> @ (?= \w) )                     # a person; an address of mail
  | (?P<scheme> : (?= //) )                      # GitHub makes links of bare addresses
  | (?<= www) (?P<host> \. )
  | (?P<under> _+ )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BLOCK = re.compile(r"\s*(?:(?P<mark>[>+-])|[0-9]{1,9}(?P<number>[.)])|(?P<line>=))")
"""What begins a block where it begins a line: a quotation, a list, a line under a heading."""


def inline(text: str) -> str:
    """Return text for Markdown, not at the beginning of a line: nothing in it is markup, an entity or a link (CommonMark 0.31, GitHub's).

    Escaped is only what would be markup where it stands: `ack_rtt`, `(4 http/1.1)` and `->` stay as they are.
    """
    return _MARKUP.sub(_escaped, plain(text))


def markdown(text: str) -> str:
    """Return text for Markdown, wherever it stands: as `inline`, and it begins no list, quotation or heading either."""
    out = inline(text)
    if (found := _BLOCK.match(out)) is not None:
        kind, after = found.lastgroup or "mark", out[found.end() : found.end() + 1]
        # A hyphen before a number is a sign, a number before a point may be a share: only before a space do they begin a list.
        if found["mark"] == ">" or kind == "line" or not after.strip() or after in "-":
            out = f"{out[: found.start(kind)]}\\{out[found.start(kind) :]}"
    return out


def _escaped(found: re.Match[str]) -> str:
    if found["under"] is None:
        return f"\\{found[0]}"
    # Between letters it is no emphasis (CommonMark 6.2).
    before, after = found.string[: found.start()][-1:], found.string[found.end() : found.end() + 1]
    return found[0] if before.isalnum() and after.isalnum() else "\\_" * len(found[0])


def csv(text: str) -> str:
    """Return text for a CSV cell: what a spreadsheet would take for a formula gets an apostrophe before it."""
    out = plain(text)
    return f"'{out}" if out.startswith(FORMULA) else out
