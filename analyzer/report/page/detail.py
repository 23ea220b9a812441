"""What a page tells of one call when somebody selects it: the lines of `explain`, in numbers and words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Handshake, Lookup, Span
from analyzer.model.table import Table
from analyzer.report.explain import Explained, explain
from analyzer.report.steps import Step
from analyzer.report.text import plain
from analyzer.units import ConnectionId

MOST_TOLD = 1_500
"""Calls of which every line is told in words; of more calls, the slowest and those that findings name are."""
MOST_ALIKE = 200
"""Calls with retries of the same SDK that are looked at to tell its back-off."""
LONG_CHAIN = 500
"""Pages of a chain from which on only its first calls are told in words."""
MOST_STEPS = 200
"""Lines of one call that a page holds."""


class Details:
    """Explains many calls of one answer: each looks at its own rows only, or a page of n calls would take n² time."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._calls = {call.call_id: call for call in analysis.calls}
        self._chains: dict[int, list[Call]] = {}
        for call in analysis.calls:
            if call.chain_id is not None:
                self._chains.setdefault(call.chain_id, []).append(call)
        self._retried: dict[tuple[str | None, str | None], list[Call]] = {}
        for call in analysis.calls:
            if call.attempts > 1 and len(alike := self._retried.setdefault((call.sdk, call.service), [])) < MOST_ALIKE:
                alike.append(call)
        self._spans: dict[int, list[Span]] = {}
        for span in analysis.spans:
            self._spans.setdefault(span.call_id, []).append(span)
        self._exchanges: dict[int, Exchange] = {row.exchange_id: row for row in analysis.exchanges}
        self._connections: dict[ConnectionId, Connection] = {row.connection_id: row for row in analysis.connections}
        self._handshakes: dict[ConnectionId, list[Handshake]] = {}
        for row in analysis.handshakes:
            self._handshakes.setdefault(row.connection_id, []).append(row)
        self._lookups: dict[ConnectionId, list[Lookup]] = {}
        for lookup in analysis.lookups:
            for number in lookup.connection_ids:
                self._lookups.setdefault(number, []).append(lookup)

    def explain(self, call: Call) -> Explained:
        """Explain a call, without the findings that name it."""
        return explain(self._part(call), call.call_id)

    def _part(self, call: Call) -> Analysis:
        """Return the part of the answer that explaining a call looks at: its rows, those of its dialogues, its pages, retries like its."""
        own = self._spans.get(call.call_id, [])
        wanted = {span.dialogue_id for span in own if span.dialogue_id is not None}
        about = {call.call_id: call} | {number: self._calls[number] for number in wanted if number in self._calls}
        for row in list(about.values()):
            if row.attempts > 1:
                about |= {one.call_id: one for one in self._retried.get((row.sdk, row.service), ())}
        spans = [span for number in sorted(about) for span in self._spans.get(number, ())]
        chain = self._chains.get(call.chain_id, ()) if call.chain_id is not None else ()
        calls = about | {row.call_id: row for row in chain}
        asked = {number for row in calls.values() for number in row.exchange_ids if number in self._exchanges}
        used = {number for row in about.values() for number in row.connection_ids}
        used |= {row.connection_id for row in about.values() if row.connection_id is not None}
        used |= {span.connection_id for span in spans if span.connection_id is not None}
        used |= {self._exchanges[number].connection_id for number in asked}
        lookups = {row.lookup_id: row for number in used for row in self._lookups.get(number, ())}
        return replace(
            self._analysis,
            check=None,
            _findings=None,
            context=None,
            connections=Table("connections", Connection, [self._connections[n] for n in sorted(used) if n in self._connections]),
            lookups=Table("lookups", Lookup, [lookups[number] for number in sorted(lookups)]),
            exchanges=Table("exchanges", Exchange, [self._exchanges[number] for number in sorted(asked)]),
            handshakes=Table("handshakes", Handshake, [row for number in sorted(used) for row in self._handshakes.get(number, ())]),
            calls=Table("calls", Call, [calls[number] for number in sorted(calls)]),
            spans=Table("spans", Span, spans),
        )

    def too_long(self, call: Call) -> bool:
        """Tell whether a call is one of so many pages that looking at all of them for each would take their number squared."""
        chain = self._chains.get(call.chain_id, ()) if call.chain_id is not None else ()
        return len(chain) > LONG_CHAIN and call.call_id not in {row.call_id for row in chain[:10]}

    def told(self, call: Call) -> dict[str, Any]:
        """Return what the page shows of a call; texts made safe, times in ns from its start."""
        made = self.explain(call)
        steps = made.steps
        return {
            "head": [plain(line) for line in made.head],
            "steps": [_step(step, call) for step in steps[:MOST_STEPS]],
            "more": max(0, len(steps) - MOST_STEPS),
        }


def _step(step: Step, call: Call) -> dict[str, Any]:
    return {
        "attempt": step.attempt,
        "phase": step.phase,
        "label": plain(step.label),
        "at": step.start_ns - call.start_ns,
        "took": step.duration_ns,
        "text": plain(step.text),
        "first": step.first_packet_id,
        "last": step.last_packet_id,
        "filter": plain(step.display_filter),
        "parts": [{"name": part.name, "took": part.duration_ns, "text": plain(part.text)} for part in step.parts],
    }
