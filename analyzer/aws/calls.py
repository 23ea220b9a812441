"""Exchanges -> calls: attempts with the set-up and the failed connections that belong to them (design 2.4).

Which exchanges are attempts of one call is told in `joining.py`. Without plaintext every exchange is a call of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from analyzer.aws.bodies import Bodies
from analyzer.aws.credentials_endpoints import SERVICES as CREDENTIAL_ENDPOINTS
from analyzer.aws.joining import attempts, longest_pause
from analyzer.aws.ownership import SetUp, given_up, server_of
from analyzer.model.draft import Activity, Attempt, Draft
from analyzer.model.rows import Connection, Exchange
from analyzer.units import TimeNs

MOST_UNSEEN = 16
"""Attempts that a header may claim beyond those seen; more is a broken or hostile header (the largest default of an SDK is 11 tries)."""
TOKENS_OF_STS = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetSessionToken", "GetFederationToken"})


def service_calls(
    exchanges: Sequence[Exchange], connections: Mapping[int, Connection], set_up: SetUp, bodies: Bodies | None = None
) -> Iterator[Draft]:
    """Yield the calls of AWS services; credential endpoints are not among them, copies and requests not captured neither."""
    make = tuple.__new__  # half the time of a call of the class
    for rows in attempts(exchanges, connections, bodies):
        row = rows[0]
        if len(rows) == 1 and row.outcome == "ok" and row.idle_before_ns is not None and row.attempt in (None, 1) and row.service != "sts":
            # One good exchange on an open connection, as most are: there is nothing to find out.
            asked, end = row.request_start_ns or 0, row.response_end_ns or 0
            only = make(Attempt, (row, connections[row.connection_id], (), asked, max(asked, end), False, (), (), 0))
            yield make(Draft, (row.service, row.operation, (only,), None, row.evidence, False, False))
        else:
            yield _call(rows, connections, set_up)


def never_opened(rows: Iterable[Connection], set_up: SetUp) -> Iterator[Draft]:
    """Yield the calls that never got a connection: SYNs to AWS services without an answer, with nothing of the same client after them.

    A connection is the next try of a call if it came after the one before was given up; those that are tried at the same time are calls
    of their own.
    """
    groups: dict[tuple[str, str], list[list[Connection]]] = {}
    for row in rows:
        if row.service is None or row.service in CREDENTIAL_ENDPOINTS:
            continue
        known = groups.setdefault((row.client_address, server_of(row)), [])
        free = [
            one
            for one in known[-MOST_UNSEEN:]
            if 0 <= row.first_ns - given_up(one[-1]) <= longest_pause(len(one)) and len(one) < MOST_UNSEEN
        ]
        if free:
            max(free, key=lambda one: given_up(one[-1])).append(row)
        else:
            known.append([row])
    for group in (one for known in groups.values() for one in known):
        tries = []
        for number, row in enumerate(group):
            following = group[number + 1].first_ns if number + 1 < len(group) else None
            one = _failed_connection([row], set_up)
            tries.append(one._replace(failed=False) if following is None else _outstanding(one, following))
        service = group[0].service
        yield Draft(service, None, tuple(tries), None, "inferred", service == "sts")


def _call(rows: list[Exchange], connections: Mapping[int, Connection], set_up: SetUp) -> Draft:
    if len(rows) > 1:
        rows = sorted(rows, key=lambda row: (row.request_start_ns or 0, row.exchange_id))
    made: list[Attempt] = []
    seen = 0
    truncated = None
    last = len(rows) - 1
    for number, row in enumerate(rows):
        connection = connections[row.connection_id]
        start = row.request_start_ns or 0
        activities: tuple[Activity, ...] = ()
        beside: tuple[Connection, ...] = ()
        missing = (row.attempt or 0) - 1 - seen
        if row.index_on_connection == 0 and set_up.owned(row, connection):
            beside = set_up.beside(connection, row.attempt)
            if beside:
                tries, beside = _split(beside, connection, missing if row.attempt is not None else None)
                for group in tries:
                    made.append(_failed_connection(group, set_up))
                    seen += 1
                    missing -= 1
            activities = set_up.activities(row, connection, beside)
            if activities:
                start = min(start, activities[0].start_ns)
        unseen = 0
        if 0 < missing <= MOST_UNSEEN:
            if made:
                unseen = missing
            else:
                truncated = "start"
            seen += missing
        seen += 1
        end = ended(row, connection, set_up, followed=number < last)
        causes = ("head-of-line",) if row.idle_before_ns is None and set_up.is_behind(row) else ()
        made.append(Attempt(row, connection, activities, start, max(start, end), number < last, beside, causes, unseen))
    made = [_outstanding(one, made[at + 1].start_ns) if one.failed else one for at, one in enumerate(made)]
    final = rows[-1]
    over = connections[final.connection_id]
    if final.outcome == "cut" or (final.outcome == "no-response" and over.closed_ns is None):
        truncated = "both" if truncated else "end"
    elif over.client_rule == "syn-ack" and final.index_on_connection == 0:
        truncated = "start"
    operation = final.operation
    if final.service == "sts" and operation in TOKENS_OF_STS:
        operation = "GetCredentials"
    return Draft(final.service, operation, tuple(made), truncated, _evidence(made), final.service == "sts")


def _evidence(attempts: Sequence[Attempt]) -> str:
    """Return how the least known part of a call is known."""
    for attempt in attempts:
        if (attempt.exchange is not None and attempt.exchange.evidence == "inferred") or attempt.exchange is None:
            return "inferred"
        for activity in attempt.set_up:
            if activity.evidence == "inferred":
                return "inferred"
    exchange = attempts[-1].exchange
    if exchange is None or (len(attempts) > 1 and exchange.invocation_id is None):
        return "inferred"
    return exchange.evidence


def _split(found: Sequence[Connection], used: Connection, missing: int | None) -> tuple[list[list[Connection]], tuple[Connection, ...]]:
    """Tell the connections of earlier attempts from the addresses given up or overtaken within this one.

    An attempt tries each address once, so an address that comes again begins another attempt; where the request counts its attempts
    itself, that decides whether there were any.
    """
    if missing is not None and missing <= 0:
        return [], tuple(found)
    groups: list[list[Connection]] = []
    for row in [*found, used]:
        address = (row.server_address, row.server_port)
        if not groups or any((one.server_address, one.server_port) == address for one in groups[-1]):
            groups.append([])
        groups[-1].append(row)
    own = tuple(groups.pop()[:-1])
    if missing is not None and len(groups) < missing and own:
        # Each address was an attempt of its own.
        extra = own[: missing - len(groups)]
        groups += [[row] for row in extra]
        own = own[len(extra) :]
    return groups, own


def _failed_connection(group: Sequence[Connection], set_up: SetUp) -> Attempt:
    """Make an attempt of connections that never opened."""
    end = max(given_up(row) for row in group)
    last = group[-1]
    activities = set_up.failed(last, group[:-1], end)
    start = activities[0].start_ns if activities else last.first_ns
    return Attempt(None, last, activities, start, max(start, end), True, tuple(group[:-1]))


def _outstanding(attempt: Attempt, following: TimeNs) -> Attempt:
    """Let an attempt last until the next one where nothing on the wire says that the client gave it up before.

    Its SYN, or its request, was outstanding until then; a FIN that waits behind unacknowledged data comes too late to tell.
    """
    under, row = attempt.connection, attempt.exchange
    if row is not None and row.response_end_ns is not None and row.outcome != "undelivered":
        return attempt
    told = (under.closed_ns, under.client_closed_ns, under.server_closed_ns, under.icmp_ns)
    if any(time is not None and attempt.start_ns <= time <= following for time in told) or following < attempt.start_ns:
        return attempt
    set_up = attempt.set_up
    if row is None and set_up:
        set_up = (*set_up[:-1], set_up[-1]._replace(end_ns=max(set_up[-1].end_ns, following)))
    return attempt._replace(end_ns=following, set_up=set_up)


def ended(row: Exchange, connection: Connection, set_up: SetUp, *, followed: bool) -> TimeNs:
    """Return when an attempt ended: last byte of its response, else the first FIN or RST after it began, else its last packet.

    An answer that never arrived ends nothing where the client tried again: then its own FIN or RST does.
    """
    start = row.request_start_ns or 0
    if row.response_end_ns is not None and (row.outcome in ("ok", "error") or (row.outcome == "undelivered" and not followed)):
        return row.response_end_ns
    least = max(time for time in (start, row.request_end_ns, row.response_start_ns) if time is not None)
    ends = [connection.client_closed_ns]
    if row.outcome != "undelivered":
        least = max(least, row.response_end_ns or 0)
        ends += [connection.closed_ns, connection.server_closed_ns, set_up.next_request(row)]
    closed = [time for time in ends if time is not None and time >= least]
    return min(closed) if closed else max(least, connection.last_ns)
