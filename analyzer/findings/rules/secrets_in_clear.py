"""Credentials, or requests signed with them, can be read in the capture by anybody who has the file.

It fires for answers of credential endpoints (IMDS, ECS, EKS) with credentials or tokens in them, for requests that carry such a token, for
requests to AWS services over plain HTTP, and for TLS secrets that the file itself carries. It says how many, never what. Traffic that was
decrypted with keys from elsewhere is not in the clear.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.imds import ENDPOINTS, streams
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.service_words import listed, with_copies
from analyzer.findings.view import View
from analyzer.findings.words import plural
from analyzer.model.rows import Exchange, Finding

RULE = Rule(
    code="secrets-in-clear",
    name="Secrets in the clear",
    severity="info",
    summary="Credentials or signed requests can be read in the capture",
    remedy="Treat the file as a secret: hand on reports, or a copy without its secrets (analyzer redact CAPTURE COPY.pcapng), and delete "
    "it when done. Let credentials that others may have seen expire, or revoke the role's sessions. Talk to AWS services over https.",
    references=("RFC 9110 section 17", "IAM User Guide: Revoke IAM role temporary security credentials"),
    rank=90,
)

HANDED_OUT = frozenset({"GetRoleCredentials", "GetCredentials"})
"""Requests whose answers are credentials."""


def check(view: View) -> Iterator[Finding]:
    """Yield one finding that counts what can be read; what was captured twice counts once."""
    clear = [row for row in view.analysis.exchanges if row.evidence == "measured" and row.copy_of is None and row.service is not None]
    asked = [row for row in clear if row.service in ENDPOINTS]
    credentials = [row for row in asked if row.operation in HANDED_OUT and _answered(row)]
    tokens = [row for row in asked if row.service == "imds" and row.operation == "PutToken" and _answered(row)]
    # The token itself is told of once, by its answer; where that was not captured, by the requests that carry it.
    carried = [] if tokens else [row for row in asked if row.service == "imds" and row.imds_version == 2 and row.operation != "PutToken"]
    signed = [row for row in clear if row.service not in ENDPOINTS and row.method is not None]
    keys = len(view.analysis.capture.secrets)
    parts = []
    if credentials:
        parts.append(f"{plural(len(credentials), 'answer')} with credentials")
    if tokens:
        parts.append(f"{plural(len(tokens), 'IMDSv2 token')}")
    if carried:
        parts.append(f"{plural(len(carried), 'request')} with an IMDSv2 token")
    if signed:
        parts.append(f"{plural(len(signed), 'request')} to AWS services with all that they carry (signature, session token, data)")
    if keys:
        parts.append(f"{plural(keys, 'set')} of TLS secrets")
    rows = [*credentials, *tokens, *carried, *signed]
    packets = [
        *(row.response_packet_id for row in (*credentials[:8], *tokens[:4])),
        *(row.request_packet_id for row in (*carried[:4], *signed[:8])),
    ]
    numbers = streams(rows)
    if parts:
        yield RULE.finding(
            f"Whoever has this file can read {listed(parts, len(parts))}.",
            cost_ns=0,
            exchanges=[row.exchange_id for row in rows],
            connections=numbers,
            packet_ids=packets,
            display_filter=with_copies(view, f"http && {streams_filter(numbers)}" if rows else "", numbers, packets),
            confidence="proven",
        )


def _answered(row: Exchange) -> bool:
    return row.status is not None and row.status < 300
