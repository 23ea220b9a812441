"""The report as Markdown, for an issue, a ticket or a pull request: the same content as on a terminal, tables whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from analyzer.model.analysis import Analysis
from analyzer.report.claims import LABELS, Claim
from analyzer.report.grids import Cells, entries_grid, explained, operations_grid
from analyzer.report.sentences import plural
from analyzer.report.summary import summarize
from analyzer.report.text import inline, markdown, plain
from analyzer.report.worth import short


class MarkdownRenderer:
    """The report as Markdown. Options as those of the text report."""

    name = "markdown"
    suffix = ".md"

    def __init__(
        self, *, slow: int = 8, verbose: bool = False, tail: bool = False, names: tuple[str, ...] = (), filters: tuple[str, ...] = ()
    ) -> None:
        self._slow = slow
        self._verbose = verbose
        self._tail = tail
        self._names = names
        self._filters = filters

    def render(self, analysis: Analysis) -> Iterator[str]:
        """Yield the report line by line. Nothing that came from packets is markup in it."""
        said = summarize(analysis, slow=self._slow, verbose=self._verbose, names=self._names, filters=self._filters)
        if said.headline:
            yield from (f"**{markdown(' '.join(said.headline))}**", "")
        yield from bullets(said.about + said.remarks)
        if said.claims:
            yield from ("", "## Findings")
        for claim in said.claims:
            yield from claim_section(claim)
        if said.more_claims:
            yield from ("", f"And {plural(said.more_claims, 'more finding')}.")
        if said.whatif:
            yield from ("", "## What if", "")
            yield from table(short(said.whatif))
        if said.operations:
            yield from ("", "## Where the time went", "")
            yield from table(operations_grid(said.operations, said.noun).cells())
            if said.more_operations:
                yield from ("", f"And {plural(said.more_operations, 'more operation')}.")
        if said.slowest:
            yield from ("", f"## Slowest {said.noun}s", "")
            yield from table(entries_grid(said.slowest, said.first_ns, said.noun).cells())
        if said.beside:
            yield from ("", "## Dialogues that no call waited for", "")
            yield from table(entries_grid(said.beside, said.first_ns, said.noun, "not waited for").cells())
            if said.more_beside:
                yield from ("", f"And {plural(said.more_beside, 'more dialogue')}.")
        if said.operations:
            yield from ("", *explained(said.operations, said.noun, long_requests=said.long_requests))
        if said.pools:
            yield from ("", "## Connections", "")
            yield from (f"- {markdown(paragraph)}" for paragraph in said.pools)
        if self._tail:
            from analyzer.report.tail import tail_markdown

            yield from tail_markdown(analysis)
        if said.commands:
            yield from ("", "## Next", "", *fenced((f"{command} {said.captures}" for command in said.commands), "sh"))


def claim_section(claim: Claim) -> Iterator[str]:
    """Yield a finding: its title as a heading, claim, and a list of proof, filter, fix, gain and doubt."""
    yield from ("", f"### {markdown(claim.title)}", "", markdown(claim.text), "")
    for label in LABELS:
        if label in claim.lines:
            text = claim.lines[label]
            yield f"- {label}: {code(text) if label == 'filter' else inline(text)}"


def bullets(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines as a list."""
    return (f"- {markdown(line)}" for line in lines)


def table(grid: Cells) -> Iterator[str]:
    """Yield a table."""
    left = grid.left()
    yield f"| {' | '.join(grid.head)} |"
    yield f"|{'|'.join(':---' if index in left else '---:' for index in range(len(grid.head)))}|"
    for row in grid.body:
        yield f"| {' | '.join(map(inline, row))} |"


def code(text: str) -> str:
    """Return text as inline code. Inside, nothing can be escaped: a fence longer than any run of backticks holds it (CommonMark 6.1)."""
    safe = plain(text)
    fence = "`" * (max(map(len, re.findall("`+", safe)), default=0) + 1)
    pad = " " if safe.startswith("`") or safe.endswith("`") else ""
    return f"{fence}{pad}{safe}{pad}{fence}"


def fenced(lines: Iterable[str], language: str) -> list[str]:
    """Return lines as a code block, by a fence longer than any run of backticks in them (CommonMark 4.5)."""
    safe = [plain(line) for line in lines]
    fence = "`" * max(3, max((len(run) for line in safe for run in re.findall("`+", line)), default=0) + 1)
    return [f"{fence}{language}", *safe, fence]
