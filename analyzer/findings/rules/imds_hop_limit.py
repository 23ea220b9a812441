"""The answer to an IMDSv2 token request dies before it reaches the client: the hop limit is lower than the number of routers between.

It fires where a token request was given up after 0.4 s or more without an answer although the connection itself came about. Proven where
the answer is seen with TTL 1 and never acknowledged, or ICMP time exceeded quotes it; likely where the answer has another TTL far below
that of everything else, or where the request is acknowledged and nothing more comes; possible where not even that is seen, which a filter
on the host looks like too. It does not fire where any token answer gets to this client, even late (`imds-slow`), nor where the capture was
taken next to IMDS (its packets still have the TTL that they were sent with) and no answer was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from analyzer import sdks
from analyzer.findings import tokens
from analyzer.findings.gaps import told
from analyzer.findings.imds import IMDS, Dialogue, answered_in, askers, charge, each, failed, lead, sdk_of
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import frames_filter
from analyzer.findings.tokens import Lost
from analyzer.findings.view import View
from analyzer.findings.words import between, median, plural
from analyzer.model.rows import Exchange, Finding
from analyzer.timers import Gap
from analyzer.units import duration

RULE = Rule(
    code="imds-hop-limit",
    name="IMDS hop limit",
    severity="warning",
    summary="The answers to IMDSv2 token requests do not reach the client",
    remedy="Raise the hop limit by one for each router between instance and program (a container is one): aws ec2 "
    "modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2. Or give the program credentials of its own: an ECS "
    "task role, EKS Pod Identity or IRSA; then it does not ask IMDS.",
    references=("EC2 User Guide: Configure the Instance Metadata Service options (HttpPutResponseHopLimit)", "RFC 791 section 3.2"),
    rank=30,
)

UPLINK = "a capture on the host's own interface: an answer with TTL 1 there, and ICMP time exceeded, prove it"
DECIDES = {
    "likely": UPLINK,
    "possible": "a capture on the host's own interface: if the token request appears there and its answer has TTL 1, it is the hop limit; "
    "if the request does not appear, a filter on the host drops it",
}


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client whose token requests stay without an answer."""
    for group in askers(view, IMDS):
        found = [one for one in tokens.lost(view, group) if one.how != tokens.FILTERED]
        if found:
            yield _finding(view, found)


def _finding(view: View, found: Sequence[Lost]) -> Finding:
    hows = {one.how for one in found}
    if hows & tokens.PROVEN:
        confidence = "proven"
    else:
        confidence = "likely" if hows & {tokens.LOW, tokens.ACKNOWLEDGED} else "possible"
    touched = each(one.dialogue for one in found)
    cost, calls = charge(view, ((one.dialogue, (one.begin_ns, one.end_ns)) for one in found))
    without = _without_token(found)
    numbers = sorted({number for one in found for number in one.connections})
    # Where the answers themselves cannot be seen, that other answers get through is part of the proof.
    went_on = [] if confidence == "proven" else [row for row in without if row.outcome == "ok"][:1]
    limits = [one.hop_limit for one in found if one.hop_limit is not None]
    remedy = RULE.remedy
    if limits and max(limits) > 1:
        remedy = remedy.replace("hop-limit 2", f"hop-limit {max(limits) + 1}") + f" It is {max(limits)} now."
    return RULE.finding(
        " ".join(_sentences(view, touched, found, without)),
        severity="error" if failed(touched) else None,
        cost_ns=cost,
        share=view.share(cost, calls),
        calls=[call.call_id for call in calls],
        exchanges=[one.exchange.exchange_id for one in found],
        connections=[*numbers, *(row.connection_id for row in went_on)],
        packet_ids=[*(packet for one in found for packet in one.proof), *(row.response_packet_id for row in went_on)],
        display_filter=_filter(view, found, numbers) if confidence == "proven" else None,
        confidence=confidence,
        decides=DECIDES.get(confidence),
        remedy=remedy,
    )


def _sentences(view: View, touched: Sequence[Dialogue], found: Sequence[Lost], without: Sequence[Exchange]) -> Iterator[str]:
    several = " each" if len(found) > 1 else ""
    waits = between([one.waited_ns for one in found])
    requests = plural(len(found), "IMDSv2 token request")
    if all(one.known_end for one in found):
        yield f"{lead(view, touched)}: {requests} {'were' if len(found) > 1 else 'was'} given up after {waits}{several}."
    else:
        yield f"{lead(view, touched)}: {requests} got no answer for {waits}{several}."
    limit = told(Gap("silence", one.waited_ns, one.dialogue.call.sdk, one.dialogue.call.service) for one in found if one.known_end)
    if limit:
        yield limit.strip().replace("That is", "The wait is", 1)  # the sentence before may stand elsewhere, as the headline
    yield _what_was_seen(view, found, any(row.outcome == "ok" for row in without))
    answered = [took for row in without if row.outcome == "ok" and (took := answered_in(row)) is not None]
    if answered:
        yield f"Then the client went on without a token (IMDSv1) and was answered in {duration(median(answered))}."
    elif without:
        refused = next((row.status for row in without if row.outcome == "error"), None)
        how = f"was refused ({refused})" if refused is not None else "got no complete answer"
        yield f"Then the client went on without a token (IMDSv1) and {how}."
    sdk = sdk_of(touched)
    # After a 401 SDK for JavaScript v2 asks for a token again (`disableFetchToken` is taken back).
    profile = sdks.profile(sdk)
    if profile is not None and profile.imds is not None and profile.imds.memory is not None and (answered or sdk != "js-v2"):
        yield profile.imds.memory


def _what_was_seen(view: View, found: Sequence[Lost], answered: bool) -> str:
    ttls = sorted({one.ttl for one in found if one.ttl is not None})
    where = _where(view, found)
    with_ttl = f" with TTL {' and '.join(map(str, ttls))}" if ttls else ""
    errors = [row for one in found for row in one.dropped]
    if errors:
        times = f"{len(errors)} times" if len(errors) > 1 else "once"
        router = errors[0].detail.partition(" says ")[0]
        return f"The answers were seen {where}{with_ttl} and died on the way to the client: {router} says so at least {times} (ICMP)."
    hows = {one.how for one in found}
    if tokens.LAST_HOP in hows:
        return f"The answers were seen {where}{with_ttl} and never acknowledged: the next router drops them."
    if tokens.LOW in hows:
        return f"The answers were seen {where}{with_ttl}, far below that of other packets from there, and were never acknowledged."
    rest = ", while requests without a token are answered" if answered else ""
    if tokens.ACKNOWLEDGED in hows:
        return f"The connections open and the requests are acknowledged, but no answer to them ever arrives{rest}."
    return f"The connections open, but neither an acknowledgement of the requests nor an answer ever arrives{rest}."


def _where(view: View, found: Sequence[Lost]) -> str:
    """Name the file that shows the answers, where there are several."""
    seen = next((one.seen_id for one in found if one.seen_id is not None), None)
    if seen is None or len(view.analysis.capture.files) < 2:
        return "here"
    return f"in {PurePath(view.analysis.frame(seen)[0]).name}"


def _without_token(found: Sequence[Lost]) -> list[Exchange]:
    """Return the requests without a token that followed the first lost one of each dialogue."""
    firsts: dict[int, Lost] = {}
    for one in found:
        firsts.setdefault(one.dialogue.call.call_id, one)
    return [row for one in firsts.values() for row in one.dialogue.without_token() if (row.request_start_ns or 0) > one.begin_ns]


def _filter(view: View, found: Sequence[Lost], numbers: Sequence[int]) -> str:
    """Return a display filter for the answers that died and the ICMP errors about them; with several files for the requests too."""
    ipv6 = any(":" in row.server_address for one in found for row in one.dialogue.connections)
    ttls = sorted({one.ttl for one in found if one.ttl is not None})
    parts = []
    if ttls:
        name = "ipv6.hlim" if ipv6 else "ip.ttl"
        hops = f"{name} == {ttls[0]}" if len(ttls) == 1 else f"{name} in {{{', '.join(map(str, ttls))}}}"
        port = next((row.server_port for one in found for row in one.dialogue.connections), 80)
        parts.append(f"({streams_filter(numbers)} && tcp.srcport == {port} && {hops})")
    if any(one.dropped for one in found):
        address = next(row.server_address for one in found for row in one.dialogue.connections)
        parts.append(f"(icmpv6.type == 3 && ipv6.addr == {address})" if ipv6 else f"(icmp.type == 11 && ip.addr == {address})")
    if len(view.analysis.capture.files) > 1:
        parts.append(frames_filter(one.exchange.first_packet_id for one in found))
    return " || ".join(parts)
