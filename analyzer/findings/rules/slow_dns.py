"""Looking up a service's name took long: the name server is slow, or a query got lost and the resolver's timer ran.

It fires for lookups of connections to AWS that took at least 50 ms and three times what lookups of that client usually take, or were tried
again and took at least 50 ms. Where all are slow, there is no usual one to compare with: then the round trip to the service is the measure.
Lookups that are quick but asked again for each connection are told as info.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from analyzer.findings.gaps import told
from analyzer.findings.rule import Rule
from analyzer.findings.view import View
from analyzer.findings.words import between, median, out_of, plural, remedy_for
from analyzer.model.intervals import union
from analyzer.model.rows import Call, Finding, Lookup
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.timers import Gap
from analyzer.units import MILLISECOND, SECOND, DurationNs, PacketId, TimeNs, count, duration, percent

FLOOR_NS: DurationNs = 50 * MILLISECOND
"""A name server beside the client answers from its cache within 1 ms and asks the world in 20 to 30."""
TIMES = 3
"""How many times the usual lookup, or the round trip to the service, a slow one takes at least."""
TIMER_NS: DurationNs = 900 * MILLISECOND
"""A lookup that was tried again waited for a timer if it took that long: 1 s is the shortest in use, glibc's is 5 s."""
WORTH = 0.05
"""Below this share of the time of the calls that waited nobody would notice it gone."""
GIVEN_UP_NS: DurationNs = 20 * SECOND
"""An answer that comes this much later is of another try of the program: resolvers give a name server up after 5 to 15 s."""
AGAIN = 10
"""As many lookups of one name, each within `CACHED_NS` of the one before, are too many."""
CACHE_NS: DurationNs = MILLISECOND
"""An answer within this time comes from a cache on the host already."""
CACHED_NS: DurationNs = 5 * SECOND
"""DynamoDB's names may be kept for some seconds: asked again within that time, the answer was there."""

DECIDES = "a capture that lacks nothing: whether the first queries were answered, and the client took no notice"

RULE = Rule(
    code="slow-dns",
    name="Slow name lookups",
    severity="warning",
    summary="Calls waited for the name server",
    remedy="Run a caching resolver on the host (systemd-resolved, dnsmasq, NodeLocal DNSCache), shorten the resolver's timer (resolv.conf: "
    "options timeout:1 attempts:3), and keep connections open so that fewer names are asked.",
    references=("RFC 1035 section 7.2", "resolv.conf(5): options timeout, attempts"),
    rank=25,
)


class Asked(NamedTuple):
    """A lookup that a connection to AWS waited for."""

    lookup: Lookup
    start_ns: TimeNs
    """First query, of an earlier lookup of the same name too where that one got no answer (another name server was asked then)."""
    tries: int
    packet_ids: tuple[PacketId, ...]

    @property
    def end_ns(self) -> TimeNs:
        """The answer."""
        return self.lookup.end_ns or self.start_ns

    @property
    def took_ns(self) -> DurationNs:
        """First query to the answer."""
        return self.end_ns - self.start_ns


def check(view: View) -> Iterator[Finding]:
    """Yield a finding over all slow lookups, and an info for each client that asks a name again and again."""
    asked = list(_asked(view))
    usual: dict[str, DurationNs] = {}
    by_client: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        by_client[one.lookup.client_address].append(one)
    for client, rows in by_client.items():
        quick = [row.took_ns for row in rows if row.took_ns < FLOOR_NS]
        usual[client] = median(quick)
    slow = [one for one in asked if _slow(view, one, usual[one.lookup.client_address])]
    if slow:
        yield from _finding(view, slow, usual)
    else:
        for rows in by_client.values():
            yield from _again(rows)


def _asked(view: View) -> Iterator[Asked]:
    """Yield the answered lookups of connections to AWS, with those before them that got no answer."""
    silent: dict[tuple[str, str, str], list[Lookup]] = defaultdict(list)
    opened = _opened(view)
    for row in view.analysis.lookups:
        key = (row.client_address, row.name, row.type)
        if row.end_ns is None or row.end_ns < row.start_ns:
            silent[key].append(row)
            continue
        # A client that opened a connection to the name had an answer, which the capture lacks: what it asked until then is no try of this.
        known = opened.get((row.client_address, row.name), ())
        at = bisect_left(known, row.start_ns)
        since = max(row.start_ns - GIVEN_UP_NS + 1, known[at - 1] if at else 0)
        before = [other for other in silent.pop(key, ()) if since <= other.start_ns <= row.start_ns]
        under = [view.connections[number] for number in row.connection_ids if number in view.connections]
        if any(one.service is not None and one.service not in CREDENTIAL_SERVICES and one.copy_of is None for one in under):
            start = before[0].start_ns if before else row.start_ns
            packets = [packet for other in (*before, row) for packet in other.packet_ids]
            yield Asked(row, start, row.tries + sum(other.tries for other in before), tuple(packets))


def _opened(view: View) -> dict[tuple[str, str], list[TimeNs]]:
    """Return when each client opened connections to each name, in order."""
    out: dict[tuple[str, str], list[TimeNs]] = defaultdict(list)
    for row in view.connections.values():
        if row.syn_ns is not None and row.server_name is not None and row.service is not None:
            out[row.client_address, row.server_name].append(row.syn_ns)
    for times in out.values():
        times.sort()
    return out


def _slow(view: View, one: Asked, usual: DurationNs) -> bool:
    if one.took_ns < FLOOR_NS:
        return False
    if one.tries > 1 and one.took_ns >= TIMER_NS:
        return True
    if usual:
        return one.took_ns >= TIMES * usual
    trips = [view.connections[number].min_rtt_ns or 0 for number in one.lookup.connection_ids if number in view.connections]
    return one.took_ns >= TIMES * max(trips, default=0)


def _finding(view: View, slow: Sequence[Asked], usual: dict[str, DurationNs]) -> Iterator[Finding]:
    costs: dict[int, DurationNs] = {}
    calls: dict[int, Call] = {}
    alone: dict[int, list[tuple[int, int]]] = defaultdict(list)
    quick = max(usual[one.lookup.client_address] for one in slow)
    for one in slow:
        for number in one.lookup.connection_ids:
            made = [call for call in view.calls_on.get(number, ()) if call.service not in CREDENTIAL_SERVICES and call.dns_ns]
            for call in made[:1]:
                calls[call.call_id] = call
            if not view.calls_on.get(number) and number in view.connections:
                alone[number].append((one.start_ns, one.end_ns))
    for number, call in calls.items():
        costs[number] = view.charge(call, "dns", max(0, call.dns_ns - usual.get(call.client_address, 0)))
    charged = [call for call in calls.values() if costs[call.call_id]]
    waits = [end - start for times in alone.values() for start, end in union(times)]
    # What connections without readable calls waited is no part of the calls' time: it is told, and costs only where it is all there is.
    cost = sum(costs.values()) if charged else sum(waits)
    if cost < max(FLOOR_NS, WORTH * sum(call.duration_ns for call in charged)):
        return
    share = view.share(cost, charged) if charged else None
    unsure = any(one.tries > 1 for one in slow) and _lacking(view)
    if charged:
        text = f"{out_of(charged, view.service_calls)} waited {duration(sum(costs.values()))} for the name server"
        text += f" ({percent(share)} of the time of all calls)." if share is not None else "."
    else:
        text = f"{plural(len(alone), 'connection')} to AWS waited {duration(cost)} for the name server."
    text += f" {plural(len(slow), 'lookup')} took {between([one.took_ns for one in slow])}"
    text += f"; the others take {duration(quick)}." if quick else "."
    text += f" {plural(len(alone), 'further connection')} waited {duration(sum(waits))}." if charged and waits else ""
    text += _timers(slow)
    yield RULE.finding(
        text,
        cost_ns=cost,
        share=share,
        confidence="likely" if unsure else "proven",
        decides=DECIDES if unsure else None,
        calls=[call.call_id for call in charged],
        connections=[number for one in slow for number in one.lookup.connection_ids],
        packet_ids=[packet for one in sorted(slow, key=lambda one: -one.took_ns) for packet in one.packet_ids],
        display_filter=_filter(slow),
        remedy=remedy_for("lookups", charged, RULE.remedy),
    )


def _lacking(view: View) -> bool:
    """Tell whether the capture lacks packets: the answers to the first tries may be among them."""
    dropped = any(interface.dropped for interface in view.analysis.capture.interfaces)
    return dropped or any(row.gap_bytes for row in view.analysis.connections if row.service is not None)


def _timers(slow: Sequence[Asked]) -> str:
    """Say which lookups were tried again, and by whose timer."""
    tried = [one for one in slow if one.tries > 1 and one.took_ns >= TIMER_NS]
    if not tried:
        return ""
    text = f" {count(len(tried))} {'was' if len(tried) == 1 else 'were'} lost or ignored and sent again by the resolver's timer."
    return text + told(Gap("query", one.took_ns) for one in tried)


def _again(rows: Sequence[Asked]) -> Iterator[Finding]:
    """Yield an info where one name was asked again for each connection while the answer was still good."""
    by_name: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for row in rows:
        by_name[row.lookup.name, row.lookup.type].append(row)
    for (name, _), asked in by_name.items():
        soon = [two for one, two in pairwise(asked) if two.lookup.start_ns - one.lookup.start_ns < CACHED_NS]
        each = median(one.took_ns for one in asked)
        if len(soon) < AGAIN or each < CACHE_NS or asked[0].lookup.type != "A":
            continue
        yield RULE.finding(
            f"{asked[0].lookup.client_address} asked for {name} {plural(len(asked), 'time')}, "
            f"{duration(each)} each: again for each connection, within seconds of the last answer. "
            "The time is part of what opening those connections costs.",
            severity="info",
            cost_ns=0,
            confidence="proven",
            connections=[number for one in soon for number in one.lookup.connection_ids],
            packet_ids=[packet for one in soon for packet in one.packet_ids],
            display_filter=_filter(soon),
        )


def _filter(rows: Sequence[Asked]) -> str:
    """Return a display filter for the queries and answers; names are hostile, so packets are named by number."""
    packets = sorted({packet for one in rows for packet in one.packet_ids})[:40]
    return f"dns && frame.number in {{{', '.join(map(str, packets))}}}" if packets else "dns"
