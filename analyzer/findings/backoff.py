"""The pauses before the retries of calls, held against the back-off of their SDK: which retry, which mode, what it allows, what was seen.

The formulas, and where each is from, are data of the SDK (`analyzer.sdks`); how a pause is judged is in `analyzer.sdks.retries`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from analyzer.findings.tries import Try
from analyzer.findings.view import View
from analyzer.sdks.retries import SLACK_NS, Retry, kind, told

MOST_SDKS = 3
"""SDKs, or versions of them, whose pauses one finding tells of."""
UNANSWERED = frozenset({"no-response", "undelivered", "cut"})


def retry_of(view: View, one: Try) -> Retry | None:
    """Return a failed try as the retry that followed it; None where no pause was seen, or the SDK does not try again after such an end."""
    row = one.exchange
    if not one.backoff_ns:
        return None
    status = None if row.outcome in UNANSWERED else row.status
    what = kind(row.sdk, status, row.error_type if status is not None else None)
    if what is None:
        return None
    # Between capture point and client the answer, and then the retry, took their time too.
    under = view.connections.get(row.connection_id)
    rtt = under.client_rtt_ns if under is not None and under.client_rtt_ns is not None else 0
    return Retry(row.attempt or one.number, what, one.backoff_ns, SLACK_NS + rtt)


def words(view: View, tries: Iterable[Try]) -> str:
    """Say of the pauses after failed tries whether they are those of their SDK, with a space before; nothing where that is not known."""
    groups: dict[tuple[str | None, str | None, str | None, str | None], list[Retry]] = defaultdict(list)
    for one in tries:
        found = retry_of(view, one)
        if found is not None:
            row = one.exchange
            groups[row.sdk, row.sdk_version, row.retry_mode, row.service].append(found)
    sentences = []
    for (sdk, version, mode, service), seen in groups.items():
        text = told(sdk, service, seen, version=version, marker=mode)
        if text:
            sentences.append(f" Back-off: {text}.")
    return "".join(sentences[:MOST_SDKS])
