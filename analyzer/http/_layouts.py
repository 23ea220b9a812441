"""Heads that look like the one before: compared as one piece where they repeat, name by name where they change.

A client sends the same fields in the same order, and most of them with the same values, for its whole life. A layout is what was learnt of
a head that was read line by line: the lines up to the first that changes with every message, literally, and the names of the others, each
with the size that its value had last, which most have again. A head fits or does not; what does not fit is read line by line again.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from analyzer.http._heads import FRAMING, FieldReader

if TYPE_CHECKING:
    from mypy_extensions import i64

Lead = TypeVar("Lead")
RequestLead: TypeAlias = tuple[str, bytes, str | None]
"""Method, target and version."""

VOLATILE: Final = frozenset({
    b"date", b"x-amz-date", b"authorization", b"proxy-authorization", b"x-amz-security-token", b"x-amz-content-sha256", b"cookie",
    b"set-cookie", b"x-amz-id-2", b"x-amz-crc32", b"x-aws-ec2-metadata-token", b"content-length", b"connection", b"etag", b"last-modified",
    b"amz-sdk-invocation-id", b"aws-sdk-invocation-id", b"amz-sdk-request", b"amz-sdk-retry", b"aws-sdk-retry",
    b"x-amzn-requestid", b"x-amzn-request-id", b"x-amz-request-id",
})  # fmt: skip
"""Fields that are never compared: they change with every message, are secrets, or say how the message goes on."""
UNUSUAL: Final = frozenset({b"transfer-encoding", b"content-encoding", b"expect"})
"""Fields that make a message one for the general reader."""
MOST_LAYOUTS: Final = 32
LONGEST_PIECE: Final = 2048
MOST_LINES: Final = 40
PATIENCE: Final = 32
"""Of heads that begin in a known way and yet were read line by line, one in so many is looked at."""
MOST_DIGITS: Final = 15
"""Of a usual Content-Length."""
LF: Final = 10
CR: Final = 13
SPACE: Final = 32
ZERO: Final = 48
NINE: Final = 57
"""Octets as numbers; none up to SPACE begins or ends a value."""


class Line:
    """A line of a head whose value changes."""

    __slots__ = ("counts", "length", "name", "size", "text", "wanted")

    def __init__(self, raw: bytes, name: bytes, *, wanted: bool | None) -> None:
        self.text = raw + b":"
        """How it begins."""
        self.size: i64 = len(raw) + 1
        self.name = name
        """In lower case."""
        self.wanted = wanted
        """Whether its value is wanted (True), only its presence (False), or nothing (None)."""
        self.counts = name == b"content-length"
        self.length: i64 = 0
        """Bytes from the colon to the line's end, the last time."""


class Layout(Generic[Lead]):
    """What equal heads share."""

    __slots__ = ("_tries", "fields", "lead", "lines", "memory", "size", "text")

    def __init__(self, lead: Lead, text: bytes, fields: dict[bytes, bytes], lines: list[Line], *, alike: bool) -> None:
        self.lead = lead
        """What the start line says."""
        self.text = text
        """Start line and the fields that repeat, each with its line break."""
        self.size: i64 = len(text)
        self.fields = fields
        """What of them is wanted."""
        self.lines = lines
        """The other lines, in their order."""
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

    __slots__ = ("_known", "_seen", "_usual", "_varying", "reader")

    def __init__(self, reader: FieldReader, varying: AbstractSet[bytes] = frozenset()) -> None:
        self.reader = reader
        self._varying = frozenset(varying) | FRAMING
        self._known: list[Layout[Lead]] = []
        self._seen: tuple[bytes, list[bytes]] | None = None
        self._usual: Layout[Lead] | None = None
        """The layout that fitted last."""

    def read(self, data: bytes, start: int, end: int) -> Fit[Lead] | None:
        """Read a whole head of a known layout, with content of a known length, at `data[start:end]`; None where it is not that."""
        layout = self._usual
        if layout is None or data[start : start + layout.size] != layout.text:  # quicker than `startswith`
            layout = self._like(data, start)
            if layout is None:
                return None
        last: i64 = end
        begin: i64 = start + layout.size
        at, due = begin, begin - begin
        fields = layout.fields.copy()
        for line in layout.lines:
            colon = at + line.size
            if data[at:colon] != line.text:
                return None
            stop = colon + line.length
            if stop + 4 > last or data[stop] != CR or data[stop + 1] != LF:
                stop = data.find(b"\r\n", colon, end)
                if stop < 0 or stop + 4 > last:
                    return None
                line.length = stop - colon
            if line.wanted:
                first = colon + 1
                if stop <= first or data[colon] != SPACE or data[first] <= SPACE or data[stop - 1] <= SPACE:
                    return None
                fields[line.name] = data[first:stop]
                if line.counts:
                    due = decimal(data, first, stop)
            at = stop + 2
        content = at + 2
        # That there are as many line breaks as lines shows that none was passed over in a value.
        if due <= 0 or data[at] != CR or data[at + 1] != LF or data.count(b"\n", begin, content) != len(layout.lines) + 1:
            return None
        return layout, fields, content, due

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
        changing = self._changing(rest)
        if changing is None or len(text) > LONGEST_PIECE or b"\n" in text.replace(b"\r\n", b""):
            return
        shape = text, [line.text for line in changing]
        if self._seen != shape:
            self._seen = shape
            return
        names = {line.name for line in changing if line.wanted}
        present = [line.name for line in changing if line.wanted is False]
        kept = {name: value for name, value in fields.items() if name not in names} | dict.fromkeys(present, b"")
        self._known = [layout for layout in self._known if layout.text != text]
        self._known.insert(0, Layout(lead, text, kept, changing, alike=self._varying.issuperset(names)))
        del self._known[MOST_LAYOUTS:]

    def _changing(self, lines: list[bytes]) -> list[Line] | None:
        """Tell what lines that change have in common with those of the next head. None where a line is odd."""
        found: list[Line] = []
        names: set[bytes] = set()
        for line in lines:
            raw, colon, _ = line.partition(b":")
            name, wanted = self.reader.kind(raw)
            if not colon or line[0] <= SPACE or b"\n" in line or (wanted is not None and name in names):
                return None
            names.add(name)
            found.append(Line(raw, name, wanted=wanted))
        return found if b"content-length" in names else None


def decimal(data: bytes, start: i64, end: i64) -> i64:
    """Read a decimal number of at most MOST_DIGITS digits; -1 where it is none."""
    number: i64 = 0
    if end - start > MOST_DIGITS:
        return -1
    for digit in data[start:end]:
        if not ZERO <= digit <= NINE:
            return -1
        number = number * 10 + digit - ZERO
    return number


RequestLayouts: TypeAlias = Layouts[RequestLead]
ResponseLayouts: TypeAlias = Layouts[int]


def _split(lines: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Part a head into the lines that repeat, as they stood on the wire, and those from the first on that change."""
    at = next((index for index, line in enumerate(lines) if index and line.partition(b":")[0].lower() in VOLATILE), len(lines))
    return b"".join(line + b"\r\n" for line in lines[:at]), lines[at:]
