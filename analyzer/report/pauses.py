"""The pauses between the attempts of an explained call: which retry each came before, what the SDK's back-off allows, what was seen."""

from __future__ import annotations

from collections import defaultdict

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Span
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.sdks.retries import SLACK_NS, Retry, kind, told
from analyzer.sdks.retries import told_of_credentials as told_of_dialogue
from analyzer.units import ConnectionId

UNANSWERED = frozenset({"no-response", "undelivered", "cut"})


def pauses(analysis: Analysis, call: Call) -> dict[int, str]:
    """Return what is to be said of each pause of a call, by the id of its span; of one that no formula is known for nothing.

    The mode is told from all pauses of that SDK in the answer, as in its findings.
    """
    if call.attempts < 2:
        return {}
    alike = {row.call_id: row for row in analysis.calls if row.attempts > 1 and (row.sdk, row.service) == (call.sdk, call.service)}
    spans: dict[int, list[Span]] = defaultdict(list)
    for span in analysis.spans:
        if span.call_id in alike:
            spans[span.call_id].append(span)
    if call.service in CREDENTIAL_SERVICES:
        return _of_dialogue(analysis, call, spans[call.call_id])
    wanted = {number for row in alike.values() for number in row.exchange_ids}
    exchanges = {row.exchange_id: row for row in analysis.exchanges if row.exchange_id in wanted}
    used = {row.connection_id for row in exchanges.values()}
    connections = {row.connection_id: row for row in analysis.connections if row.connection_id in used}
    mine: dict[int, Retry] = {}
    everything: list[Retry] = []
    for number, row in alike.items():
        rows = [exchanges[one] for one in row.exchange_ids if one in exchanges]
        found = _retries(row, rows, spans[number], connections)
        everything += found.values()
        if number == call.call_id:
            mine = found
    last = next((one for number in reversed(call.exchange_ids) if (one := exchanges.get(number)) is not None), None)
    if last is None:
        return {}
    told_so = {
        span_id: told(last.sdk, last.service, [one], version=last.sdk_version, marker=last.retry_mode, among=everything)
        for span_id, one in mine.items()
    }
    return {span_id: text for span_id, text in told_so.items() if text}


def _retries(call: Call, rows: list[Exchange], spans: list[Span], connections: dict[ConnectionId, Connection]) -> dict[int, Retry]:
    """Return the retries that the pauses of a call came before, by span."""
    found: dict[int, Retry] = {}
    before: Span | None = None
    at = 0
    for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id)):
        if span.phase == "backoff" and span.attempt is not None and before is not None:
            while at + 1 < len(rows) and (rows[at + 1].request_start_ns or 0) < span.start_ns:
                at += 1
            row = rows[at] if rows and rows[at].connection_id == before.connection_id else None
            status = row.status if row is not None and row.outcome not in UNANSWERED else None
            what = kind(call.sdk, status, row.error_type if row is not None and status is not None else None)
            if what is not None:
                under = connections.get(before.connection_id) if before.connection_id is not None else None
                rtt = under.client_rtt_ns if under is not None and under.client_rtt_ns is not None else 0
                number = row.attempt if row is not None and row.attempt is not None else span.attempt - 1
                if number >= 1:
                    found[span.span_id] = Retry(number, what, span.end_ns - span.start_ns, SLACK_NS + rtt)
        before = span
    return found


def _of_dialogue(analysis: Analysis, call: Call, spans: list[Span]) -> dict[int, str]:
    """Return what is to be said of the pauses of a dialogue with a credential endpoint."""
    last = max(call.exchange_ids, default=None)
    sdk = next((row.sdk for row in analysis.exchanges if row.exchange_id == last), call.sdk)
    found = {
        span.span_id: told_of_dialogue(sdk, call.service, span.attempt - 1, span.end_ns - span.start_ns)
        for span in spans
        if span.phase == "backoff" and span.attempt is not None and span.attempt > 1
    }
    return {span_id: text for span_id, text in found.items() if text}
