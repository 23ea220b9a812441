"""The ledger of one call, line by line: its spans, with each failed attempt and each pass of a dialogue drawn together in one line.

Nothing is lost by that: the lines are contiguous, and their lengths add up to the call's duration to the nanosecond as the spans do.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from analyzer import timers
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Span
from analyzer.report.calls import name_of
from analyzer.report.happened import Words, asked, causes, waited
from analyzer.report.ledger import split
from analyzer.report.pauses import pauses
from analyzer.report.sentences import runs
from analyzer.units import SECOND, ConnectionId, DurationNs, PacketId, TimeNs, duration


class Part(NamedTuple):
    """A part of a wait for an answer."""

    name: str
    """stall, network, server; wait: what could not be split."""
    duration_ns: DurationNs
    text: str


class Step(NamedTuple):
    """A line of a call's ledger. Texts are not made safe yet."""

    attempt: int | None
    phase: str
    label: str
    """What a bar of it is called."""
    start_ns: TimeNs
    end_ns: TimeNs
    text: str
    """What happened, with its causes."""
    first_packet_id: PacketId | None
    """Where nothing was on the wire, the last packet before. None where no packet is known to begin it."""
    last_packet_id: PacketId | None
    """Where nothing was on the wire, the first packet after. None where no packet is known to end it."""
    display_filter: str
    parts: tuple[Part, ...]
    """Of a wait for an answer, what it consists of."""
    span_ids: tuple[int, ...]

    @property
    def duration_ns(self) -> DurationNs:
        """Return the length of the line."""
        return self.end_ns - self.start_ns


class Steps:
    """Makes the lines of one call."""

    def __init__(self, analysis: Analysis, call: Call) -> None:
        self.spans = sorted(
            (span for span in analysis.spans if span.call_id == call.call_id), key=lambda span: (span.start_ns, span.span_id)
        )
        wanted = {span.dialogue_id for span in self.spans if span.dialogue_id is not None}
        self._dialogues = {row.call_id: row for row in analysis.calls if row.call_id in wanted}
        self._inner: dict[tuple[int, TimeNs], Span] = {}
        for span in analysis.spans if wanted else ():
            if span.call_id in wanted:
                self._inner[span.call_id, span.start_ns] = span
        self.words = Words(analysis, [call, *self._dialogues.values()])
        self._pauses: dict[int, str] = {}
        for one in (call, *self._dialogues.values()):
            self._pauses.update(pauses(analysis, one))

        # Looked up from both ends once: a call may have very many spans.
        self._earlier: list[Span | None] = [None]
        for span in self.spans:
            self._earlier.append(span if span.last_packet_id is not None else self._earlier[-1])
        self._later: list[Span | None] = [None]
        for span in reversed(self.spans[1:]):
            self._later.append(span if span.first_packet_id is not None else self._later[-1])
        self._later.reverse()

    def make(self) -> list[Step]:
        """Return the lines, in order of time."""
        groups = [list(group) for _, group in groupby(enumerate(self.spans), key=lambda item: self._key(*item))]
        return [self._step([span for _, span in group], group[0][0], group[-1][0]) for group in groups]

    def _key(self, position: int, span: Span) -> tuple[object, ...]:
        """Return what spans of one line have in common."""
        if span.phase == "failed":
            return ("failed", span.attempt)
        if span.phase == "credentials":
            inner = self._inner_of(span)
            if inner is None:
                return ("credentials", span.dialogue_id)
            kind = inner.phase if inner.phase in ("failed", "backoff") else "answered"
            return ("credentials", span.dialogue_id, inner.attempt, kind)
        return (position,)

    def _inner_of(self, span: Span) -> Span | None:
        return self._inner.get((span.dialogue_id, span.start_ns)) if span.dialogue_id is not None else None

    def _step(self, spans: list[Span], first: int, last: int) -> Step:
        head, tail = spans[0], spans[-1]
        before = self.spans[first - 1] if first else None
        after = self.spans[last + 1] if last + 1 < len(self.spans) else None
        from_packet, to_packet, streams = self._packets(spans, first, last)
        return Step(
            attempt=None if head.phase == "credentials" else head.attempt,
            phase=head.phase,
            label=self._label(head),
            start_ns=head.start_ns,
            end_ns=tail.end_ns,
            text=self._text(spans, before, after),
            first_packet_id=from_packet,
            last_packet_id=to_packet,
            display_filter=display_filter(head, tail, from_packet, to_packet, streams),
            parts=self._parts(head) if head.phase == "wait" else (),
            span_ids=tuple(span.span_id for span in spans),
        )

    def _label(self, head: Span) -> str:
        inner = self._inner_of(head)
        if head.phase != "credentials" or inner is None:
            return head.phase
        return "- pause" if inner.phase == "backoff" else f"credentials {inner.attempt}"

    def _text(self, spans: list[Span], before: Span | None, after: Span | None) -> str:
        head = spans[0]
        if head.phase == "failed":
            return self._failed(spans)
        if head.phase == "credentials":
            return self._credentials(spans)
        pause = self._pause(head)
        if pause:
            # The same in fewer words.
            head = head._replace(causes=tuple(cause for cause in head.causes if timers.word(cause) is None))
        told = self.words.tell(head, head.phase, before.phase if before is not None else None, after.phase if after is not None else None)
        return told + pause

    def _pause(self, span: Span) -> str:
        """Say which retry a pause came before, and whether it is the SDK's."""
        return f"; {self._pauses[span.span_id]}" if span.span_id in self._pauses else ""

    def _failed(self, spans: Sequence[Span]) -> str:
        """Say why an attempt failed, and what its time was spent on."""
        sums: dict[str, DurationNs] = {}
        for span in spans:
            name = span.inner_phase if span.phase == "failed" else span.phase
            sums[name or "time"] = sums.get(name or "time", 0) + span.end_ns - span.start_ns
        spent = ", ".join(f"{name} {duration(took)}" for name, took in sums.items() if took)
        codes = tuple(dict.fromkeys(cause for span in spans for cause in span.causes))
        told = self.words.ended(spans)
        return told + (f" ({spent})" if spent else "") + causes(spans[0]._replace(causes=codes, shared=False, evidence="measured"))

    def _credentials(self, spans: Sequence[Span]) -> str:
        """Say what of the dialogue the call waited for."""
        number = spans[0].dialogue_id
        dialogue = self._dialogues.get(number) if number is not None else None
        if dialogue is None:
            return "waited for credentials" + (f" (call {number})" if number is not None else "")
        who = f"{name_of(dialogue)} (call {number})"
        inner = [found for span in spans if (found := self._inner_of(span)) is not None]
        if not inner:
            return f"waited for {who}"
        shared = "; shared with other calls" if spans[0].shared else ""
        if inner[0].phase == "failed":
            return f"{who}: attempt {inner[0].attempt} failed: {self._failed(inner)}{shared}"
        if inner[0].phase == "backoff":
            return f"{who}: pause before attempt {inner[0].attempt}{self._pause(inner[0])}{shared}"
        answered = {row.exchange_id: row for span in inner if (row := self.words.exchange(span)) is not None}
        requests = ", ".join(f"{asked(row)} -> {row.status if row.status is not None else 'no answer'}" for row in answered.values())
        codes = tuple(dict.fromkeys(cause for span in inner for cause in span.causes))
        return f"{who}: attempt {inner[0].attempt}: {requests or 'answered'}{shared}{causes(inner[0]._replace(causes=codes, shared=False))}"

    def _parts(self, span: Span) -> tuple[Part, ...]:
        """Return stall, network and server of a wait: of its exchange, as far as they fit into it."""
        row = self.words.exchange(span)
        if row is None or "expect-continue" in span.causes:
            return ()
        took = span.end_ns - span.start_ns
        under = self.words.connections.get(row.connection_id)
        found = zip(("stall", "network", "server", "wait"), split(took, row.wait_stall_ns, row.network_ns, row.server_ns), strict=True)
        parts = tuple(Part(name, spent, waited(name, spent, under, row.request_bytes)) for name, spent in found if spent)
        # A wait for an answer that never came has no parts.
        return parts if any(part.name != "wait" for part in parts) else ()

    def _packets(self, spans: Sequence[Span], first: int, last: int) -> tuple[PacketId | None, PacketId | None, set[ConnectionId]]:
        """Return the packets that show a line: its own; where nothing was on the wire, those around it; and their connections."""
        own = [number for span in spans for number in (span.first_packet_id, span.last_packet_id) if number is not None]
        streams = {span.connection_id for span in spans if span.connection_id is not None}
        inner = self._inner_of(spans[0])
        phase = inner.phase if inner is not None and inner.phase in ("failed", "backoff") else spans[0].phase
        earlier, later = self._earlier[first], self._later[last]
        if phase == "failed":
            own += [self._closed(span, spans[-1].end_ns) for span in spans if span.last_packet_id is not None]
        start, end = (min(own), max(own)) if own else (None, None)
        if phase in ("wait", "client", "backoff", "unexplained") and earlier is not None and earlier.last_packet_id is not None:
            # What was waited for is the time between two packets: the one before belongs to it.
            before = self._closed(earlier, spans[0].start_ns)
            start = min(before, start) if start is not None else before
            if phase != "wait" and earlier.connection_id is not None:
                streams.add(earlier.connection_id)
        if end is None and later is not None and later.first_packet_id is not None:
            end = max(later.first_packet_id, start or 0)
            if later.connection_id is not None:
                streams.add(later.connection_id)
        return start if start is not None else end, end if end is not None else start, streams

    def _closed(self, span: Span, time: TimeNs) -> PacketId:
        """Return the last packet of a span; the one that closed its connection, where that came later and before `time`."""
        last = span.last_packet_id or 0
        under = self.words.connections.get(span.connection_id) if span.connection_id is not None else None
        if under is None or under.closed_ns is None or under.closed_packet_id is None or under.closed_ns > time:
            return last
        return max(last, under.closed_packet_id)


def display_filter(head: Span, tail: Span, first: PacketId | None, last: PacketId | None, streams: set[ConnectionId]) -> str:
    """Return the Wireshark display filter of a line; by time where it begins or ends at no known packet."""
    begin = f"frame.number >= {first}" if first is not None else f"frame.time_epoch >= {_seconds(head.start_ns)}"
    end = f"frame.number <= {last}" if last is not None else f"frame.time_epoch <= {_seconds(tail.end_ns)}"
    text = f"frame.number == {first}" if first is not None and first == last else f"{begin} && {end}"
    if first is None and last is None:
        return text
    if head.phase == "dns":
        return f"{text} && dns"
    if not streams:
        return text
    if len(streams) == 1:
        return f"{text} && tcp.stream == {min(streams)}"
    listed = ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in runs(streams))
    return f"{text} && tcp.stream in {{{listed}}}"


def _seconds(time: TimeNs) -> str:
    return f"{time // SECOND}.{time % SECOND:09d}"
