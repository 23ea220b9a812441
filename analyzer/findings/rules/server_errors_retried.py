"""The service failed (5xx, a reset or an end in place of an answer, or in the middle of one), and the SDK tried again.

It does not fire for throttling, nor for a connection that was dead before the request: one that answered nothing after a pause, or was
reset by something on the way. Charged are the failed attempts and the pauses after them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.findings.backoff import words
from analyzer.findings.rule import Rule
from analyzer.findings.service_words import dearest, frames_filter, is_one, listed, service_name, some_calls
from analyzer.findings.tries import Try, failed_tries, is_throttled
from analyzer.findings.view import View
from analyzer.findings.words import plural
from analyzer.model.rows import Call, Connection, Exchange, Finding
from analyzer.units import MILLISECOND, DurationNs, PacketId, duration, percent

LIVELY_NS: DurationNs = 100 * MILLISECOND
"""A connection that answered so shortly before was alive: no idle limit, and no middlebox, forgets it that fast."""
SELDOM = 0.01
"""Failures of fewer calls than this every large service has; the SDK repairs them, nobody need act."""

RULE = Rule(
    code="server-errors-retried",
    name="The service failed and the SDK tried again",
    severity="warning",
    summary="5xx answers, or resets in place of answers, that the SDK retried",
    remedy="Nothing in the client is wrong: the retry is the right reaction. If it goes on, look at the AWS Health Dashboard and send AWS "
    "the request ids (x-amzn-RequestId); where the peer is a proxy, look at its log. Make writes idempotent: a request that got no answer "
    "may have been carried out.",
    references=("RFC 9110 section 15.6", "RFC 9112 section 9.3.1", "AWS SDKs and Tools Reference Guide, retry behavior"),
    rank=10,
)
DECIDES_JOIN = "the SDK's own log: whether the next request was a retry of this one"
DECIDES_SILENCE = "a capture at the server's side: whether it answered at all"
UNANSWERED, CUT = "no answer before the client gave up", "an answer that broke off"


class Failure(NamedTuple):
    """A failed attempt, and what it was."""

    call: Call
    one: Try
    what: str
    cost_ns: DurationNs


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each service."""
    groups: dict[str | None, list[Failure]] = defaultdict(list)
    for call in view.service_calls:
        if call.attempts < 2:
            continue
        for one in failed_tries(view, call):
            what = _failure(one.exchange, view.connections.get(one.exchange.connection_id))
            if what is not None:
                cost = view.charge(call, "failed", one.failed_ns) + view.charge(call, "backoff", one.backoff_ns)
                groups[call.service].append(Failure(call, one, what, cost))
    yield from dearest(
        _finding(view, service, found, [call for call in view.service_calls if call.service == service])
        for service, found in groups.items()
    )


def _failure(row: Exchange, under: Connection | None) -> str | None:
    """Say how an attempt failed at the service; None where it did not, or where the connection was dead before it."""
    if row.status is not None and row.status >= 500 and row.outcome != "cut":
        return None if is_throttled(row) else row.error_type or f"status {row.status}"
    if row.outcome == "cut" and row.response_start_ns is not None:
        return CUT
    if row.outcome != "no-response" or under is None or not _was_alive(row):
        return None
    if under.closed_by == "server-reset":
        return "a reset in place of an answer"
    if under.closed_by == "server":
        return "an end of the connection in place of an answer"
    if under.closed_by in ("client", "client-reset") and row.request_acknowledged:
        return UNANSWERED
    return None


def _was_alive(row: Exchange) -> bool:
    """Tell whether the connection worked when the request came: it was new, had just answered, or its peer took the request."""
    if row.index_on_connection == 0 or row.request_acknowledged:
        return True
    return row.idle_before_ns is not None and row.idle_before_ns < LIVELY_NS


def _finding(view: View, service: str | None, found: list[Failure], beside: list[Call]) -> Finding:
    calls = list({one.call.call_id: one.call for one in found}.values())
    cost = sum(one.cost_ns for one in found)
    joined = all(_joined(one.one) for one in found)
    silent = any(one.what == UNANSWERED for one in found)
    lost = sum(call.ok is False for call in calls)
    rows = [one.one.exchange for one in found]
    packets = [packet for one in found for packet in _proof(view, one.one)]
    seldom = len(calls) < SELDOM * len(beside) and not lost
    return RULE.finding(
        _text(view, service, found, calls, beside, cost, lost),
        cost_ns=cost,
        share=view.share(cost, calls),
        confidence="proven" if joined and not silent else "likely",
        decides=(DECIDES_SILENCE if silent else None) if joined else DECIDES_JOIN,
        severity="error" if lost else "info" if seldom else "warning",
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for row in rows],
        connections=[row.connection_id for row in rows],
        packet_ids=packets,
        display_filter=frames_filter(packets),
    )


def _joined(one: Try) -> bool:
    """Tell whether the request itself says that the next one was its retry."""
    return (
        one.following is not None and one.exchange.invocation_id is not None and one.exchange.invocation_id == one.following.invocation_id
    )


def _proof(view: View, one: Try) -> list[PacketId | None]:
    """Return the request, what came in place of its answer, and the retry."""
    row = one.exchange
    under = view.connections.get(row.connection_id)
    answer = row.response_packet_id
    if (row.status is None or row.outcome == "cut") and under is not None:
        answer = under.closed_packet_id
    return [row.request_packet_id, answer, one.following.request_packet_id if one.following is not None else None]


def _text(view: View, service: str | None, found: list[Failure], calls: list[Call], beside: list[Call], cost: DurationNs, lost: int) -> str:
    whole = sum(call.duration_ns for call in calls)
    kinds = Counter(one.what for one in found)
    name = service_name(service)
    one = is_one(calls)
    text = f"{some_calls(calls, beside)} had to be tried again because {name} failed: {duration(cost)} of {'its' if one else 'their'} "
    text += f"{duration(whole)} ({percent(cost / whole if whole else 0)}) went to failed attempts and the pauses after them"
    if lost:
        text += f"; {plural(lost, 'call')} failed for good"
    text += f". {plural(len(found), 'attempt')} ended with {listed(f'{what} ({count})' for what, count in kinds.most_common())}."
    ids = [one.one.exchange.aws_request_id for one in found if one.one.exchange.aws_request_id]
    text += words(view, (one.one for one in found))
    return text + (f" Request id: {listed(ids, 1)}." if ids else "")
