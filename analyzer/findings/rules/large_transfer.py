"""The message's size, not the server, makes the call long: sending or receiving takes well above what a small message takes.

It fires for requests and responses beyond what a new connection sends at once, that took at least 50 ms and a quarter of their call to
cross. Repairs of loss and closed windows are left out, as is a transfer that took far longer than others of its size: that was a pause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import dearest, is_one, some_calls
from analyzer.findings.transfers import Transfer, transfers
from analyzer.findings.view import View
from analyzer.findings.words import median
from analyzer.model.rows import Call, Finding
from analyzer.units import MILLISECOND, SECOND, DurationNs, bytes_, count, duration, percent

LARGE_BYTES = 14_600
"""Ten segments of 1 460 bytes: what a new connection may send before it waits for an ACK (RFC 6928)."""
LONG_NS: DurationNs = 50 * MILLISECOND
"""A transfer below this is no reason to change a program; one more round trip of slow start mostly is."""
PART = 0.25
"""A transfer below this part of its call does not make it long."""
SLIGHT = 0.05
"""Below this share of all calls' time it is told as information only."""

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

DECIDES = "the same transfer on a path that loses nothing"


class Long(NamedTuple):
    """A transfer that makes its call long, and what was charged for it."""

    transfer: Transfer
    cost_ns: DurationNs


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each operation and direction."""
    groups: dict[tuple[str | None, str | None, bool], list[Long]] = defaultdict(list)
    for one in transfers(view, LARGE_BYTES):
        explained = one.explained_ns
        if explained < LONG_NS or explained < PART * one.call.duration_ns:
            continue
        cost = _charge(view, one, explained)
        if cost >= LONG_NS:
            groups[one.call.service, one.call.operation, one.upload].append(Long(one, cost))
    peers: dict[tuple[str | None, str | None], list[Call]] = defaultdict(list)
    for call in view.service_calls if groups else ():
        peers[call.service, call.operation].append(call)
    yield from dearest(_finding(view, upload, found, peers[service, name]) for (service, name, upload), found in groups.items())


def _charge(view: View, one: Transfer, most: DurationNs) -> DurationNs:
    if not one.upload:
        return view.charge(one.call, "receive", most)
    sent = view.charge(one.call, "send", most)
    # The rest of an upload is on its way when the last byte has been handed over: it ends with the ACK of it.
    return sent + view.charge(one.call, "network", most - sent)


def _finding(view: View, upload: bool, found: list[Long], peers: list[Call]) -> Finding:
    moved = [long.transfer for long in found]
    calls = [one.call for one in moved]
    cost = sum(long.cost_ns for long in found)
    share = view.share(cost, calls)
    dearest = max(found, key=lambda long: long.cost_ns).transfer.exchange
    first = dearest.first_packet_id
    lossy = _lossy(moved)
    last = dearest.response_packet_id if dearest.response_packet_id is not None else dearest.request_packet_id
    between = "" if first is None or last is None else f" && frame.number >= {first} && frame.number <= {last}"
    return RULE.finding(
        _text(peers, upload, moved, cost),
        cost_ns=cost,
        share=share,
        confidence="likely" if lossy else "proven",
        decides=DECIDES if lossy else None,
        severity="info" if share is not None and share < SLIGHT else "warning",
        calls=[call.call_id for call in calls],
        exchanges=[one.exchange.exchange_id for one in moved],
        connections=[one.exchange.connection_id for one in moved],
        packet_ids=[packet for one in moved for packet in (one.exchange.first_packet_id, one.exchange.response_packet_id)],
        display_filter=f"{streams_filter([dearest.connection_id])} && tcp.len > 0{between}",
        remedy=UPLOAD_REMEDY if upload else None,
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
    text += f"{'its' if one else 'their'} {duration(whole)} ({percent(cost / whole)})."
    text += f" {bytes_(sent)} crossed at {bytes_(rate)}/s ({_bits(rate)}); repairs of lost packets are not counted."
    server = [call.server_ns for call in calls if call.server_ns is not None]
    if _lossy(moved):
        text += " Loss on these connections slowed the rest down too."
    return text + (f" The service itself took {duration(median(server))}{'' if one else ' (median)'}." if server else "")


def _lossy(moved: list[Transfer]) -> bool:
    """Tell whether packets of the messages were lost: then the sender slowed down, and the size alone is not to blame (RFC 5681)."""
    return any(one.exchange.stalls or one.exchange.request_repeats or one.exchange.response_repeats for one in moved)


def _bits(rate: int) -> str:
    return f"{8 * rate / 1e6:.1f} Mbit/s" if rate < 12_500_000 else f"{count(8 * rate // 1_000_000)} Mbit/s"
