"""The whole answer: what is known of the capture, and the result tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from analyzer.errors import UsageError
from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Finding, Handshake, Lookup, Span
from analyzer.model.table import Table
from analyzer.units import PacketId

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
    filtered: str | None = None
    """Which part of the capture this is, in words; None for all of it."""
    outside: str | None = None
    """What the whole capture holds, in words, where this is a part that holds no connection."""
    context: Analysis | None = None
    """The whole of which this is a part: what happened before may be the cause of what is left."""
    renderers: Renderers | None = None
    """How it shows itself; None where it was made by hand."""
    _findings: Table[Finding] | None = None

    @property
    def findings(self) -> Table[Finding]:
        """What was diagnosed, dearest first. Made at first use: a table of exchanges needs no diagnosis."""
        if self._findings is None:
            self._findings = Table("findings", Finding, self.check(self) if self.check is not None else ())
        return self._findings

    def tables(self) -> Iterator[Table[Any]]:
        """Return the tables in the order of the output contract."""
        yield from (
            self.connections, self.lookups, self.handshakes, self.exchanges, self.calls, self.spans, self.findings, self.anomalies,
        )  # fmt: skip

    def frame(self, packet_id: PacketId) -> tuple[str, int]:
        """Return the file that holds a packet and its `frame.number` there (with one file: the packet id)."""
        for first, file, frame, packets in self.capture.runs:
            if first <= packet_id < first + packets:
                return self.capture.files[file].name, frame + packet_id - first
        return (self.capture.files[0].name if self.capture.files else ""), packet_id

    def explain(self, call: int | str = "slowest") -> Shown:
        """Return where the time of one call went: its ledger line by line, a waterfall, and the findings that name it.

        `call` is a call id, or `slowest`. The result shows itself: as text in a terminal, as HTML in a notebook.
        Raises UsageError where there is no such call.
        """
        if self.renderers is None:
            raise UsageError("this answer was made without renderers", hint="analyzer.read makes answers that can explain")
        return self.renderers.explain(self, call)

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
