"""The client sent the head of a request, and held its body back until the service said 100 Continue.

It fires for service calls with such a wait, where it was at least 5 ms and 2 % of their time, or ran into the client's own timer: a service
or proxy that never sends 100 (Continue) makes each such request wait for that (RFC 9110 section 10.1.1). A body that follows its head at
once, whatever its fields say, waited for nothing; so did one that was not sent because the final answer came first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from analyzer.findings.gaps import told
from analyzer.findings.rule import Rule
from analyzer.findings.service_words import messages_filter, service_name
from analyzer.findings.view import View
from analyzer.findings.words import between, median, out_of, plural
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.timers import Gap
from analyzer.units import MILLISECOND, DurationNs, duration, percent

FLOOR_NS: DurationNs = 5 * MILLISECOND
"""A wait below this is the way to a neighbour and back: nobody would notice it gone."""
WORTH = 0.02
"""Nor is less than this share of the time of the calls that waited worth a warning."""
SLOTS = ("network", "server", "wait")
"""What the wait between head and body is charged to."""

RULE = Rule(
    code="expect-continue-wait",
    name="Waiting for 100 Continue",
    severity="warning",
    summary="Requests waited between head and body for the service to say 100 Continue",
    remedy="Turn Expect: 100-continue off where bodies are small: SDK for Java v2 S3Configuration.expectContinueEnabled(false), Java v1 "
    "ClientConfiguration.setUseExpectContinue(false), Go v2 s3.Options.ContinueHeaderThresholdBytes = -1, PHP 'http' => ['expect' => "
    "false]. Where a proxy swallows the 100 Continue, let it pass.",
    references=("RFC 9110 section 10.1.1", "RFC 9110 section 15.2.1"),
    rank=48,
)


class Waited(NamedTuple):
    """A request whose body waited."""

    call: Call
    exchange: Exchange
    took_ns: DurationNs
    """Last byte of the head to the first of the body."""

    @property
    def told(self) -> bool:
        """Whether the service said 100 Continue."""
        return self.exchange.interim is not None and "100" in self.exchange.interim.split(",")


def check(view: View) -> Iterator[Finding]:
    """Yield one finding over the requests whose service answered with 100, and one over those whose client waited in vain."""
    found = list(_waited(view))
    for said in (True, False):
        rows = [one for one in found if one.told is said]
        if rows:
            yield from _finding(view, rows, said=said)


def _waited(view: View) -> Iterator[Waited]:
    for call, row in view.asked:
        head, body = row.head_end_ns, row.body_start_ns
        if head is None or body is None or body - head < FLOOR_NS:
            continue
        if row.response_start_ns is None or row.response_start_ns > body:
            yield Waited(call, row, body - head)


def _finding(view: View, found: Sequence[Waited], *, said: bool) -> Iterator[Finding]:
    cost = 0
    for one in found:
        left = one.took_ns
        final = bool(one.call.exchange_ids) and one.call.exchange_ids[-1] == one.exchange.exchange_id
        for slot in SLOTS if final else ("failed",):
            taken = view.charge(one.call, slot, left)
            cost, left = cost + taken, left - taken
    calls = list({one.call.call_id: one.call for one in found}.values())
    if cost < max(FLOOR_NS, WORTH * sum(call.duration_ns for call in calls)):
        return
    share = view.share(cost, calls)
    waits = [one.took_ns for one in found]
    services = {call.service for call in calls}
    name = service_name(services.pop() if len(services) == 1 else None)
    text = f"{out_of(calls, view.service_calls)} waited {between(waits)}{' each' if len(calls) > 1 else ''} between head and body of the "
    if said:
        text += f"request until {name} said 100 Continue: {duration(cost)} in all"
    else:
        text += f"request for a 100 Continue that never came: {duration(cost)} in all"
    text += f", {percent(share)} of the time of all calls." if share is not None else "."
    if said:
        trips = [
            row.min_rtt_ns for one in found if (row := view.connections.get(one.exchange.connection_id)) is not None and row.min_rtt_ns
        ]
        if trips:
            text += f" A round trip takes {duration(median(trips))}."
        text += " The client sent the field Expect: 100-continue, so that a refused request costs no upload."
    else:
        text += told(Gap("continue", wait, calls[0].sdk, calls[0].service) for wait in waits)
        text += (
            f" The client's own timer ended {'each wait' if len(found) > 1 else 'the wait'}: the service, or a proxy before it, does not "
        )
        text += f"know the field Expect, or does not pass its answer on. {plural(len(found), 'body', 'bodies')} went out unasked."
    yield RULE.finding(
        text,
        cost_ns=cost,
        share=share,
        confidence="proven" if said else "likely",
        decides=None if said else "a capture at the service's end: whether it sends 100 Continue",
        calls=[call.call_id for call in calls],
        exchanges=[one.exchange.exchange_id for one in found],
        connections=[one.exchange.connection_id for one in found],
        packet_ids=[packet for one in found for packet in (one.exchange.first_packet_id, one.exchange.request_packet_id)],
        display_filter=messages_filter(
            (one.exchange.connection_id, one.exchange.first_packet_id, one.exchange.request_packet_id) for one in found
        ),
    )
