"""Trace events (JSON): ui.perfetto.dev, chrome://tracing, speedscope.

A process is a client. Its tracks: calls (as many lanes as overlapped) with their tries and phases nested in them, name lookups, and one
for each TCP connection with its handshakes and requests. Retransmissions and what stood still, FIN and RST are instants. Arrows lead from
a call to its requests, from a dialogue with a credential endpoint to the calls that waited for it, and along a connection from one
request to the next: reuse.

Rules of the format (Trace Event Format; google/perfetto, docs/getting-started/other-formats.md): times in microseconds, slices of one
track nest. Times count from the capture's first packet, since a double holds no nanoseconds of today's date; `metadata` says when it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.report.document import analyzer_version
from analyzer.report.exports.format import Document
from analyzer.report.exports.trace_events.calls import call_events, lookup_events
from analyzer.report.exports.trace_events.connections import connection_events
from analyzer.report.exports.trace_events.events import Tracks
from analyzer.report.exports.tries import Rows
from analyzer.report.exports.words import iso
from analyzer.units import TimeNs

_ENCODE = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


def render(analysis: Analysis, lines: bool = False) -> Iterator[str]:
    """Yield a trace in pieces, an event a line."""
    del lines
    rows, start = Rows(analysis), _start(analysis)
    tracks = Tracks(start)
    metadata = {"analyzer_version": analyzer_version(), "start": iso(start), "start_ns": str(start)}
    yield f'{{"displayTimeUnit":"ns","metadata":{_ENCODE(metadata)},"traceEvents":[\n'
    before = ""
    for event in _events(rows, tracks):
        yield before + event
        before = ",\n"
    for event in tracks.names():
        yield before + event
        before = ",\n"
    yield "\n]}\n"


def _events(rows: Rows, tracks: Tracks) -> Iterator[str]:
    for source in (call_events, lookup_events, connection_events):
        yield from source(rows, tracks)


def _start(analysis: Analysis) -> TimeNs:
    """Return the smallest time that anything has."""
    times: list[Any] = [analysis.capture.first_ns]
    times += [min((row.start_ns for row in table), default=None) for table in (analysis.calls, analysis.lookups)]
    times.append(min((row.first_ns for row in analysis.connections), default=None))
    return min((time for time in times if time is not None), default=0)


FORMAT = Document("perfetto", (".perfetto.json", ".trace.json", ".perfetto"), "trace events: ui.perfetto.dev, chrome://tracing", render)
