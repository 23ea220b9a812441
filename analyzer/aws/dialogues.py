"""What clients say to credential endpoints, as dialogues: token, role, credentials are one; so are the tries before them (design 2.4).

A client may be several processes behind one address, each in a dialogue of its own. A dialogue asks one thing at a time, so a request
belongs to one that is not waiting for an answer and whose last step leads to it. How the steps follow each other is what the SDKs'
metadata clients do (botocore `utils.py` IMDSFetcher, JS v2 `metadata_service.js`, JS v3 `credential-provider-imds`, Go, Java, .NET, Rust,
Ruby, PHP likewise).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from analyzer.aws.credentials_endpoints import IMDS, SERVICES
from analyzer.aws.ownership import SetUp, given_up
from analyzer.model.draft import Activity, Attempt, Draft
from analyzer.model.rows import Connection, Exchange
from analyzer.units import MILLISECOND, SECOND, DurationNs, TimeNs

PAUSE_NS: DurationNs = 2_500 * MILLISECOND
"""Longest pause within a dialogue: Ruby waits 1.2 s between tries, PHP, Go, botocore and SDK for JavaScript v3 (ECS) 1 s."""
PATIENCE_NS: DurationNs = 35 * SECOND
"""Longest wait for an answer: ex_aws waits 30 s."""
IMPATIENCE_NS: DurationNs = 100 * MILLISECOND
"""No SDK gives a credential endpoint up sooner: Go's dial timeout, the shortest of all, is 250 ms."""
READING_NS: DurationNs = 100 * MILLISECOND
"""A client that reads several pieces of metadata asks for the next at once; an agent that polls comes back later."""
MOST_OPEN = 64
"""Dialogues of one client that may go on at the same time; the oldest is closed for a new one."""

TOKEN, LIST, ROLE = "PutToken", "ListRoles", "GetRoleCredentials"
OPERATIONS = {
    LIST: "GetCredentials", ROLE: "GetCredentials", "GetCredentials": "GetCredentials", "GetRegion": "GetRegion",
    "GetAvailabilityZone": "GetRegion", "GetIdentityDocument": "GetRegion", "GetMetadata": "GetMetadata",
}  # fmt: skip
"""What a dialogue is for, by what it asks. SDKs read the region from the zone (botocore) or the document (.NET, Go, PHP)."""
METADATA = frozenset({"GetRegion", "GetAvailabilityZone", "GetIdentityDocument", "GetMetadata"})


class Try(NamedTuple):
    """One request to a credential endpoint, or a connection there that never opened."""

    exchange: Exchange | None
    connection: Connection
    set_up: tuple[Activity, ...]
    start_ns: TimeNs
    end_ns: TimeNs | None
    """Answered, or given up by FIN or RST; None where the wire does not tell."""
    seen_ns: TimeNs
    """Last that is known of it."""

    @property
    def operation(self) -> str | None:
        """What it asks; None for a connection that never opened."""
        return self.exchange.operation if self.exchange is not None else None

    @property
    def answered(self) -> bool:
        """Whether the client got an answer, whatever it said."""
        return self.exchange is not None and self.exchange.outcome in ("ok", "error")

    @property
    def good(self) -> bool:
        """Whether the client got what it asked for."""
        return self.exchange is not None and self.exchange.outcome == "ok" and (self.exchange.status or 0) < 300

    @property
    def again(self) -> bool:
        """Whether SDKs try the same again after it: no answer, throttled, or the endpoint's own failure."""
        status = self.exchange.status if self.exchange is not None and self.answered else None
        return status is None or status == 429 or status >= 500

    @property
    def final(self) -> bool:
        """Whether it ends its dialogue: a GET answered with what was asked for, or refused for good."""
        if self.exchange is None or not self.answered or self.operation == TOKEN or self.again:
            return False
        return not self.good or self.operation != LIST


class _Open:
    """A dialogue that may go on."""

    def __init__(self, first: Try) -> None:
        self.tries: list[Try] = []
        self.has_token = self.asked_token = False
        self.add(first)

    def add(self, one: Try) -> None:
        self.tries.append(one)
        if one.operation == TOKEN:
            self.asked_token = True
            self.has_token = self.has_token or one.good

    @property
    def last(self) -> Try:
        return self.tries[-1]


def dialogues(exchanges: Sequence[Exchange], connections: Mapping[int, Connection], set_up: SetUp) -> list[Draft]:
    """Return the dialogues with IMDS, ECS and EKS endpoints; those with STS are calls like any other."""
    groups: dict[tuple[str, str], list[Try]] = defaultdict(list)
    for row in exchanges:
        if row.service in SERVICES and row.copy_of is None and row.request_start_ns is not None:
            connection = connections[row.connection_id]
            groups[connection.client_address, row.service].append(_asked(row, connection, set_up))
    for connection in connections.values():
        service = connection.service
        if service in SERVICES and not connection.exchanges and connection.copy_of is None and connection.syn_ns is not None:
            if connection.established_ns is None:
                groups[connection.client_address, service].append(_not_opened(connection))
            elif _given_up_unasked(connection):
                end = connection.client_closed_ns
                groups[connection.client_address, service].append(
                    Try(None, connection, (), connection.syn_ns, end, end or connection.last_ns)
                )
    out = []
    for (_, service), tries in groups.items():
        tries.sort(key=lambda one: (one.start_ns, one.connection.first_packet_id))
        out += [_draft(service, known.tries) for known in _follow(_unasked_at_last(tries))]
    return out


def _asked(row: Exchange, connection: Connection, set_up: SetUp) -> Try:
    start = row.request_start_ns or 0
    activities: tuple[Activity, ...] = ()
    if set_up.owned(row, connection):
        activities = set_up.activities(row, connection, ())
        if activities:
            start = min(start, activities[0].start_ns)
    seen = max(time for time in (start, row.request_end_ns, row.response_end_ns) if time is not None)
    if row.outcome in ("ok", "error"):
        return Try(row, connection, activities, start, row.response_end_ns, seen)
    since = row.request_start_ns or start
    ends = [connection.client_closed_ns]
    if row.outcome != "undelivered":  # what the server closes with after an answer that is lost is lost too
        ends += [connection.server_closed_ns, connection.closed_ns]
    known = [time for time in ends if time is not None and time >= since]
    return Try(row, connection, activities, start, min(known) if known else None, max(seen, connection.last_ns))


def _not_opened(connection: Connection) -> Try:
    told = connection.closed_ns is not None or connection.icmp_ns is not None
    end = given_up(connection)
    return Try(None, connection, (), connection.syn_ns or connection.first_ns, end if told else None, end)


def _given_up_unasked(connection: Connection) -> bool:
    """Tell whether a client waited on an open connection whose request did not come as far as here: something on the way drops it.

    A spare connection, or one that only tries the port, is closed sooner. Where the close does not come by either, the client's next
    activity tells (`_unasked_at_last`).
    """
    opened, closed = connection.established_ns, connection.client_closed_ns
    if connection.bytes_received or opened is None or connection.server_closed_ns is not None:
        return False
    if closed is None:
        return not connection.bytes_sent
    return IMPATIENCE_NS <= closed - opened <= PATIENCE_NS


def _unasked_at_last(tries: list[Try]) -> list[Try]:
    """Return the tries without open connections at the end on which nothing was ever said: nobody shows that their client waited."""
    while tries and tries[-1].exchange is None and tries[-1].end_ns is None and tries[-1].connection.established_ns is not None:
        tries.pop()
    return tries


def _follow(tries: Sequence[Try]) -> Iterator[_Open]:
    """Give each try to the dialogue that it goes on with, or let it begin one."""
    known: list[_Open] = []
    for one in tries:
        fitting = [dialogue for dialogue in known if _free(dialogue.last, one) and _leads(dialogue, one)]
        if fitting:
            best = max(fitting, key=lambda dialogue: _nearness(dialogue.last, one))
            best.add(one)
            continue
        if len(known) >= MOST_OPEN:
            yield known.pop(0)
        known.append(_Open(one))
    yield from known


def _nearness(last: Try, one: Try) -> tuple[bool, bool, TimeNs]:
    """Rank the dialogues that a try may go on with: the same connection, then what ended most recently, then what waited longest."""
    same = last.connection.connection_id == one.connection.connection_id
    if last.end_ns is None or last.end_ns > one.start_ns:
        return same, False, -last.start_ns
    return same, True, last.end_ns


def _free(last: Try, one: Try) -> bool:
    """Tell whether a dialogue whose last try is `last` may ask something new at the start of `one`."""
    end = last.end_ns
    if end is not None and end <= one.start_ns:
        return one.start_ns - end <= PAUSE_NS
    if last.answered:
        return False
    if end is not None and last.exchange is not None and last.exchange.request_acknowledged:
        return False  # a FIN that need not wait for an ACK is sent when the client gives up: it was still waiting
    if one.start_ns - last.start_ns < IMPATIENCE_NS:
        return False
    return one.start_ns - last.start_ns <= PATIENCE_NS


def _leads(dialogue: _Open, one: Try) -> bool:
    """Tell whether SDKs ask `one` after the last step of a dialogue."""
    last = dialogue.last
    before, after = last.exchange, one.exchange
    if before is not None and after is not None:
        if before.sdk is not None and after.sdk is not None and before.sdk != after.sdk:
            return False
        if after.operation != TOKEN and after.imds_version == 2 and dialogue.asked_token and not dialogue.has_token:
            return False
        if after.imds_version == 1 and dialogue.has_token:
            return False
    if before is None:
        return True
    if after is None:
        return not last.final
    asks, asked = after.operation, before.operation
    if asks == TOKEN:
        return last.again or (asked == LIST and last.good)
    if asked == TOKEN:
        return True
    if asks == LIST:
        return (asked in (LIST, ROLE) and last.again) or (asked == LIST and before.status == 404)  # the `-extended` path never existed
    if asks == ROLE:
        return (asked == LIST and last.good) or (asked == ROLE and last.again)
    if asks in METADATA and asked in METADATA:
        return one.start_ns - last.seen_ns <= READING_NS or last.again
    return asks == asked and last.again


def _draft(service: str, tries: Sequence[Try]) -> Draft:
    attempts = []
    for number, one in enumerate(tries):
        following = tries[number + 1] if number + 1 < len(tries) else None
        end = one.end_ns
        if following is not None:
            # Where no FIN or RST says when the client gave up, its next activity does: a SYN is outstanding until then.
            end = following.start_ns if end is None else min(end, following.start_ns)
        elif end is None:
            end = one.seen_ns
        failed = following is not None and not one.good
        causes = ("imds-version-1",) if one.exchange is not None and one.exchange.imds_version == 1 else ()
        attempts.append(Attempt(one.exchange, one.connection, one.set_up, one.start_ns, max(one.start_ns, end), failed, (), causes))
    last = tries[-1]
    over = last.connection
    open_end = last.exchange is not None and not last.answered and over.closed_ns is None and over.client_closed_ns is None
    wants = {OPERATIONS[one.operation] for one in tries if one.operation in OPERATIONS}
    operation = next((name for name in ("GetCredentials", "GetRegion", "GetMetadata") if name in wants), None)
    evidence = "measured"
    if operation is None and (service != IMDS or any(one.operation == TOKEN for one in tries)):
        operation, evidence = "GetCredentials", "inferred"
    if any(one.exchange is None for one in tries) or any(piece.evidence == "inferred" for one in tries for piece in one.set_up):
        evidence = "inferred"
    return Draft(service, operation, tuple(attempts), "end" if open_end else None, evidence, True, last.end_ns is None)
