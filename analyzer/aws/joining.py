"""Which exchanges are attempts of one call: by invocation id, and for SDKs that send none by what they repeat (design 2.4).

JavaScript v2, Go v1 and ex_aws send no id: their retry is the same request once more, same operation, table and body, from the same client
to the same server, after an answer that the SDK retries, a time-out or a reset, and before its longest back-off is over. Where the bodies
could not be compared the requests are of one size. A loop of the program that sends the same request again after a good answer makes calls
of its own, and so does one that goes on after the SDK has made all its attempts. Of two calls of equal request at the same time nobody can
tell whose retry is whose; then the one that failed first goes on first, so that at least their number is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from analyzer import sdks
from analyzer.aws.bodies import UNKNOWN, Bodies
from analyzer.aws.credentials_endpoints import SERVICES as CREDENTIAL_ENDPOINTS
from analyzer.aws.ownership import server_of
from analyzer.model.rows import Connection, Exchange
from analyzer.sdks.retries import LONGEST_PAUSE_NS as LONGEST_PAUSE_NS
from analyzer.sdks.retries import is_retried, most_attempts
from analyzer.sdks.retries import longest_pause as longest_of
from analyzer.units import MILLISECOND, SECOND, DurationNs, TimeNs

SLOWEST_STEP_NS: DurationNs = SECOND
"""Back-off of the first retry at its longest (Go v1 and the 2026 standard mode after throttling); it doubles with each."""
SLACK_NS: DurationNs = SECOND
"""What a busy client may take on top of its back-off, with the set-up of another connection."""
COPY_NS: DurationNs = 50 * MILLISECOND
"""The same request id on another connection this soon is the same answer seen in another place."""
MOST_WAITING = 32
"""Failed calls of equal request that are waiting for their next attempt; beyond that the oldest is taken to be over."""
_Key: TypeAlias = tuple[str, str, str | None, str | None, str | None, str | None, int, int]


def retried(row: Exchange) -> bool:
    """Tell whether its SDK tries again after an exchange that ended like this one."""
    if row.outcome in ("no-response", "cut", "undelivered"):
        return is_retried(row.sdk, None, None)
    return row.outcome == "error" and row.status is not None and is_retried(row.sdk, row.status, row.error_type)


def longest_pause(tries: int) -> DurationNs:
    """Return the longest back-off after so many tries."""
    return min(LONGEST_PAUSE_NS, SLOWEST_STEP_NS << min(tries, 8))


def attempts(exchanges: Iterable[Exchange], connections: Mapping[int, Connection], bodies: Bodies | None = None) -> list[list[Exchange]]:
    """Return the exchanges of AWS services in calls, in order of the calls' first exchange.

    Copies, requests that were not captured and credential endpoints are left out. `bodies` are the marks of requests without an id.
    """
    out: list[list[Exchange]] = []
    by_id: dict[tuple[str, str], list[Exchange]] = {}
    answers: dict[str, tuple[int, int]] = {}
    repeated: dict[_Key, list[list[Exchange]]] = defaultdict(list)
    marks = bodies if bodies is not None else Bodies()
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
        mark = marks.of(row.exchange_id)
        size = row.request_bytes if mark == UNKNOWN else 0
        same = (client, server_of(connections[row.connection_id]), row.service, row.operation, row.table_name, row.sdk, mark, size)
        waiting = repeated.get(same)
        found = None
        if waiting and row.operation is not None:
            while waiting and _is_over(waiting[0][-1], asked, connections):
                del waiting[0]
            found = next((one for one in waiting if _follows(one, row, connections)), None)
        if waiting and found is not None:
            waiting.remove(found)
            group = found
            group.append(row)
        else:
            group = [row]
            out.append(group)
        if retried(row) and len(group) < (most_attempts(row.sdk, row.service) or len(group) + 1):
            repeated[same].append(group)
            del repeated[same][:-MOST_WAITING]
    return out


def _over(row: Exchange) -> TimeNs:
    """Return when an exchange was over, as far as it tells itself."""
    return max(time for time in (row.request_start_ns, row.request_end_ns, row.response_end_ns) if time is not None)


def _given_up(row: Exchange, connections: Mapping[int, Connection]) -> TimeNs | None:
    """Return when nobody waited for the answer any more, as the end of its connection tells; None where nothing on the wire does."""
    under, sent = connections[row.connection_id], row.request_end_ns or row.request_start_ns or 0
    ends = [time for time in (under.client_closed_ns, under.server_closed_ns, under.closed_ns) if time is not None and time >= sent]
    if not ends and under.closed_ns is not None:
        return sent  # the connection was closed before the request had been sent
    return max(min(ends), row.response_end_ns or 0) if ends else None


def _goes_on(before: Exchange, row: Exchange) -> bool:
    """Tell whether a request with the same invocation id belongs to the same call: none follows a final answer, or after the longest pause.

    A request without an answer may have been waited for as long as a read timeout, 60 s and more.
    """
    if before.outcome not in ("ok", "error"):
        return True
    return before.outcome == "error" and (row.request_start_ns or 0) - _over(before) <= LONGEST_PAUSE_NS


def _patience(row: Exchange) -> DurationNs:
    """Return how long an SDK may wait for an answer that does not come; no longer than the longest back-off where it sets no limit."""
    profile = sdks.profile(row.sdk)
    limits = [pool.read_ms for pool in profile.pools if pool.read_ms is not None] if profile is not None else []
    longest = max(limits, default=0.0)
    return round(longest * MILLISECOND) if 0 < longest < LONGEST_READ_MS else LONGEST_PAUSE_NS


LONGEST_READ_MS = 600_000
"""The longest read time-out of an SDK is 5 min (JavaScript v3); what is longer is none."""


def _is_over(before: Exchange, asked: TimeNs, connections: Mapping[int, Connection]) -> bool:
    """Tell whether a failed exchange is too long ago to be tried again."""
    if before.outcome == "error":
        return asked - _over(before) > LONGEST_PAUSE_NS
    ended = _given_up(before, connections)
    return asked - (ended if ended is not None else _over(before) + _patience(before)) > LONGEST_PAUSE_NS


def _follows(group: list[Exchange], row: Exchange, connections: Mapping[int, Connection]) -> bool:
    """Tell whether a request without an id may be the next attempt: it begins after the one before was over, within its back-off."""
    before = group[-1]
    begun = row.request_start_ns or 0
    under = connections[row.connection_id]
    if row.index_on_connection == 0 and under.syn_ns is not None and not under.opened_ahead:
        # The set-up of a connection is no pause; one that began before the failure was made for another request.
        begun = min(begun, under.syn_ns)
    longest = min(longest_pause(len(group)), longest_of(row.sdk, row.service) + SLACK_NS)
    if before.outcome == "error":
        return 0 <= begun - _over(before) <= longest
    ended = _given_up(before, connections)
    if ended is None:
        # Nothing says when it was given up; while its connection is open only silence, or the whole patience of the SDK, does.
        waited = begun - _over(before)
        if waited > _patience(before) + LONGEST_PAUSE_NS:
            return False
        return waited >= 0 and (before.request_acknowledged is False or before.outcome == "undelivered" or waited >= _patience(before))
    if begun < ended:
        return before.request_acknowledged is False and (row.request_start_ns or 0) >= _over(before)
    return begun - ended <= longest
