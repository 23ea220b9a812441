"""OpenTelemetry's nouns: a span with its events and links, a trace, and ids that depend on the capture alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from analyzer.model.analysis import Analysis
from analyzer.units import TimeNs

Value: TypeAlias = str | bool | int | float | Sequence[str]
Attributes: TypeAlias = Mapping[str, Value]


class Event(NamedTuple):
    """Something that happened at one moment of a span."""

    name: str
    time_ns: TimeNs
    attributes: Attributes


class Link(NamedTuple):
    """A span of another trace that this one has to do with."""

    trace_id: int
    span_id: int
    attributes: Attributes


class Traced(NamedTuple):
    """One span as OpenTelemetry has it (opentelemetry-proto, trace.proto)."""

    trace_id: int
    """16 bytes, not zero."""
    span_id: int
    """8 bytes, not zero."""
    parent_id: int | None
    name: str
    kind: int
    start_ns: TimeNs
    end_ns: TimeNs
    attributes: Attributes
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    error: str | None = None
    """What went wrong, in a word; None leaves the status unset."""


class Trace(NamedTuple):
    """The spans of one trace, root first, and whose they are."""

    resource: Attributes
    spans: list[Traced]


class Ids:
    """Ids that depend on nothing but the capture and what they are for (W3C trace context: 16 and 8 bytes, not zero)."""

    def __init__(self, analysis: Analysis) -> None:
        info = analysis.capture
        marks = (info.packets, info.bytes, info.first_ns, info.last_ns, *((file.packets, file.first_ns) for file in info.files))
        self._key = blake2b(repr(marks).encode(), digest_size=16).digest()

    def trace(self, kind: str, number: int) -> int:
        """Return the trace id of a row."""
        return self._hash(f"{kind} {number}", 16)

    def span(self, kind: str, number: int, part: str = "") -> int:
        """Return the id of a span of a row; without a part of the root."""
        return self._hash(f"{kind} {number} {part}", 8)

    def _hash(self, text: str, size: int) -> int:
        return int.from_bytes(blake2b(text.encode(), digest_size=size, key=self._key).digest(), "big") or 1
