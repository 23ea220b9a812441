"""Exchanges -> calls: attempts joined by invocation id, with the set-up and the failed connections that belong to them (design 2.4).

Sources for the ids: `attempts.py`. Without plaintext, and for SDKs that send no id, every exchange is a call of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from analyzer.aws.credentials_endpoints import SERVICES as CREDENTIAL_ENDPOINTS
from analyzer.aws.ownership import SetUp, given_up, server_of
from analyzer.model.draft import Activity, Attempt, Draft
from analyzer.model.rows import Connection, Exchange
from analyzer.units import SECOND, DurationNs, TimeNs

MOST_UNSEEN = 16
"""Attempts that a header may claim beyond those seen; more is a broken or hostile header (the largest default of an SDK is 11 tries)."""
NEXT_TRY_NS: DurationNs = 25 * SECOND
"""How long after a failed connection the next may still be the same call's: the longest back-off is 20 s."""
TOKENS_OF_STS = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetSessionToken", "GetFederationToken"})


def service_calls(exchanges: Sequence[Exchange], connections: Mapping[int, Connection], set_up: SetUp) -> Iterator[Draft]:
    """Yield the calls of AWS services; credential endpoints are not among them, copies and requests not captured neither."""
    joined: dict[tuple[str, str], list[Exchange]] = {}
    several: set[tuple[str, str]] = set()
    order: list[tuple[tuple[str, str] | None, Exchange]] = []
    for row in exchanges:
        if row.service is None or row.copy_of is not None or row.request_start_ns is None or row.service in CREDENTIAL_ENDPOINTS:
            continue
        if row.invocation_id is None:
            order.append((None, row))
            continue
        key = (connections[row.connection_id].client_address, row.invocation_id)
        group = joined.get(key)
        if group is None:
            joined[key] = [row]
            order.append((key, row))
        else:
            group.append(row)
            several.add(key)
    for found, row in order:
        if found is not None and found in several:
            yield _call(joined[found], connections, set_up)
        elif row.outcome == "ok" and row.idle_before_ns is not None and row.attempt in (None, 1) and row.service != "sts":
            # One good exchange on an open connection, as most are: there is nothing to find out.
            asked, end = row.request_start_ns or 0, row.response_end_ns or 0
            only = Attempt(row, connections[row.connection_id], (), asked, max(asked, end), False)
            yield Draft(row.service, row.operation, (only,), None, row.evidence)
        else:
            yield _call([row], connections, set_up)


def never_opened(rows: Iterable[Connection], encrypted: frozenset[tuple[str, str]]) -> Iterator[Draft]:
    """Yield the calls that never got a connection: SYNs to AWS services without an answer, with nothing of the same client after them.

    `encrypted` are the (client, server) between which TLS is spoken: a call that cannot be read may have gone on from there.
    """
    groups: dict[tuple[str, str], list[list[Connection]]] = {}
    for row in rows:
        key = (row.client_address, server_of(row))
        if row.service is None or row.service in CREDENTIAL_ENDPOINTS or key in encrypted:
            continue
        known = groups.setdefault(key, [])
        if known and row.first_ns - given_up(known[-1][-1]) <= NEXT_TRY_NS:
            known[-1].append(row)
        else:
            known.append([row])
    for group in (one for known in groups.values() for one in known):
        tries = []
        for number, row in enumerate(group):
            following = group[number + 1].first_ns if number + 1 < len(group) else None
            end = given_up(row) if following is None else min(given_up(row), following)
            tries.append(Attempt(None, row, (), row.syn_ns or row.first_ns, max(end, row.first_ns), following is not None))
        yield Draft(group[0].service, None, tuple(tries), None, "inferred")


def _call(rows: list[Exchange], connections: Mapping[int, Connection], set_up: SetUp) -> Draft:
    if len(rows) > 1:
        rows = sorted(rows, key=lambda row: (row.request_start_ns or 0, row.exchange_id))
    attempts: list[Attempt] = []
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
            beside = set_up.beside(connection)
            if beside:
                tries, beside = _split(beside, connection, missing if row.attempt is not None else None)
                for group in tries:
                    attempts.append(_failed_connection(group, set_up))
                    seen += 1
                    missing -= 1
            activities = set_up.activities(row, connection, beside)
            if activities:
                start = min(start, activities[0].start_ns)
        unseen = 0
        if 0 < missing <= MOST_UNSEEN:
            if attempts:
                unseen = missing
            else:
                truncated = "start"
            seen += missing
        seen += 1
        end = ended(row, connection, set_up, followed=number < last)
        causes = ("head-of-line",) if row.idle_before_ns is None and set_up.is_behind(row) else ()
        attempts.append(Attempt(row, connection, activities, start, max(start, end), number < last, beside, causes, unseen))
    final = rows[-1]
    over = connections[final.connection_id]
    if final.outcome == "cut" or (final.outcome == "no-response" and over.closed_ns is None):
        truncated = "both" if truncated else "end"
    elif over.client_rule == "syn-ack" and final.index_on_connection == 0:
        truncated = "start"
    operation = final.operation
    if final.service == "sts" and operation in TOKENS_OF_STS:
        operation = "GetCredentials"
    return Draft(final.service, operation, tuple(attempts), truncated, _evidence(attempts), final.service == "sts")


def _evidence(attempts: Sequence[Attempt]) -> str:
    """Return how the least known part of a call is known."""
    for attempt in attempts:
        if (attempt.exchange is not None and attempt.exchange.evidence == "inferred") or attempt.exchange is None:
            return "inferred"
        for activity in attempt.set_up:
            if activity.evidence == "inferred":
                return "inferred"
    exchange = attempts[-1].exchange
    return exchange.evidence if exchange is not None else "inferred"


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
