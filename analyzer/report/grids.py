"""The tables of the ledger: where the time of each operation went, and of single rows; as cells for every output, fitted for a terminal.

They show only the phases that took time, in the order in which they happen; zero is an empty cell. On a terminal, where all of them do not
fit, packets and then ends of names give way, and then the smallest phases are added up as `rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from analyzer.report.layout import WIDTH, aligned, cells, fits, fold, shorten
from analyzer.report.ledger import PHASES, Entry, Operation, packets
from analyzer.units import MILLISECOND, SECOND, DurationNs, TimeNs, count, duration, milliseconds, percent, seconds

LEFT = frozenset(
    {"operation", "change", "what if", "slowest", "not waited for", "connection", "packets", "phase", "what happened", "filter"}
)
"""Columns of text."""
NAME_CELLS = (36, 24, 18)
"""Widths that a name may have: the first at which the table fits is taken."""
LEAST_CELLS = 14
"""What is left of a name where the numbers alone hardly fit."""
REST = "rest"
PACKETS = "packets"
MINOR = frozenset({"client", "send", "receive"})
TELLING = 5
"""A phase that is not minor is shown on its own unless it is this many times smaller than a minor one: it is what people look for."""
LEAST_SHARE = 0.005
LEAST_NS = MILLISECOND // 20


class Cells(NamedTuple):
    """A table before it is laid out: its heading and its rows. Names are made safe only where they were shortened."""

    head: list[str]
    body: list[list[str]]

    def left(self) -> list[int]:
        """Return the columns that are aligned to the left."""
        return [index for index, name in enumerate(self.head) if name in LEFT]


class Grid(NamedTuple):
    """A table of the ledger: what decides which phases it shows, and how it is made of some of them."""

    weights: dict[str, float]
    least: float
    """Weight from which a phase is shown."""
    make: Callable[[Sequence[str], Sequence[str], int | None, bool], Cells]
    """Makes the cells of: the phases shown, those added up as `rest`, the width of names (None: whole), with or without packets."""

    def phases(self) -> list[str]:
        """Return the phases that took time."""
        return [phase for phase in PHASES if self.weights[phase] >= self.least]

    def cells(self) -> Cells:
        """Return the whole table."""
        return self.make(self.phases(), (), None, True)

    def lines(self) -> list[str]:
        """Return the fullest table that fits a terminal."""
        phases = self.phases()
        merged: list[str] = []
        while True:
            for with_packets in (True, False):
                for width in NAME_CELLS:
                    lines = _aligned(self.make(phases, merged, width, with_packets))
                    if fits(lines):
                        rest = ", ".join(phase for phase in PHASES if phase in merged)
                        return [*lines, *fold(f"{REST}: {rest}", hang=len(REST) + 2)] if merged else lines
            if not phases:
                return [shorten(line, WIDTH) for line in _aligned(self.make((), merged, LEAST_CELLS, False))]
            for _ in range(1 if merged else min(2, len(phases))):
                phases.remove(smallest := min(phases, key=lambda phase: self.weights[phase] * (1 if phase in MINOR else TELLING)))
                merged.append(smallest)


def _aligned(table: Cells) -> list[str]:
    return aligned([table.head, *table.body], table.left())


def _named(name: str, answer: str, width: int | None) -> str:
    """Write a name and how it ended; where it is too wide the name is cut, not the answer."""
    if width is None:
        return f"{name} {answer}".rstrip()
    answer = shorten(answer, max(width // 2, width - 12))
    return f"{shorten(name, width - cells(answer) - 1)} {answer}".rstrip()


def spent_cell(value: DurationNs) -> str:
    """Write time in milliseconds, from 10 s on in seconds with the unit."""
    return milliseconds(value) if abs(value) < 10 * SECOND else duration(value)


def _phase_cell(value: DurationNs) -> str:
    """Write a phase; what rounds to nothing is empty."""
    return "" if value < LEAST_NS else spent_cell(value)


def _ordinal(value: DurationNs | None) -> str:
    return "" if value is None else spent_cell(value)


def operations_grid(shown: Sequence[Operation], noun: str) -> Grid:
    """Return a line an operation: how often, how long, and the share of each phase."""
    failed = any(operation.failed for operation in shown)
    shares = [operation.shares for operation in shown]

    def make(phases: Sequence[str], merged: Sequence[str], width: int | None, with_packets: bool) -> Cells:
        head = ["operation", f"{noun}s", *(["failed"] if failed else []), "p50", "p95", "max", *phases, *([REST] if merged else [])]
        body = []
        for operation, share in zip(shown, shares, strict=True):
            parts = [share[phase] for phase in phases] + ([sum(share[phase] for phase in merged)] if merged else [])
            body.append([
                _named(operation.name, "", width),
                count(operation.rows),
                *([count(operation.failed) if operation.failed else ""] if failed else []),
                *(_ordinal(value) for value in (operation.p50_ns, operation.p95_ns, operation.max_ns)),
                *(percent(part) if part >= LEAST_SHARE else "" for part in parts),
            ])  # fmt: skip
        return Cells(head, body)

    weights = {phase: max((share[phase] for share in shares), default=0.0) for phase in PHASES}
    return Grid(weights, LEAST_SHARE, make)


def entries_grid(shown: Sequence[Entry], first_ns: TimeNs, noun: str, heading: str = "slowest") -> Grid:
    """Return a line a row: when, how long, each phase in ms, its connection and its packets. `first_ns` is where the capture starts."""
    spent = [dict(zip(PHASES, entry.spent, strict=True)) for entry in shown]
    again = any(entry.attempts > 1 for entry in shown)
    number = {"call": "call", "dialogue": "call"}.get(noun, "id")

    def make(phases: Sequence[str], merged: Sequence[str], width: int | None, with_packets: bool) -> Cells:
        head = [number, heading, "at s", "total", *phases, *([REST] if merged else []), *(["attempts"] if again else []), "connection"]
        head += [PACKETS] if with_packets else []
        body = []
        for entry, parts in zip(shown, spent, strict=True):
            body.append([
                str(entry.number),
                _named(entry.name, entry.answer, width),
                seconds(entry.start_ns - first_ns),
                spent_cell(entry.total_ns),
                *(_phase_cell(parts[phase]) for phase in phases),
                *([_phase_cell(sum(parts[phase] for phase in merged))] if merged else []),
                *([str(entry.attempts) if entry.attempts > 1 else ""] if again else []),
                entry.connection,
                *([packets((entry.first_packet_id, entry.last_packet_id))] if with_packets else []),
            ])  # fmt: skip
        return Cells(head, body)

    weights = {phase: float(max((parts[phase] for parts in spent), default=0)) for phase in PHASES}
    return Grid(weights, LEAST_NS, make)


def explained(shown: Sequence[Operation], noun: str, *, long_requests: bool = False) -> Iterator[str]:
    """Yield what a reader of the tables must know; `long_requests` tells whether one was under way until it was acknowledged."""
    cut = sum(operation.truncated for operation in shown)
    text = "Times in ms. The wait for the first byte is network + server, and stall where packets were lost."
    yield text
    if long_requests:
        yield "The network time of a request of more than ten segments lasts until its last byte is acknowledged."
    if cut:
        verb = "begins or ends" if cut == 1 else "begin or end"
        yield f"{count(cut)} {noun if cut == 1 else noun + 's'} that {verb} outside the capture: not in p50, p95, max."
