"""Failed attempts of calls: what each cost, together with the pause after it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import NamedTuple

from analyzer import sdks
from analyzer.findings.view import View
from analyzer.model.rows import Call, Exchange, Span
from analyzer.units import DurationNs

CONFLICTS = frozenset({"TransactionInProgressException"})
"""What SDKs retry as slowly as throttling, though it tells of a conflict and not of a limit."""


class Try(NamedTuple):
    """An exchange of a call that another attempt followed."""

    exchange: Exchange
    number: int
    """The number of the attempt, from 1."""
    following: Exchange | None
    """The exchange of the next attempt; None where that has none."""
    failed_ns: DurationNs
    """What lies in the call's `failed` for it, set-up included."""
    backoff_ns: DurationNs
    """The pause after it."""


NEAR = 4
"""Spans of one attempt that may begin at the same instant: connect, client and send without length."""


LIMITS = (429, 503)
"""Statuses that say that a limit was reached, or may say it (RFC 6585 section 4, RFC 9110 section 15.6.4)."""


def is_throttled(exchange: Exchange) -> bool:
    """Tell whether an answer says that a limit was reached: by an error type that SDKs take for throttling, else status 429, or 503.

    The statuses are those of RFC 6585 section 4 and RFC 9110 section 15.6.4.
    """
    if exchange.error_type is not None and exchange.error_type in sdks.throttling_types() and exchange.error_type not in CONFLICTS:
        return True
    return exchange.status in LIMITS


def failed_tries(view: View, call: Call) -> list[Try]:
    """Return the attempts of a call that were followed by another, in order; of attempts that came to no exchange none."""
    if call.attempts < 2:
        return []
    rows = view.exchanges_of(call)
    spans = [span for span in view.spans_of(call) if span.phase in ("failed", "backoff")]
    if not spans:
        return []
    took: dict[tuple[str, int | None], DurationNs] = defaultdict(int)
    for span in spans:
        took[span.phase, span.attempt] += span.end_ns - span.start_ns
    # Spans and exchanges are both in order of time: of a call of very many attempts each span is looked at once.
    by_connection: dict[int | None, list[Span]] = defaultdict(list)
    for span in spans:
        if span.phase == "failed":
            by_connection[span.connection_id].append(span)
    found = []
    for number, row in enumerate(rows):
        attempt = _attempt_of(row, by_connection[row.connection_id])
        if attempt is not None:
            following = rows[number + 1] if number + 1 < len(rows) else None
            # A pause bears the number of the attempt that it waits for.
            found.append(Try(row, attempt, following, took["failed", attempt], took["backoff", attempt + 1]))
    return found


def _attempt_of(row: Exchange, spans: list[Span]) -> int | None:
    """Return the number of the failed attempt that an exchange was; None for one that was not followed by another."""
    start = row.request_start_ns
    if start is None:
        return None
    at = bisect_right(spans, start, key=lambda span: span.start_ns)
    for span in reversed(spans[max(0, at - NEAR) : at]):
        if span.start_ns <= start <= span.end_ns and not start == span.end_ns > span.start_ns:  # else its set-up, right before it
            return span.attempt
    return None
