"""The report that a person reads first: what the capture is, what it says, and where the time went."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.model.analysis import Analysis
from analyzer.report.claims import LABELS, Claim
from analyzer.report.grids import entries_grid, explained, operations_grid
from analyzer.report.layout import WIDTH, cells, fold
from analyzer.report.sentences import first_sentence, plural
from analyzer.report.summary import Summary, summarize
from analyzer.report.text import plain
from analyzer.report.worth import fitted

HANG = {"note:": 6, "fix:": 5}
"""Lines of the beginning that go on below their first word."""


class TerminalRenderer:
    """The text report. `slow` calls are listed; `verbose` shows all findings, operations and notes; `tail` adds what the
    slowest percent has that the median has not.

    `names` are the captures as they were asked for: with `filters`, the options that say what of them, they stand in the commands that
    the report ends with.
    """

    name = "text"
    suffix = ".txt"

    def __init__(
        self, *, slow: int = 8, verbose: bool = False, tail: bool = False, names: tuple[str, ...] = (), filters: tuple[str, ...] = ()
    ) -> None:
        self._slow = slow
        self._verbose = verbose
        self._tail = tail
        self._names = names
        self._filters = filters

    def render(self, analysis: Analysis) -> Iterator[str]:
        """Yield the report line by line, none wider than WIDTH."""
        said = summarize(analysis, slow=self._slow, verbose=self._verbose, names=self._names, filters=self._filters)
        for line in said.about:
            yield from fold(line, hang=HANG.get(line.partition(" ")[0], 0))
        if said.headline or said.remarks:
            yield ""
        for line in said.headline + said.remarks:
            yield from fold(line)
        for claim in said.claims:
            yield ""
            yield from claim_lines(claim, brief=claim.small and not self._verbose, told=said.headline)
        if said.more_claims:
            yield from ("", f"and {plural(said.more_claims, 'more finding')} (-v shows all)")
        if said.whatif:
            yield ""
            yield from fitted(said.whatif)
        if said.operations:
            yield ""
            yield from _ledger(said)
        for paragraph in said.pools:
            yield ""
            yield from fold(paragraph)
        if self._tail:
            from analyzer.report.tail import tail_lines

            yield ""
            yield from tail_lines(analysis)
        if said.commands:
            yield ""
            yield from _commands(said)


def brief(analysis: Analysis) -> Iterator[str]:
    """Yield an answer in a few lines: what it is about, the headline, the findings by name, and what to ask next."""
    said = summarize(analysis, slow=0, gains=False)
    for line in said.about[:2] + said.headline:
        yield from fold(line)
    if said.claims:
        named = [claim.title for claim in said.claims] + ([f"{said.more_claims} more"] if said.more_claims else [])
        yield from fold(f"findings: {', '.join(named)}", hang=10)
    tables = ", ".join(table.name for table in analysis.tables() if len(table))
    yield from fold(f"tables: {tables or 'all empty'}" + ("; explain(call_id) shows one call" if len(analysis.calls) else ""), hang=8)


def claim_lines(claim: Claim, *, brief: bool = False, told: list[str] | None = None) -> Iterator[str]:
    """Yield a finding: claim, proof, filter, fix, gain, doubt. `brief` is one sentence; what was `told` above is not said again."""
    first, rest = first_sentence(claim.text)
    if brief:
        yield from fold(f"{claim.title}: {first} (-v or analyzer findings shows proof and fix)")
        return
    if told and any(line.startswith(first.rstrip(".")) for line in told):
        yield from fold(f"{claim.title}: {rest}" if rest else claim.title)
    else:
        yield from fold(f"{claim.title}: {claim.text}")
    for label in LABELS:
        if label in claim.lines:
            yield from fold(f"{label:6} {claim.lines[label]}", hang=7)


def _ledger(said: Summary) -> Iterator[str]:
    yield from operations_grid(said.operations, said.noun).lines()
    if said.more_operations:
        yield f"and {plural(said.more_operations, 'more operation')} (-v shows all)"
    if said.slowest:
        yield ""
        yield from entries_grid(said.slowest, said.first_ns, said.noun).lines()
    if said.beside:
        yield ""
        yield from entries_grid(said.beside, said.first_ns, said.noun, "not waited for").lines()
        if said.more_beside:
            yield f"and {plural(said.more_beside, 'more dialogue')} that no call waited for (-v shows all)"
    yield from explained(said.operations, said.noun, long_requests=said.long_requests)


def _commands(said: Summary) -> Iterator[str]:
    commands, captures = [plain(command) for command in said.commands], plain(said.captures)
    if any(cells(f"next   {command} {captures}") > WIDTH for command in commands):
        captures = "CAPTURE"
    for label, command in zip(("next", ""), commands, strict=False):
        line = f"{label:6} {command} {captures}"
        # Folding draws spaces together, which may stand in a name: only where the options alone are too long.
        yield from (line,) if cells(line) <= WIDTH else fold(line, hang=7)
