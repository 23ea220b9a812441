"""A credential endpoint answers late, not at all, or *too many requests* and server errors that the SDK tries again after.

It fires for answers that take 200 ms or more and at least twenty round trips; for token answers that come after the client has gone; for
429 and 5xx that another request follows; and for requests that were given up without an answer where the endpoint itself is known to be
silent (captured next to it) or answers to that kind of request do get through. Token requests whose answers get lost on the way are
`imds-hop-limit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from analyzer import sdks
from analyzer.findings import tokens
from analyzer.findings.gaps import told
from analyzer.findings.imds import (
    ENDPOINT_NAMES,
    ENDPOINTS,
    GIVEN_UP_NS,
    IMDS,
    Dialogue,
    answered_in,
    askers,
    charge,
    each,
    failed,
    lead,
    sdk_of,
    streams,
)
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import with_copies
from analyzer.findings.view import View
from analyzer.findings.words import between, clause, plural
from analyzer.model.rows import Connection, Exchange, Finding
from analyzer.timers import Gap
from analyzer.units import MILLISECOND, DurationNs, TimeNs

RULE = Rule(
    code="imds-slow",
    name="Slow credential endpoint",
    severity="warning",
    summary="The credential endpoint answers late, or asks to come back",
    remedy="Look at the load of the host and at proxies between client and endpoint.",
    references=("EC2 User Guide: Query throttling of the Instance Metadata Service", "RFC 6585 section 4", "RFC 9110 section 15.6.4"),
    rank=34,
)

ANY_TIME = "allow the client more time and tries (boto3: AWS_METADATA_SERVICE_TIMEOUT and AWS_METADATA_SERVICE_NUM_ATTEMPTS)"
LESS = (
    "Ask less often: one client (session) in a process, fewer processes that fetch credentials, no fetch for each request; spread the "
    "start of many processes."
)

WHOLE = "a capture with whole packets (-s 0): whether they were token requests, whose answers a hop limit drops"
SLOW_NS: DurationNs = 200 * MILLISECOND
"""These endpoints are on the host or one hop away and answer within a few ms; SDKs give up after 500 ms (Go v2) or 1 s."""
SLOW_ROUND_TRIPS = 20
"""Far away behind a tunnel even a quick answer takes a round trip."""


class Slow(NamedTuple):
    """A request that the endpoint kept waiting, from when to when, and how."""

    dialogue: Dialogue
    exchange: Exchange
    how: str
    """late (the answer took long), too-late (the client had gone), busy (429 or 5xx), silent (no answer)."""
    start_ns: TimeNs
    end_ns: TimeNs


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client and endpoint that kept it waiting."""
    for group in askers(view, ENDPOINTS):
        lost = {one.exchange.exchange_id for one in tokens.lost(view, group)}
        found = [slow for dialogue in group for row in dialogue.exchanges if (slow := _slow(dialogue, row, lost)) is not None]
        if found:
            yield _finding(view, found)


def _slow(dialogue: Dialogue, row: Exchange, lost: set[int]) -> Slow | None:
    asked, under = row.request_start_ns, dialogue.under(row)
    if asked is None or under is None or row.exchange_id in lost:
        return None
    if row.status is not None and row.outcome == "error" and (row.status == 429 or row.status >= 500):
        following = dialogue.next_mark(asked)
        return Slow(dialogue, row, "busy", dialogue.begin(row), following) if following is not None else None
    over = dialogue.given_up(row)
    if tokens.is_late(dialogue, row):
        return Slow(dialogue, row, "too-late", dialogue.begin(row), over[1] if over is not None else dialogue.call.end_ns)
    took = answered_in(row)
    if row.outcome in ("ok", "error") and took is not None and row.request_end_ns is not None and row.response_start_ns is not None:
        late = took - (row.wait_stall_ns or 0) if row.server_ns is None else row.server_ns
        if late >= max(SLOW_NS, SLOW_ROUND_TRIPS * _round_trip(under)):
            return Slow(dialogue, row, "late", row.response_start_ns - late, row.response_start_ns)
    if row.outcome == "no-response" and over is not None and over[0] - asked >= GIVEN_UP_NS and under.packets_received:
        return Slow(dialogue, row, "silent", dialogue.begin(row), over[1])
    return None


def _round_trip(under: Connection) -> DurationNs:
    known = [time for time in (under.min_rtt_ns, under.connect_ns) if time is not None]
    return min(known, default=0)


def _finding(view: View, found: Sequence[Slow]) -> Finding:
    touched = each(one.dialogue for one in found)
    cost, calls = charge(view, ((one.dialogue, (one.start_ns, one.end_ns)) for one in found))
    rows = [one.exchange for one in found]
    only_silent = all(one.how == "silent" for one in found)
    unread = any(_unread(one) for one in found)
    packets = [packet for row in rows for packet in (row.request_packet_id, row.response_packet_id)]
    return RULE.finding(
        f"{lead(view, touched)}: {_what(found)}.{_limits(found)} {_more(found)}",
        severity="error" if failed(touched) else None,
        cost_ns=cost,
        share=view.share(cost, calls),
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for row in rows],
        connections=streams(rows),
        packet_ids=packets,
        display_filter=with_copies(view, f"{streams_filter(streams(rows))} && (http.request || http.response)", streams(rows), packets),
        confidence="possible" if unread else "likely" if only_silent else "proven",
        decides=WHOLE if unread else "a capture on the endpoint's side: whether an answer was sent" if only_silent else None,
        remedy=_remedy(found, sdk_of(touched)),
    )


def _remedy(found: Sequence[Slow], sdk: str | None) -> str:
    """Return the remedy for what was seen: fewer requests only where the endpoint said that they are too many, else time and tries."""
    hows = {one.how for one in found}
    more = clause(sdks.remedy(sdk, "imds-timeout") or ANY_TIME)
    parts = [LESS] if "busy" in hows else []
    if hows - {"busy"}:
        parts.append(RULE.remedy)
    if found[0].dialogue.call.service not in IMDS:
        return " ".join(parts)  # for container endpoints most SDKs have no such setting
    if hows & {"too-late", "silent"}:
        parts.append(f"Until it answers in time, {more}.")
    elif "late" in hows:
        parts.append(f"The answers came within the client's patience: before they get slower, {more}.")
    return " ".join(parts)


def _what(found: Sequence[Slow]) -> str:
    """Say what the endpoint did, dearest kind first."""
    kinds: dict[str, list[Slow]] = {}
    for one in found:
        kinds.setdefault(one.how, []).append(one)
    dearest = sorted(kinds, key=lambda how: -sum(one.end_ns - one.start_ns for one in kinds[how]))
    where = ENDPOINT_NAMES[found[0].dialogue.call.service or "imds"]
    return f"{where} " + "; it ".join(_clause(how, kinds[how]) for how in dearest)


def _limits(found: Sequence[Slow]) -> str:
    """Say whose time limits ended the waits for answers that did not come in time."""
    waits = [one for one in found if one.how in ("silent", "too-late")]
    return told(Gap("silence", _waited(one), one.dialogue.call.sdk, one.dialogue.call.service) for one in waits)


def _clause(how: str, found: Sequence[Slow]) -> str:
    if how == "late":
        each_of = " for each of" if len(found) > 1 else " to answer"
        return f"took {between([one.end_ns - one.start_ns for one in found])}{each_of} {_requests(found)}"
    if how == "too-late":
        times = between([took for one in found if (took := answered_in(one.exchange)) is not None])
        return f"answered {_requests(found)} after {times}, when the client had gone"
    if how == "busy":
        statuses = " and ".join(map(str, sorted({one.exchange.status for one in found if one.exchange.status is not None})))
        pauses = between([one.end_ns - (one.exchange.response_end_ns or one.start_ns) for one in found])
        return f"answered {_requests(found)} with {statuses}, and the client tried again after {pauses}"
    return f"did not answer {_requests(found)}, given up after {between([_waited(one) for one in found])}"


def _requests(found: Sequence[Slow]) -> str:
    """Write how many requests: `1 token request`, `3 requests`."""
    kind = "token request" if all(one.exchange.operation == "PutToken" for one in found) else "request"
    return plural(len(found), kind)


def _unread(one: Slow) -> bool:
    """Tell whether a request without an answer may have been one for a token, whose answers get lost otherwise: its packet is cut."""
    under = one.dialogue.under(one.exchange)
    return one.how == "silent" and one.exchange.operation != "PutToken" and under is not None and bool(under.cut_packets)


def _waited(one: Slow) -> DurationNs:
    over = one.dialogue.given_up(one.exchange)
    return (over[0] if over is not None else one.end_ns) - (one.exchange.request_start_ns or one.start_ns)


def _more(found: Sequence[Slow]) -> str:
    trips = [_round_trip(under) for one in found if (under := one.dialogue.under(one.exchange)) is not None]
    if any(one.how == "too-late" for one in found):
        return "The answer does get here, so the hop limit is not the cause."
    if any(_unread(one) for one in found):
        return "What was asked for is cut off: answers to token requests may have died on their way (hop limit)."
    if all(one.how == "busy" for one in found):
        return "The endpoint limits how often it is asked, or was not ready."
    return f"A round trip to it takes {between(trips)}: it is not the network." if trips and max(trips) > 0 else "It is not the network."
