"""The server's own time is far from its usual: it answered late, or it paused in the middle of an answer.

Usual is the median of the same operation on the same table, whoever asked; without enough of them only DynamoDB has a usual, since
its reads and writes of single items take single-digit milliseconds. Reads of many items are compared with their like only. An answer that
was lost and sent again looks the same from the client's side: a small answer that is at least one retransmission timeout late is called
possible, not proven, unless it happens so often that loss would have shown elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from analyzer.findings.rule import Rule
from analyzer.findings.service_words import dearest, frames_filter, is_one, listed, messages_filter, service_name, some_calls, some_of
from analyzer.findings.transfers import FAR_FROM_USUAL, Transfer, transfers
from analyzer.findings.view import View
from analyzer.findings.words import median, remedy_for
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.units import MILLISECOND, SECOND, DurationNs, duration

FAR_NS: DurationNs = 50 * MILLISECOND
"""How much longer than usual: a cold cache, a split partition or a busy host costs some tens of milliseconds now and then."""
VERY_NS: DurationNs = 500 * MILLISECOND
"""Slow by any measure, where there is no usual one or a single call is all there is."""
ENOUGH = 5
"""Calls of one kind that make a usual time."""
SELDOM = 0.01
"""Calls rarer than this do not move p99; then only very slow ones count."""
SINGLE_NS: DurationNs = 10 * MILLISECOND
"""DynamoDB's usual time of single items: `consistent single-digit millisecond performance` (Amazon DynamoDB Developer Guide)."""
ALL_SLOW = 10
"""Times that, as the median of many calls: then the usual is no measure either."""
SINGLE = frozenset({"GetItem", "PutItem", "UpdateItem", "DeleteItem"})
MANY_ITEMS = 100
"""Items read from which a Query or Scan is compared with its like only."""
MANY_BYTES = 100_000
"""Bytes moved from which an operation is."""
RTO_NS: DurationNs = 200 * MILLISECOND
"""The shortest retransmission timeout of Linux (`TCP_RTO_MIN`): a lost answer comes at least that much late."""
ONE_LOSS_BYTES = 2 * 1460
"""An answer of so few segments can be lost whole, which leaves no trace at the client; of a longer one the next segment tells."""
OFTEN = 0.05
"""Answers late more often than that are not lost ones, where requests are not lost as often."""
PAUSE_NS: DurationNs = 100 * MILLISECOND
"""A pause within an answer that is worth a word."""
SMALL_BYTES = 1460
"""An answer of one segment has no middle."""

RULE = Rule(
    code="slow-server",
    name="The service was slow",
    severity="warning",
    summary="The server's own time is far from its usual",
    remedy="Compare with the service's own metric (CloudWatch SuccessfulRequestLatency by table and operation) and send AWS the request "
    "ids of the slow calls (x-amzn-RequestId).",
    references=("Amazon DynamoDB Developer Guide, troubleshooting latency", "RFC 6298"),
    rank=54,
)
TIMEOUT_NS: DurationNs = SECOND
"""The shortest read timeout that does not cut off ordinary calls; what took less is not shortened by one."""
SHORTER = " To be hurt less, give up sooner and let the SDK try again. "
ANY_TIMEOUT = (
    "Set a shorter read timeout (boto3: Config(read_timeout=N); SDK for JavaScript v3: requestTimeout with throwOnRequestTimeout)."
)
MOST_IDS = 3
"""Request ids named; AWS needs some, not all."""
DECIDES_LOST = "a capture at the server's side, or a step in ip.id before the late answer: a number that is missing there was its lost copy"
DECIDES_SLOW = "the service's own metric of that minute (CloudWatch SuccessfulRequestLatency)"
DECIDES_PAUSE = "a capture at the server's side, or a step in ip.id after the pause: a number that is missing there was a lost packet"


class Measured(NamedTuple):
    """The calls of one kind."""

    asked: list[tuple[Call, Exchange]]
    """Each with its last exchange."""
    times: list[DurationNs]
    """The server's time of each."""


class Late(NamedTuple):
    """A call whose server took far longer than usual."""

    call: Call
    exchange: Exchange
    excess_ns: DurationNs
    usual_ns: DurationNs
    lost: bool
    """Whether a lost answer would look the same."""


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each operation and table whose service answered late, and one for each that paused within answers."""
    groups: dict[tuple[str | None, str | None, str | None, bool], Measured] = defaultdict(lambda: Measured([], []))
    for one in view.answered:
        call, row = one
        took = call.server_ns
        if took is None or call.truncated in ("end", "both"):
            continue
        # Whose time depends on how many items it moves or reads.
        many = row.request_bytes >= MANY_BYTES or row.response_bytes >= MANY_BYTES or (row.scanned_count or 0) >= MANY_ITEMS
        asked, times = groups[call.service, call.operation, call.table_name, many]
        asked.append(one)
        times.append(took)
    found = []
    for (_, _, _, many), measured in groups.items():
        charged = [
            (one, cost) for one in _late(view, measured, many=many) if (cost := view.charge(one.call, "server", one.excess_ns)) >= FAR_NS
        ]
        if charged:
            found.append(_finding(view, charged, measured))
    yield from dearest(found)
    yield from dearest(_pauses(view))


def _late(view: View, measured: Measured, *, many: bool) -> list[Late]:
    asked, times = measured
    first = asked[0][0]
    usual = median(times)
    least = FAR_NS
    if len(times) < ENOUGH or (first.operation in SINGLE and usual >= ALL_SLOW * SINGLE_NS):
        if first.service != "dynamodb" or many:
            return []
        least = VERY_NS if len(times) < ENOUGH else FAR_NS
        usual = SINGLE_NS
    elif first.operation is None:
        least = VERY_NS  # what cannot be read may be any operation
    found = []
    late_from = max(usual + least, FAR_FROM_USUAL * usual)
    for at, took in enumerate(times):
        if took < late_from:
            continue
        call, exchange = asked[at]
        excess = took - usual
        lost = view.analysis.vantage != "server" and excess >= RTO_NS and exchange.response_bytes <= ONE_LOSS_BYTES
        found.append(Late(call, exchange, excess, usual, lost))
    if len(found) < SELDOM * len(times):
        found = [one for one in found if one.excess_ns >= VERY_NS]
    return found


def _finding(view: View, charged: list[tuple[Late, DurationNs]], measured: Measured) -> Finding:
    late = [one for one, _ in charged]
    cost = sum(took for _, took in charged)
    repaired = sum(1 for call, _ in measured.asked if call.wait_stall_ns)
    maybe_lost = [one for one in late if one.lost]
    often = len(maybe_lost) >= max(FAR_FROM_USUAL, FAR_FROM_USUAL * repaired, OFTEN * len(measured.asked))
    doubtful = len(maybe_lost) == len(late) and not often
    proven = view.analysis.vantage == "server"
    calls = [one.call for one in late]
    packets = [number for one in late for number in (one.exchange.request_packet_id, one.exchange.response_packet_id)]
    return RULE.finding(
        _text(late, len(measured.asked), cost, doubtful),
        cost_ns=cost,
        share=view.share(cost, calls),
        confidence="proven" if proven else "possible" if doubtful else "likely",
        decides=None if proven else DECIDES_LOST if doubtful else DECIDES_SLOW,
        severity="info" if doubtful else "warning",
        calls=[call.call_id for call in calls],
        exchanges=[one.exchange.exchange_id for one in late],
        connections=[one.exchange.connection_id for one in late],
        packet_ids=packets,
        display_filter=frames_filter(packets),
        remedy=_remedy(max(one.call.server_ns or 0 for one in late), calls),
    )


def _remedy(longest: DurationNs, calls: list[Call]) -> str:
    """Return the remedy; the SDK's read timeout only where it would have ended the wait."""
    return RULE.remedy + (SHORTER + remedy_for("read-timeout", calls, ANY_TIMEOUT) if longest > TIMEOUT_NS else "")


def _ids(rows: Iterable[Exchange]) -> str:
    """Name the request ids of some exchanges, those that the remedy asks for."""
    known = [row.aws_request_id for row in rows if row.aws_request_id]
    return f" Request id{'s' if len(known) > 1 else ''}: {listed(known, MOST_IDS)}." if known else ""


def _text(late: list[Late], measured: int, cost: DurationNs, doubtful: bool) -> str:
    calls = [one.call for one in late]
    service = service_name(calls[0].service)
    took = median(call.server_ns or 0 for call in calls)
    usual = late[0].usual_ns
    middle = "" if is_one(calls) else " (median)"
    text = f"{some_of(calls, calls[0].operation, measured)}{_table(calls)} waited {duration(took)} for "
    text += f"{'an answer, the round trip apart' if doubtful else f'{service} itself'}{middle}; "
    text += f"usual is {'below ' if usual == SINGLE_NS else ''}{duration(usual)}: {duration(cost)} more."
    if doubtful:
        text += " Either the service was slow, or its answer was lost on the way and sent again: from here both look the same."
    return text + _ids(one.exchange for one in late)


def _table(calls: list[Call]) -> str:
    name = calls[0].table_name
    return f" on {name}" if name is not None else ""


def _pauses(view: View) -> Iterator[Finding]:
    """Yield a finding for each operation whose answers paused in the middle, without loss, where others of their size came at once."""
    groups: dict[tuple[str | None, str | None], list[tuple[Transfer, DurationNs]]] = defaultdict(list)
    for one in transfers(view, SMALL_BYTES + 1, PAUSE_NS):
        if one.upload or one.usual_ns is None or one.explained_ns == one.took_ns:
            continue
        excess = one.took_ns - one.usual_ns
        if excess >= PAUSE_NS and (cost := view.charge(one.call, "receive", excess)) >= PAUSE_NS:
            groups[one.call.service, one.call.operation].append((one, cost))
    peers: dict[tuple[str | None, str | None], list[Call]] = defaultdict(list)
    for call in view.service_calls if groups else ():
        peers[call.service, call.operation].append(call)
    for key, found in groups.items():
        calls = [one.call for one, _ in found]
        rows = [one.exchange for one, _ in found]
        cost = sum(took for _, took in found)
        damaged = any((under := view.connections.get(row.connection_id)) is None or under.retransmissions for row in rows)
        text = f"{some_calls(calls, peers[key])} stood still in the middle of {'its' if is_one(calls) else 'their'} answer: "
        usual = median(one.usual_ns or 0 for one, _ in found)
        shown = duration(usual) if usual >= MILLISECOND else "1 ms or less"
        text += f"{duration(cost)} more than the {shown} that answers of that size usually take. "
        if damaged:
            text += "Packets were lost on these connections: a repeat of a lost one would look the same."
        else:
            text += f"Nothing shows loss there: {service_name(calls[0].service)} stopped sending, or something on the way did."
        text += _ids(rows)
        packets = [number for row in rows for number in (row.request_packet_id, row.response_start_packet_id, row.response_packet_id)]
        proven = view.analysis.vantage == "server"
        yield RULE.finding(
            text,
            cost_ns=cost,
            share=view.share(cost, calls),
            confidence="proven" if proven else "possible" if damaged else "likely",
            decides=None if proven else DECIDES_PAUSE,
            severity="info" if damaged else "warning",
            calls=[call.call_id for call in calls],
            exchanges=[row.exchange_id for row in rows],
            connections=[row.connection_id for row in rows],
            packet_ids=packets,
            display_filter=messages_filter((row.connection_id, row.request_packet_id, row.response_packet_id) for row in rows),
            remedy=_remedy(max(one.took_ns for one, _ in found), calls),
        )
