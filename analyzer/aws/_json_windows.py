"""The members of a JSON object (RFC 8259) as far as a window of its text shows them, read from its beginning or from its end.

Bodies are up to a megabyte and only their ends are looked at, so a parser of whole documents does not fit. What is read here is exact where
the text is JSON: strings are taken whole, so nothing inside one counts, and every member comes with its depth. A window that breaks off
in the middle of something ends the reading there. Time grows linearly with the window, and nothing recurses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple


class Member(NamedTuple):
    """One `"key": value` of an object."""

    depth: int
    """1 for members of the outermost object; arrays count too."""
    key: bytes
    value: bytes
    """A scalar's text with quotes where it is a string; `{` or `[` where an object or array begins."""


_STRING = r'"[^"\\]*+(?:\\.[^"\\]*)*+"'
# Backwards a quote that a backslash precedes is inside a string, and no opening quote is preceded by one.
_GNIRTS = r'"[^"]*+(?:"\\[^"]*)*+"(?=[^\\])'
_SCALAR = r'[^\s"{}\[\]:,]++'

# Groups: 1 string, 2 colon (a key), 3 its value where it is no object or array and surely whole, 4 opening, 5 closing bracket. Group 6 is a
# quote that begins no whole string: there the window breaks off, and the reading ends before the quotes inside it are tried.
_FORWARD = re.compile(rf'({_STRING})(?:\s*+(:)\s*+(?:({_STRING}|{_SCALAR})(?=\s*+[,}}]))?+)?+|([{{\[])|([}}\]])|(")'.encode(), re.DOTALL)
# Groups: 1 value and 2 key; 3 key of an object or array; 4 another string, 5 closing, 6 opening bracket, 7 as 6 above. A scalar is tried
# only where one can begin, else a long run of letters would be tried at each of them.
_BACKWARD = re.compile(
    rf'({_GNIRTS}|(?<=[\s,}}]){_SCALAR})\s*+:\s*+({_GNIRTS})|:\s*+({_GNIRTS})|({_GNIRTS})|([}}\]])|([{{\[])|(")'.encode(), re.DOTALL
)
_STRINGS = re.compile(_STRING.encode(), re.DOTALL)
_END = Member(0, b"", b"")


def members(window: bytes, deepest: int = 1) -> Iterator[Member]:
    """Walk the members of the object that begins with the window, in text order, each as soon as its value is known.

    Members deeper than `deepest` are passed over. A last member of depth 0 says that the object's end was reached; without it the window
    broke off or is no JSON.
    """
    open_ = bytearray()
    depth = 0
    key: bytes | None = None
    for match in _FORWARD.finditer(window):
        kind = match.lastindex
        if kind == 3:
            if depth <= deepest:
                if not depth:
                    return
                yield Member(depth, _name(match[1]), match[3])
        elif kind == 2:
            key = match[1]
        elif kind == 4:
            if key is not None:
                if depth <= deepest:
                    yield Member(depth, _name(key), match[4])
                key = None
            elif not depth and (match[4] != b"{" or window[: match.start()].strip()):
                return
            open_ += match[4]
            depth += 1
        elif kind == 5:
            # The codes of a pair of brackets differ by two.
            if not depth or open_.pop() + 2 != match[5][0]:
                return
            depth -= 1
            if not depth:
                yield _END
                return
        elif kind == 6 or not depth:
            return


def last_members(window: bytes) -> Iterator[Member]:
    """Walk the outermost object's own members backwards from its end, which the window must hold; nested ones are passed over.

    The value of a member that is an object or array is `{` or `[`. An array is told twice: without its key when its end is met, so that
    nobody need walk a long one to learn that it is there, and with its key. A last member of depth 0 says that the object's beginning was
    reached.
    """
    text = window[::-1]
    depth = 0
    container = b""
    for match in _BACKWARD.finditer(text):
        kind = match.lastindex
        if kind == 5:
            if depth == 0 and (match[5] != b"}" or text[: match.start()].strip()):
                return
            if depth == 1:
                container = b"{"
                if match[5] == b"]":
                    container = b"["
                    yield Member(1, b"", container)
            depth += 1
        elif depth == 0 or kind == 7:
            return
        elif kind == 6:
            depth -= 1
            if depth == 0:
                if match[6] == b"{" and not text[match.end() :].strip():
                    yield _END
                return
        elif depth == 1:
            if kind == 2:
                yield Member(1, _name(match[2][::-1]), match[1][::-1])
            elif kind == 3 and container:
                yield Member(1, _name(match[3][::-1]), container)
            else:
                return
            container = b""


def depth_of(text: bytes, depth: int = 0) -> int:
    """Count how many brackets are open after a text without broken strings that begins at `depth`."""
    bare = _STRINGS.sub(b"", text)
    return depth + bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")


def string(value: bytes) -> str | None:
    """Read a member's value that is a string; None if it is none or breaks JSON's rules."""
    if len(value) < 2 or value[0] != 0x22 or value[-1] != 0x22:
        return None
    try:
        text = json.loads(value) if b"\\" in value else value[1:-1].decode()
    except ValueError:
        return None
    return text if isinstance(text, str) else None


def number(value: bytes) -> int | None:
    """Read a member's value that is a count: at most 18 decimal digits; None for everything else."""
    return int(value) if value.isdigit() and len(value) <= 18 else None


def _name(token: bytes) -> bytes:
    """Read a key; one with escapes is read as JSON, and stays as it is where that fails."""
    if b"\\" not in token:
        return token[1:-1]
    try:
        text = json.loads(token)
        return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else token
    except ValueError:
        return token
