"""When nothing more can come to a call: what a running pass must know before it hands one out (design 2.4)."""

from __future__ import annotations

from analyzer.aws.dialogues import LIST, METADATA, PAUSE_NS, READING_NS, TOKEN
from analyzer.aws.joining import LONGEST_PAUSE_NS, retried
from analyzer.aws.waiting import GIVE_UP_NS
from analyzer.model.draft import Draft
from analyzer.model.rows import Connection
from analyzer.units import SECOND, DurationNs, TimeNs

NEXT_SYN_NS: DurationNs = SECOND
"""A SYN is repeated after a second, then after twice as long each time (RFC 6298 section 2, Linux)."""


def final_at(draft: Draft) -> TimeNs:
    """Return from when on nothing more can belong to a call whose exchanges are all over.

    At its end where its SDK does not try again after such an answer; 25 s after a failure that is retried (the longest back-off is 20 s).
    A dialogue ends with what was asked for, or a refusal; after anything else the next step comes within 2.5 s.
    """
    last = draft.attempts[-1]
    row, end = last.exchange, draft.end_ns
    if draft.is_dialogue and draft.service != "sts":
        return end + _dialogue_pause(draft)
    if row is None:
        return max(end, last.connection.last_ns) + max(LONGEST_PAUSE_NS, syn_due(last.connection))
    return end + LONGEST_PAUSE_NS if retried(row) else end


def syn_due(row: Connection) -> DurationNs:
    """Return how long after the last packet of a connection that did not open its next SYN is due, with some slack."""
    return 2 * NEXT_SYN_NS + 2 * max(0, row.last_ns - row.first_ns)


def _dialogue_pause(draft: Draft) -> DurationNs:
    if draft.open_end:
        return GIVE_UP_NS
    row = draft.attempts[-1].exchange
    if row is None or row.outcome not in ("ok", "error"):
        return PAUSE_NS
    status = row.status or 0
    again = status == 429 or status >= 500
    if again or row.operation == TOKEN or (row.operation == LIST and status < 300):
        return PAUSE_NS
    return READING_NS if row.operation in METADATA else 0
