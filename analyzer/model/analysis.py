"""The whole answer: what is known of the capture, and the result tables."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from analyzer.errors import UsageError
from analyzer.model.capture import CaptureInfo
from analyzer.model.condition import length
from analyzer.model.plotting import Drawings
from analyzer.model.pool import Pools
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Finding, Handshake, Lookup, Span
from analyzer.model.table import Table
from analyzer.model.whatif import LONGEST_TRIP_NS, SOURCES, Replay, Wishes
from analyzer.units import ConnectionId, DurationNs, PacketId

SCHEMA = "analyzer/1"


class Shown(Protocol):
    """Something that shows itself: `str` for a terminal, HTML for a notebook."""

    def __str__(self) -> str: ...

    def _repr_html_(self) -> str: ...


class Renderers(Protocol):
    """Shows an answer to people. `model` knows no renderers; whoever makes the answer hands it these."""

    def lines(self, analysis: Analysis) -> str:
        """Return an answer in a few lines for a terminal."""
        ...

    def card(self, analysis: Analysis) -> str:
        """Return the summary card of an answer as HTML."""
        ...

    def explain(self, analysis: Analysis, call: int | str) -> Shown:
        """Return the ledger and waterfall of one call. Raises UsageError where there is no such call."""
        ...

    def whatif(self, replay: Replay, form: str) -> str:
        """Write the answer to a what-if; `form` is text or html."""
        ...

    def plots(self, analysis: Analysis) -> Drawings:
        """Return the plots of an answer."""
        ...

    def export(self, analysis: Analysis, path: str | PathLike[str], to: str | None, table: str | None) -> list[Path]:
        """Write an answer for another program's viewer and return the files."""
        ...


class Elsewhere(NamedTuple):
    """A connection as another capture point saw it: the same `tcp.stream`, whose row in the tables is that of a nearer view."""

    connection: Connection
    exchanges: tuple[Exchange, ...]
    """Its exchanges there, in order. They are not in the table and their ids mean nothing."""


@dataclass(slots=True)
class Analysis:
    """The answer to one question about one or several captures."""

    capture: CaptureInfo
    vantage: str | None
    """Where the capture was taken: client, server, between, mixed; None where nothing tells."""
    connections: Table[Connection]
    lookups: Table[Lookup]
    exchanges: Table[Exchange]
    anomalies: Table[Anomaly]
    handshakes: Table[Handshake] = field(default_factory=lambda: Table("handshakes", Handshake))
    calls: Table[Call] = field(default_factory=lambda: Table("calls", Call))
    spans: Table[Span] = field(default_factory=lambda: Table("spans", Span))
    check: Callable[[Analysis], Iterable[Finding]] | None = None
    """Makes the findings when somebody asks for them."""
    imagine: Callable[[Analysis, Wishes], Replay] | None = None
    """Replays the calls with causes removed."""
    pooled: Callable[[Analysis], Pools] | None = None
    """Makes the view of connections as pools."""
    filtered: str | None = None
    """Which part of the capture this is, in words; None for all of it."""
    outside: str | None = None
    """What the whole capture holds, in words, where this is a part that holds no connection."""
    context: Analysis | None = None
    """The whole of which this is a part: what happened before may be the cause of what is left."""
    elsewhere: Sequence[Elsewhere] = ()
    """What other captures saw of connections that have the same addresses there: it may prove, and makes no call."""
    nearest: Mapping[ConnectionId, Connection] = field(default_factory=dict)
    """Of connections that were captured at several points with the same addresses: the row of the nearest view alone, whose counts do not
    contain the packets of the others. Diagnoses are made of these."""
    renderers: Renderers | None = None
    """How it shows itself; None where it was made by hand."""
    saved: str | None = None
    """Of a saved report: the version of the analyzer that made it, empty where unknown; None where the answer comes from captures."""
    home: Callable[[Finding], tuple[str, Finding]] | None = None
    """Of an answer put together from several: the name of the one that a finding is of, and the finding with the numbers of that one."""
    _findings: Table[Finding] | None = None

    @property
    def findings(self) -> Table[Finding]:
        """What was diagnosed, dearest first. Made at first use: a table of exchanges needs no diagnosis."""
        if self._findings is None:
            found = self.check(self.as_seen()) if self.check is not None else ()
            if self.home is not None or len(self.capture.files) > 1:
                found = (row._replace(frames=tuple(f"{name}:{frame}" for name, frame in self._frames(row))) for row in found)
            self._findings = Table("findings", Finding, found)
        return self._findings

    def _frames(self, row: Finding) -> Iterable[tuple[str, int]]:
        if self.home is None:
            return map(self.frame, row.packet_ids)
        name = self.home(row)[0]
        return [(name, number) for number in row.packet_ids] if name else []

    def tables(self) -> Iterator[Table[Any]]:
        """Return the tables in the order of the output contract."""
        yield from (
            self.connections, self.lookups, self.handshakes, self.exchanges, self.calls, self.spans, self.findings, self.anomalies,
        )  # fmt: skip

    def as_seen(self) -> Analysis:
        """Return the same answer with the rows of `nearest` in the table of connections: each as one capture point saw it."""
        nearest = (self.context or self).nearest
        if not nearest:
            return self
        rows = [nearest.get(row.connection_id, row) for row in self.connections]
        context = replace(self.context, nearest=nearest).as_seen() if self.context is not None else None
        return replace(self, connections=Table("connections", Connection, rows), nearest={}, context=context)

    def frame(self, packet_id: PacketId) -> tuple[str, int]:
        """Return the file that holds a packet and its `frame.number` there (with one file: the packet id)."""
        runs = self.capture.runs
        at = bisect_right(runs, packet_id, key=itemgetter(0)) - 1
        if at >= 0:
            first, file, frame, packets = runs[at]
            if packet_id < first + packets:
                return self.capture.files[file].name, frame + packet_id - first
        return (self.capture.files[0].name if self.capture.files else ""), packet_id

    def explain(self, call: int | str = "slowest") -> Shown:
        """Return where the time of one call went: its ledger line by line, a waterfall, and the findings that name it.

        `call` is a call id, or `slowest`. The result shows itself: as text in a terminal, as HTML in a notebook.
        Raises UsageError where there is no such call.
        """
        if self.renderers is None:
            raise UsageError("this answer was made without renderers", hint="analyzer.read makes answers that can explain")
        return self.renderers.explain(*self.of_call(call))

    def of_call(self, call: int | str) -> tuple[Analysis, int | str]:
        """Return the answer that a call is explained by, and its id there: this one, unless it is put together from several."""
        return self, call

    @property
    def plot(self) -> Drawings:
        """The plots: `waterfall()`, `phases()`, `latency()`, `pool()`, `tail()`; each shows itself and can be saved as HTML, SVG or PNG.

        Raises UsageError where the answer was made without renderers.
        """
        if self.renderers is None:
            raise UsageError("this answer was made without renderers", hint="analyzer.read makes answers that have plots")
        return self.renderers.plots(self)

    def export(self, path: str | PathLike[str], to: str | None = None, *, table: str | None = None) -> list[Path]:
        """Write this answer for other programs and return the files: HAR, OTLP or Perfetto as one file, tables as Parquet, CSV, JSON Lines.

        The ending of `path` says which (`.har`, `.otlp.json`, `.perfetto.json`, `.parquet`, `.csv`, `.jsonl`), or `to` (`har`, `otlp`,
        `perfetto`, `parquet`, `csv`, `jsonl`). A file of tables holds the one that `table` names, or that it is named for
        (`calls.parquet`); a folder (`out/`) gets a file for each. Files are readable by their owner only.
        Raises UsageError where nobody can tell what is wanted, MissingTool without pyarrow for Parquet, AnalyzerError.
        """
        if self.renderers is None:
            raise UsageError("this answer was made without renderers", hint="analyzer.read makes answers that can be exported")
        return self.renderers.export(self, path, to, table)

    def pool(self) -> Pools:
        """Return what each client kept open towards each endpoint: a table of pools, most used first, and its `changes` over time.

        Raises UsageError for an answer that was made by hand.
        """
        if self.pooled is None:
            raise UsageError("this answer was made without pools", hint="analyzer.read makes answers that have them")
        return self.pooled(self)

    def whatif(
        self,
        *,
        keep_alive: bool = False,
        warm_pool: bool = False,
        tls13: bool = False,
        resumption: bool = False,
        hop_limit: bool = False,
        credentials: str | None = None,
        no_loss: bool = False,
        no_filter_scan: bool = False,
        rtt: str | DurationNs | timedelta | None = None,
        pool: int | None = None,
    ) -> Replay:
        """Return what becomes of the calls' times with causes removed: p50, p95, p99 and total before and after, with a range.

        Without arguments every change that would gain something, largest gain first; with several each alone and all together. `rtt` is
        a duration with its unit (`1ms`), a timedelta or nanoseconds, `pool` the most connections of a client to a server, `credentials`
        another source: `ready` (there when a call asks) or `agent` (ECS, EKS). The other arguments are those of `Wishes`. The result
        shows itself, and has tables: `changes`, and `calls` one by one. Raises UsageError for a value that cannot be.
        """
        if self.imagine is None:
            raise UsageError("this answer was made without a replay", hint="analyzer.read makes answers that have one")
        if credentials is not None and credentials not in SOURCES:
            raise UsageError(f"{credentials!r} is no source of credentials", hint=f"one of {', '.join(SOURCES)}")
        trip = length(rtt) if rtt is not None else None
        if trip is not None and trip > LONGEST_TRIP_NS:
            raise UsageError(f"no endpoint is {rtt} away", hint="at most 60s")
        if pool is not None and pool < 1:
            raise UsageError(f"a pool of {pool} connections serves nobody")
        made = self.imagine(
            self.as_seen(),
            Wishes(
                keep_alive, warm_pool, tls13, resumption, hop_limit, credentials, no_loss, no_filter_scan,
                trip, pool,
            ),
        )  # fmt: skip
        made.show = self.renderers.whatif if self.renderers is not None else None
        return made

    def __repr__(self) -> str:
        if self.renderers is not None:
            return self.renderers.lines(self)
        info = self.capture
        return (
            f"<Analysis of {', '.join(file.name for file in info.files)}: {info.packets} packets, {len(self.connections)} connections, "
            f"{len(self.exchanges)} exchanges, {len(self.calls)} calls>"
        )

    def _repr_html_(self) -> str | None:
        """Show the summary card in a notebook: headline, findings, operations. None leaves the notebook to `repr`."""
        return self.renderers.card(self) if self.renderers is not None else None
