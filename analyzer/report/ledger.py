"""The two tables of the text report: where the time of each operation went, and of the slowest requests.

Both show only the phases that took time, in the order in which they happen. Where all of them do not fit, the smallest are added up as
`rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from analyzer.report.layout import WIDTH, aligned, fits, shorten
from analyzer.report.views import PHASES, Operation, Timed, answer_of, connection_note, name_of, phases_of
from analyzer.units import MILLISECOND, DurationNs, TimeNs, count, milliseconds, percent

LEFT = frozenset({"operation", "slowest", "connection", "packets"})
NAME_CELLS = (36, 24)
"""Widths that a name may have: the first at which the table fits is taken."""
LEAST_CELLS = 14
"""What is left of a name where the numbers alone hardly fit."""
REST = "rest"
MINOR = frozenset({"client", "send", "receive"})
TELLING = 5
"""A phase that is not minor is shown on its own unless it is this many times smaller than a minor one: it is what people look for."""
Build: TypeAlias = Callable[[Sequence[str], Sequence[str], int], list[str]]
"""Makes the table's lines of the phases shown, the phases added up as `rest`, and the width of names."""


def operations_lines(shown: Sequence[Operation]) -> list[str]:
    """Return a line an operation: how often, how long, and the share of each phase."""
    failed = any(operation.failed for operation in shown)

    def build(phases: Sequence[str], merged: Sequence[str], cells: int) -> list[str]:
        head = ["operation", "requests", *(["failed"] if failed else []), "p50 ms", "p95 ms", "max ms", *phases]
        head += [REST] if merged else []
        body = []
        for operation in shown:
            shares = [operation.shares[phase] for phase in phases] + ([sum(operation.shares[phase] for phase in merged)] if merged else [])
            body.append([
                shorten(operation.name, cells),
                count(operation.requests),
                *([count(operation.failed) if operation.failed else ""] if failed else []),
                *(milliseconds(value) for value in (operation.p50_ns, operation.p95_ns, operation.max_ns)),
                *(percent(share) if share >= 0.005 else "" for share in shares),
            ])  # fmt: skip
        return aligned([head, *body], [index for index, name in enumerate(head) if name in LEFT])

    weights = {phase: max((operation.shares[phase] for operation in shown), default=0.0) for phase in PHASES}
    return _fitted(build, weights, 0.005)


def slowest_lines(shown: Sequence[Timed], first_ns: TimeNs) -> list[str]:
    """Return a line a request: when, how long, each phase in ms, its connection and its packets. `first_ns` is where the capture starts."""
    parts = [phases_of(row.parts) for row in shown]

    def build(phases: Sequence[str], merged: Sequence[str], cells: int) -> list[str]:
        head = ["id", "slowest", "at s", "total", *phases, *([REST] if merged else []), "connection", "packets"]
        body = []
        for row, spent in zip(shown, parts, strict=True):
            exchange, answer = row.exchange, answer_of(row.exchange)
            body.append([
                str(exchange.exchange_id),
                f"{shorten(name_of(exchange), cells - len(answer) - 1)} {answer}".rstrip(),
                f"{(row.parts.start_ns - first_ns) / 1e9:.3f}",
                milliseconds(row.parts.total_ns),
                *(_cell(spent[phase]) for phase in phases),
                *([_cell(sum(spent[phase] for phase in merged))] if merged else []),
                connection_note(row),
                _packets(exchange.first_packet_id, exchange.response_packet_id or exchange.request_packet_id),
            ])  # fmt: skip
        return aligned([head, *body], [index for index, name in enumerate(head) if name in LEFT])

    weights = {phase: max((spent[phase] for spent in parts), default=0) for phase in PHASES}
    return _fitted(build, weights, MILLISECOND // 20)


def _fitted(build: Build, weights: Mapping[str, float], least: float) -> list[str]:
    """Return the fullest table that fits: names are shortened first, then the smallest phases are added up."""
    phases = [phase for phase in PHASES if weights[phase] >= least]
    merged: list[str] = []
    while True:
        for cells in NAME_CELLS:
            lines = build(phases, merged, cells)
            if fits(lines):
                return [*lines, f"rest: {', '.join(phase for phase in PHASES if phase in merged)}"] if merged else lines
        if not phases:
            return [shorten(line, WIDTH) for line in build(phases, merged, LEAST_CELLS)]
        for _ in range(1 if merged else min(2, len(phases))):
            phases.remove(smallest := min(phases, key=lambda phase: weights[phase] * (1 if phase in MINOR else TELLING)))
            merged.append(smallest)


def _cell(value: DurationNs) -> str:
    """Write a phase in milliseconds; what rounds to nothing is empty."""
    return "" if value < MILLISECOND // 20 else milliseconds(value)


def _packets(*ids: int | None) -> str:
    known = list(dict.fromkeys(number for number in ids if number is not None))
    return "-".join(map(str, known))


def unanswered(rows: Iterable[Timed]) -> dict[str, int]:
    """Count the requests without any answer by name, the most frequent first."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.exchange.outcome == "no-response":
            counts[name_of(row.exchange)] = counts.get(name_of(row.exchange), 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
