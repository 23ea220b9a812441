"""Calls stood still until lost packets had been sent again.

It fires for stalls of service calls in which request bytes were sent again before the server had them, or in which the response had a hole
while later bytes were there. A hole shorter than 3 ms or a quarter of the round trip is reordering: nothing was lost, or nobody waited. A
response that was lost whole shows no hole: only the identifications of a server that counts its packets tell (`lost_answers`). Which
timer ended a stall follows from its length, where the lengths differ enough.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from analyzer.findings.gaps import repaired
from analyzer.findings.lost_answers import lost_answers
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import frames_filter
from analyzer.findings.stalls import LOSS, Stalled, charge, lost_packets, stalled
from analyzer.findings.view import View
from analyzer.findings.words import out_of, plural
from analyzer.model.rows import Call, Finding
from analyzer.units import MILLISECOND, DurationNs, TimeNs, count, duration, percent

REORDERED_NS: DurationNs = 3 * MILLISECOND
"""Wireshark takes a segment that comes within 3 ms after the hole opened for reordered, not lost (tcp.analysis.out_of_order)."""
REORDERED = 0.25
"""Share of the round trip below which a hole cannot have been noticed by the sender and repaired: that takes a whole one."""
REPAIRED = 0.75
"""From this share of the round trip on a hole was repaired by sending again; between the two it may have been a slow packet."""
WORTH_NS: DurationNs = 10 * MILLISECOND
"""Less than this over all calls is not worth a warning."""
WORTH = 0.02
"""Nor is less than this share of the time of the calls that stood still."""

RULE = Rule(
    code="packet-loss-stall",
    name="Packet loss",
    severity="warning",
    summary="Calls stood still until lost packets had been sent again",
    remedy="Look at the path: drops on the interface (ethtool -S), the instance's network allowance (bw_in/out_allowance_exceeded), a "
    "congested link or firewall. No setting of the SDK avoids it; smaller answers and a nearer endpoint make each loss cheaper.",
    references=("RFC 6298 section 2.4", "RFC 8985 section 7.2", "RFC 5681 section 3.2"),
    rank=20,
)


def check(view: View) -> Iterator[Finding]:
    """Yield one finding over all calls that stood still in sight, and one over those whose answers were lost before the capture point."""
    yield from _in_sight(view)
    yield from _unseen(view)


def _in_sight(view: View) -> Iterator[Finding]:
    by_call: dict[int, list[Stalled]] = defaultdict(list)
    for one in stalled(view, LOSS):
        if is_loss(one):
            by_call[one.call.call_id].append(one)
    found: list[Stalled] = []
    calls: list[Call] = []
    costs: dict[int, DurationNs] = {}
    for number, rows in by_call.items():
        took = charge(view, rows[0].call, [(row.stall.start_ns, row.stall.end_ns) for row in rows])
        if took:
            found += rows
            calls.append(rows[0].call)
            costs[number] = took
    cost = sum(costs.values())
    if cost < max(WORTH_NS, WORTH * sum(call.duration_ns for call in calls)):
        return
    share = view.share(cost, calls)
    sure = all(certain(row) for row in found)
    streams = [row.connection.connection_id for row in found]
    found.sort(key=lambda row: -row.took_ns)
    yield RULE.finding(
        _text(view, found, calls, costs, share),
        cost_ns=cost,
        share=share,
        confidence="proven" if sure else "likely",
        decides=None if sure else "a capture at the service's end: the packets that it sent twice were lost, others only came late",
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange.exchange_id for row in sorted(found, key=lambda row: row.exchange.exchange_id)],
        connections=streams,
        packet_ids=[row.stall.packet_id for row in found],
        display_filter=f"{streams_filter(streams)} && (tcp.analysis.retransmission || tcp.analysis.out_of_order || "
        "tcp.analysis.lost_segment)",
    )


def _unseen(view: View) -> Iterator[Finding]:
    """Yield one finding over the calls whose answer was lost on its way here and sent again: to the client a slow server."""
    charged = [(one, took) for one in lost_answers(view) if (took := view.charge(one.call, "server", one.late_ns)) >= WORTH_NS]
    if not charged:
        return
    found = sorted((one for one, _ in charged), key=lambda one: -one.late_ns)
    calls = [one.call for one in found]
    cost = sum(took for _, took in charged)
    share = view.share(cost, calls)
    sure = all(one.timed for one in found)
    streams = [one.connection.connection_id for one in found]
    packets = [number for one in found for number in (one.exchange.request_end_packet_id, one.exchange.response_start_packet_id)]
    if len(calls) == 1:
        text = f"{calls[0].operation or 'A call'} took {duration(calls[0].duration_ns)}; {duration(cost)} of it waited for an answer that "
        text += "was lost on its way here and sent again. "
    else:
        text = f"{out_of(calls, view.service_calls)} waited {duration(cost)} for answers that were lost on their way here and sent again. "
    missing = sum(one.exchange.unseen_before_response for one in found)
    text += f"The server numbers its packets one by one, and {plural(missing, 'number')} (ip.id) that no packet here carries "
    text += f"{'stands' if missing == 1 else 'stand'} before {'it' if len(calls) == 1 else 'them'}. The service itself was not slow."
    yield RULE.finding(
        text,
        cost_ns=cost,
        share=share,
        confidence="proven" if sure else "likely",
        decides=None if sure else "a capture at the service's end: whether what was lost is the answer or a bare acknowledgment before it",
        calls=[call.call_id for call in calls],
        exchanges=[one.exchange.exchange_id for one in found],
        connections=streams,
        packet_ids=packets,
        display_filter=f"{streams_filter(streams)} && {frames_filter(packets)}",
    )


def is_loss(row: Stalled) -> bool:
    """Tell whether a stall was repair of a loss rather than reordering."""
    if row.stall.kind == "request-repeated":
        return row.took_ns >= REORDERED_NS
    return row.took_ns >= max(REORDERED_NS, REORDERED * (row.connection.min_rtt_ns or 0))


def certain(row: Stalled) -> bool:
    """Tell whether the bytes were certainly sent twice: seen twice, or missing for as long as noticing and repeating takes."""
    rtt = row.connection.min_rtt_ns
    return row.stall.kind == "request-repeated" or (rtt is not None and row.took_ns >= REPAIRED * rtt)


def apart(found: list[Stalled]) -> Iterator[tuple[Stalled, DurationNs]]:
    """Yield stalls, each with the time that those of its call which began before it did not cover: what stood still at once counts once."""
    reached: dict[int, TimeNs] = {}
    for row in sorted(found, key=lambda row: (row.stall.start_ns, row.stall.end_ns)):
        begin = max(row.stall.start_ns, reached.get(row.call.call_id, row.stall.start_ns))
        yield row, max(0, row.stall.end_ns - begin)
        reached[row.call.call_id] = max(begin, row.stall.end_ns)


def timer(row: Stalled) -> str:
    """Name what ended a stall, by its length against the round trip; `another timer` where the lengths do not tell."""
    exchange = row.exchange
    repeats = exchange.request_repeats if row.stall.kind == "request-repeated" else exchange.response_repeats
    return repaired(row.took_ns, row.connection.min_rtt_ns, repeats)


def _text(view: View, found: list[Stalled], calls: list[Call], costs: dict[int, DurationNs], share: float | None) -> str:
    cost = sum(costs.values())
    if len(calls) == 1:
        text = f"{calls[0].operation or 'A call'} took {duration(calls[0].duration_ns)}; {duration(cost)} of it waited for lost packets "
        text += "to be sent again. "
    else:
        text = f"{out_of(calls, view.service_calls)} waited {duration(cost)} for lost packets to be sent again"
        text += f" ({percent(share)} of the time of all calls). " if share is not None else ". "
        worst = max(calls, key=lambda call: costs[call.call_id])
        text += f"The longest: call {worst.call_id}, {duration(costs[worst.call_id])} of {duration(worst.duration_ns)}. "
    up = sum(1 for row in found if row.stall.kind == "request-repeated")
    sides = [(up, "requests"), (len(found) - up, "responses")]
    text += " and ".join(f"{plural(number, 'stall')} of {what}" for number, what in sides if number) + ", ended by "
    timers: Counter[str] = Counter()
    took: Counter[str] = Counter()
    for row, alone in apart(found):
        timers[timer(row)] += 1
        took[timer(row)] += alone
    adds_up = sum(took.values()) <= cost  # not where a call ended, or was charged for something else, meanwhile
    told = [f"{name} ({timers[name]} times{f', {duration(took[name])}' if adds_up else ''})" for name, _ in took.most_common()]
    text += ", ".join(told).replace("(1 times", "(once") + "."
    rows = list({row.connection.connection_id: row.connection for row in found}.values())
    lost, packets = sum(map(lost_packets, rows)), sum(row.packets_sent + row.packets_received for row in rows)
    if lost and packets:
        text += f" About {count(lost)} of the {count(packets)} packets of {'this connection' if len(rows) == 1 else 'these connections'} "
        text += f"{'was' if lost == 1 else 'were'} lost ({percent(lost / packets)}); those whose loss nothing here shows are not counted."
    return text
