"""What a capture is and how far it can be trusted: the first lines of every report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from analyzer.model.analysis import Analysis
from analyzer.model.capture import Inference
from analyzer.report.calls import service_calls
from analyzer.report.claims import INCOMPLETE
from analyzer.report.requests import name_of
from analyzer.report.sentences import plural
from analyzer.units import bytes_, count, duration

MOST_NOTES = 3
AVOIDABLE = frozenset({"snapshot-length", "start-not-captured"})
"""Anomalies that another capture would not have: what is cut, and what began before."""
PLACES = {
    "client": "captured at the client",
    "server": "captured at the server",
    "between": "captured between client and server",
    "mixed": "captured at different places of the path",
}


def about(analysis: Analysis, *, verbose: bool = False) -> Iterator[str]:
    """Yield sentences: what was captured where, what of it was asked for, what it holds, what it lacks."""
    info = analysis.capture
    files = ("standard input" if info.files[0].name == "-" else info.files[0].name) if len(info.files) == 1 else f"{len(info.files)} files"
    text = f"{files}: {plural(info.packets, 'packet')}, {bytes_(info.bytes)}"
    if info.first_ns is not None and info.last_ns is not None:
        text += f", {duration(info.last_ns - info.first_ns)}"
    yield ", ".join(filter(None, (text, PLACES.get(analysis.vantage or "")))) + "."
    if analysis.filtered:
        yield f"Only {analysis.filtered}."
    yield _contents(analysis)
    yield from _silence(analysis)
    incomplete = next((finding for finding in analysis.findings if finding.code == INCOMPLETE), None)
    if incomplete is not None:
        yield f"Not complete: {incomplete.summary}"
        if incomplete.remedy and not AVOIDABLE.isdisjoint(row.code for row in analysis.anomalies):
            yield f"fix: {incomplete.remedy}"
    elif analysis.exchanges and not any(row.outcome == "cut" for row in analysis.exchanges):
        yield "No byte of these connections is missing from the capture."
    if verbose and info.inference is not None:
        yield from _inference(info.inference)
    yield from (f"note: {remark}" for remark in info.remarks)
    for note in info.notes if verbose else info.notes[:MOST_NOTES]:
        yield f"note: {note}"


def _inference(measured: Inference) -> Iterator[str]:
    """Say how right inference without keys is where keys can tell."""
    where = f"{plural(measured.connections, 'connection')} with keys ({plural(measured.exchanges, 'request')})"
    wrong = [f"{count(measured.missed)} missed"] * bool(measured.missed) + [f"{count(measured.extra)} invented"] * bool(measured.extra)
    yield f"Reading without keys was checked on {where}: {' and '.join(wrong) or 'none missed, none invented'}."
    moments = {"request": measured.request_start, "first byte": measured.response_start, "last byte": measured.response_end}
    known = [(name, one) for name, one in moments.items() if one is not None]
    off = [f"{name} {duration(one.median_ns)}, {duration(one.p99_ns)}, {duration(one.max_ns)}" for name, one in known]
    if known and not any(one.max_ns for _, one in known):
        yield "Its times are those of the decrypted requests, to the nanosecond."
    elif off:
        yield f"Its times are off by (median, 99th percentile, maximum): {'; '.join(off)}."


def _contents(analysis: Analysis) -> str:
    """Say how many connections, requests and calls there are."""
    if not analysis.connections:
        return f"Nothing passes this filter; the capture holds {analysis.outside}." if analysis.outside else "No TCP connections."
    spoken = Counter(row.protocol or "other" for row in analysis.connections)
    kinds = ", ".join(f"{count(number)} {name}" for name, number in spoken.most_common())
    text = f"{plural(len(analysis.connections), 'TCP connection')} ({kinds}), {_requests(analysis)}"
    calls = service_calls(analysis)
    if calls:
        text += f"; {plural(len(calls), 'call')}, {duration(sum(call.duration_ns for call in calls))} in all"
    return f"{text}."


def _requests(analysis: Analysis) -> str:
    """Count the requests by how they ended; what this and `_silence` name adds up to all of them, copies apart."""
    # Kinds of rows are counted, not rows: there may be a million, and they are of few kinds.
    kinds = Counter((row.copy_of is None, row.outcome, row.request_start_ns is not None) for row in analysis.exchanges)
    ended: Counter[str] = Counter()
    own = 0
    for (is_own, outcome, begun), number in kinds.items():
        if is_own:
            own += number
            ended[outcome] += number if outcome != "cut" or begun else 0
    asked = ended.total()
    parts = [plural(asked, "request"), f"{count(ended['ok'] + ended['error'])} answered"]
    if ended["undelivered"]:
        parts.append(f"{plural(ended['undelivered'], 'answer')} never arrived")
    if ended["cut"]:
        parts.append(f"{plural(ended['cut'], 'answer')} broke off")
    if own > asked:
        parts.append(f"{plural(own - asked, 'answer')} to requests that were not captured")
    if len(analysis.exchanges) > own:
        parts.append(f"{count(len(analysis.exchanges) - own)} seen a second time")
    return ", ".join(parts)


def _silence(analysis: Analysis) -> Iterator[str]:
    """Say which requests got no answer at all."""
    silent = [row for row in analysis.exchanges if row.outcome == "no-response" and row.copy_of is None]
    if silent:
        names = Counter(map(name_of, silent))
        shown = [f"{count(number)} {name}" for name, number in sorted(names.items(), key=lambda item: (-item[1], item[0]))]
        listed = ", ".join(shown[:MOST_NOTES]) + (", ..." if len(shown) > MOST_NOTES else "")
        yield f"{plural(len(silent), 'request')} got no answer ({listed})."
