"""Follows packets and says which calls have become final, and which are under way: the running pass and its window put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analyzer import aws, tcp, tls
from analyzer.model.rows import Anomaly, Connection
from analyzer.model.seams import Block
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.units import SECOND, ConnectionId, DurationNs, TimeNs
from analyzer.watching.clock import Clock
from analyzer.watching.passing import Pass, Sight
from analyzer.watching.window import NOTHING, Calls, Window

LONGEST_NS: DurationNs = 200 * SECOND
"""A connection without a request is looked at for so long: Linux sends SYNs for 127 s, and whoever waited goes on within 25 s."""
OPENING_NS: DurationNs = 3 * SECOND
"""A set-up that takes longer is looked after no further."""
MOST_SILENT = 4096
"""Connections without a request that are looked at; of more, as in a scan, the latest."""


class Follower:
    """Takes blocks, and tells on demand what they came to.

    `opened` is told of each connection whose SYN is seen, `gone` of each that is remembered no more, with its last row.
    """

    def __init__(
        self,
        clock: Clock,
        services: Sequence[aws.ServiceRule] = (),
        keys: tls.KeyLog | None = None,
        *,
        opened: Callable[[tcp.Flow], None] | None = None,
        gone: Callable[[Connection], None] | None = None,
    ) -> None:
        self.clock = clock
        self.running = Pass(services, keys, opened)
        self._window = Window(self.running)
        self._gone = gone
        self._late: dict[ConnectionId, Connection] = {}
        """Rows of connections that are remembered no more, whose exchanges are still in the window."""

    def feed(self, block: Block) -> Calls | None:
        """Take a block. Where the clock was set back before it, return what was final or under way until then, all taken as final."""
        found = None
        before = self.clock.now
        if self.clock.saw(block):
            if before is not None:
                found = self._look(before, over=True)
            self._window.flush()
            back = f"the clock was set back before packet {block.first_packet_id}"
            self.running.anomaly(Anomaly("clock-set-back", block.first_packet_id, None, back))
        self.running.feed(block)
        return found

    def look(self) -> Calls:
        """Say which calls have become final since the last look, and which are under way."""
        now = self.clock.now
        return NOTHING if now is None else self._look(now)

    def finish(self) -> Calls:
        """Settle everything: no more packets come."""
        self.running.end()
        now = self.clock.now
        return NOTHING if now is None else self._look(now, over=True)

    def connections(self) -> list[Connection]:
        """Return the rows of the connections that are remembered."""
        return self.running.connections(self.running.engine.flows)

    def _look(self, now: int, *, over: bool = False) -> Calls:
        running, window = self.running, self._window
        leaving = running.settle(self.clock.elapsed)
        for flow in leaving:
            flow.finish()
        sight = running.look(now)
        rows, undecided, opening = self._connections(sight)
        calls = window.look(sight, rows, undecided, over=over, opening=opening)
        running.forget_exchanges(row.exchange_id for row in calls.left)
        self._let_go(leaving, rows)
        return calls

    def _connections(self, sight: Sight) -> tuple[list[Connection], list[Connection], TimeNs | None]:
        """Return the rows of the connections that calls may be made of, those of them that are still opening, and the earliest SYN of
        those whose first request is not over.
        """
        running, window, now = self.running, self._window, sight.now
        wanted = window.wants()
        wanted.update(row.connection_id for row in (*sight.finished, *sight.under_way))
        asked, silent = [], []
        opening: TimeNs | None = None
        for flow in running.engine.flows:
            number = flow.connection_id
            if number not in running.exchanges_on and flow.syn_ns is not None and flow.closed_ns is None:
                if now - flow.syn_ns < OPENING_NS and (opening is None or flow.syn_ns < opening):
                    opening = flow.syn_ns
            if number in wanted:
                asked.append(flow)
            elif flow.syn_ns is not None and number not in running.exchanges_on and abs(now - flow.first_ns) < LONGEST_NS:
                if not window.spent(number):
                    silent.append(flow)
        rows = running.connections(asked)
        undecided = []
        for row in running.connections(silent[-MOST_SILENT:]):
            waits = row.established_ns is None and row.closed_ns is None and row.icmp_ns is None
            if waits and now - row.last_ns <= aws.syn_due(row):
                undecided.append(row)
            elif row.established_ns is not None and row.closed_ns is None and row.service not in CREDENTIAL_SERVICES:
                continue  # it is open, and whose it is its first request will tell
            rows.append(row)
        rows += [row for number, row in self._late.items() if number in wanted]
        rows.sort(key=lambda row: row.connection_id)
        return rows, undecided, opening

    def _let_go(self, leaving: Sequence[tcp.Flow], rows: Sequence[Connection]) -> None:
        """Forget connections, but for the rows that the window still needs."""
        wanted = self._window.wants()
        for number in [number for number in self._late if number not in wanted]:
            del self._late[number]
        if not leaving:
            return
        last = {row.connection_id: row for row in self.running.connections(leaving)}
        for number, row in last.items():
            if number in wanted:
                self._late[number] = row
            if self._gone is not None:
                self._gone(row)
        self.running.forget(leaving)
        self._window.forget(last)
