"""The report that a person reads first: what the capture is, what it says, and where the time went."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.report.layout import WIDTH, fold
from analyzer.report.ledger import operations_lines, slowest_lines, unanswered
from analyzer.report.overview import odd, plural, without_requests
from analyzer.report.text import plain
from analyzer.report.views import Timed, operations, phases_of, slowest, timed
from analyzer.units import bytes_, count, duration, percent

MOST_OPERATIONS = 8
MOST_FINDINGS = 5
MOST_IDS = 12
MOST_NOTES = 3
SMALL_SHARE = 0.05
"""A finding that costs less than this of the time is told in one sentence."""
PLACES = {
    "client": "captured at the client",
    "server": "captured at the server",
    "between": "captured between client and server",
    "mixed": "captured at different places of the path",
}
CLAUSES = {
    "connect": "opening connections",
    "client": "the client between connecting and asking",
    "send": "sending requests",
    "stall": "repairing lost packets",
    "network": "network round trips",
    "server": "the server",
    "wait": "waiting for answers (network and server cannot be told apart)",
    "receive": "receiving answers",
    "silence": "waiting for answers that never came",
}


class TerminalRenderer:
    """The text report. `slow` requests are listed; `verbose` shows all findings, operations and notes.

    `names` are the captures as they were asked for: they stand in the commands that the report ends with.
    """

    name = "text"
    suffix = ".txt"

    def __init__(self, *, slow: int = 8, verbose: bool = False, names: tuple[str, ...] = ()) -> None:
        self._slow = slow
        self._verbose = verbose
        self._names = names

    def render(self, analysis: Analysis) -> Iterator[str]:
        """Yield the report line by line, none wider than WIDTH."""
        rows = timed(analysis)
        yield from self._capture(analysis, rows)
        yield ""
        if not rows:
            yield from self._nothing(analysis)
        else:
            yield from fold(headline(rows))
            yield from odd(analysis)
            yield from self._findings(analysis)
            yield ""
            yield from self._ledger(analysis, rows)
        yield ""
        yield from self._next(("exchanges", "connections") if rows else ("connections", "lookups"))

    def _capture(self, analysis: Analysis, rows: list[Timed]) -> Iterator[str]:
        info = analysis.capture
        files = info.files[0].name if len(info.files) == 1 else f"{len(info.files)} files"
        text = f"{files}: {plural(info.packets, 'packet')}, {bytes_(info.bytes)}"
        if info.first_ns is not None and info.last_ns is not None:
            text += f", {duration(info.last_ns - info.first_ns)}"
        yield from fold(", ".join(filter(None, (text, PLACES.get(analysis.vantage or "")))) + ".")
        if analysis.filtered:
            yield from fold(f"Only {analysis.filtered}.")
        answered = sum(row.outcome in ("ok", "error", "undelivered") for row in analysis.exchanges)
        spoken = Counter(row.protocol or "other" for row in analysis.connections)
        kinds = ", ".join(f"{count(number)} {name}" for name, number in spoken.most_common())
        yield from fold(
            f"{plural(len(analysis.connections), 'TCP connection')} ({kinds}), "
            f"{plural(len(analysis.exchanges), 'request')}, {count(answered)} answered."
            if analysis.connections
            else "No TCP connections."
        )
        yield from _silence(rows)
        incomplete = next((finding for finding in analysis.findings if finding.code == "capture-incomplete"), None)
        if incomplete is not None:
            yield from fold(f"Not complete: {incomplete.summary}")
        elif rows_complete(analysis):
            yield "No byte of them is missing from the capture."
        for note in info.notes if self._verbose else info.notes[:MOST_NOTES]:
            yield from fold(f"note: {note}", hang=6)

    def _nothing(self, analysis: Analysis) -> Iterator[str]:
        encrypted = sum(row.protocol == "tls" for row in analysis.connections)
        if analysis.exchanges:
            yield "Only answers were captured, no requests: nothing can be timed."
        elif encrypted:
            yield from fold(f"No requests can be read: {plural(encrypted, 'connection')} encrypted with TLS.")
        else:
            yield "No HTTP requests here."
        yield from without_requests(analysis)

    def _findings(self, analysis: Analysis) -> Iterator[str]:
        found = [finding for finding in analysis.findings if finding.code != "capture-incomplete"]
        shown = found if self._verbose else found[:MOST_FINDINGS]
        for finding in shown:
            yield ""
            if self._verbose or finding.share is None or finding.share >= SMALL_SHARE:
                yield from _finding(finding)
            else:  # a fix for what costs next to nothing would be the wrong lesson
                yield from fold(f"{finding.title}: {finding.summary} (-v or analyzer findings shows proof and fix)")
        if len(found) > len(shown):
            yield from ("", f"and {plural(len(found) - len(shown), 'more finding')} (-v shows all)")

    def _ledger(self, analysis: Analysis, rows: list[Timed]) -> Iterator[str]:
        found = operations(rows)
        shown = found if self._verbose else found[:MOST_OPERATIONS]
        yield from operations_lines(shown)
        if len(found) > len(shown):
            yield f"and {plural(len(found) - len(shown), 'more operation')} (-v shows all)"
        listed = slowest(rows, self._slow)
        if listed:
            yield ""
            yield from slowest_lines(listed, analysis.capture.first_ns or 0)
            yield "Times in ms. The wait for the first byte is network + server, and stall where packets were lost."

    def _next(self, verbs: tuple[str, ...]) -> Iterator[str]:
        captures = " ".join(shlex.quote(plain(name)) for name in self._names if name != "-")
        commands = tuple(f"analyzer {verb}" for verb in verbs)
        if not captures or any(len(f"next   {command} {captures}") > WIDTH for command in commands):
            captures = "CAPTURE"
        for label, command in zip(("next", ""), commands, strict=True):
            yield f"{label:6} {command} {captures}"


def headline(rows: list[Timed]) -> str:
    """Say in one sentence where the time went, dearest first."""
    total = sum(row.parts.total_ns for row in rows)
    if not total:
        return "The requests took no time that can be measured."
    sums = dict.fromkeys(CLAUSES, 0)
    for row in rows:
        for phase, spent in phases_of(row.parts).items():
            sums["silence" if phase == "wait" and row.exchange.outcome == "no-response" else phase] += spent
    dearest = sorted(sums.items(), key=lambda item: -item[1])
    clauses = [f"{percent(spent / total)} {CLAUSES[phase]}" for phase, spent in dearest if spent >= total * 0.005]
    opened = sum(row.parts.connect_ns is not None for row in rows)
    if opened == len(rows):
        how = "on a new connection" if opened == 1 else "each on a new connection"
    else:
        how = f"{count(opened) if opened else 'none'} of them on a new connection"
    return f"{plural(len(rows), 'request')}, {how}, took {duration(total)} in all: {', '.join(clauses)}."


def rows_complete(analysis: Analysis) -> bool:
    """Tell whether every request seen was answered in full or is known to have failed."""
    return bool(analysis.exchanges) and not any(row.outcome == "cut" for row in analysis.exchanges)


def _silence(rows: list[Timed]) -> Iterator[str]:
    names = unanswered(rows)
    if names:
        silent_rows = [row for row in rows if row.exchange.outcome == "no-response"]
        waited = sum(row.parts.wait_ns for row in silent_rows)
        closed = all(row.connection.closed_by != "open" for row in silent_rows)
        until = "the connection was closed" if closed else "the connection or the capture ended"
        shown = [f"{count(number)} {name}" for name, number in list(names.items())[:MOST_NOTES]]
        listed = ", ".join(shown) + (", ..." if len(names) > MOST_NOTES else "")
        silent = plural(sum(names.values()), "request")
        yield from fold(f"{silent} got no answer ({listed}) before {until}: {duration(waited)} of waiting.")


def _finding(finding: Finding) -> Iterator[str]:
    yield from fold(f"{finding.title}: {finding.summary}")
    named = (("request", finding.exchanges), ("packet", finding.packet_ids))
    proof = [f"{name if len(ids) == 1 else f'{name}s'} {_ids(ids)}" for name, ids in named if ids]
    if proof:
        yield from fold(f"{'proof' if finding.confidence == 'proven' else finding.confidence:6} {'; '.join(proof)}", hang=7)
    if finding.display_filter:
        yield from fold(f"filter {finding.display_filter}", hang=7)
    if finding.decides:
        yield from fold(f"decides {finding.decides}", hang=8)
    yield from fold(f"fix    {finding.remedy}", hang=7)


def _ids(ids: Iterable[int]) -> str:
    known = list(ids)
    return ", ".join(map(str, known[:MOST_IDS])) + (" ..." if len(known) > MOST_IDS else "")
