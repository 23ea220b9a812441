"""A client opens a connection for every request and closes it, or has it closed, after the answer.

It fires where an SDK on one client has at least two connections to one server name that carried a single request and were closed within
1 s of the answer (or announced `Connection: close`), and these are at least half of its connections there. Charged are the calls that would
have found a connection idle had the earlier ones been kept: calls that run at the same time need one each, and so does the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.setup import DECIDES, Client, clients, inferred, parts, set_up_ns, wasted
from analyzer.findings.view import SET_UP, View
from analyzer.findings.words import median, named, plural, remedy_for, sdk_name
from analyzer.model.rows import Finding
from analyzer.units import DurationNs, count, duration, percent

RULE = Rule(
    code="connection-not-reused",
    name="Connections are not reused",
    severity="warning",
    summary="Every request pays for a connection of its own",
    remedy="Keep connections alive: make one client and share it; remove what sends Connection: close.",
    references=("RFC 9112 section 9.3", "RFC 9112 section 9.6"),
    rank=42,
)


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client, server name and SDK."""
    for group in view.once(clients):
        needless = wasted(group)
        if not needless:
            continue
        calls = [one.call for one in needless]
        cost = view.charge_all(calls, SET_UP)
        share = view.share(cost, calls)
        unsure = inferred(view, [one.call for one in group.single])
        streams = [one.connection.connection_id for one in group.single]
        yield RULE.finding(
            _text(group, len(needless), cost, share),
            cost_ns=cost,
            share=share,
            confidence="likely" if unsure else "proven",
            decides=DECIDES if unsure else None,
            calls=[call.call_id for call in calls],
            exchanges=[number for one in group.single for number in one.call.exchange_ids[-1:]],
            connections=streams,
            packet_ids=[packet for one in needless for packet in (one.connection.first_packet_id, one.connection.closed_packet_id)],
            display_filter=f"(tcp.flags.syn == 1 || tcp.flags.fin == 1 || tcp.flags.reset == 1) && {streams_filter(streams)}",
            remedy=remedy_for("keep-alive", calls, RULE.remedy),
        )


def _text(group: Client, needless: int, cost: DurationNs, share: float | None) -> str:
    calls = [one.call for one in group.single]
    sdk = sdk_name(group.sdk)
    # Those whose set-up took next to no time are in neither list, yet their calls are counted.
    carried = {call.connection_id for call in group.calls if call.connection_id is not None}
    used = max(len(group.others) + len(group.single), len(carried))
    text = f"{plural(len(group.calls), f'{named(group.calls)}call')}{f' of {sdk}' if sdk else ''} used {plural(used, 'connection')}: "
    text += f"not reusing them cost {duration(cost)}"
    text += f" ({percent(share)} of the time of all calls). " if share is not None else ". "
    text += f"{_closer(group)} A connection takes {duration(median(map(set_up_ns, calls)))} of the {_whole(group)} of a call (median): "
    text += f"{parts(calls)}. "
    text += f"{count(needless)} of the {count(len(calls))} calls with one of their own would have found one idle."
    return text + f" Client {group.address}, server {group.server}."


def _whole(group: Client) -> str:
    return duration(median(one.call.duration_ns for one in group.single))


def _closer(group: Client) -> str:
    """Say which side closes, and by what."""
    announced: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    gaps: list[DurationNs] = []
    for one in group.single:
        if one.closes is not None:
            announced[one.closes] += 1
        else:
            closed[one.connection.closed_by] += 1
        if one.gap_ns is not None:
            gaps.append(one.gap_ns)
    if announced.total() >= closed.total():  # what most of them show
        who = announced.most_common(1)[0][0]
        return {
            "client": "The client asks for that (Connection: close).", "server": "The service ends them (Connection: close).",
        }.get(who, "The client asks for that (Connection: close) and the service complies.")  # fmt: skip
    by = closed.most_common(1)[0][0]
    after = f" within {duration(median(gaps))} of the answer" if gaps else ""
    return f"The {'client' if by.startswith('client') else 'service'} closes them{after} ({'RST' if 'reset' in by else 'FIN'})."
