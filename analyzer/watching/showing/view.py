"""The live view of a terminal: how things stand, calls under way, and calls as they ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from analyzer.report.colours import PHASE_COLOURS
from analyzer.report.layout import shorten
from analyzer.report.text import plain
from analyzer.units import SECOND, count, duration, milliseconds, seconds
from analyzer.watching.showing.lines import outcome_words, owner_of
from analyzer.watching.showing.phases import BAR, LETTERS, bar
from analyzer.watching.showing.state import State
from analyzer.watching.snapshot import Seen, Snapshot

MOST_OPERATIONS, MOST_POOLS, MOST_OPEN = 6, 4, 5
HELP = "p pause  s sort  up/down choose  enter ledger  q quit"
HELP_INSIDE = "up/down scroll  q back"


class View:
    """Draws a state; rich asks for it as often as it likes."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._ledger: tuple[int, list[str]] | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.size.height
        lines = list(self._lines(options.max_width, height))
        for line in lines[: height - 1]:
            line.truncate(options.max_width)
            line.no_wrap = True
            yield line

    def _lines(self, width: int, height: int) -> Iterator[Text]:
        snapshot = self.state.snapshot
        if snapshot is None:
            yield Text("waiting for the first packet; q or Ctrl-C ends")
            return
        yield self._head(snapshot)
        if self.state.opened is not None:
            yield Text(HELP_INSIDE, style="dim")
            yield Text("")
            inside = self._ledger_lines(snapshot, self.state.opened)
            self.state.scroll = max(0, min(self.state.scroll, len(inside) - (height - 5)))
            yield from (Text(plain(text)) for text in inside[self.state.scroll :])
            return
        yield Text(HELP, style="dim")
        above = [*self._operations(snapshot), *self._pools(snapshot), *self._under_way(snapshot)]
        yield from above
        yield from self._calls(snapshot, max(3, height - len(above) - 8 - len(self.state.said)))
        yield from (Text(shorten(said, width), style="yellow") for said in self.state.said)
        legend = Text("")
        shown = {phase for seen in self.state.rows()[:height] for phase, _ in bar(seen.call)}
        for name in (name for name in LETTERS if name in shown):
            legend.append(LETTERS[name], style=_paint(name))
            legend.append(f" {name}  ", style="dim")
        yield legend

    def _head(self, snapshot: Snapshot) -> Text:
        state = self.state
        dropped = "" if snapshot.dropped is None else f"  dropped {count(snapshot.dropped)}"
        head = Text(f"{plain(snapshot.source)} ({snapshot.engine})", style="bold")
        head.append(
            f"  {seconds(snapshot.elapsed_ns // SECOND * SECOND).split('.')[0]} s  {count(snapshot.packets)} packets"
            f"  {count(round(snapshot.packets_per_second))}/s  {count(snapshot.seen)} calls  sorted by {state.sort}",
            style="not bold",
        )
        head.append(dropped, style="red" if snapshot.dropped else "not bold")
        if state.paused:
            head.append("  PAUSED", style="reverse")
        return head

    def _operations(self, snapshot: Snapshot) -> Iterator[Text]:
        yield Text("")
        yield Text(
            f"{'operation':<24}{'calls':>8}{'/s':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}{'errors':>8}{'retries':>9}{'reused':>8}",
            style="dim",
        )
        for one in snapshot.rates[:MOST_OPERATIONS]:
            name = shorten(one.operation or one.service or "call", 23)
            times = "".join(
                f"{milliseconds(value) if value is not None else '':>8}" for value in (one.p50_ns, one.p95_ns, one.p99_ns, one.largest_ns)
            )
            line = Text(f"{name:<24}{count(one.calls):>8}{one.per_second:>8.1f}{times}")
            line.append(f"{one.failed or '':>8}", style="red" if one.failed else "")
            line.append(f"{one.retried or '':>9}{100 * one.reused // max(1, one.calls):>6} %")
            yield line
        if len(snapshot.rates) > MOST_OPERATIONS:
            yield Text(f"and {len(snapshot.rates) - MOST_OPERATIONS} more", style="dim")

    def _pools(self, snapshot: Snapshot) -> Iterator[Text]:
        if not snapshot.pools:
            return
        yield Text("")
        yield Text(f"{'connections to':<44}{'open':>6}{'busy':>6}  process", style="dim")
        for one in snapshot.pools[:MOST_POOLS]:
            yield Text(f"{shorten(one.server, 43):<44}{one.open:>6}{one.busy:>6}  {shorten(one.process or '', 30)}")

    def _under_way(self, snapshot: Snapshot) -> Iterator[Text]:
        # What only waits to be final looks like done; shown is what has no answer yet.
        waiting = [seen for seen in snapshot.under_way if seen.call.ok is not True]
        if not waiting or snapshot.now_ns is None:
            return
        yield Text("")
        yield Text(f"{'under way':<24}{'since':>10}  so far", style="dim")
        for seen in waiting[:MOST_OPEN]:
            call = seen.call
            since = max(0, snapshot.now_ns - call.start_ns)
            last = seen.spans[-1].phase if seen.spans else ""
            name = shorten(call.operation or call.service or "call", 23)
            yield Text(f"{name:<24}{duration(since):>10}  {last}", style="cyan")

    def _calls(self, snapshot: Snapshot, most: int) -> Iterator[Text]:
        rows = self.state.rows()
        chosen = self.state.chosen
        at = next((index for index, seen in enumerate(rows) if seen.call.call_id == chosen), 0)
        first = max(0, at - most + 1)
        rows = rows[first : first + most]
        yield Text("")
        yield Text(f"{'call':>7}  {'operation':<18}{'ms':>8}  {'phases':<{BAR}}  {'outcome':<10}  findings, process", style="dim")
        for seen in rows:
            yield self._call(seen, chosen)

    def _call(self, seen: Seen, chosen: int | None) -> Text:
        call: Any = seen.call
        name = shorten(call.operation or call.service or "call", 17)
        line = Text(f"{call.call_id:>7}  {name:<18}{milliseconds(call.duration_ns):>8}  ")
        used = 0
        for phase, letters in bar(call):
            line.append(letters, style=_paint(phase))
            used += len(letters)
        line.append(" " * (BAR - used + 2))
        outcome = shorten(outcome_words(call), 10)
        line.append(f"{outcome:<10}  ", style="" if call.ok else "red")
        owner = owner_of(call)
        process = f"{owner.process} {owner.process_id}" if owner.process_id is not None else ""
        said = "  ".join(part for part in (" ".join(seen.findings), process) if part)
        line.append(shorten(said, 60), style="yellow" if seen.findings else "")
        if call.call_id == chosen:
            line.stylize("reverse")
        return line

    def _ledger_lines(self, snapshot: Snapshot, number: int) -> list[str]:
        """Return the ledger of a call, made once."""
        if self._ledger is None or self._ledger[0] != number:
            from analyzer.errors import AnalyzerError

            try:
                text = str(snapshot.analysis().explain(number))
            except AnalyzerError as error:
                text = f"{error}"
            self._ledger = (number, text.splitlines())
        return self._ledger[1]


def _paint(phase: str) -> str:
    return f"{PHASE_COLOURS.get(phase, 'white')}"
