"""Small data waited for a delayed ACK: Nagle's algorithm at its sender, and a receiver with nothing to say.

A program that writes a message in two small pieces (head, then body) on a connection with Nagle's algorithm sends the second only when the
first is acknowledged (RFC 9293 section 3.7.4); the receiver, who waits for the rest, delays its ACK by a timer (40 ms on Linux). It fires
for pure ACKs that came 30 to 520 ms later than a round trip, covered all that had been sent, and let a small segment out as soon as they
can have reached its sender. That the rest was ready all that time is not on the wire: three such stalls prove it, fewer make it likely. A
sender that lost packets just before waits for ACKs for another reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from analyzer.findings import stalls
from analyzer.findings.gaps import told
from analyzer.findings.rule import Rule
from analyzer.findings.service_words import frames_filter
from analyzer.findings.view import View
from analyzer.findings.words import between, out_of, plural
from analyzer.model.rows import Call, Exchange, Finding
from analyzer.model.stalls import Held
from analyzer.timers import Gap
from analyzer.units import MILLISECOND, DurationNs, duration, percent

WORTH_NS: DurationNs = 20 * MILLISECOND
"""Less than this over all calls is not worth a warning; one such stall is twice that."""
WORTH = 0.02
"""Nor is less than this share of the time of the calls that stood still."""
PROOF = 3
"""Stalls that cannot all have ended with an ACK by chance."""
SLOTS = {**stalls.SLOTS_OF, "client": ("client",), "tls": ("tls",), "wait": ("wait_stall", "wait", "server", "network")}
CLIENT = (
    "Switch Nagle's algorithm off at the client (TCP_NODELAY; the SDKs' HTTP clients do so themselves: look for a socket option, an agent "
    "or a proxy on the host that does not), or write head and body of a request at once."
)
SERVER = (
    "The service, or a proxy in its place, writes an answer in small pieces with Nagle's algorithm on: set TCP_NODELAY there, or write "
    "head and body at once. Where that end is not yours, the client can acknowledge at once (Linux: ip route change ... quickack 1)."
)

RULE = Rule(
    code="delayed-ack-stall",
    name="Nagle and delayed ACK",
    severity="warning",
    summary="Small writes waited for the other side's delayed ACK",
    remedy=CLIENT,
    references=("RFC 896", "RFC 9293 section 3.7.4", "RFC 1122 section 4.2.3.2"),
    rank=21,
)


class Waited(NamedTuple):
    """A stall of a call."""

    call: Call
    exchange: Exchange
    held: Held


def check(view: View) -> Iterator[Finding]:
    """Yield one finding over the requests that clients held back, and one over the answers of servers."""
    waited = [Waited(call, row, held) for call, row in view.held_up for held in row.held]
    for sender in ("client", "server"):
        found = [one for one in waited if one.held.sender == sender]
        if found:
            yield from _finding(view, found, sender)


def _finding(view: View, found: Sequence[Waited], sender: str) -> Iterator[Finding]:
    by_call: dict[int, list[Waited]] = defaultdict(list)
    for one in found:
        by_call[one.call.call_id].append(one)
    calls = [rows[0].call for rows in by_call.values()]
    costs = {
        call.call_id: stalls.charge(view, call, [(one.held.start_ns, one.held.end_ns) for one in by_call[call.call_id]], slots=SLOTS)
        for call in calls
    }
    cost = sum(costs.values())
    if cost < max(WORTH_NS, WORTH * sum(call.duration_ns for call in calls)):
        return
    share = view.share(cost, calls)
    sure = len(found) >= PROOF
    found = sorted(found, key=lambda one: one.held.start_ns - one.held.end_ns)
    proof = [packet for one in found for packet in (one.held.ack_packet_id, one.held.packet_id)]
    yield RULE.finding(
        _text(view, found, calls, cost, share, sender),
        cost_ns=cost,
        share=share,
        confidence="proven" if sure else "likely",
        decides=None if sure else f"the {sender}'s system calls (strace -f -tt -e trace=network,write): two writes in a row before the ACK",
        calls=[call.call_id for call in calls],
        exchanges=sorted({one.exchange.exchange_id for one in found}),
        connections=[one.exchange.connection_id for one in found],
        packet_ids=proof,
        display_filter=frames_filter(proof),
        remedy=CLIENT if sender == "client" else SERVER,
    )


def _text(view: View, found: Sequence[Waited], calls: Sequence[Call], cost: DurationNs, share: float | None, sender: str) -> str:
    other, what = ("server", "a request") if sender == "client" else ("client", "an answer")
    took = between([one.held.end_ns - one.held.start_ns for one in found])
    text = (
        f"{out_of(calls, view.service_calls)} stood still for {took}{' each time' if len(found) > 1 else ''}: the {sender} held the rest "
    )
    text += f"of {what} back until the {other} acknowledged the part before, and the {other} delayed that ACK"
    text += f". {plural(len(found), 'stall')}, {duration(cost)} in all"
    text += f" ({percent(share)} of the time of all calls)." if share is not None else "."
    text += f" The ACKs came {between([one.held.delay_ns for one in found])} later than a round trip."
    text += told(Gap("delayed-ack", one.held.delay_ns) for one in found)
    return text + f" Nagle's algorithm is on at the {sender}."
