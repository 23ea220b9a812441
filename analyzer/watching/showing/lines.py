"""A line for each call as it ends: plain text for a log, JSON for a program."""

from __future__ import annotations

import json
from typing import Any

from analyzer.report.text import plain
from analyzer.units import duration, moment
from analyzer.watching.rows import OWNER_COLUMNS, Owner
from analyzer.watching.showing.phases import words
from analyzer.watching.snapshot import Seen


def owner_of(call: Any) -> Owner:
    """Return the process of a call."""
    return Owner(*(getattr(call, name, None) for name in OWNER_COLUMNS))


def owner_words(owner: Owner) -> str:
    """Write whose call it was: `python app.py (1234) in 0123456789ab`; nothing where that is not known."""
    if owner.process_id is None:
        return ""
    inside = f" in {owner.container}" if owner.container else ""
    return f"{owner.command or owner.process or 'process'} ({owner.process_id}){inside}"


def outcome_words(call: Any) -> str:
    """Write how a call ended: `ok`, its error, or that its end was not seen."""
    if call.ok:
        return "ok"
    if call.error_type or call.status:
        return " ".join(str(part) for part in (call.status, call.error_type) if part)
    return "failed" if call.ok is False else "end not seen"


def line(seen: Seen) -> str:
    """Return a call as a line: when, which, how long, how it ended, its phases, whose it was, what was found."""
    call = seen.call
    name = call.operation or call.service or "call"
    tries = f" {call.attempts} attempts" if call.attempts > 1 else ""
    parts = [
        f"{moment(call.start_ns)} call {call.call_id} {name} {duration(call.duration_ns)} {outcome_words(call)}{tries}:",
        words(call),
        owner_words(owner_of(call)),
        " ".join(f"[{code}]" for code in seen.findings),
    ]
    return plain("  ".join(part for part in parts if part))


def record(seen: Seen) -> str:
    """Return a call as a line of JSON: the columns of `calls` with those of its process, its spans, and its findings."""
    call: Any = seen.call
    row = dict(zip(call._fields, call, strict=True))
    row["findings"] = list(seen.findings)
    row["spans"] = [dict(zip(span._fields, span, strict=True)) for span in seen.spans]
    return json.dumps(row, separators=(",", ":"))
