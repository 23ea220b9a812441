"""Heads that look like the one before: compared as one piece where they repeat, matched by one pattern where they change.

A client sends the same fields in the same order, and most of them with the same values, for its whole life. A layout is what was learnt of
a head that was read line by line: the lines up to the first that changes with every message, literally, and a pattern for the others. A
head fits or does not; what does not fit is read line by line again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final, Generic, TypeAlias, TypeVar

from analyzer.http._heads import FRAMING, FieldReader

Lead = TypeVar("Lead")
RequestLead: TypeAlias = tuple[str, bytes, str | None]
"""Method, target and version."""
Matcher: TypeAlias = Callable[[bytes, int, int], re.Match[bytes] | None]

VOLATILE: Final = frozenset({
    b"date", b"x-amz-date", b"authorization", b"proxy-authorization", b"x-amz-security-token", b"x-amz-content-sha256", b"cookie",
    b"set-cookie", b"x-amz-id-2", b"x-amz-crc32", b"x-aws-ec2-metadata-token", b"content-length", b"connection", b"etag", b"last-modified",
    b"amz-sdk-invocation-id", b"aws-sdk-invocation-id", b"amz-sdk-request", b"amz-sdk-retry", b"aws-sdk-retry",
    b"x-amzn-requestid", b"x-amzn-request-id", b"x-amz-request-id",
})  # fmt: skip
"""Fields that are never compared: they change with every message, are secrets, or say how the message goes on."""
UNUSUAL: Final = frozenset({b"transfer-encoding", b"content-encoding", b"expect"})
"""Fields that make a message one for the general reader."""
TOKENS: Final = frozenset({b"amz-sdk-invocation-id", b"x-amzn-requestid", b"x-amz-request-id"})
"""Fields whose values have no white space: quicker to match."""
MOST_LAYOUTS: Final = 32
MOST_PATTERNS: Final = 64
"""Patterns that are made in all: making one takes 0.2 ms."""
LONGEST_PIECE: Final = 2048
MOST_LINES: Final = 40
PATIENCE: Final = 32
"""Of heads that begin in a known way and yet were read line by line, one in so many is looked at."""
ANY_VALUE: Final = rb":[^\n]*\r\n"
TOKEN: Final = rb": (\S+)\r\n"
LENGTH: Final = rb": (\d{1,15})\r\n"
"""A usual Content-Length."""
VALUE: Final = rb": (\S(?:[^\n]*\S)?)\r\n"


class Layout(Generic[Lead]):
    """What equal heads share."""

    __slots__ = ("_tries", "fields", "lead", "match", "memory", "names", "size", "text")

    def __init__(
        self, lead: Lead, text: bytes, fields: dict[bytes, bytes], match: Matcher, names: tuple[bytes, ...], *, alike: bool
    ) -> None:
        self.lead = lead
        """What the start line says."""
        self.text, self.size = text, len(text)
        """Start line and the fields that repeat, each with its line break."""
        self.fields = fields
        """What of them is wanted."""
        self.match = match
        """Matches the rest of the head, the empty line included."""
        self.names = names
        """The wanted fields of the rest, in the order of the pattern's groups."""
        self.memory: dict[Any, Any] | None = {} if alike else None
        """For the describing stage: what it found out about heads that differ in nothing that it cares about."""
        self._tries = 0

    def tried(self) -> bool:
        """Tell whether a head that begins like this one may be passed over, rather than looked at for a new order of its last fields."""
        self._tries += 1
        return self._tries % PATIENCE != 0


Fit: TypeAlias = tuple[Layout[Lead], dict[bytes, bytes], int, int]
"""A layout that fits, the wanted fields, where the content begins and how long it is (not empty)."""


class Layouts(Generic[Lead]):
    """The layouts that were learnt from the heads of one direction of all connections."""

    __slots__ = ("_known", "_matchers", "_seen", "_usual", "_varying", "reader")

    def __init__(self, reader: FieldReader, varying: AbstractSet[bytes] = frozenset()) -> None:
        self.reader = reader
        self._varying = frozenset(varying) | FRAMING
        self._known: list[Layout[Lead]] = []
        self._matchers: dict[bytes, Matcher] = {}
        self._seen: tuple[bytes, bytes] | None = None
        self._usual: Layout[Lead] | None = None
        """The layout that fitted last."""

    def read(self, data: bytes, start: int, end: int) -> Fit[Lead] | None:
        """Read a whole head of a known layout, with content of a known length, at `data[start:end]`; None where it is not that."""
        layout = self._usual
        if layout is None or data[start : start + layout.size] != layout.text:  # quicker than `startswith`
            layout = self._like(data, start)
            if layout is None:
                return None
        match = layout.match(data, start + layout.size, end)
        if match is None:
            return None
        fields = layout.fields.copy()
        for name, value in zip(layout.names, match.groups()):  # noqa: B905 - compiled, only the plain form is a loop without objects
            fields[name] = value
        due = int(fields[b"content-length"])
        return (layout, fields, match.end(), due) if due else None

    def _like(self, data: bytes, start: int) -> Layout[Lead] | None:
        """Return the layout whose repeating part stands at `data[start:]`."""
        for layout in self._known:
            if data[start : start + layout.size] == layout.text:
                self._usual = layout
                return layout
        return None

    def learn(self, lead: Lead, lines: list[bytes], fields: dict[bytes, bytes]) -> None:
        """Take note of a head that was read line by line; its layout is kept when it comes twice in a row."""
        if len(lines) > MOST_LINES or not UNUSUAL.isdisjoint(fields):
            return
        text, rest = _split(lines)
        if any(layout.text == text and layout.tried() for layout in self._known):
            return  # known, and unusual for another reason
        pattern, names, present = self._pattern(rest)
        if pattern is None or len(text) > LONGEST_PIECE or b"\n" in text.replace(b"\r\n", b""):
            return
        if self._seen != (text, pattern):
            self._seen = text, pattern
            return
        match = self._matchers.get(pattern)
        if match is None:
            if len(self._matchers) >= MOST_PATTERNS:
                return
            match = self._matchers[pattern] = re.compile(pattern).match
        kept = {name: value for name, value in fields.items() if name not in names} | dict.fromkeys(present, b"")
        self._known = [layout for layout in self._known if layout.text != text]
        self._known.insert(0, Layout(lead, text, kept, match, names, alike=self._varying.issuperset(names)))
        del self._known[MOST_LAYOUTS:]

    def _pattern(self, lines: list[bytes]) -> tuple[bytes | None, tuple[bytes, ...], tuple[bytes, ...]]:
        """Make the pattern of lines that change, and name its groups and the fields that are only there. None where a line is odd."""
        parts: list[bytes] = []
        names: list[bytes] = []
        present: list[bytes] = []
        for line in lines:
            raw, colon, _ = line.partition(b":")
            name, wanted = self.reader.kind(raw)
            if not colon or line[0] < 33 or name in names or name in present or b"\n" in line:
                return None, (), ()
            parts.append(re.escape(raw))
            if wanted:
                names.append(name)
                parts.append(LENGTH if name == b"content-length" else TOKEN if name in TOKENS else VALUE)
            else:
                parts.append(ANY_VALUE)
                if wanted is False:
                    present.append(name)
        if b"content-length" not in names:
            return None, (), ()
        return b"".join(parts) + rb"\r\n", tuple(names), tuple(present)


RequestLayouts: TypeAlias = Layouts[RequestLead]
ResponseLayouts: TypeAlias = Layouts[int]


def _split(lines: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Part a head into the lines that repeat, as they stood on the wire, and those from the first on that change."""
    at = next((index for index, line in enumerate(lines) if index and line.partition(b":")[0].lower() in VOLATILE), len(lines))
    return b"".join(line + b"\r\n" for line in lines[:at]), lines[at:]
