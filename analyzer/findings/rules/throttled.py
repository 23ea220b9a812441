"""The service refused requests because a limit was reached, and the SDK waited and tried again.

It fires for answers that SDKs take for throttling (ProvisionedThroughputExceededException, ThrottlingException, RequestLimitExceeded, ...,
status 429 or 503), retried or not. Charged are the refused attempts and the pauses after them; a refused last attempt costs nothing by
itself, and its call failed. Batches that were answered 200 and left items or keys undone (UnprocessedItems, UnprocessedKeys) are findings
of their own: what the program sent again for them is charged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.findings.backoff import words
from analyzer.findings.rule import Rule
from analyzer.findings.service_words import dearest, frames_filter, is_one, listed, service_name, some_calls
from analyzer.findings.tries import Try, failed_tries, is_throttled
from analyzer.findings.undone import DECIDES, REMEDY, Undone, cost_of, text_of, undone
from analyzer.findings.view import View
from analyzer.findings.words import plural, remedy_for
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.units import DurationNs, duration, percent

RULE = Rule(
    code="throttled",
    name="Requests were throttled",
    severity="warning",
    summary="The service refused requests because a limit was reached",
    remedy="Raise the limit that was reached, or send fewer requests at once. The SDK's back-off is right as it is: shorter pauses mean "
    "more refusals.",
    references=("Amazon DynamoDB Developer Guide, error handling", "AWS SDKs and Tools Reference Guide, retry behavior"),
    rank=10,
)
TABLE = (
    "Give the table more capacity (on-demand mode, higher provisioned or auto-scaling limits) or, where one partition key is hot, spread "
    "it: one partition serves 3 000 reads and 1 000 writes a second, whatever the table has."
)
OFTEN = 0.01
"""Refusals of fewer calls than this are what bursts and splitting partitions bring; the SDK repairs them, nobody need act."""


class Throttled(NamedTuple):
    """A call with answers that refused it."""

    call: Call
    refused: list[Exchange]
    tries: list[Try]
    """Those of them that another attempt followed."""
    cost_ns: DurationNs


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each service and table."""
    groups: dict[tuple[str | None, str | None], list[Throttled]] = defaultdict(list)
    refusing = {call.call_id: call for call, row in view.failing if is_throttled(row)}
    for call in refusing.values():
        refused = [row for row in view.exchanges_of(call) if is_throttled(row)]
        groups[call.service, refused[-1].table_name].append(_throttled(view, call, refused))
    left = undone(view)
    beside: dict[tuple[str | None, str | None], list[Call]] = defaultdict(list)
    for call in view.service_calls if groups or left else ():
        beside[call.service, call.table_name].append(call)
    refusals = [_finding(view, *key, found, beside[key]) for key, found in groups.items()]
    batches = [_undone(view, one, beside[one.service, one.table]) for one in left]
    yield from dearest([*refusals, *batches])


def _throttled(view: View, call: Call, refused: list[Exchange]) -> Throttled:
    ids = {row.exchange_id for row in refused}
    tries: list[Try] = failed_tries(view, call)
    mine = [one for one in tries if one.exchange.exchange_id in ids]
    cost = 0
    for one in mine:
        cost += view.charge(call, "failed", one.failed_ns) + view.charge(call, "backoff", one.backoff_ns)
    return Throttled(call, refused, mine, cost)


def _finding(view: View, service: str | None, table: str | None, found: list[Throttled], beside: list[Call]) -> Finding:
    calls = [one.call for one in found]
    cost = sum(one.cost_ns for one in found)
    lost = [call for call in calls if call.ok is False]
    refused = [row for one in found for row in one.refused]
    seldom = len(calls) < OFTEN * len(beside)
    packets = [row.response_packet_id for row in refused]
    settings = remedy_for("throttling", calls, "")
    return RULE.finding(
        _text(view, found, beside, service, table, lost),
        cost_ns=cost,
        share=view.share(cost, calls),
        confidence="proven",
        severity="error" if lost else "info" if seldom else "warning",
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for row in refused],
        connections=[row.connection_id for row in refused],
        packet_ids=packets,
        display_filter=frames_filter(packets),
        remedy=" ".join(filter(None, (TABLE if service == "dynamodb" else RULE.remedy, settings))),
    )


def _undone(view: View, one: Undone, beside: list[Call]) -> Finding:
    """Tell of batches that were throttled in part."""
    cost = cost_of(view, one)
    named = list({call.call_id: call for call in [*one.calls, *(call for chain in one.loops for call in chain)]}.values())
    packets = [row.response_packet_id for row in one.rows]
    return RULE.finding(
        text_of(one, beside, cost),
        cost_ns=cost,
        share=view.share(cost, named),
        confidence="likely",
        decides=DECIDES,
        severity="info" if len(one.calls) < OFTEN * len(beside) else "warning",
        calls=[call.call_id for call in named],
        exchanges=[row.exchange_id for row in one.rows],
        connections=[row.connection_id for row in one.rows],
        packet_ids=packets,
        display_filter=frames_filter(packets),
        remedy=f"{TABLE if one.service == 'dynamodb' else RULE.remedy} {REMEDY}",
    )


def _text(view: View, found: list[Throttled], beside: list[Call], service: str | None, table: str | None, lost: list[Call]) -> str:
    calls = [one.call for one in found]
    whole = sum(call.duration_ns for call in calls)
    cost = sum(one.cost_ns for one in found)
    paused = sum(each.backoff_ns for one in found for each in one.tries)
    where = f" on {table}" if table is not None else f" of {service_name(service)}"
    text = f"{some_calls(calls, beside)}{where} {'was' if is_one(calls) else 'were'} throttled"
    if cost:
        share = percent(cost / whole if whole else 0)
        text += f": {duration(cost)} of {'its' if is_one(calls) else 'their'} {duration(whole)} ({share}) went to refused "
        text += "attempts and the pauses after them"
    if lost:
        text += f"; {plural(len(lost), 'call')} failed for good"
    refused = [row for one in found for row in one.refused]
    names = listed(row.error_type or f"status {row.status}" for row in refused)
    text += f". {plural(len(refused), 'answer')} said {names}{f'; the pauses alone took {duration(paused)}' if paused else ''}."
    return text + words(view, (each for one in found for each in one.tries))
