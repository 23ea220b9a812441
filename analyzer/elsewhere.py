"""Rows of captures of several points put together: which view of a connection is its row, and what the other views prove.

A connection that was captured at two points with the same addresses is one row, as it is one `tcp.stream`; the row is that of the view
nearest to the client. The other views keep their rows aside, in `Analysis.elsewhere`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from analyzer.model.analysis import Elsewhere
from analyzer.model.rows import Anomaly, Connection, Exchange, Handshake, Lookup
from analyzer.units import MILLISECOND, ConnectionId, DurationNs, TimeNs

SAME_LOOKUP_NS: DurationNs = 100 * MILLISECOND
"""Views of one lookup begin within this time, after the clocks were aligned; a program seldom asks twice so soon."""

MOST_RECENT = 16
"""Lookups of one name under way at the same time that are compared."""


class Folded(NamedTuple):
    """The rows of the tables, and what is kept beside them."""

    connections: list[Connection]
    exchanges: list[Exchange]
    lookups: list[Lookup]
    handshakes: list[Handshake]
    opaque: Mapping[str, Sequence[tuple[int, str]]]
    elsewhere: list[Elsewhere]


class Fold:
    """Gives each connection one view.

    `copies` names for each copy what it is a copy of, `streams` the connection of each further view.
    """

    def __init__(
        self, numbers: Iterable[ConnectionId], copies: Mapping[ConnectionId, ConnectionId], streams: Mapping[ConnectionId, ConnectionId]
    ) -> None:
        self._streams = streams
        self._views: dict[ConnectionId, list[ConnectionId]] = defaultdict(list)
        for number in sorted(numbers):
            self._views[streams.get(number, number)].append(number)
        # Nearest to the client is what is no copy; where every view is one, of a connection with other addresses, the first does.
        self._chosen = {stream: next((one for one in views if one not in copies), views[0]) for stream, views in self._views.items()}
        self.copies = {
            stream: self.stream(copies[one]) for stream, one in self._chosen.items() if one in copies and self.stream(copies[one]) != stream
        }
        """What each connection is a copy of, by the numbers of `tcp.stream`."""

    def stream(self, number: ConnectionId) -> ConnectionId:
        """Return the number of `tcp.stream` of a view."""
        return self._streams.get(number, number)

    def several(self, rows: Iterable[Connection]) -> dict[ConnectionId, Connection]:
        """Return the rows of connections with several views, by number."""
        return {row.connection_id: row for row in rows if len(self._views[row.connection_id]) > 1}

    def over_all(self, rows: Iterable[Connection], add: Callable[[Connection, Sequence[ConnectionId]], Connection]) -> list[Connection]:
        """Return the rows, those with several views with what `add` makes of all of them."""
        return [add(row, views) if len(views := self._views[row.connection_id]) > 1 else row for row in rows]

    def connections(self, rows: Iterable[Connection]) -> tuple[list[Connection], list[Connection]]:
        """Return the rows of the chosen views in order of their numbers, and those of the others."""
        kept: list[Connection] = []
        away: list[Connection] = []
        for row in rows:
            stream = self.stream(row.connection_id)
            mine = self._chosen[stream] == row.connection_id
            (kept if mine else away).append(row._replace(connection_id=stream, copy_of=self.copies.get(stream) if mine else stream))
        kept.sort(key=lambda row: row.connection_id)
        return kept, away

    def exchanges(self, rows: Iterable[Exchange]) -> tuple[list[Exchange], list[Exchange]]:
        """Return the exchanges of the chosen views, and those of the others."""
        kept: list[Exchange] = []
        away: list[Exchange] = []
        for row in rows:
            stream = self.stream(row.connection_id)
            if self._chosen[stream] != row.connection_id:
                away.append(row._replace(connection_id=stream, copy_of=stream))
                continue
            copied = self.stream(row.copy_of) if row.copy_of is not None else None
            kept.append(row._replace(connection_id=stream, copy_of=copied if copied != stream else None))
        return kept, away

    def handshakes(self, rows: Iterable[Handshake]) -> list[Handshake]:
        """Return the handshakes of the chosen views."""
        found = [row._replace(connection_id=self.stream(row.connection_id)) for row in rows if self._is_chosen(row.connection_id)]
        return sorted(found, key=lambda row: row.connection_id)

    def lookups(self, by_point: Sequence[Sequence[Lookup]]) -> list[Lookup]:
        """Return the lookups of all capture points, those seen at several of them once, numbered anew in order of time.

        Of several views that counts which led to connections whose view counts, else the one nearest to the client.
        """
        found = one_view(by_point, self._leads)
        return [
            row._replace(lookup_id=number, connection_ids=tuple([self.stream(one) for one in row.connection_ids if self._is_chosen(one)]))
            for number, row in enumerate(found)
        ]

    def _leads(self, row: Lookup) -> bool:
        """Tell whether a lookup led to a connection of which calls may be made."""
        return any(self._is_chosen(one) and self.stream(one) not in self.copies for one in row.connection_ids)

    def anomaly(self, row: Anomaly) -> Anomaly:
        """Return an anomaly with the number of `tcp.stream`."""
        return row if row.connection_id is None else row._replace(connection_id=self.stream(row.connection_id))

    def opaque(self, found: Mapping[str, Sequence[tuple[int, str]]]) -> dict[str, list[tuple[int, str]]]:
        """Return the encrypted connections that no key opened, each once."""
        return {
            why: list({self.stream(number): (self.stream(number), what) for number, what in rows}.values()) for why, rows in found.items()
        }

    def rows(
        self,
        connections: Iterable[Connection],
        exchanges: Iterable[Exchange],
        lookups: Sequence[Sequence[Lookup]],
        handshakes: Iterable[Handshake],
        opaque: Mapping[str, Sequence[tuple[int, str]]],
    ) -> Folded:
        """Return all rows with one view of each connection."""
        kept, away = self.connections(connections)
        asked, asked_away = self.exchanges(exchanges)
        beside = elsewhere(away, asked_away)
        return Folded(kept, asked, self.lookups(lookups), self.handshakes(handshakes), self.opaque(opaque), beside)

    def _is_chosen(self, number: ConnectionId) -> bool:
        return self._chosen[self.stream(number)] == number


def elsewhere(connections: Iterable[Connection], exchanges: Iterable[Exchange]) -> list[Elsewhere]:
    """Return the views that are no rows of the tables, each with its exchanges, by its number and first packet."""
    asked: dict[ConnectionId, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        asked[exchange.connection_id].append(exchange)
    found = []
    for row in sorted(connections, key=lambda one: (one.connection_id, one.first_packet_id)):
        mine = [one for one in asked[row.connection_id] if row.first_packet_id <= (one.first_packet_id or 0) <= row.last_packet_id]
        found.append(Elsewhere(row, tuple(mine)))
    return found


def one_view(by_point: Sequence[Sequence[Lookup]], leads: Callable[[Lookup], bool]) -> list[Lookup]:
    """Return the lookups of several capture points, those seen at several of them once, in order of time.

    Of the views of one lookup a view of which `leads` is true is kept, else that of the point at which lookups took longer in all: it is
    nearer to the client.
    """
    groups: dict[tuple[str, str, int, str | None, tuple[str, ...]], list[tuple[Lookup, int]]] = defaultdict(list)
    for point, rows in enumerate(by_point):
        for row in rows:
            groups[row.name, row.type, row.tries, row.rcode, tuple(sorted(row.answers))].append((row, point))
    sets: list[dict[int, Lookup]] = []
    for found in groups.values():
        found.sort(key=lambda one: one[0].start_ns)
        recent: deque[dict[int, Lookup]] = deque(maxlen=MOST_RECENT)
        for row, point in found:
            fits = (one for one in recent if point not in one and row.start_ns - min(map(_start, one.values())) <= SAME_LOOKUP_NS)
            fitting = next(fits, None)
            if fitting is None:
                recent.append({point: row})
                sets.append(recent[-1])
            else:
                fitting[point] = row
    longer: Counter[tuple[int, int]] = Counter()
    for views in sets:
        for (one, row), (other, their) in permutations(views.items(), 2):
            if row.end_ns is not None and their.end_ns is not None:
                mine, theirs = row.end_ns - row.start_ns, their.end_ns - their.start_ns
                longer[one, other] += (mine > theirs) - (mine < theirs)
    starts: dict[tuple[int, str, str], list[TimeNs]] = defaultdict(list)
    for point, rows in enumerate(by_point):
        for row in rows:
            starts[point, row.name, row.type].append(row.start_ns)
    for times in starts.values():
        times.sort()
    kept = []
    for views in sets:
        votes = {point: sum(longer[point, other] for other in views) for point in views}
        best = max(views, key=lambda point: (leads(views[point]), votes[point], -point))
        if len(views) > 1 or leads(views[best]) or not _distorted(views[best], best, by_point, starts, longer):
            kept.append(views[best])
    return sorted(kept, key=lambda row: (row.start_ns, row.packet_ids[:1]))


def _distorted(
    row: Lookup,
    point: int,
    by_point: Sequence[Sequence[Lookup]],
    starts: Mapping[tuple[int, str, str], Sequence[TimeNs]],
    longer: Mapping[tuple[int, int], int],
) -> bool:
    """Tell whether a lookup is what loss on the way made of some that a nearer point saw: the same was asked there at that time."""
    end = row.end_ns if row.end_ns is not None else row.start_ns
    for other in range(len(by_point)):
        if other != point and longer.get((other, point), 0) > 0:
            times = starts.get((other, row.name, row.type), ())
            at = bisect_left(times, row.start_ns - SAME_LOOKUP_NS)
            if at < len(times) and times[at] <= end + SAME_LOOKUP_NS:
                return True
    return False


def _start(row: Lookup) -> TimeNs:
    return row.start_ns
