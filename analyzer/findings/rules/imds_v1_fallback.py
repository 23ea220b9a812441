"""After a token request that was refused or given up, the SDK goes on without a token: the program runs on IMDSv1.

It fires where requests without a token are answered after a token request of the same dialogue came to nothing. A client that never asks
for a token in the dialogue (an SDK from before IMDSv2, or one that remembers an earlier failure) does not fall back. It costs nothing
itself: what the token request cost is charged where its cause is known (`imds-hop-limit`, `imds-token-refused`, `imds-slow`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from analyzer import sdks
from analyzer.findings import tokens
from analyzer.findings.imds import IMDS, Dialogue, answered_in, askers, capital, sdk_of, sdk_words, streams, waiters
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import with_copies
from analyzer.findings.view import View
from analyzer.findings.words import clause, median, plural
from analyzer.model.rows import Exchange, Finding
from analyzer.units import duration

RULE = Rule(
    code="imds-v1-fallback",
    name="IMDSv1 in place of IMDSv2",
    severity="warning",
    summary="The SDK went on without a token after it could get none",
    remedy="Make the token request work first; only then require tokens with --http-tokens required.",
    references=("EC2 User Guide: Transition to using Instance Metadata Service Version 2",),
    rank=36,
)

FIXES = {
    "lost": "for a container: aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2, or credentials of "
    "its task or pod",
    "filtered": "let PUT /latest/api/token through the filter on the host that drops it",
    "refused": "find what answers it with {status}, the metadata service or a proxy or filter in its place, and let it hand out tokens",
    "busy": "ask less often, from one process for all: the endpoint answered {status}",
    "late": "the token comes, but too late: find what makes IMDS slow, or {more}",
    "silent": "find why the metadata service leaves it unanswered",
}
"""How to make the token request work, by what became of it."""
ANY_TIME = "allow more time (boto3: AWS_METADATA_SERVICE_TIMEOUT)"


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client that fell back to IMDSv1."""
    for group in askers(view, IMDS):
        found = [(dialogue, pair) for dialogue in group if (pair := _fell_back(dialogue)) is not None]
        if found:
            yield _finding(view, found, _remedy(view, group, [row for _, (asked, _) in found for row in asked]))


def _fell_back(dialogue: Dialogue) -> tuple[list[Exchange], list[Exchange]] | None:
    """Return the token requests that came to nothing and the answered requests without a token after them."""
    asked = [row for row in dialogue.tokens() if row.request_start_ns is not None]
    if not asked or any(row.outcome == "ok" for row in asked):
        return None
    first = min(row.request_start_ns or 0 for row in asked)
    plain = [row for row in dialogue.without_token() if row.outcome == "ok" and (row.request_start_ns or 0) > first]
    return (asked, plain) if plain else None


def _remedy(view: View, group: Sequence[Dialogue], asked: Sequence[Exchange]) -> str:
    """Return the remedy for what most often became of the token requests: the hop limit is named only where the answer was lost."""
    lost = {one.exchange.exchange_id: "filtered" if one.how == tokens.FILTERED else "lost" for one in tokens.lost(view, group)}
    late = {row.exchange_id for dialogue in group for row in dialogue.tokens() if tokens.is_late(dialogue, row)}
    fates: Counter[tuple[str, int | None]] = Counter()
    for row in asked:
        if row.exchange_id in lost:
            fates[lost[row.exchange_id], None] += 1
        elif row.outcome == "error" and row.status is not None:
            fates["busy" if row.status == 429 or row.status >= 500 else "refused", row.status] += 1
        elif row.exchange_id in late:
            fates["late", None] += 1
        else:
            fates["silent", None] += 1
    if not fates:
        return RULE.remedy
    (fate, status), _ = fates.most_common(1)[0]
    own = sdks.remedy(sdk_of(group), "imds-timeout")
    more = clause(own) if own is not None else ANY_TIME
    return RULE.remedy.replace("first;", f"first ({FIXES[fate].format(status=status, more=more)});")


def _never(sdk: str | None) -> str:
    """Return the setting by which an SDK never asks without a token."""
    own = sdks.remedy(sdk, "imds-v1-disable")
    return clause(own).removeprefix("set ") if own is not None else "AWS_EC2_METADATA_V1_DISABLED=true"


def _finding(view: View, found: Sequence[tuple[Dialogue, tuple[list[Exchange], list[Exchange]]]], remedy: str) -> Finding:
    touched = [dialogue for dialogue, _ in found]
    asked = [row for _, (wanted, _) in found for row in wanted]
    plain = [row for _, (_, rows) in found for row in rows]
    took = [time for row in plain if (time := answered_in(row)) is not None]
    refused = sorted({row.status for row in asked if row.outcome == "error" and row.status is not None})
    how = f"refused token requests ({' and '.join(map(str, refused))})" if refused else "token requests that it gave up"
    name = capital(sdk_words(sdk_of(touched)))
    waited = waiters(view, touched) or [dialogue.call for dialogue in touched]
    numbers = streams((*asked, *plain))
    packets = [packet for _, (wanted, rows) in found for packet in _proof(wanted, rows)]
    sent = f"{plural(len(plain), 'request')} without a token, answered in {duration(median(took))}"
    return RULE.finding(
        f"{name} runs on IMDSv1: after {how} it sent {sent}. "
        f"That works only while the instance allows version 1: HttpTokens=required there, or {_never(sdk_of(touched))} in the program, "
        "ends it.",
        cost_ns=0,
        share=view.share(0, waited),
        calls=[call.call_id for call in waited],
        exchanges=[row.exchange_id for row in (*asked, *plain)],
        connections=numbers,
        packet_ids=packets,
        display_filter=with_copies(view, f"{streams_filter(numbers)} && (http.request || http.response)", numbers, packets),
        confidence="proven",
        remedy=remedy,
    )


def _proof(wanted: Sequence[Exchange], plain: Sequence[Exchange]) -> list[int | None]:
    return [wanted[-1].first_packet_id, plain[0].first_packet_id, plain[0].response_packet_id]
