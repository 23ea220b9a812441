"""One round trip is most of a normal call: the endpoint is far away, or the path to it is long.

It fires where at least half of the calls to an endpoint spend at least half of their time after set-up on one round trip of 5 ms or more.
Charged is what an endpoint 1 ms away would save, as far as the capture sees it: from a capture point at the server the way to the client
is named, and charged to nobody. Set-up that a connection kept open would save is not charged here.

Only a handshake tells distance: a SYN is answered at once, while an ACK of data may wait for what its sender has to say. Where none was
captured the shortest round trip is an upper bound, told as information, and nothing is said of the way behind the capture point; nor where
the capture lacks packets, the handshake's last perhaps among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import dearest, frames_filter, is_one, service_name, some_calls
from analyzer.findings.view import View
from analyzer.findings.words import median
from analyzer.model.rows import Call, Connection, Finding
from analyzer.units import MILLISECOND, SECOND, DurationNs, PacketId, duration, percent

NEAR_NS: DurationNs = MILLISECOND
"""A round trip to an endpoint in the same region: below 1 ms within an availability zone, 1 to 2 ms between them."""
FAR_NS: DurationNs = 5 * MILLISECOND
"""No availability zone of one region is that far from another (AWS: at most 100 km apart, single-digit milliseconds)."""
SLOW_NS: DurationNs = 20 * MILLISECOND
"""From here on somebody waits; a call to a region nearby is told as information only."""
MOST = 0.5
"""`Most of a call` is at least half of it."""
SHOWN = 4
"""Connections whose handshake is named as proof; all others tell the same."""

RULE = Rule(
    code="long-round-trip",
    name="The endpoint is far away",
    severity="warning",
    summary="One round trip is most of a normal call",
    remedy="Call an endpoint of a nearer region, or move the program (or a replica: global tables) to the region; from inside AWS check "
    "that the path is direct (a VPC endpoint instead of a NAT, VPN or proxy). Else make fewer calls: BatchGetItem, TransactGetItems or one "
    "Query for many items, or calls side by side instead of one after the other.",
    references=("RFC 9293 section 3.5", "AWS Regions and Availability Zones", "Amazon DynamoDB Developer Guide, global tables"),
    rank=60,
)
DECIDES = "a capture that begins before the connection does: the SYN is answered at once, an ACK may wait for the answer"


class Away(NamedTuple):
    """A call and its one round trip."""

    call: Call
    connection: Connection
    seen_ns: DurationNs
    """Capture point to server and back, as far as it lies in the call's wait."""
    behind_ns: DurationNs
    """Capture point to client and back; zero at the client."""

    @property
    def steady_ns(self) -> DurationNs:
        """The call without set-up, failures and credentials, as its client sees it."""
        return self.call.send_ns + self.call.wait_ns + self.call.receive_ns + self.behind_ns

    @property
    def is_far(self) -> bool:
        """Whether the round trip is long and most of the call."""
        trip = self.seen_ns + self.behind_ns
        return trip >= FAR_NS and trip >= MOST * self.steady_ns


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each endpoint."""
    groups: dict[str, list[tuple[Connection, DurationNs, list[Call]]]] = defaultdict(list)
    for number, calls in view.ended_on.items():
        under = view.connections.get(number)
        if under is not None:
            behind = (under.client_rtt_ns or 0) if under.syn_ns is not None and not under.gap_bytes else 0
            groups[under.server_name or under.server_address].append((under, behind, calls))
    found = []
    for server, used in groups.items():
        # An endpoint all of whose connections are near needs no look at its calls.
        if all(under.min_rtt_ns is not None and under.min_rtt_ns + behind < FAR_NS for under, behind, _ in used):
            continue
        measured: dict[str | None, list[Call]] = defaultdict(list)
        far: dict[str | None, list[Away]] = defaultdict(list)
        for call, under, behind in sorted((call, under, behind) for under, behind, calls in used for call in calls):
            if call.network_ns is None:
                continue
            measured[call.service].append(call)
            seen = call.network_ns if under.min_rtt_ns is None else min(call.network_ns, under.min_rtt_ns)
            if seen + behind >= FAR_NS and (one := Away(call, under, seen, behind if behind >= NEAR_NS else 0)).is_far:
                far[call.service].append(one)
        for service, away in far.items():
            if len(away) >= MOST * len(measured[service]):
                found.append(_finding(view, service, server, away, measured[service]))
    yield from dearest(found)


def _finding(view: View, service: str | None, server: str, far: list[Away], measured: list[Call]) -> Finding:
    calls = [one.call for one in far]
    trip = median(one.seen_ns + one.behind_ns for one in far)
    cost = sum(view.charge(one.call, "network", max(0, one.seen_ns - NEAR_NS)) for one in far)
    rows = list({one.connection.connection_id: one.connection for one in far}.values())
    streams = [row.connection_id for row in rows]
    shaken = any(row.syn_ns is not None for row in rows)
    proof = _proof(view, far, rows)
    least = min(min(filter(None, (one.seen_ns, one.behind_ns))) for one in far)
    return RULE.finding(
        _text(service, server, far, measured, trip, shaken=shaken),
        cost_ns=cost,
        confidence="proven" if shaken else "possible",
        decides=None if shaken else DECIDES,
        severity="warning" if trip >= SLOW_NS and shaken else "info",
        share=view.share(cost, calls),
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for call in calls if (row := view.final_exchange(call)) is not None],
        connections=streams,
        packet_ids=proof,
        # Nine tenths: the shortest of a connection's round trips, rounded, must still be shown.
        display_filter=f"({streams_filter(streams)} && tcp.analysis.ack_rtt >= {0.9 * least / SECOND:.4f}) || {frames_filter(proof)}",
    )


def _text(service: str | None, server: str, far: list[Away], measured: list[Call], trip: DurationNs, *, shaken: bool) -> str:
    calls = [one.call for one in far]
    seen = sum(one.seen_ns for one in far)
    behind = median(one.behind_ns for one in far)
    whole = sum(one.call.duration_ns for one in far)
    steady = sum(one.steady_ns for one in far)
    one = is_one(calls)
    subject = some_calls(calls, measured)
    if behind >= FAR_NS and behind > median(way.seen_ns for way in far):
        text = f"{subject} {'takes' if one else 'take'} {duration(behind)} longer for {'its' if one else 'their'} client than this capture "
        text += f"shows: so far behind the capture point is it, and one round trip is {percent((seen + behind * len(far)) / steady)} of "
        text += f"{'its' if one else 'their'} time. The cost counts only what the capture sees."
    else:
        beyond = sum(way.behind_ns for way in far)
        part = f"{percent((seen + beyond) / (whole + beyond))} of {'its' if one else 'their'} time is one round trip"
        if seen + beyond < MOST * (whole + beyond):
            part = f"{percent((seen + beyond) / steady)} of {'its' if one else 'their'} time after set-up is one round trip"
        if not shaken:
            text = f"{subject} may pay for distance: the endpoint is {duration(trip)} away or less, and at most {part}."
        elif trip >= SLOW_NS:
            text = f"{subject} {'is' if one else 'are'} slow because the endpoint is {duration(trip)} away: {part}."
        else:
            text = f"{subject} {'pays' if one else 'pay'} for distance: the endpoint is {duration(trip)} away, and {part}."
        near = median(way.call.duration_ns - max(0, way.seen_ns - NEAR_NS) for way in far)
        usual = median(way.call.duration_ns for way in far)
        text += f" With an endpoint {duration(NEAR_NS)} away {'it' if one else 'the median call'} takes {duration(near)} "
        text += f"instead of {duration(usual)}."
    regions = sorted({way.connection.region for way in far if way.connection.region})
    where = f" in {', '.join(regions)}" if regions and not any(region in server for region in regions) else ""
    return text + f" The endpoint is {service_name(service)} at {server}{where}; no packet tells distance from a detour."


def _proof(view: View, far: list[Away], rows: list[Connection]) -> list[PacketId | None]:
    """Return SYN and end of the handshake of some connections, then request and answer of one call."""
    out: list[PacketId | None] = []
    for row in rows[:SHOWN]:
        if row.syn_ns is not None:
            out += [row.first_packet_id, row.established_packet_id]
    exchange = view.final_exchange(next((one for one in far if one.call.reused), far[0]).call)
    return out + ([exchange.request_packet_id, exchange.response_packet_id] if exchange is not None else [])
