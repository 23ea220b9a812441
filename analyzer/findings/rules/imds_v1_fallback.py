"""After a token request that was refused or given up, the SDK goes on without a token: the program runs on IMDSv1.

It fires where requests without a token are answered after a token request of the same dialogue came to nothing. A client that never asks
for a token in the dialogue (an SDK from before IMDSv2, or one that remembers an earlier failure) does not fall back. It costs nothing
itself: what the token request cost is charged where its cause is known (`imds-hop-limit`, `imds-token-refused`, `imds-slow`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.findings.imds import IMDS, Dialogue, answered_in, askers, capital, sdk_of, sdk_words, streams, waiters
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.view import View
from analyzer.findings.words import median, plural
from analyzer.model.rows import Exchange, Finding
from analyzer.units import duration

RULE = Rule(
    code="imds-v1-fallback",
    name="IMDSv1 in place of IMDSv2",
    severity="warning",
    summary="The SDK went on without a token after it could get none",
    remedy="Make the token request work first (for a container: aws ec2 modify-instance-metadata-options --instance-id ID "
    "--http-put-response-hop-limit 2, or credentials of its task or pod); only then require tokens with --http-tokens required.",
    references=("EC2 User Guide: Transition to using Instance Metadata Service Version 2",),
    rank=36,
)


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client that fell back to IMDSv1."""
    for group in askers(view, IMDS):
        found = [(dialogue, pair) for dialogue in group if (pair := _fell_back(dialogue)) is not None]
        if found:
            yield _finding(view, found)


def _fell_back(dialogue: Dialogue) -> tuple[list[Exchange], list[Exchange]] | None:
    """Return the token requests that came to nothing and the answered requests without a token after them."""
    asked = [row for row in dialogue.tokens() if row.request_start_ns is not None]
    if not asked or any(row.outcome == "ok" for row in asked):
        return None
    first = min(row.request_start_ns or 0 for row in asked)
    plain = [row for row in dialogue.without_token() if row.outcome == "ok" and (row.request_start_ns or 0) > first]
    return (asked, plain) if plain else None


def _finding(view: View, found: Sequence[tuple[Dialogue, tuple[list[Exchange], list[Exchange]]]]) -> Finding:
    touched = [dialogue for dialogue, _ in found]
    asked = [row for _, (tokens, _) in found for row in tokens]
    plain = [row for _, (_, rows) in found for row in rows]
    took = [time for row in plain if (time := answered_in(row)) is not None]
    refused = sorted({row.status for row in asked if row.outcome == "error" and row.status is not None})
    how = f"refused token requests ({' and '.join(map(str, refused))})" if refused else "token requests that it gave up"
    name = capital(sdk_words(sdk_of(touched)))
    waited = waiters(view, touched) or [dialogue.call for dialogue in touched]
    sent = f"{plural(len(plain), 'request')} without a token, answered in {duration(median(took))}"
    return RULE.finding(
        f"{name} runs on IMDSv1: after {how} it sent {sent}. "
        "That works only while the instance allows version 1: HttpTokens=required there, or AWS_EC2_METADATA_V1_DISABLED=true in the "
        "program, ends it.",
        cost_ns=0,
        share=view.share(0, waited),
        calls=[call.call_id for call in waited],
        exchanges=[row.exchange_id for row in (*asked, *plain)],
        connections=streams((*asked, *plain)),
        packet_ids=[packet for _, (tokens, rows) in found for packet in _proof(tokens, rows)],
        display_filter=f"{streams_filter(streams((*asked, *plain)))} && (http.request || http.response)",
        confidence="proven",
    )


def _proof(tokens: Sequence[Exchange], plain: Sequence[Exchange]) -> list[int | None]:
    return [tokens[-1].first_packet_id, plain[0].first_packet_id, plain[0].response_packet_id]
