"""Which exchanges are attempts of one call: by invocation id, and for SDKs that send none by what they repeat (design 2.4).

JavaScript v2, Go v1 and ex_aws send no id: their retry is the same operation on the same table, of equal size, from the same client to
the same server, after an answer that SDKs retry, and before the longest back-off is over. Of two calls of equal request at the same
time nobody can tell whose retry is whose; then the one that failed first goes on first, so that at least their number is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from analyzer.aws.credentials_endpoints import SERVICES as CREDENTIAL_ENDPOINTS
from analyzer.aws.ownership import server_of
from analyzer.model.rows import Connection, Exchange
from analyzer.units import MILLISECOND, SECOND, DurationNs

LONGEST_PAUSE_NS: DurationNs = 25 * SECOND
"""The longest back-off of an SDK is 20 s; what comes later is another call, whatever id it carries."""
SLOWEST_STEP_NS: DurationNs = SECOND
"""Back-off of the first retry at its longest (Go v1 and the 2026 standard mode after throttling); it doubles with each."""
COPY_NS: DurationNs = 50 * MILLISECOND
"""The same request id on another connection this soon is the same answer seen in another place."""
RETRIED = frozenset({
    "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "ThrottledException", "RequestThrottledException",
    "RequestThrottled", "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown",
    "PriorRequestNotComplete", "TransactionInProgressException", "RequestTimeout", "RequestTimeoutException", "InternalServerError",
    "InternalFailure", "ServiceUnavailable",
})  # fmt: skip
"""Error types that SDKs retry (botocore `retries/standard.py`, SDK for JavaScript v2 `lib/service.js`)."""
_Key: TypeAlias = tuple[str, str, str | None, str | None, str | None, int]


def retried(row: Exchange) -> bool:
    """Tell whether SDKs try again after an exchange that ended like this one."""
    if row.outcome in ("no-response", "cut", "undelivered"):
        return True
    return row.outcome == "error" and ((row.status or 0) >= 500 or row.status == 429 or row.error_type in RETRIED)


def longest_pause(tries: int) -> DurationNs:
    """Return the longest back-off after so many tries."""
    return min(LONGEST_PAUSE_NS, SLOWEST_STEP_NS << min(tries, 8))


def attempts(exchanges: Iterable[Exchange], connections: Mapping[int, Connection]) -> list[list[Exchange]]:
    """Return the exchanges of AWS services in calls, in order of the calls' first exchange.

    Copies, requests that were not captured and credential endpoints are left out.
    """
    out: list[list[Exchange]] = []
    by_id: dict[tuple[str, str], list[Exchange]] = {}
    answers: dict[str, tuple[int, int]] = {}
    repeated: dict[_Key, list[list[Exchange]]] = defaultdict(list)
    for row in exchanges:
        asked = row.request_start_ns
        if row.service is None or row.copy_of is not None or asked is None or row.service in CREDENTIAL_ENDPOINTS:
            continue
        if row.aws_request_id is not None:
            seen = answers.get(row.aws_request_id)
            if seen is not None and seen[0] != row.connection_id and abs(asked - seen[1]) <= COPY_NS:
                continue
            answers[row.aws_request_id] = (row.connection_id, asked)
        client = connections[row.connection_id].client_address
        if row.invocation_id is not None:
            key = (client, row.invocation_id)
            group = by_id.get(key)
            if group is not None and _goes_on(group[-1], row):
                group.append(row)
            else:
                by_id[key] = group = [row]
                out.append(group)
            continue
        if row.outcome == "ok" and not repeated:
            out.append([row])
            continue
        same = (client, server_of(connections[row.connection_id]), row.service, row.operation, row.table_name, row.request_bytes)
        waiting = repeated.get(same)
        if waiting:
            waiting[:] = [one for one in waiting if asked - _over(one[-1]) <= LONGEST_PAUSE_NS]
        found = next((one for one in waiting or () if _follows(one, row)), None) if row.operation is not None else None
        if waiting and found is not None:
            waiting.remove(found)
            group = found
            group.append(row)
        else:
            group = [row]
            out.append(group)
        if retried(row):
            repeated[same].append(group)
    return out


def _over(row: Exchange) -> int:
    """Return when an exchange was over, as far as it tells itself."""
    return max(time for time in (row.request_start_ns, row.request_end_ns, row.response_end_ns) if time is not None)


def _goes_on(before: Exchange, row: Exchange) -> bool:
    """Tell whether a request with the same invocation id belongs to the same call: none follows a final answer, or after the longest pause.

    A request without an answer may have been waited for as long as a read timeout, 60 s and more.
    """
    if before.outcome not in ("ok", "error"):
        return True
    return before.outcome == "error" and (row.request_start_ns or 0) - _over(before) <= LONGEST_PAUSE_NS


def _follows(group: list[Exchange], row: Exchange) -> bool:
    """Tell whether a request without an id may be the next attempt: it begins after the one before was over, within its back-off."""
    before = group[-1]
    pause = (row.request_start_ns or 0) - _over(before)
    if before.sdk != row.sdk:
        return False
    if before.outcome != "error":  # given up after a timeout that nobody can see
        return pause >= 0
    return 0 <= pause <= longest_pause(len(group))
