"""What the scripts of a page draw from: the rows of the ledger in columns, and what few things a picture needs besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.report.calls import answer_of, is_dialogue, name_of
from analyzer.report.claims import INCOMPLETE
from analyzer.report.colours import PHASE_COLOURS, PHASE_WORDS
from analyzer.report.ledger import PHASES
from analyzer.report.page.detail import MOST_TOLD, Details
from analyzer.report.page.pack import Pack
from analyzer.report.pools import paragraph
from analyzer.report.requests import Timed
from analyzer.report.requests import answer_of as request_answer
from analyzer.report.requests import name_of as request_name
from analyzer.report.sentences import runs
from analyzer.report.series import pool_curves, profile
from analyzer.report.text import plain
from analyzer.report.traces import Trace, drawn_connections, lanes, ledger_of, reach_of, traces

MOST_ROWS = 200_000
"""Rows that a page holds one by one; sums, percentiles and curves are always over all."""
MOST_PROFILES = 8
MOST_LINES = 40_000
"""Lines of calls that are told in words, all calls together."""


class Names:
    """Numbers texts in the order in which they come."""

    def __init__(self, *first: str) -> None:
        self._numbers = {text: number for number, text in enumerate(first)}

    def number(self, text: str) -> int:
        """Return the number of a text."""
        return self._numbers.setdefault(text, len(self._numbers))

    def texts(self) -> list[str]:
        """Return the texts, made safe."""
        return [plain(text) for text in self._numbers]


def sample(analysis: Analysis, most: int = MOST_ROWS) -> frozenset[int] | None:
    """Return the ids of the rows that a page holds one by one; None for all: half the slowest, half evenly taken from the rest."""
    if max(len(analysis.calls), len(analysis.exchanges)) <= most:
        return None
    ledger = ledger_of(analysis)
    rows: Sequence[Any] = analysis.calls if len(analysis.calls) else ledger.rows
    if len(rows) <= most:
        return None
    slow = {entry.number for entry in ledger.slowest(most // 2)}
    rest = [number for row in rows if (number := ledger.number(row)) not in slow]
    step = -(-len(rest) // (most - len(slow)))
    return frozenset(slow | set(rest[::step]))


def facts(analysis: Analysis, pack: Pack, *, captures: str, most: int = MOST_ROWS) -> dict[str, Any]:
    """Return what the scripts need; columns and long texts go into `pack`. Every text is made safe."""
    wanted = sample(analysis, most)
    made = list(traces(analysis, wanted))
    ledger = ledger_of(analysis)
    first = analysis.capture.first_ns or 0
    names, answers = Names(), Names("")
    _rows(pack, made, first, names, answers)
    _connections(analysis, pack, made, first)
    reach = reach_of(made)
    shown = drawn_connections(analysis, made)
    where = lanes(shown, reach)
    pack.add("lane", [where.at[row.connection_id] for row in sorted(shown, key=lambda row: row.connection_id)])
    pack.add_json("details", _details(analysis, {trace.row.call_id for trace in made if not isinstance(trace.row, Timed)}))
    whole = [row for row in ledger.rows if ledger.whole(row)]
    groups: dict[str, list[Any]] = {}
    for row in whole:
        groups.setdefault(ledger.name(row), []).append(row)
    named = sorted(groups, key=lambda name: (-sum(map(ledger.total, groups[name])), name))
    drawn = [("all", whole)] if len(groups) != 1 else []
    drawn += [(name, groups[name]) for name in named[:MOST_PROFILES]]
    last = max((trace.start_ns + sum(piece.duration_ns for piece in trace.pieces) for trace in made), default=0)
    return {
        "firstNs": str(first),
        "spanNs": max(0, last - first, (analysis.capture.last_ns or 0) - first),
        "noun": ledger.noun,
        "phases": [{"name": name, "colour": PHASE_COLOURS[name], "words": PHASE_WORDS[name]} for name in PHASES],
        "names": names.texts(),
        "answers": answers.texts(),
        "lanes": [plain(lane.label) for lane in where.lanes],
        "endpoint": plain(where.only),
        "rows": len(analysis.calls) if len(analysis.calls) else len(ledger.rows),
        "profiles": [
            {"name": plain(name), "rows": len(rows), "slices": [
                [part.first, part.rows, round(part.total_ns), [round(spent) for spent in part.spent]] for part in profile(ledger, rows)
            ]}
            for name, rows in drawn
        ],
        "pools": [
            {"name": plain(curve.name), "text": plain(paragraph(curve.pool)), "connections": len(curve.pool.connection_ids),
             "requests": curve.pool.requests, "binned": curve.binned_ns, "times": [time - first for time in curve.times_ns],
             "open": curve.open, "busy": curve.busy}
            for curve in pool_curves(analysis)
        ],
        "findings": [
            {"title": plain(found.title), "severity": found.severity,
             "calls": list(runs(found.exchanges if ledger.noun == "request" else found.calls))}
            for found in analysis.findings if found.code != INCOMPLETE
        ],
        "captures": plain(captures),
        "calls": bool(len(analysis.calls)),
    }  # fmt: skip


def _rows(pack: Pack, made: Sequence[Trace], first: int, names: Names, answers: Names) -> None:
    """Pack the rows and their pieces."""
    rows: list[tuple[int, ...]] = []
    pieces: list[tuple[int, ...]] = []
    for trace in made:
        row = trace.row
        if isinstance(row, Timed):
            what, ended, number = request_name(row.exchange), request_answer(row.exchange), row.exchange.exchange_id
            ends = row.exchange.first_packet_id, row.exchange.response_packet_id or row.exchange.request_packet_id
            flags = (row.parts.connect_ns is not None) + 2 * (row.exchange.outcome == "cut") + 8 * (row.exchange.outcome != "ok")
            attempts = 1
        else:
            what, ended, number = name_of(row), answer_of(row), row.call_id
            ends = row.first_packet_id, row.last_packet_id
            flags = (not row.reused) + 2 * (row.truncated is not None) + 4 * is_dialogue(row) + 8 * (row.ok is False)
            attempts = row.attempts
        length = sum(piece.duration_ns for piece in trace.pieces)
        on = -1 if trace.connection_id is None else trace.connection_id
        rows.append((number, trace.start_ns - first, length, names.number(what), answers.number(ended), attempts, on, ends[0] or 0,
                     ends[1] or 0, flags, len(trace.pieces)))  # fmt: skip
        for piece in trace.pieces:
            begin, end = piece.first_packet_id or 0, piece.last_packet_id or 0
            where = -1 if piece.connection_id is None else piece.connection_id
            pieces.append((piece.phase, piece.inner, piece.duration_ns, where - on, begin - (ends[0] or 0) if begin else 0, end - begin))
    columns = zip(*rows, strict=True) if rows else [()] * 11
    for name, values in zip(ROW_COLUMNS, columns, strict=True):
        (pack.add_steps if name in STEPS else pack.add)(name, list(values))
    columns = zip(*pieces, strict=True) if pieces else [()] * 6
    for name, values in zip(PIECE_COLUMNS, columns, strict=True):
        pack.add(name, list(values))


ROW_COLUMNS = ("id", "start", "total", "name", "answer", "attempts", "on", "firstPacket", "lastPacket", "flags", "pieces")
STEPS = frozenset({"id", "start", "firstPacket", "lastPacket"})
PIECE_COLUMNS = ("phase", "inner", "took", "piece_on", "piece_first", "piece_last")


def _connections(analysis: Analysis, pack: Pack, made: Sequence[Trace], first: int) -> None:
    """Pack the connections that the waterfall shows, in order of their ids."""
    shown = sorted(drawn_connections(analysis, made), key=lambda row: row.connection_id)
    pack.add_steps("connection", [row.connection_id for row in shown])
    pack.add("opened", [row.first_ns - first for row in shown])
    pack.add("closed", [(row.closed_ns if row.closed_ns is not None else row.last_ns) - first for row in shown])
    pack.add("exchanges", [row.exchanges for row in shown])


def _details(analysis: Analysis, held: set[int]) -> dict[str, Any]:
    """Tell the calls in words: all, or of many the slowest and those that findings name."""
    calls = [call for call in analysis.calls if call.call_id in held]
    if len(calls) > MOST_TOLD:
        slow = {call.call_id for call in sorted(calls, key=lambda call: -call.duration_ns)[: MOST_TOLD * 2 // 3]}
        room = MOST_TOLD // 3
        for found in analysis.findings:
            few = [number for number in found.calls if number not in slow][: room // 4]
            slow.update(few)
            room -= len(few)
        calls = [call for call in calls if call.call_id in slow]
    if not calls:
        return {}
    details = Details(analysis)
    told: dict[str, Any] = {}
    lines = 0
    for call in calls:
        if details.too_long(call):
            continue
        told[str(call.call_id)] = details.told(call)
        lines += len(told[str(call.call_id)]["steps"])
        if lines > MOST_LINES:
            break
    return told
