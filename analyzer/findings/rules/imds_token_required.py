"""The metadata service wants a token (IMDSv2) and the client has none: its requests without one are answered 401.

It fires where a dialogue has requests without a token that were answered 401, and no token answer in it. A client that asks without a token
first and fetches one after the 401 (ex_aws) is fine; so is a 401 to a request with a token, which only means that the token expired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.findings.imds import IMDS, Dialogue, askers, charge, failed, lead, sdk_of, sdk_words, streams
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import with_copies
from analyzer.findings.view import View
from analyzer.findings.words import plural
from analyzer.model.rows import Exchange, Finding

RULE = Rule(
    code="imds-token-required",
    name="IMDS requires a token",
    severity="warning",
    summary="Requests to the metadata service without a token are refused",
    remedy="Let tokens through: aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2 for a container "
    "(one more for each router between), or give the program credentials of its task or pod.",
    references=("EC2 User Guide: Transition to using Instance Metadata Service Version 2 (HttpTokens)",),
    rank=32,
)
OLD_SDK = "Update the SDK to a version that knows IMDSv2 (all current ones do), or allow both versions for now: aws ec2 " \
    "modify-instance-metadata-options --instance-id ID --http-tokens optional."  # fmt: skip


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client that was told to bring a token and had none."""
    for group in askers(view, IMDS):
        found = [(dialogue, rows) for dialogue in group if (rows := _told(dialogue))]
        if found:
            yield _finding(view, found)


def _told(dialogue: Dialogue) -> list[Exchange]:
    if any(row.outcome == "ok" for row in dialogue.tokens()):
        return []
    return [row for row in dialogue.without_token() if row.status == 401]


def _finding(view: View, found: Sequence[tuple[Dialogue, list[Exchange]]]) -> Finding:
    touched = [dialogue for dialogue, _ in found]
    rows = [row for _, told in found for row in told]
    tried = [row for dialogue in touched for row in dialogue.tokens()]
    cost, calls = charge(view, ((dialogue, dialogue.kept(row)) for dialogue, told in found for row in told))
    request = "its request without a token was" if len(rows) == 1 else f"{plural(len(rows), 'request')} without a token were"
    name = sdk_words(sdk_of(touched))
    if tried:
        why = f"The instance accepts IMDSv2 only (HttpTokens=required), and {name} had asked for a token without getting one."
    else:
        why = f"The instance accepts IMDSv2 only (HttpTokens=required), and {name} did not ask for a token."
    packets = [packet for row in rows for packet in (row.first_packet_id, row.response_packet_id)]
    told = 'http.request.method == "GET" || http.response.code == 401'
    return RULE.finding(
        f"{lead(view, touched)}: {request} refused with 401. {why}",
        severity="error" if failed(touched) else None,
        cost_ns=cost,
        share=view.share(cost, calls),
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for row in rows],
        connections=streams(rows),
        packet_ids=packets,
        display_filter=with_copies(view, f"{streams_filter(streams(rows))} && ({told})", streams(rows), packets),
        confidence="proven",
        remedy=None if tried else OLD_SDK,
    )
