"""What is kept of what was seen: the last calls with all that belongs to them, in bounded memory, and the full answer made of it."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sequence

from analyzer import findings
from analyzer.assembly import note_opaque, with_calls
from analyzer.aws import with_chains
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Handshake, Lookup, Span
from analyzer.model.table import Table
from analyzer.quality import note_capture, vantage_of
from analyzer.units import SECOND, ConnectionId, DurationNs, count
from analyzer.watching.rows import NOBODY, Owner, WatchedCall, WatchedConnection
from analyzer.watching.window import Done

KEEP = 20_000
"""Calls that are kept unless told otherwise; each takes about 3 KB with its spans, exchanges and connections."""
MOST_OTHERS = 5_000
"""Rows of each other kind that belong to no call."""
MOST_ANOMALIES = 1_000
PAGES_NS: DurationNs = 6 * SECOND
"""A page of a chain follows the one before within 5 s."""


class History:
    """Keeps the last calls."""

    def __init__(self, keep: int = KEEP) -> None:
        self.keep = max(1, keep)
        self.calls: OrderedDict[int, Done] = OrderedDict()
        """The last calls, by number, in order of their end."""
        self.seen = 0
        """All calls, dialogues among them."""
        self.owners: dict[ConnectionId, Owner] = {}
        self._uses: Counter[ConnectionId] = Counter()
        self._gone: dict[ConnectionId, Connection] = {}
        self._gone_unused: deque[Connection] = deque(maxlen=MOST_OTHERS)
        self._handshakes: dict[ConnectionId, Handshake] = {}
        self._others: deque[Exchange] = deque(maxlen=MOST_OTHERS)
        self._lookups: deque[Lookup] = deque(maxlen=MOST_OTHERS)
        self._anomalies: deque[Anomaly] = deque(maxlen=MOST_ANOMALIES)
        self._pages: deque[int] = deque(maxlen=1024)

    def add(self, done: Sequence[Done], others: Iterable[Exchange], lookups: Iterable[Lookup]) -> list[Done]:
        """Keep calls; return them with the chains that they belong to."""
        chained = self._chained(done)
        for one in chained:
            self.calls[one.call.call_id] = one
            self._uses.update(one.call.connection_ids)
        self.seen += len(chained)
        self._others.extend(others)
        self._lookups.extend(lookups)
        while len(self.calls) > self.keep:
            self._drop(self.calls.popitem(last=False)[1])
        return chained

    def own(self, connection: ConnectionId, owner: Owner) -> None:
        """Note whose connection it is."""
        self.owners[connection] = owner

    def shook(self, rows: Iterable[Handshake]) -> None:
        """Keep handshakes."""
        for row in rows:
            self._handshakes[row.connection_id] = row

    def gone(self, row: Connection) -> None:
        """Keep the last row of a connection that is remembered no more by anybody else."""
        if self._uses[row.connection_id] > 0:
            self._gone[row.connection_id] = row
            return
        if len(self._gone_unused) == MOST_OTHERS:
            self._forget(self._gone_unused[0].connection_id)
        self._gone_unused.append(row)

    def note(self, rows: Iterable[Anomaly]) -> None:
        """Keep anomalies."""
        self._anomalies.extend(rows)

    def owner_of(self, call: Call) -> Owner:
        """Return whose call it was."""
        for number in (call.connection_id, *call.connection_ids):
            if number is not None and number in self.owners:
                return self.owners[number]
        return NOBODY

    def analysis(
        self,
        info: CaptureInfo,
        alive: Sequence[Connection],
        *,
        handshakes: Iterable[Handshake] = (),
        opaque: dict[str, list[tuple[int, str]]] | None = None,
        last: int | None = None,
    ) -> Analysis:
        """Make the answer of what is kept, or of the `last` calls; `alive` are the connections that are not gone."""
        found = list(self.calls.values())
        if last is not None:
            found = found[-last:]
        calls = sorted((one.call for one in found), key=lambda call: call.call_id)
        spans = [span for one in sorted(found, key=lambda one: one.call.call_id) for span in one.spans]
        by_id = {row.exchange_id: row for row in (self._others if last is None else ())}
        by_id.update({row.exchange_id: row for one in found for row in one.exchanges})
        exchanges = with_calls([by_id[number] for number in sorted(by_id)], calls)
        # The latest row of each connection: at the end of a call it was not over yet.
        rows = {row.connection_id: row for one in found for row in one.connections}
        used = set(rows)
        rows.update({row.connection_id: row for row in self._gone_unused if last is None})
        rows.update({number: row for number, row in self._gone.items() if last is None or number in used})
        rows.update({row.connection_id: row for row in alive if last is None or row.connection_id in used})
        connections = [rows[number] for number in sorted(rows)]
        shaken = {**self._handshakes, **{row.connection_id: row for row in handshakes}}
        anomalies = list(self._anomalies)
        if last is None:
            self._note_limits(info)
            note_capture(info, connections, anomalies.append)
            note_opaque(info, opaque or {}, anomalies.append)
        anomalies.sort(key=lambda row: (row.packet_id is None, row.packet_id or 0))
        return Analysis(
            capture=info,
            vantage=vantage_of(connections),
            connections=Table("connections", WatchedConnection, [self._watched_connection(row) for row in connections]),
            lookups=Table("lookups", Lookup, sorted(self._lookups, key=lambda row: row.lookup_id)),
            exchanges=Table("exchanges", Exchange, exchanges),
            anomalies=Table("anomalies", Anomaly, anomalies),
            handshakes=Table("handshakes", Handshake, [shaken[number] for number in sorted(shaken) if number in rows]),
            calls=Table("calls", WatchedCall, [self.watched(call) for call in calls]),
            spans=Table("spans", Span, spans),
            check=findings.check,
        )

    def watched(self, call: Call) -> Call:
        """Return the row of a call with the process that made it."""
        row: Call = WatchedCall(*call, *self.owner_of(call))
        return row

    def _watched_connection(self, row: Connection) -> Connection:
        owner = self.owners.get(row.connection_id, NOBODY)
        known = {name: value for name, value in owner._asdict().items() if value is not None or name not in row._fields}
        watched: Connection = WatchedConnection(**{**row._asdict(), **known})
        return watched

    def _note_limits(self, info: CaptureInfo) -> None:
        if self.seen > len(self.calls):
            info.notes.append(f"{count(self.seen)} calls were seen; the tables hold the last {count(len(self.calls))}")

    def _chained(self, done: Sequence[Done]) -> list[Done]:
        """Put the pages of one operation, and batches sent again, into chains, also with those handed out before."""
        if not done:
            return []
        now = max(one.call.end_ns for one in done)
        while self._pages and (self._pages[0] not in self.calls or self.calls[self._pages[0]].call.end_ns < now - PAGES_NS):
            self._pages.popleft()
        before = [self.calls[number] for number in self._pages if number in self.calls]
        exchanges = [row for one in (*before, *done) for row in one.exchanges]
        if not any(row.has_more or row.continues or row.unprocessed for row in exchanges):
            return list(done)
        both = sorted([*before, *done], key=lambda one: one.call.start_ns)
        chained = with_chains([one.call for one in both], exchanges)
        by_id = {call.call_id: call for call in chained}
        for one in before:
            self.calls[one.call.call_id] = one._replace(call=by_id[one.call.call_id])
        self._pages.extend(one.call.call_id for one in done if any(row.has_more or row.unprocessed for row in one.exchanges))
        return [one._replace(call=by_id[one.call.call_id]) for one in done]

    def _drop(self, one: Done) -> None:
        for number in one.call.connection_ids:
            self._uses[number] -= 1
            if self._uses[number] <= 0:
                del self._uses[number]
                if self._gone.pop(number, None) is not None:
                    self._forget(number)

    def _forget(self, number: ConnectionId) -> None:
        self.owners.pop(number, None)
        self._handshakes.pop(number, None)
