"""The message's size, not the server, makes the call long: sending or receiving takes well above what a small message takes.

It fires for requests and responses beyond what a new connection sends at once, that took at least 50 ms and a quarter of their call to
cross. Repairs of loss and closed windows are left out, as is a transfer that took far longer than others of its size: that was a pause.
After each loss the sender slows down (RFC 5681): where losses are many, the time beside the repairs is theirs too. Such transfers are told
as information, and nothing is charged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple, TypedDict

from analyzer.findings.rule import Rule
from analyzer.findings.service_words import MOST_MESSAGES, dearest, is_one, listed, messages_filter, some_calls
from analyzer.findings.stalls import LOSS, lost_packets
from analyzer.findings.transfers import Transfer, transfers
from analyzer.findings.view import View
from analyzer.findings.words import median
from analyzer.model.intervals import union
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.units import MILLISECOND, SECOND, ConnectionId, DurationNs, PacketId, bytes_, count, duration, percent

LARGE_BYTES = 14_600
"""Ten segments of 1 460 bytes: what a new connection may send before it waits for an ACK (RFC 6928)."""
LONG_NS: DurationNs = 50 * MILLISECOND
"""A transfer below this is no reason to change a program; one more round trip of slow start mostly is."""
PART = 0.25
"""A transfer below this part of its call does not make it long."""
LOSSES = 0.01
"""Part of a connection's packets, lost, from which on loss holds a transfer up: at 1 % and 40 ms no sender gets beyond 3.5 Mbit/s
(Mathis et al., `The macroscopic behavior of the TCP congestion avoidance algorithm`: MSS / RTT * 1.2 / sqrt(p))."""
REPAIRS = 0.25
"""So is a transfer of which repairs are this part."""

RULE = Rule(
    code="large-transfer",
    name="Large messages",
    severity="warning",
    summary="The message's size, not the server, makes the call long",
    remedy="Move fewer bytes: compress large attribute values, keep big ones in S3 and a pointer in the item, read only what is used "
    "(ProjectionExpression, a smaller Limit).",
    references=("RFC 6928", "RFC 5681", "Amazon DynamoDB Developer Guide, best practices for storing large items"),
    rank=52,
)
UPLOAD_REMEDY = (
    "Send fewer bytes: compress large attribute values, keep big ones in S3 and a pointer in the item, and send several smaller batches "
    "side by side (BatchWriteItem) if the path has room for them. If it has not, bandwidth or a nearer region is the fix."
)

LOSS_REMEDY = "Mend the path first (packet-loss-stall): fewer bytes shorten these calls too, but each loss slows down whatever is left."
DECIDES = "the same transfer on a path that loses nothing"


class Shown(TypedDict):
    """What shows some transfers: their rows, packets and filter."""

    exchanges: list[int]
    connections: list[ConnectionId]
    packet_ids: list[PacketId | None]
    display_filter: str


class Long(NamedTuple):
    """A transfer that makes its call long, and what was charged for it."""

    transfer: Transfer
    cost_ns: DurationNs


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each operation and direction."""
    groups: dict[tuple[str | None, str | None, bool, bool], list[Long]] = defaultdict(list)
    for one in transfers(view, LARGE_BYTES, LONG_NS):
        explained = one.explained_ns
        if explained < LONG_NS or explained < PART * one.call.duration_ns:
            continue
        slowed = _slowed(view, one)
        cost = 0 if slowed else _charge(view, one, explained)
        if cost >= LONG_NS or slowed:
            groups[one.call.service, one.call.operation, one.upload, slowed].append(Long(one, cost))
    peers: dict[tuple[str | None, str | None], list[Call]] = defaultdict(list)
    for call in view.service_calls if groups else ():
        peers[call.service, call.operation].append(call)
    yield from dearest(
        (_slowed_finding if slowed else _finding)(view, upload, found, peers[service, name])
        for (service, name, upload, slowed), found in groups.items()
    )


def _slowed(view: View, one: Transfer) -> bool:
    """Tell whether loss held a transfer up, beside its repairs."""
    under = view.connections.get(one.exchange.connection_id)
    if under is not None and lost_packets(under) > LOSSES * (under.packets_sent + under.packets_received):
        return True
    repaired = sum(last - first for first, last in union((row.start_ns, row.end_ns) for row in one.exchange.stalls if row.kind in LOSS))
    return repaired >= REPAIRS * (one.took_ns + repaired) > 0


def _slowed_finding(view: View, upload: bool, found: list[Long], peers: list[Call]) -> Finding:
    """Make the finding where loss leaves open what the size alone would take."""
    moved = sorted((long.transfer for long in found), key=lambda one: -one.took_ns)
    calls = [one.call for one in moved]
    one, time = is_one(calls), sum(one.took_ns for one in moved)
    verb, size = "sending" if upload else "receiving", bytes_(median(one.size for one in moved))
    text = f"{some_calls(calls, peers)} spent {duration(time)} {verb} {size}{'' if one else ' each (median)'}, repairs of lost packets not "
    text += "counted. Packets were lost on the way, and after each loss the sender slows down: size alone is not to blame."
    return RULE.finding(
        text,
        cost_ns=0,
        share=view.share(0, calls),
        confidence="possible",
        decides=DECIDES,
        severity="info",
        calls=[call.call_id for call in calls],
        remedy=LOSS_REMEDY,
        **_shown(moved),
    )


def _shown(moved: list[Transfer]) -> Shown:
    """Return what shows some transfers, dearest first."""
    rows = [one.exchange for one in moved]
    ends = [(row.connection_id, row.first_packet_id, _last(row)) for row in rows]
    return Shown(
        exchanges=[row.exchange_id for row in rows],
        connections=[row.connection_id for row in rows],
        packet_ids=[packet for _, *pair in ends for packet in pair],
        display_filter=messages_filter(ends),
    )


def _last(row: Exchange) -> PacketId | None:
    return row.response_packet_id if row.response_packet_id is not None else row.request_packet_id


def _charge(view: View, one: Transfer, most: DurationNs) -> DurationNs:
    if not one.upload:
        return view.charge(one.call, "receive", most)
    sent = view.charge(one.call, "send", most)
    # The rest of an upload is on its way when the last byte has been handed over: it ends with the ACK of it.
    return sent + view.charge(one.call, "network", most - sent)


def _finding(view: View, upload: bool, found: list[Long], peers: list[Call]) -> Finding:
    moved = [long.transfer for long in sorted(found, key=lambda long: -long.cost_ns)]
    calls = [one.call for one in moved]
    cost = sum(long.cost_ns for long in found)
    share = view.share(cost, calls)
    lossy = _lossy(moved)
    return RULE.finding(
        _text(peers, upload, moved, cost),
        cost_ns=cost,
        share=share,
        confidence="likely" if lossy else "proven",
        decides=DECIDES if lossy else None,
        calls=[call.call_id for call in calls],
        remedy=UPLOAD_REMEDY if upload else None,
        **_shown(moved),
    )


def _text(peers: list[Call], upload: bool, moved: list[Transfer], cost: DurationNs) -> str:
    calls = [one.call for one in moved]
    time = sum(one.took_ns for one in moved)
    sent = sum(one.size for one in moved)
    rate = sent * SECOND // time if time else 0
    size = bytes_(median(one.size for one in moved))
    whole = sum(call.duration_ns for call in calls)
    one = is_one(calls)
    text = f"{some_calls(calls, peers)} {'is' if one else 'are'} long because of {'its' if one else 'their'} size: "
    text += f"{'sending' if upload else 'receiving'} {size}{'' if one else ' each (median)'} took {duration(cost)} of "
    text += f"{'its' if one else 'their'} {duration(whole)} ({percent(cost / whole if whole else 0)})."
    text += f" {bytes_(sent)} crossed at {bytes_(rate)}/s ({_bits(rate)}); repairs of lost packets are not counted."
    server = [call.server_ns for call in calls if call.server_ns]  # none at all is no time: an ACK that waited for the answer hides it
    if _lossy(moved):
        text += " Loss on these connections slowed the rest down too."
    text += f" The service itself took {duration(median(server))}{'' if one else ' (median)'}." if server else ""
    if len(calls) > MOST_MESSAGES:
        shown = listed((str(call.call_id) for call in calls[:MOST_MESSAGES]), MOST_MESSAGES)
        text += f" The filter shows the {MOST_MESSAGES} dearest: calls {shown}."
    return text


def _lossy(moved: list[Transfer]) -> bool:
    """Tell whether packets of the messages were lost: then the sender slowed down, and the size alone is not to blame (RFC 5681)."""
    rows = [one.exchange for one in moved]
    repaired = any(stall.kind in LOSS for row in rows for stall in row.stalls)
    return repaired or any(row.request_repeats or row.response_repeats for row in rows)


def _bits(rate: int) -> str:
    return f"{8 * rate / 1e6:.1f} Mbit/s" if rate < 12_500_000 else f"{count(8 * rate // 1_000_000)} Mbit/s"
