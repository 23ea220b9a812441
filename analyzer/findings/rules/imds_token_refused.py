"""The metadata service, or what stands in its place, refuses to hand out a token: the PUT is answered 4xx.

It fires for token requests that were answered with 400 to 499 and whose answer arrived. 429 means *too often* and is `imds-slow`. It says
whether the SDK may go on without a token after that status, and whether it did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer import sdks
from analyzer.findings.imds import DISABLE, IMDS, Dialogue, askers, capital, charge, each, failed, lead, sdk_of, sdk_words, streams
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import with_copies
from analyzer.findings.view import View
from analyzer.findings.words import clause, plural
from analyzer.model.rows import Exchange, Finding
from analyzer.sdks.pauses import goes_on_without_token

RULE = Rule(
    code="imds-token-refused",
    name="IMDS refuses the token",
    severity="warning",
    summary="Token requests to the metadata service are refused",
    remedy="Ask the instance's own metadata service, with nothing in between that alters the request.",
    references=("EC2 User Guide: Use the Instance Metadata Service to access instance metadata",),
    rank=31,
)

WHY = {
    400: "The request was not understood: usually something between client and IMDS removed its header with the token's lifetime.",
    401: "Something in the way asks for a login that a token request never has.",
    403: "The metadata service is switched off for this instance (HttpEndpoint), or a filter forbids the request.",
    404: "What answers knows no tokens: usually a metadata proxy that speaks IMDSv1 only.",
    405: "What answers allows no PUT: usually a metadata proxy that speaks IMDSv1 only.",
}
REMEDY = {
    403: "Switch the metadata service on (aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled); or, where it "
    f"is off on purpose, give the program credentials of its task or pod and {DISABLE} so that it does not ask.",
    404: "Update or remove the metadata proxy that answers in place of IMDS (kube2iam, kiam, a local stand-in), or give the program "
    "credentials of its task or pod.",
}
OPEN_403 = "Requests without a token are answered, so IMDS is not switched off: a filter or proxy between refuses the token request."
REMEDY_OPEN_403 = "Find the proxy or filter that answers PUT /latest/api/token with 403 and let the request through, or give the program " \
    "credentials of its task or pod."  # fmt: skip


def may_go_on(sdk: str | None, status: int) -> bool | None:
    """Tell whether an SDK may go on without a token after a status; None where that is not known."""
    profile = sdks.profile(sdk)
    return goes_on_without_token(profile, status) if profile is not None else None


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client whose token requests were refused."""
    for group in askers(view, IMDS):
        found = [(dialogue, row) for dialogue in group for row in dialogue.tokens() if _refused(row)]
        if found:
            yield _finding(view, found)


def _refused(row: Exchange) -> bool:
    return row.outcome == "error" and row.status is not None and 400 <= row.status < 500 and row.status != 429


def _finding(view: View, found: Sequence[tuple[Dialogue, Exchange]]) -> Finding:
    touched = each(dialogue for dialogue, _ in found)
    rows = [row for _, row in found]
    statuses = sorted({row.status for row in rows if row.status is not None})
    without = [row for dialogue in touched for row in dialogue.without_token()]
    cost, calls = charge(view, ((dialogue, dialogue.kept(row)) for dialogue, row in found))
    open_403 = statuses == [403] and any(row.outcome == "ok" for row in without)
    named = " and ".join(map(str, statuses))
    request = "the token request was" if len(rows) == 1 else f"{plural(len(rows), 'token request')} were"
    why = OPEN_403 if open_403 else WHY.get(statuses[0], "")
    remedy = REMEDY_OPEN_403 if open_403 else REMEDY.get(404 if statuses[0] == 405 else statuses[0])
    own = sdks.remedy(sdk_of(touched), "imds-disable")
    remedy = remedy.replace(DISABLE, clause(own)) if remedy is not None and own is not None else remedy
    sentences = (f"{lead(view, touched)}: {request} refused with {named}.", _what_followed(touched, statuses, without), why)
    told = f'(http.request.method == "PUT" || http.response.code in {{{", ".join(map(str, statuses))}}})'
    packets = [packet for row in rows for packet in (row.first_packet_id, row.response_packet_id)]
    return RULE.finding(
        " ".join(filter(None, sentences)),
        severity="error" if failed(touched) else None,
        cost_ns=cost,
        share=view.share(cost, calls),
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for row in rows],
        connections=streams(rows),
        packet_ids=packets,
        display_filter=with_copies(view, f"{streams_filter(streams(rows))} && {told}", streams(rows), packets),
        confidence="proven",
        remedy=remedy,
    )


def _what_followed(touched: Sequence[Dialogue], statuses: Sequence[int], without: Sequence[Exchange]) -> str:
    """Say whether the SDK may go on without a token, and whether it did; or that it got one after all."""
    sdk = sdk_of(touched)
    name = capital(sdk_words(sdk))
    if any(row.outcome == "ok" for row in without):
        return f"{name} went on without a token (IMDSv1) and was answered."
    again = next((row.status for row in without if row.outcome == "error"), None)
    if without:
        how = f"was refused too ({again})" if again is not None else "got no complete answer"
        return f"{name} went on without a token (IMDSv1) and {how}."
    if all(any(row.outcome == "ok" for row in dialogue.tokens()) for dialogue in touched):
        return f"{name} asked again and got a token."
    may = {may_go_on(sdk, status) for status in statuses}
    if may == {False}:
        return f"{name} does not go on without a token after that: there were no credentials to be had."
    if may == {True}:
        return f"{name} may go on without a token (IMDSv1) after that, but did not."
    return f"{name} did not go on without a token."
