"""The peer of a connection is not the service but a proxy or a sidecar: what is timed here is the way to it, and its time holds the rest.

It fires for calls on a connection that was opened as a tunnel (CONNECT), for requests whose target is a whole URI (absolute-form, which
only proxies are sent; RFC 9112 section 3.2.2), and for requests to a service's own name whose peer is this host itself (loopback): a
sidecar, or a stand-in. A connection that the peer itself opens to that service meanwhile, where the capture holds it, tells which. Requests
to a metadata endpoint that go through a proxy are a mistake: the proxy's own host answers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from analyzer.findings.imds import ENDPOINT_NAMES, ENDPOINTS
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import MOST_FINDINGS, service_name, some_calls
from analyzer.findings.view import View
from analyzer.findings.words import median, plural
from analyzer.model.rows import Call, Connection, Exchange, Finding
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.units import MILLISECOND, DurationNs, TimeNs, duration, percent

TUNNEL, WHOLE, LOOPBACK = "CONNECT", "absolute-form", "loopback"
WORTH_NS: DurationNs = 10 * MILLISECOND
"""Opening tunnels for less than this over all calls is only good to know."""
WORTH = 0.05
"""So is less than this share of the time of the calls that waited for it."""
ONWARD = 0.5
"""Share of the requests during which the peer must have been talking to the service itself."""
RULE = Rule(
    code="proxy-in-path",
    name="A proxy is in the path",
    severity="info",
    summary="The peer is a proxy or sidecar: its time contains the real call",
    remedy="To split its time, capture behind it too (tcpdump -i any for a sidecar on this host). What needs no proxy can go around it: "
    "NO_PROXY with the service's name (VPC endpoints) and with 169.254.169.254,169.254.170.2,169.254.170.23.",
    references=("RFC 9110 section 9.3.6", "RFC 9112 section 3.2.2"),
    rank=47,
)
AROUND = "Set NO_PROXY=169.254.169.254,169.254.170.2,169.254.170.23,localhost: a proxy cannot answer for this host's metadata service."


class Passed(NamedTuple):
    """A call that went through a proxy."""

    call: Call
    exchange: Exchange
    connection: Connection


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each proxy, its client and how it shows; those with most calls first."""
    groups: dict[tuple[str, str, int, str, bool], list[Passed]] = defaultdict(list)
    suspects = {number for number, under in view.connections.items() if _is_loopback(under.server_address) or _tunnel(view, under)}
    dialogues = [(call, row) for call in view.dialogues for row in view.exchanges_of(call)]
    for call, row in (*view.asked, *dialogues):
        if row.connection_id not in suspects and row.target_form != "absolute":
            continue
        under = view.connections.get(row.connection_id)
        how = _how(view, row, under) if under is not None else None
        if under is not None and how is not None:
            own = call.service in ENDPOINTS
            groups[under.client_address, under.server_address, under.server_port, how, own].append(Passed(call, row, under))
    for key, found in sorted(groups.items(), key=lambda one: -len(one[1]))[:MOST_FINDINGS]:
        yield _finding(view, key[3], found)


def _how(view: View, row: Exchange, under: Connection) -> str | None:
    """Tell how an exchange shows that it went through a proxy; None where it does not."""
    opening = _tunnel(view, under)
    if opening is not None and opening is not row:
        return TUNNEL
    if row.target_form == "absolute":
        return WHOLE
    remote = row.host or under.server_name
    if row.service is None or row.service in CREDENTIAL_SERVICES or remote is None or not _is_loopback(under.server_address):
        return None
    return None if remote == "localhost" or remote.endswith(".localhost") or _is_address(remote) else LOOPBACK


def _tunnel(view: View, under: Connection) -> Exchange | None:
    """Return the CONNECT that a proxy granted on a connection."""
    rows = view.exchanges_on.get(under.connection_id)
    first = rows[0] if rows else None
    if first is None or first.method != "CONNECT" or first.status is None or not 200 <= first.status < 300:
        return None
    return first


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _finding(view: View, how: str, found: Sequence[Passed]) -> Finding:
    calls = list({one.call.call_id: one.call for one in found}.values())
    rows = list({one.connection.connection_id: one.connection for one in found}.values())
    cost, paying, tunnels = _tunnels(view, rows, calls) if how == TUNNEL else (0, [], [])
    share = view.share(cost, paying) if cost else None
    metadata = found[0].call.service in ENDPOINTS
    onward = _onward(view, found) if how == LOOPBACK else []
    felt = cost >= max(WORTH_NS, WORTH * sum(call.duration_ns for call in paying))
    proof = [row.request_packet_id for row in tunnels] or [one.exchange.request_packet_id for one in found]
    sure = how != LOOPBACK
    return RULE.finding(
        _text(view, how, found, calls, cost, share, onward, tunnels),
        severity="warning" if metadata or felt else None,
        cost_ns=cost,
        share=share,
        confidence="proven" if sure else "likely" if onward else "possible",
        decides=None if sure else "the process that listens there (ss -ltnp): whether it passes requests on, or answers them itself",
        calls=[call.call_id for call in calls],
        exchanges=[one.exchange.exchange_id for one in found],
        connections=[*(row.connection_id for row in rows), *(row.connection_id for row in onward)],
        packet_ids=proof,
        display_filter=_filter(how, rows, onward),
        remedy=AROUND if metadata else RULE.remedy,
    )


def _tunnels(view: View, rows: Sequence[Connection], calls: Sequence[Call]) -> tuple[DurationNs, list[Call], list[Exchange]]:
    """Charge the opening of tunnels to the calls that waited for it; return the sum, those calls, and the CONNECT requests."""
    cost, paying, tunnels = 0, [], []
    opened = {call.connection_id: call for call in reversed(calls) if not call.reused}
    for row in rows:
        opening = _tunnel(view, row)
        if opening is None:
            continue
        tunnels.append(opening)
        call = opened.get(row.connection_id)
        if call is not None and opening.request_start_ns is not None and opening.response_end_ns is not None:
            taken = view.charge(call, "client", max(0, opening.response_end_ns - opening.request_start_ns))
            cost += taken
            paying.append(call)
    return cost, paying, tunnels


def _onward(view: View, found: Sequence[Passed]) -> list[Connection]:
    """Return the connections to the same service that were busy while the peer had the requests: what it passed on."""
    names = {one.connection.server_name for one in found} - {None}
    rows = [
        row
        for row in view.connections.values()
        if row.server_name in names and row.copy_of is None and row.established_ns is not None and not _is_loopback(row.server_address)
    ]
    busy: list[tuple[TimeNs, int]] = sorted(
        (one.request_start_ns, row.connection_id)
        for row in rows
        for one in view.exchanges_on.get(row.connection_id, [])
        if one.request_start_ns is not None
    )
    hits, used = 0, set()
    for one in found:
        start, end = one.exchange.request_start_ns, one.exchange.response_end_ns
        if start is None or end is None:
            continue
        at = bisect_left(busy, (start, -1))
        if at < len(busy) and busy[at][0] <= end:
            hits += 1
            used.add(busy[at][1])
    return [row for row in rows if row.connection_id in used] if hits >= ONWARD * len(found) else []


def _text(
    view: View, how: str, found: Sequence[Passed], calls: Sequence[Call], cost: DurationNs, share: float | None,
    onward: Sequence[Connection], tunnels: Sequence[Exchange],
) -> str:  # fmt: skip
    under, name = found[0].connection, service_name(found[0].call.service)
    peer = f"{under.server_address}:{under.server_port}"
    if found[0].call.service in ENDPOINTS:
        wanted = [call for call in view.dialogues if call.service == calls[0].service]
        said = f"{len(calls)} of {plural(len(wanted), 'dialogue')} with {ENDPOINT_NAMES[found[0].call.service or '']} went to a proxy at "
        return f"{said}{peer} ({how}), which answers for its own host or for none. Client {under.client_address}."
    what = f"{some_calls(calls, view.service_calls)} {'goes' if len(calls) == 1 else 'go'}"
    if how == LOOPBACK:
        text = f"{what} to {under.server_name or found[0].exchange.host} by name and to this host itself by address ({peer}): "
        text += "a sidecar or proxy, which passes them on." if onward else "a sidecar or proxy, or a stand-in for the service."
        if onward:
            text += f" {plural(len(onward), 'connection')} to the service {'was' if len(onward) == 1 else 'were'} busy meanwhile."
        return f"{text} The network time is that of the loopback; what is called the server's contains the whole call that it makes."
    text = f"{what} through a proxy at {peer} ({how})."
    trips = [
        row.min_rtt_ns for row in {one.connection.connection_id: one.connection for one in found}.values() if row.min_rtt_ns is not None
    ]
    if trips:
        text += f" The network time is the way to it ({duration(min(trips))} and back); "
    else:
        text += " The network time is the way to it; "
    text += f"what is called the server's contains its own and the way from it to {name}."
    if tunnels and cost:
        took = median(row.response_end_ns - row.request_start_ns for row in tunnels if row.response_end_ns and row.request_start_ns)
        each = " each (median)" if len(tunnels) > 1 else ""
        text += f" Opening {plural(len(tunnels), 'tunnel')} took {duration(took)}{each}, between connect and TLS: {duration(cost)} in all"
        text += f", {percent(share)} of the time of all calls." if share is not None else "."
    if how == TUNNEL:
        shaken = [shake for one in found for shake in view.handshakes_on.get(one.connection.connection_id, [])[:1]]
        per = [shake.duration_ns // shake.round_trips for shake in shaken if shake.duration_ns and shake.round_trips]
        if per:
            text += f" TLS goes through to the service: its handshake takes {duration(min(per))} a round trip, computing included."
    return text


def _filter(how: str, rows: Sequence[Connection], onward: Sequence[Connection]) -> str:
    streams = streams_filter(row.connection_id for row in (*rows, *onward))
    if how == TUNNEL:
        return f'{streams} && http.request.method == "CONNECT"'
    return f"{streams} && http.request" if how == WHOLE else streams
