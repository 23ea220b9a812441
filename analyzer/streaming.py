"""A pass whose exchanges are not held: for tables of millions of rows that are written and forgotten."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from analyzer import capture, passes, sdks, tcp
from analyzer.assembly import join_one_way, mark_copies, with_sdks, with_services
from analyzer.joining import Part
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Exchange
from analyzer.model.wants import WITHOUT_CALLS, Wants
from analyzer.pipeline import Pipeline, run_pass
from analyzer.repeating import with_unseen
from analyzer.spooling import Spool, Spooled
from analyzer.survey import survey


class Streaming(Pipeline):
    """One pass over a capture that is asked for its exchanges only."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._spool = Spool(self._wants.columns)
        self._gathered.keep = self._spool.append

    def answer(self, info: CaptureInfo) -> Analysis:
        """Settle everything and return the answer without calls; its table of exchanges is read from the spool, row by row."""
        part = self.part()
        self._spool.close()
        part.counts = self._spool.counts
        whole = self.finish(info, part=part)
        whole.exchanges = Spooled(self._spool, self._dresser(whole, part))
        return whole

    def _dresser(self, whole: Analysis, part: Part) -> Callable[[list[Exchange]], list[Exchange]]:
        """Return what tells of exchanges what only their connections tell."""
        copies, pairs = tcp.twins(part.outlines), tcp.one_way(part.outlines)
        connections = {row.connection_id: row for row in whole.connections}

        def dressed(rows: list[Exchange]) -> list[Exchange]:
            used = {row.connection_id for row in rows}
            rows = with_services(rows, (connections[number] for number in used))
            rows = with_sdks(rows, {number: part.handshakes[number] for number in used if number in part.handshakes}, sdks.by_hello)
            return mark_copies(rows, copies)

        joined: dict[int, Exchange] = {}
        if pairs:
            rows = dressed(self._spool.on(pairs.keys() | set(pairs.values())))
            joined = {row.exchange_id: row for row in join_one_way(rows, pairs, part.unfinished)}

        def dress(rows: list[Exchange]) -> list[Exchange]:
            rows = dressed(rows)
            return with_unseen([joined.get(row.exchange_id, row) for row in rows] if joined else rows, part.unseen)

        return dress


def read(
    paths: Sequence[str | os.PathLike[str]],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    progress: Callable[[capture.Capture], None] | None = None,
    wants: Wants = WITHOUT_CALLS,
) -> Analysis | None:
    """Read captures without calls and without holding their exchanges; None for captures of several points, which are compared whole.

    The table of exchanges can be gone through again and again, in order. Raises what `pipeline.read` raises.
    """
    known = passes.key_log(keys)
    with passes.undisturbed():
        asked = passes.Reading(paths, services, keys, wants._replace(calls=False), survey(paths))
        if any(clock.point for clock in asked.clocks):
            return None
        running, source = run_pass(Streaming, asked, known, progress)
        if passes.worth_another(asked, source.info, known, running.tls.missing):
            running, source = run_pass(Streaming, asked, known, progress)
        return running.answer(source.info)
