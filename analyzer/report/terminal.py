"""The report that a person reads first: what the capture is, what it says, and where the time went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from textwrap import wrap

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from analyzer.report.text import plain
from analyzer.report.views import Operation, Timed, connection_note, name_of, operations, slowest, timed
from analyzer.units import DurationNs, bytes_, count, duration, milliseconds, percent

WIDTH = 98
MOST_OPERATIONS = 8
MOST_FINDINGS = 5
SHARES = ("connect", "client", "send", "network", "server", "stall", "wait", "receive")


class TerminalRenderer:
    """The text report. `slow` exchanges are listed; `verbose` shows all findings and operations, and what the capture lacks."""

    name = "text"
    suffix = ".txt"

    def __init__(self, *, slow: int = 8, verbose: bool = False, names: tuple[str, ...] = ()) -> None:
        self._slow = slow
        self._verbose = verbose
        self._names = names

    def render(self, analysis: Analysis) -> Iterator[str]:
        """Yield the report line by line."""
        rows = timed(analysis)
        yield from self._capture(analysis)
        yield ""
        if not rows:
            yield from self._nothing(analysis)
            return
        yield from _paragraph(headline(analysis, rows))
        yield from self._findings(analysis)
        yield ""
        yield from self._operations(operations(rows))
        yield ""
        yield from self._slowest(analysis, rows)
        yield ""
        yield from self._next(analysis)

    def _capture(self, analysis: Analysis) -> Iterator[str]:
        info = analysis.capture
        files = plain(info.files[0].name) if len(info.files) == 1 else f"{len(info.files)} files"
        text = f"{files}: {count(info.packets)} packets, {bytes_(info.bytes)}"
        if info.first_ns is not None and info.last_ns is not None:
            text += f", {duration(info.last_ns - info.first_ns)}"
        where = {
            "client": "captured at the client", "server": "captured at the server", "between": "captured between client and server",
            "mixed": "captured at different places of the path",
        }.get(analysis.vantage or "")  # fmt: skip
        yield from _paragraph(f"{text}, {where}." if where else f"{text}.")
        answered = sum(row.outcome in ("ok", "error", "undelivered") for row in analysis.exchanges)
        spoken = Counter(row.protocol or "other" for row in analysis.connections)
        kinds = ", ".join(f"{number} {name}" for name, number in spoken.most_common())
        yield from _paragraph(
            f"{_plural(len(analysis.connections), 'TCP connection')} ({kinds}), {_plural(len(analysis.exchanges), 'request')}, {count(answered)} answered."
            if analysis.connections
            else "No TCP connections."
        )
        incomplete = next((finding for finding in analysis.findings if finding.code == "capture-incomplete"), None)
        if incomplete is not None:
            yield from _paragraph(f"Not complete: {plain(incomplete.summary)}")
        elif rows_complete(analysis):
            yield "Nothing of them is missing from the capture."
        notes = info.notes if self._verbose else info.notes[:3]
        for note in notes:
            yield from _paragraph(f"note: {plain(note)}")

    def _nothing(self, analysis: Analysis) -> Iterator[str]:
        encrypted = sum(row.protocol == "tls" for row in analysis.connections)
        if encrypted:
            yield from _paragraph(f"No requests can be read: {_plural(encrypted, 'connection')} encrypted with TLS.")
        else:
            yield "No HTTP requests in this capture."
        yield from self._next(analysis)

    def _findings(self, analysis: Analysis) -> Iterator[str]:
        shown = [finding for finding in analysis.findings if finding.code != "capture-incomplete"]
        for finding in shown if self._verbose else shown[:MOST_FINDINGS]:
            yield ""
            yield from _finding(finding)

    def _operations(self, found: list[Operation]) -> Iterator[str]:
        from tabulate import tabulate

        shown = found if self._verbose else found[:MOST_OPERATIONS]
        used = [phase for phase in SHARES if any(operation.shares[phase] >= 0.005 for operation in shown)]
        head = ["operation", "requests", "failed", "p50 ms", "p95 ms", "max ms", *(f"{phase} %" for phase in used)]
        body = [
            [
                plain(operation.name)[:32],
                str(operation.requests),
                str(operation.failed or ""),
                milliseconds(operation.p50_ns),
                milliseconds(operation.p95_ns),
                milliseconds(operation.max_ns),
                *(f"{100 * operation.shares[phase]:.0f}" if operation.shares[phase] >= 0.005 else "" for phase in used),
            ]
            for operation in shown
        ]
        align = ["left", *["right"] * (len(head) - 1)]
        yield from tabulate(body, head, tablefmt="plain", disable_numparse=True, colalign=align).splitlines()
        if len(found) > len(shown):
            yield f"and {_plural(len(found) - len(shown), 'more operation')} (-v shows all)"

    def _slowest(self, analysis: Analysis, rows: list[Timed]) -> Iterator[str]:
        from tabulate import tabulate

        shown = slowest(rows, self._slow)
        if not shown:
            return
        first = analysis.capture.first_ns or 0
        stalls = any(row.parts.stall_ns for row in shown)
        head = ["slowest", "operation", "at s", "total", "connect", "send", "network", "server", *(["stall"] if stalls else []), "receive", "connection", "packets"]
        body = []
        for row in shown:
            exchange, parts = row.exchange, row.parts
            split = parts.network_ns is not None and parts.server_ns is not None
            answer = "" if exchange.outcome == "ok" else f" {exchange.status or exchange.outcome}"
            body.append([
                str(exchange.exchange_id),
                (plain(name_of(exchange)) + answer)[:24],
                f"{(parts.start_ns - first) / 1e9:.3f}",
                milliseconds(parts.total_ns),
                _cell(parts.connect_ns),
                _cell(parts.send_ns),
                _cell(parts.network_ns) if split else "",
                _cell(parts.server_ns) if split else _cell(parts.wait_ns),
                *([_cell(parts.stall_ns)] if stalls else []),
                _cell(parts.receive_ns),
                connection_note(row),
                f"{exchange.first_packet_id}-{exchange.response_packet_id or exchange.request_packet_id}",
            ])  # fmt: skip
        align = ["right", "left", *["right"] * (len(head) - 4), "left", "left"]
        yield from tabulate(body, head, tablefmt="plain", disable_numparse=True, colalign=align).splitlines()
        yield "times in ms; network + server (+ stall) are the wait for the first byte; packets are frame numbers"

    def _next(self, analysis: Analysis) -> Iterator[str]:
        name = plain(self._names[0]) if self._names else "CAPTURE"
        yield f"next: analyzer exchanges {name}   analyzer connections {name}   analyzer findings {name}"


def headline(analysis: Analysis, rows: list[Timed]) -> str:
    """Say in one sentence what costs most."""
    total = sum(row.parts.total_ns for row in rows)
    dearest = next((finding for finding in analysis.findings if finding.cost_ns > 0), None)
    opened = sum(row.parts.connect_ns or 0 for row in rows)
    if dearest is not None and dearest.share is not None and dearest.share >= 0.1:
        return f"{percent(dearest.share)} of all request time is connection set-up: {plain(dearest.title).lower()}."
    parts = {
        "the network's round trip": sum(row.parts.network_ns or 0 for row in rows),
        "the server": sum(row.parts.server_ns or 0 for row in rows),
        "connection set-up": opened,
        "receiving the answers": sum(row.parts.receive_ns for row in rows),
        "sending the requests": sum(row.parts.send_ns for row in rows),
        "waiting for lost packets": sum(row.parts.stall_ns or 0 for row in rows),
    }
    name, most = max(parts.items(), key=lambda item: item[1])
    if not total:
        return "The requests took no time that can be measured."
    return f"{percent(most / total)} of {duration(total)} request time is {name}."


def rows_complete(analysis: Analysis) -> bool:
    """Tell whether every request seen was answered in full or is known to have failed."""
    return bool(analysis.exchanges) and not any(row.outcome == "cut" for row in analysis.exchanges)


def _finding(finding: Finding) -> Iterator[str]:
    yield from _paragraph(f"{finding.title}: {finding.summary}")
    label = {"proven": "proof", "likely": "likely", "possible": "possible"}[finding.confidence]
    packets = ", ".join(map(str, finding.packet_ids[:8])) + (" ..." if len(finding.packet_ids) > 8 else "")
    if packets or finding.display_filter:
        yield from _paragraph(f"{label:6} packets {packets}; filter {plain(finding.display_filter)}" if packets else f"{label:6} {plain(finding.display_filter)}", hang=7)
    yield from _paragraph(f"fix    {finding.remedy}", hang=7)
    if finding.decides:
        yield from _paragraph(f"decides {plain(finding.decides)}", hang=8)


def _cell(value: DurationNs | None) -> str:
    """Write a phase in milliseconds; unknown and nothing are empty."""
    if not value:
        return ""
    return milliseconds(value)


def _plural(number: int, word: str) -> str:
    return f"{count(number)} {word}" if number == 1 else f"{count(number)} {word}s"


def _paragraph(text: str, hang: int = 0) -> Iterator[str]:
    yield from wrap(text, WIDTH, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False) or [""]
