"""A watch: packets in, snapshots out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from ipaddress import ip_address
from typing import NamedTuple

from analyzer import aws, tcp
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Anomaly, Connection
from analyzer.model.seams import Block
from analyzer.reading import Shows
from analyzer.watching.clock import Clock
from analyzer.watching.diagnosis import Diagnosis
from analyzer.watching.following import Follower
from analyzer.watching.history import KEEP, History
from analyzer.watching.keys import LAG_S, FollowedKeys
from analyzer.watching.owners.owners import Owners
from analyzer.watching.rates import Rates
from analyzer.watching.reading import Reader, Source
from analyzer.watching.recording import Recorder, Writer
from analyzer.watching.rows import NOBODY, Owner
from analyzer.watching.snapshot import Pool, Seen, Snapshot, pools
from analyzer.watching.window import Calls, Done

LOOK_S = 0.2
"""How often is looked what has become final."""
LONGEST_S = 1.0
BUSY = 5
"""A look must not take more than a fifth of the time, where that does not make looks rarer than once a second."""
COUNTED_S = 1.0
"""How often dropped packets, and open connections, are counted."""
TOLD_AT_ONCE = frozenset({"not-written", "interface-gone", "interface-back", "clock-set-back", "capture-damaged", "capture-cut-short"})
"""Anomalies that are told as they happen; the others are in the report at the end."""


class Wishes(NamedTuple):
    """How a watch is to be made."""

    services: tuple[str, ...] = ()
    """Rules like those of `--service`."""
    keys: str | None = None
    """Path of a key log to follow."""
    processes: tuple[str, ...] = ()
    """Names (patterns), numbers or container ids of processes; empty: all."""
    keep: int = KEEP
    diagnose: bool = True


class Session:
    """Watches a source until it ends or is told to stop."""

    def __init__(
        self,
        open_source: Callable[[Callable[[Anomaly], None]], Source],
        wishes: Wishes,
        *,
        live: bool = True,
        owners: Owners | None = None,
        recorder: Recorder | None = None,
        writer: Writer | None = None,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        rules = [aws.parse_service_option(text) for text in wishes.services]
        self.wishes = wishes
        self.keys = FollowedKeys(wishes.keys)
        self.history = History(wishes.keep)
        self.rates = Rates()
        self.recorder = recorder
        self._writer = writer
        self._owners = owners
        self._told: deque[Anomaly] = deque()
        """Anomalies of the source, which is read by another thread."""
        self._steady = steady
        self.follower = Follower(Clock(live=live, steady=steady), rules, self.keys.log, opened=self._open, gone=self._gone)
        self._diagnosis = Diagnosis(self._recent)
        self._source = open_source(self._told.append)
        self._reader = Reader(self._source, LAG_S if wishes.keys and live else 0.0)
        self._secrets = 0
        self._packets = 0
        self._stop = False
        self._pools: list[Pool] = []

    def stop(self) -> None:
        """End the watch: what has come until now is still answered."""
        self._stop = True
        self._reader.stop()

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield how things stand about five times a second, and at the end once more. Raises CaptureError where nothing can be captured."""
        interval = LOOK_S
        due = counted = time.monotonic()
        rate_at, rate_packets, per_second = time.monotonic(), 0, 0.0
        dropped: int | None = None
        early: list[Done] = []
        try:
            while not self._reader.ended:
                blocks = self._reader.take(max(0.0, min(due - time.monotonic(), LOOK_S)))
                self.keys.read()
                for block in blocks:
                    early += self._take(block)
                now = time.monotonic()
                if now < due and not self._reader.ended:
                    continue
                if now - counted >= COUNTED_S:
                    counted, dropped = now, self._source.drops()
                    per_second = (self._packets - rate_packets) / (now - rate_at)
                    rate_at, rate_packets = now, self._packets
                    self._pools = self._count_pools()
                last = self._reader.ended
                if last:
                    dropped = self._source.drops()
                calls = self.follower.finish() if last else self.follower.look()
                took = time.monotonic() - now
                yield self._snapshot(calls, early, per_second, dropped, last=last)
                early = []
                interval = min(LONGEST_S, max(LOOK_S, took * BUSY))
                due = time.monotonic() + (0.0 if last else interval)
        finally:
            self.close()

    def close(self) -> None:
        """Write what the recorder still waits for, and give back what the watch holds; `analysis` still answers."""
        self._reader.close()
        if self.recorder is not None:
            self.recorder.write(self.follower.clock.elapsed, self.follower.running, self.history, self._info(), over=True)
        if self._writer is not None:
            self._writer.close()
        self.keys.close()
        if self._owners is not None:
            self._owners.close()

    def analysis(self, last: int | None = None) -> Analysis:
        """Return the full answer of what is kept, or the answer for the `last` calls."""
        running = self.follower.running
        flows = running.engine.flows
        if last is not None:
            wanted = {number for one in list(self.history.calls.values())[-last:] for number in one.call.connection_ids}
            flows = [flow for flow in flows if flow.connection_id in wanted]
        alive = running.connections(flows)
        shaken = running.handshakes([row.connection_id for row in alive])
        made = self.history.analysis(self._info(), alive, handshakes=shaken, opaque=running.tls.opaque, last=last)
        made.renderers = Shows()
        return made

    # Its own.

    def _take(self, block: Block) -> list[Done]:
        secrets = self._source.info.secrets
        while self._secrets < len(secrets):
            self.keys.log.add(secrets[self._secrets] + b"\n")
            self._secrets += 1
        self._packets += len(block.times)
        if self.recorder is not None:
            self.recorder.add(block)
        if self._writer is not None:
            self._write(self._writer, block)
        calls = self.follower.feed(block)
        return [] if calls is None else self._keep(calls)

    def _write(self, writer: Writer, block: Block) -> None:
        try:
            writer.add(block, self._source.info)
        except OSError as error:
            self._writer = None  # the watch goes on without
            why = f"{writer.path} is written no further: {error.strerror or error}"
            self._told.append(Anomaly("not-written", block.first_packet_id, None, why))

    def _keep(self, calls: Calls) -> list[Done]:
        done = calls.done
        for one in done:
            self._own(one.connections)
        if self.wishes.processes:
            done = [one for one in done if self._is_wanted(self.history.owner_of(one.call))]
        done = self.history.add(done, calls.left, calls.lookups)
        for one in done:
            self.rates.add(one.call, self.follower.clock.elapsed)
        return done

    def _snapshot(self, calls: Calls, early: Sequence[Done], per_second: float, dropped: int | None, *, last: bool) -> Snapshot:
        done = [*early, *self._keep(calls)]
        running, clock = self.follower.running, self.follower.clock
        told = self._anomalies()
        codes: dict[int, tuple[str, ...]] = {}
        if self.wishes.diagnose:
            must = self.recorder is not None and self.recorder.asks_for_findings
            codes = self._diagnosis.of(done, surely=must)
        new = tuple(Seen(self.history.watched(one.call), one.spans, codes.get(one.call.call_id, ())) for one in done)
        recorded: list[str] = []
        if self.recorder is not None:
            self.recorder.saw(new, clock.elapsed, self._diagnosis.findings)
            recorded = self.recorder.write(clock.elapsed, running, self.history, self._info(), over=last)
        under_way = [one for one in calls.under_way if not self.wishes.processes or self._is_wanted(self.history.owner_of(one.call))]
        return Snapshot(
            now_ns=clock.now,
            elapsed_ns=clock.elapsed,
            source=self._source.name,
            engine=self._source.engine,
            packets=self._packets,
            packets_per_second=per_second,
            dropped=dropped,
            new=new,
            under_way=tuple(Seen(self.history.watched(one.call), one.spans, ()) for one in under_way),
            pools=tuple(self._pools),
            rates=tuple(self.rates.rows(clock.elapsed)),
            findings=tuple(self._diagnosis.findings),
            seen=self.history.seen,
            recorded=tuple(recorded),
            anomalies=told,
            last=last,
            answer=self.analysis,
        )

    def _anomalies(self) -> tuple[str, ...]:
        """Keep what the stages and the source told; return what is to be said at once."""
        rows = self.follower.running.anomalies()
        while self._told:
            rows.append(self._told.popleft())
        self.history.note(rows)
        return tuple(row.detail for row in rows if row.code in TOLD_AT_ONCE)

    def _info(self) -> CaptureInfo:
        known = self._source.info
        return replace(known, files=list(known.files), interfaces=list(known.interfaces), notes=list(known.notes), packets=self._packets)

    def _recent(self, last: int) -> Analysis:
        return self.analysis(last)

    def _open(self, flow: tcp.Flow) -> None:
        """Ask whose connection it is while it is young."""
        if self._owners is not None:
            owner = self._owners.of(flow.client(), flow.server())
            if owner is not NOBODY:
                self.history.own(flow.connection_id, owner)

    def _own(self, rows: Sequence[Connection]) -> None:
        """Take over what was heard of connections' owners after they were opened."""
        if self._owners is None:
            return
        for row in rows:
            if row.connection_id not in self.history.owners:
                client = (ip_address(row.client_address).packed, row.client_port)
                owner = self._owners.heard(client, (ip_address(row.server_address).packed, row.server_port))
                if owner is not NOBODY:
                    self.history.own(row.connection_id, owner)

    def _gone(self, row: Connection) -> None:
        self.history.shook(self.follower.running.handshakes([row.connection_id]))
        self.history.gone(row)

    def _count_pools(self) -> list[Pool]:
        rows = self.follower.connections()
        busy = {
            number for number, talks in self.follower.running.talks.items() if any(talk.under_way() and talk.over is None for talk in talks)
        }
        names = {number: owner.process for number, owner in self.history.owners.items()}
        return pools(rows, busy, names.get)

    def _is_wanted(self, owner: Owner) -> bool:
        return is_wanted(owner, self.wishes.processes)


def is_wanted(owner: Owner, patterns: Collection[str]) -> bool:
    """Tell whether a process is one of those asked for: by name or command (a pattern), number, or container."""
    for pattern in patterns:
        if pattern.isdigit() and owner.process_id == int(pattern):
            return True
        names = [name for name in (owner.process, owner.command) if name]
        if any(fnmatch(name.lower(), pattern.lower()) for name in names) or (owner.container or "").startswith(pattern[:12] or "?"):
            return True
    return False
