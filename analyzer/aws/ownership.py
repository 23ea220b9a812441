"""Whose set-up it was: the lookups, SYNs and abandoned addresses that an exchange waited for before its request could be sent."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from analyzer import sdks
from analyzer.model.draft import Activity
from analyzer.model.rows import Connection, Exchange, Handshake, Lookup
from analyzer.units import MILLISECOND, SECOND, DurationNs, TimeNs

LATE_NS: DurationNs = 50 * MILLISECOND
"""A set-up that ended longer than this before the request may have been made for another one: its charge is inferred."""
SEARCH_WITHIN_NS: DurationNs = SECOND
"""Tries along the search list follow each other at once; a failed one at most this long before belongs to the same resolution."""
BESIDE_NS: DurationNs = SECOND
"""A client that gave an address up, or overtook it, goes on to the next at once; happy eyeballs wait 250 ms (RFC 8305 section 5)."""
NEXT_ADDRESS_NS: DurationNs = 10 * MILLISECOND
"""No client goes on to another address sooner than this after a SYN that is still unanswered (RFC 8305 section 5)."""
HEAD_START_NS: DurationNs = 350 * MILLISECOND
"""Head start of the first address: 250 ms in Node, aiohttp and hackney, 300 ms in Go; no SDK gives an address up so soon."""
LONGEST_CONNECT_NS: DurationNs = 130 * SECOND
"""Linux sends SYNs for 127 s before it gives up (`net.ipv4.tcp_syn_retries` = 6)."""


class SetUp:
    """Answers what a connection's set-up consisted of and to whom it belongs (design 2.4). Built once over the tables of a capture."""

    def __init__(
        self,
        connections: Iterable[Connection],
        lookups: Sequence[Lookup],
        exchanges: Sequence[Exchange],
        handshakes: Iterable[Handshake] = (),
    ) -> None:
        self._handshakes = {row.connection_id: row for row in handshakes}
        self._lookups: dict[int, list[Lookup]] = defaultdict(list)
        self._by_client: dict[str, list[Lookup]] = defaultdict(list)
        for lookup in lookups:
            self._by_client[lookup.client_address].append(lookup)
            for number in lookup.connection_ids:
                self._lookups[number].append(lookup)
        for rows in self._by_client.values():
            rows.sort(key=lambda row: row.start_ns)
        self._idle: dict[tuple[str, str], list[Connection]] = defaultdict(list)
        self._first_end: dict[int, TimeNs] = {}
        self._users: dict[int, list[tuple[TimeNs, int]]] = {}
        self._exchanges = exchanges
        self._moments: dict[tuple[str, str], list[TimeNs]] | None = None
        self._around: dict[int, tuple[Exchange | None, Exchange | None]] | None = None
        self._claimed: set[int] = set()
        by_id: dict[int, Connection] = {}
        for row in connections:
            by_id[row.connection_id] = row
            if not row.exchanges and row.syn_ns is not None and row.copy_of is None:
                self._idle[row.client_address, server_of(row)].append(row)
        for rows_ in self._idle.values():
            rows_.sort(key=lambda row: row.syn_ns or 0)
        for exchange in exchanges:
            if exchange.index_on_connection == 0 and exchange.response_end_ns is not None:
                self._first_end[exchange.connection_id] = exchange.response_end_ns
        self._connections: Mapping[int, Connection] = by_id

    def owned(self, exchange: Exchange, connection: Connection) -> bool:
        """Tell whether an exchange paid for its connection: it is the first there, and came within 1 s of the end of set-up."""
        return exchange.index_on_connection == 0 and not connection.opened_ahead and connection.syn_ns is not None

    def activities(self, exchange: Exchange, connection: Connection, beside: Sequence[Connection]) -> tuple[Activity, ...]:
        """Return dns, connect and tls of an exchange that paid for its connection; `beside` are the other addresses of the same attempt."""
        syn, asked = connection.syn_ns, exchange.request_start_ns
        if syn is None or asked is None:
            return ()
        established = connection.established_ns
        shaken = self._handshakes.get(connection.connection_id)
        if established is None:  # the SYN-ACK or its ACK is not in the capture
            established = asked if shaken is None else min(asked, shaken.start_ns)
            evidence = "inferred"
        else:
            established = min(established, asked)
            ready = established if shaken is None else max(established, min(shaken.end_ns or asked, asked))
            evidence = "inferred" if asked - ready > LATE_NS or self._handed_over(exchange, connection, ready) else "measured"
        last = connection.established_packet_id or exchange.first_packet_id
        found = self._until(syn, established, connection, beside, evidence, last)
        return found if shaken is None else (*found, _tls(shaken, exchange, asked, evidence))

    def failed(self, connection: Connection, beside: Sequence[Connection], end_ns: TimeNs) -> tuple[Activity, ...]:
        """Return dns and connect of a try that came to no exchange."""
        if connection.syn_ns is None:
            return ()
        return self._until(connection.syn_ns, end_ns, connection, beside, "measured", connection.last_packet_id)

    def _until(
        self, syn: TimeNs, end: TimeNs, connection: Connection, beside: Sequence[Connection], evidence: str, last: int | None
    ) -> tuple[Activity, ...]:
        causes = ["syn-retransmitted"] if connection.syn_retransmissions else []
        first, first_id, opener = syn, connection.first_packet_id, connection
        for other in beside:
            if other.syn_ns is not None and other.syn_ns < first:
                first, first_id, opener = other.syn_ns, other.first_packet_id, other
            refused = other.closed_ns is not None or other.icmp_ns is not None
            early = other.syn_ns is not None and syn - other.syn_ns <= HEAD_START_NS and not refused
            overtaken = other.established_ns is not None or other.last_ns >= syn or early
            causes.append("happy-eyeballs" if overtaken else "address-fallback")
            if other.syn_retransmissions:
                causes.append("syn-retransmitted")
        connect = Activity(
            "connect", first, max(first, end), connection.connection_id, first_id, last, tuple(dict.fromkeys(causes)), evidence
        )
        dns = self._dns(opener, first) or (self._dns(connection, first) if opener is not connection else None)
        return (connect,) if dns is None else (dns, connect)

    def beside(self, connection: Connection, attempt: int | None = None) -> tuple[Connection, ...]:
        """Return the connections without exchanges that the same client tried on the way to this one, and claim them.

        They had been given up by the time this one was open: what still repeats its SYN belongs to somebody else. In a first `attempt`
        only other addresses were tried.
        """
        rows = self._idle.get((connection.client_address, server_of(connection)))
        syn = connection.syn_ns
        if not rows or syn is None:
            return ()
        limit = connection.established_ns or syn
        found = []
        reach = syn
        at = bisect_right(rows, limit, key=lambda row: row.syn_ns or 0)
        for row in reversed(rows[max(0, at - 64) : at]):
            if row.connection_id in self._claimed or row.connection_id == connection.connection_id or row.syn_ns is None:
                continue
            if syn - row.syn_ns > LONGEST_CONNECT_NS:
                break
            if row.established_ns is None:
                if row.last_ns > limit or (attempt == 1 and row.server_address == connection.server_address):
                    continue
                # Each was given up before the next was tried: what lies further back belongs to an earlier call.
                fits = row.syn_ns >= reach or reach - given_up(row) <= _patience(row)
                silent = row.closed_ns is None and row.icmp_ns is None
                fits = fits and not (silent and 0 <= reach - row.syn_ns < NEXT_ADDRESS_NS)
            else:
                done = row.closed_ns if row.closed_ns is not None else row.last_ns
                fits = abs(syn - row.syn_ns) <= BESIDE_NS and done - limit <= BESIDE_NS and row.server_address != connection.server_address
            if fits:
                found.append(row)
                reach = min(reach, row.syn_ns)
        self._claimed.update(row.connection_id for row in found)
        return tuple(sorted(found, key=lambda row: row.syn_ns or 0))

    def unclaimed(self) -> list[Connection]:
        """Return the connections that never opened and that no call went on from, in order of time."""
        rows = [row for group in self._idle.values() for row in group]
        left = [row for row in rows if row.established_ns is None and row.connection_id not in self._claimed]
        return sorted(left, key=lambda row: (row.syn_ns or 0, row.connection_id))

    def next_request(self, exchange: Exchange) -> TimeNs | None:
        """Return when the next request on the same connection began: by then nobody waited for this one's answer."""
        after = self._neighbours().get(exchange.exchange_id, (None, None))[1]
        return after.request_start_ns if after is not None else None

    def is_behind(self, exchange: Exchange) -> bool:
        """Tell whether a request was sent before the previous answer on its connection had ended (pipelining, RFC 9112 section 9.3.2)."""
        before = self._neighbours().get(exchange.exchange_id, (None, None))[0]
        if before is None or before.response_end_ns is None or exchange.request_end_ns is None:
            return False
        return before.response_end_ns > exchange.request_end_ns

    def _neighbours(self) -> dict[int, tuple[Exchange | None, Exchange | None]]:
        """Return the exchanges before and after each on its connection."""
        if self._around is None:
            self._around = {}
            last: dict[int, Exchange] = {}
            for row in self._exchanges:
                if row.request_start_ns is None:
                    continue
                before = last.get(row.connection_id)
                if before is not None:
                    self._around[before.exchange_id] = (self._around[before.exchange_id][0], row)
                self._around[row.exchange_id] = (before, None)
                last[row.connection_id] = row
        return self._around

    def _dns(self, connection: Connection, syn: TimeNs) -> Activity | None:
        """Return the lookup that led to a connection: from the first query to the last answer before the SYN."""
        used = [row for row in self._lookups.get(connection.connection_id, ()) if row.start_ns <= syn]
        answered = [row.end_ns for row in used if row.end_ns is not None and row.end_ns <= syn]
        if not answered:
            return None
        end, start = max(answered), min(row.start_ns for row in used)
        sharing = False
        for row in used:
            others = [one for one in self._users_of(row) if one[1] != connection.connection_id]
            if others:
                if others[0][0] < syn:
                    return None  # another exchange was over by then: the answer came from a cache
                sharing = True
        used = self._with_search_list(used, start)
        start = min(row.start_ns for row in used)
        causes = []
        if any(row.tries > 1 for row in used):
            causes.append("query-repeated")
        if len({row.name for row in used}) > 1:
            causes.append("search-list")
        packets = sorted(number for row in used for number in row.packet_ids)
        evidence = "inferred" if syn - end > LATE_NS else "measured"
        first, last = (packets[0], packets[-1]) if packets else (None, None)
        return Activity("dns", start, end, connection.connection_id, first, last, tuple(causes), evidence, sharing)

    def _users_of(self, lookup: Lookup) -> list[tuple[TimeNs, int]]:
        """Return the two connections that used a lookup and were answered first: when, and which. Found once: there may be very many."""
        known = self._users.get(lookup.lookup_id)
        if known is None:
            answered = [(self._first_end[number], number) for number in lookup.connection_ids if number in self._first_end]
            known = self._users[lookup.lookup_id] = sorted(answered)[:2]
        return known

    def _with_search_list(self, used: list[Lookup], start: TimeNs) -> list[Lookup]:
        """Add failed tries right before: the name with a search domain, or the same name without an answer."""
        name = used[0].name
        rows = self._by_client[used[0].client_address]
        at = bisect_left(rows, start, key=lambda row: row.start_ns)
        out = list(used)
        for row in reversed(rows[max(0, at - 16) : at]):
            end = row.end_ns if row.end_ns is not None else row.start_ns
            longer = row.name.startswith(f"{name}.") and row.rcode not in ("NOERROR", None)
            again = row.name == name and not row.connection_ids and not row.answers
            if start - end > (SEARCH_WITHIN_NS if row.end_ns is not None else LONGEST_CONNECT_NS):
                break
            if longer or again:
                out.append(row)
                start = row.start_ns
        return out

    def _handed_over(self, exchange: Exchange, connection: Connection, ready: TimeNs) -> bool:
        """Tell whether others of the same client were at work during the set-up, with an SDK that hands connections over."""
        if not sdks.hands_over(exchange.sdk):
            return False
        syn = connection.syn_ns
        if syn is None:
            return False
        if self._moments is None:
            self._moments = self._times_at_work()
        times = self._moments.get((connection.client_address, server_of(connection)), [])
        return bisect_left(times, ready) > bisect_right(times, syn)

    def _times_at_work(self) -> dict[tuple[str, str], list[TimeNs]]:
        """Return when requests began and ended, by client and server."""
        out: dict[tuple[str, str], list[TimeNs]] = defaultdict(list)
        for row in self._exchanges:
            connection = self._connections[row.connection_id]
            times = out[connection.client_address, server_of(connection)]
            times.extend(time for time in (row.request_start_ns, row.response_end_ns) if time is not None)
        for times in out.values():
            times.sort()
        return out


def _tls(shaken: Handshake, exchange: Exchange, asked: TimeNs, evidence: str) -> Activity:
    """Return the handshake of a connection as a piece of set-up; a request in the packet of the client's Finished, or before, ends it."""
    causes = []
    if shaken.resumed is False:
        causes.append("full-handshake")
    if shaken.retried:
        causes.append("hello-retry")
    end = asked if shaken.end_ns is None else min(shaken.end_ns, asked)
    last = shaken.last_packet_id if end == shaken.end_ns else exchange.first_packet_id
    return Activity(
        "tls", shaken.start_ns, max(end, shaken.start_ns), shaken.connection_id, shaken.first_packet_id, last, tuple(causes), evidence
    )


def server_of(connection: Connection) -> str:
    """Return what makes connections ones to the same server: its name, else its address."""
    return connection.server_name or connection.server_address


def given_up(connection: Connection) -> TimeNs:
    """Return when a connection that never opened was given up, as far as the wire tells: refused, unreachable, or its last packet."""
    known = [time for time in (connection.closed_ns, connection.icmp_ns) if time is not None]
    return min(known) if known else connection.last_ns


def _patience(row: Connection) -> DurationNs:
    """Return how long after its last packet a client may still have waited for a connection: until its next SYN would have been due."""
    return BESIDE_NS + 2 * (row.last_ns - row.first_ns) + 2 * SECOND
