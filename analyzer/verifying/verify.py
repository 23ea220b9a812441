"""Holds the answer against tshark's, measure by measure, and says of each difference where it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analyzer import capture
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange
from analyzer.model.seams import Segment
from analyzer.packets import Decoder
from analyzer.streams import Streams
from analyzer.units import ConnectionId, PacketId, TimeNs, duration
from analyzer.verifying import reasons
from analyzer.verifying.asking import FLAGS, IN_ORDER, Row, ask, version

MOST = 2000
"""Differences of one measure that are kept; all are counted."""
MEASURES = {
    "packets": "packets, with their time to the nanosecond",
    "streams": "TCP packets: tcp.stream",
    "flags": "connections: the eight counts of tcp.analysis flags",
    "shape": "connections: tcp.completeness",
    "initial rtt": "connections: tcp.analysis.initial_rtt",
    "requests": "HTTP requests: the frame that completes each",
    "answers": "HTTP answers: the frame that completes each",
    "http.time": "HTTP exchanges: http.time",
    "hellos": "connections with a ClientHello, and the server's name",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the two do not agree."""

    measure: str
    where: str
    """`packet 3`, `stream 5`."""
    ours: str
    theirs: str
    reason: str


@dataclass(slots=True)
class Measure:
    """How often the two agree."""

    name: str
    agree: int = 0
    of: int = 0
    differences: list[Difference] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    """Both answers side by side."""

    name: str
    tshark: str
    """Its version."""
    measures: dict[str, Measure] = field(default_factory=lambda: {name: Measure(name) for name in MEASURES})

    def same(self, name: str, where: str, ours: object, theirs: object, reason: str = "") -> None:
        """Count a comparison; keep it where the two differ."""
        measure = self.measures[name]
        measure.of += 1
        if ours == theirs:
            measure.agree += 1
        elif len(measure.differences) < MOST:
            measure.differences.append(Difference(name, where, _text(ours), _text(theirs), reason))


def verify(program: str, path: str | os.PathLike[str], analysis: Analysis, keys: Sequence[str | os.PathLike[str]] = ()) -> Verdict:
    """Ask `program`, a tshark, about the capture at `path` and compare it with `analysis`, the answer about that capture alone.

    `keys` are key logs that tshark is to use. Raises CaptureError, AnalyzerError where tshark gives no answer.
    """
    verdict = Verdict(os.fspath(path), version(program))
    rows = list(ask(program, path, keys))
    ours = _Ours(path, analysis)
    _packets(verdict, rows, ours)
    _connections(verdict, rows, analysis)
    _http(verdict, rows, ours, analysis, lambda: list(ask(program, path, keys, (IN_ORDER,))))
    _hellos(verdict, rows, analysis)
    return verdict


def total(verdicts: Iterable[Verdict]) -> list[Measure]:
    """Return the measures of several captures together, differences left out."""
    sums = {name: Measure(name) for name in MEASURES}
    for verdict in verdicts:
        for name, measure in verdict.measures.items():
            sums[name].agree += measure.agree
            sums[name].of += measure.of
    return list(sums.values())


class _Ours:
    """Time and connection of each packet, as the analysis numbers them."""

    def __init__(self, path: str | os.PathLike[str], analysis: Analysis) -> None:
        self.times: dict[PacketId, TimeNs] = {}
        self.streams: dict[PacketId, ConnectionId | None] = {}
        known, decoder = Streams(analysis.connections), Decoder()
        for block in capture.open_captures([path]).blocks():
            for index, time in enumerate(block.times):
                packet_id = block.first_packet_id + index
                self.times[packet_id] = time
                packet = decoder.decode(block, index)
                if isinstance(packet, Segment):
                    self.streams[packet_id] = known.of(packet.key, packet_id)


def _packets(verdict: Verdict, rows: Sequence[Row], ours: _Ours) -> None:
    seen = {row.number: row for row in rows}
    used = {row.stream for row in rows if row.stream is not None}
    skipped = bool(used) and len(used) <= max(used)
    for number in sorted(seen.keys() | ours.times.keys()):
        row, time = seen.get(number), ours.times.get(number)
        if time is None and row is not None and ":" not in row.protocols:
            continue  # a block that is no packet and has a number: a journal entry, a custom block
        where = f"packet {number}"
        verdict.same("packets", where, time, row.time if row else None, reasons.packet(time, row))
        stream = ours.streams.get(number)
        if row is not None and (stream is not None or row.stream is not None):
            verdict.same("streams", where, stream, row.stream, reasons.stream(stream, row, skipped=skipped))


def _connections(verdict: Verdict, rows: Sequence[Row], analysis: Analysis) -> None:
    counts: dict[ConnectionId, dict[str, int]] = {}
    shapes: dict[ConnectionId, int | None] = {}
    trips: dict[ConnectionId, int | None] = {}
    for row in rows:
        if row.stream is None:
            continue
        found = counts.setdefault(row.stream, dict.fromkeys(FLAGS, 0))
        for column in row.flags:
            found[column] += 1
        if row.completeness is not None:
            shapes[row.stream] = row.completeness
        if row.initial_rtt is not None:
            trips[row.stream] = row.initial_rtt
    known = {row.connection_id: row for row in analysis.connections}
    skipped = bool(counts) and len(counts) <= max(counts)
    for number in sorted(counts.keys() | known.keys()):
        one, where = known.get(number), f"stream {number}"
        have = {column: getattr(one, column) for column in FLAGS} if one is not None else {}
        want = counts.get(number, {})
        why = reasons.connection(one, analysis, skipped=skipped)
        differing = [column for column in FLAGS if have.get(column) != want.get(column)]
        verdict.same("flags", where, _counted(have, differing), _counted(want, differing), why)
        verdict.same("shape", where, one.completeness if one else None, shapes.get(number), why)
        if number in trips or (one is not None and one.initial_rtt_ns is not None):
            verdict.same("initial rtt", where, one.initial_rtt_ns if one else None, trips.get(number), why)


def _counted(counts: dict[str, int], columns: Sequence[str]) -> str:
    return ", ".join(f"{column} {counts.get(column, 0)}" for column in columns)


def _http(verdict: Verdict, rows: Sequence[Row], ours: _Ours, analysis: Analysis, again: reasons.Again) -> None:
    """Compare messages by the frames that complete them, and times between those frames."""
    read = [row for row in analysis.exchanges if row.evidence != "inferred"]
    connections = {row.connection_id: row for row in analysis.connections}
    told = reasons.Http(rows, connections, again)
    for name, kind, theirs in (
        ("requests", "request", [(row.number, row.stream) for row in rows for _ in row.requests]),
        ("answers", "response", [(row.number, row.stream) for row in rows for code in row.responses if not _interim(code)]),
    ):
        _frames(verdict, name, kind, read, theirs, told)
    by_answer: dict[PacketId, list[Exchange]] = {}
    for exchange in read:
        if exchange.response_packet_id is not None and exchange.request_packet_id is not None:
            by_answer.setdefault(exchange.response_packet_id, []).append(exchange)
    for row in rows:
        final = [code for code in row.responses if not _interim(code)]
        if not final or len(row.http_times) != len(final) or row.number not in by_answer or len(by_answer[row.number]) != len(final):
            continue
        for exchange, took in zip(by_answer[row.number], row.http_times, strict=True):
            assert exchange.request_packet_id is not None
            mine = ours.times[row.number] - ours.times[exchange.request_packet_id]
            where = f"packet {row.number} (stream {row.stream})"
            verdict.same("http.time", where, mine, took, told.time(exchange, row))


def _frames(
    verdict: Verdict,
    name: str,
    kind: str,
    read: Sequence[Exchange],
    theirs: Sequence[tuple[PacketId, ConnectionId | None]],
    told: reasons.Http,
) -> None:
    mine: dict[PacketId, list[Exchange]] = {}
    for exchange in read:
        number = exchange.request_packet_id if kind == "request" else exchange.response_packet_id
        there = exchange.method is not None if kind == "request" else exchange.status is not None
        if number is not None and there:
            mine.setdefault(number, []).append(exchange)
    left = {number: list(found) for number, found in mine.items()}
    for number, stream in theirs:
        where = f"packet {number} (stream {stream})"
        if left.get(number):
            left[number].pop()
            verdict.same(name, where, number, number)
        else:
            verdict.same(name, where, None, number, told.theirs(number, stream, kind))
    for number, found in left.items():
        for exchange in found:
            where = f"packet {number} (stream {exchange.connection_id})"
            verdict.same(name, where, number, None, told.ours(exchange, kind))


def _interim(code: str) -> bool:
    return len(code) == 3 and code[0] == "1" and code != "101"


def _hellos(verdict: Verdict, rows: Sequence[Row], analysis: Analysis) -> None:
    names: dict[ConnectionId, str | None] = {}
    for row in rows:
        if row.hello and row.stream is not None:
            names.setdefault(row.stream, row.server_name)
    shakes = {row.connection_id: row.server_name for row in analysis.handshakes}
    known: dict[ConnectionId, Connection] = {row.connection_id: row for row in analysis.connections}
    for number in sorted(names):
        ours = (number in shakes, shakes.get(number))
        verdict.same("hellos", f"stream {number}", ours, (True, names[number]), reasons.hello(known.get(number)))


def _text(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, tuple):
        return " ".join(_text(part) for part in value if part is not True) if value[0] else "nothing"
    return duration(value) if isinstance(value, int) and abs(value) > 1_000_000 and abs(value) < 10**15 else str(value)
