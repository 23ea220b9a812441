"""The parts of a page that need no script: headline, findings, ledger, tail, quality of the capture. Everything from packets is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from analyzer.model.analysis import Analysis
from analyzer.report.claims import INCOMPLETE, LABELS, Claim, tell
from analyzer.report.colours import PHASE_WORDS
from analyzer.report.grids import LEAST_SHARE, Cells, entries_grid, explained, operations_grid
from analyzer.report.ledger import PHASES, Operation
from analyzer.report.sentences import plural
from analyzer.report.summary import Summary
from analyzer.report.tail import LEAST_ROWS, MIDDLE, SLOWEST_PERCENT, Tail, sentences, tail_grid, tails, too_few
from analyzer.report.text import markup
from analyzer.report.traces import ledger_of
from analyzer.report.worth import short
from analyzer.units import DurationNs, bytes_, count, duration, moment, percent

MOST_BARS = 400
MOST_NAMED = 24
"""Calls of a finding that get a link."""
MOST_ANOMALIES = 12
MOST_TAILS = 12


def safe(text: str) -> str:
    """Return text for HTML, in an element or a quoted attribute."""
    return markup(text)


def bar(spent: Sequence[float], total: float, label: str) -> str:
    """Return phases as one bar of full width. Sizes are attributes of shapes: the page's policy forbids styles of single elements."""
    shapes, at = [], 0.0
    for phase, took in zip(PHASES, spent, strict=True):
        width = 1000 * took / total if total else 0.0
        if width >= 0.5:
            shapes.append(f'<rect class="p-{phase}" x="{at:.1f}" y="0" width="{width:.1f}" height="10"></rect>')
        at += width
    return (
        f'<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="{safe(label)}">{"".join(shapes)}</svg>'
    )


def answer(said: Summary, operations: Sequence[Operation]) -> Iterator[str]:
    """Yield headline and where all the time went."""
    if said.headline:
        first, *more = said.headline
        yield f'<p class="headline">{safe(first)}</p>'
        yield from (f'<p class="second">{safe(line)}</p>' for line in more)
    yield from (f"<p>{safe(line)}</p>" for line in said.remarks)
    total = sum(operation.total_ns for operation in operations)
    if not total:
        return
    spent = [sum(operation.spent[number] for operation in operations) for number in range(len(PHASES))]
    rows = sum(operation.rows for operation in operations)
    parts = [(phase, took) for phase, took in zip(PHASES, spent, strict=True) if took >= LEAST_SHARE * total]
    label = ", ".join(f"{phase} {percent(took / total)}" for phase, took in parts)
    yield f'<figure class="whole"><figcaption>Where {plural(rows, said.noun)} spent {safe(duration(total))}</figcaption>'
    yield bar(spent, total, label)
    yield '<ul class="legend">'
    for phase, took in parts:
        yield (
            f'<li title="{safe(PHASE_WORDS[phase])}"><i class="key k-{phase}"></i>{phase} <b>{percent(took / total)}</b> '
            f"<span>{safe(duration(took))}</span></li>"
        )
    yield "</ul></figure>"
    if said.whatif:
        yield from grid_table(
            short(said.whatif), caption="What changes would gain: p50, p95 and total in ms (analyzer whatif tells it in full)"
        )


def findings(said: Summary, noun: str) -> Iterator[str]:
    """Yield the findings: those that cost next to nothing closed."""
    if not said.claims:
        yield '<p class="quiet">No rule found anything to say.</p>'
    for number, claim in enumerate(said.claims):
        yield from finding(number, claim, noun)


def finding(number: int, claim: Claim, noun: str) -> Iterator[str]:
    """Yield one finding."""
    found = claim.finding
    share = percent(found.share) if found.share is not None and found.share > 0 else ""
    cost = duration(found.cost_ns) if found.cost_ns > 0 else ""
    price = f'<span class="cost"><b>{safe(cost)}</b>{f" {share} of all call time" if share else ""}</span>' if cost else ""
    opened = "" if claim.small else " open"
    yield f'<details class="finding s-{safe(found.severity)}" id="finding-{number}"{opened}><summary>'
    yield f'<span class="severity">{safe(found.severity)}</span> <span class="title">{safe(claim.title)}</span> {price}</summary>'
    yield f'<p class="claim">{safe(claim.text)}</p><dl>'
    for label in LABELS:
        if label in claim.lines:
            text = safe(claim.lines[label])
            shown = (
                f'<code>{text}</code> <button type="button" class="copy" data-copy="{text}">copy</button>' if label == "filter" else text
            )
            yield f'<dt>{label}</dt><dd class="d-{label}">{shown}</dd>'
    yield "</dl>"
    rows = found.exchanges if noun == "request" else found.calls
    if rows:
        links = " ".join(f'<a href="#call={row}">{row}</a>' for row in rows[:MOST_NAMED])
        more = f" and {count(len(rows) - MOST_NAMED)} more" if len(rows) > MOST_NAMED else ""
        yield f'<p class="links script">{noun}s {links}{more} <button type="button" class="only" data-finding="{number}">'
        yield "only these in the list</button></p>"
    yield "</details>"


def grid_table(grid: Cells, *, bars: Sequence[str] = (), link: str = "", caption: str = "") -> Iterator[str]:
    """Yield a table; numbers stand to the right. `bars` is a last column; `link` makes links to calls of the first one."""
    left = set(grid.left())
    yield f'<div class="scroll"><table><caption>{safe(caption)}</caption><thead><tr>'
    for number, name in enumerate(grid.head):
        mark = f'<i class="key k-{name}"></i>' if name in PHASES else ""
        yield f'<th scope="col"{LEFT if number in left else ""}>{mark}{safe(name)}</th>'
    yield f"{WIDE if bars else ''}</tr></thead><tbody>"
    for row, cells in enumerate(grid.body):
        yield "<tr>"
        for number, cell in enumerate(cells):
            shown = f'<a href="#{link}={safe(cell)}">{safe(cell)}</a>' if link and number == 0 else safe(cell)
            yield f"<td{LEFT if number in left else ''}>{shown}</td>"
        yield f"<td>{bars[row]}</td></tr>" if bars else "</tr>"
    yield "</tbody></table></div>"


LEFT = ' class="left"'
WIDE = '<th scope="col" class="wide">phases</th>'


def ledger(said: Summary) -> Iterator[str]:
    """Yield a line an operation."""
    if not said.operations:
        yield '<p class="quiet">Nothing here has a ledger.</p>'
        return
    bars = [bar(row.spent, row.total_ns, ", ".join(_shares(row))) for row in said.operations[:MOST_BARS]]
    grid = operations_grid(said.operations[:MOST_BARS], said.noun).cells()
    head = [*grid.head[:2], "time in all", *grid.head[2:]]
    body = [[*row[:2], duration(said.operations[number].total_ns), *row[2:]] for number, row in enumerate(grid.body)]
    yield from grid_table(Cells(head, body), bars=bars, caption="Shares of each operation's time, by phase; p50, p95 and max in ms")
    if len(said.operations) > MOST_BARS:
        yield f'<p class="quiet">and {plural(len(said.operations) - MOST_BARS, "more operation")}</p>'
    yield from (f'<p class="quiet">{safe(line)}</p>' for line in explained(said.operations, said.noun, long_requests=said.long_requests))


def _shares(operation: Operation) -> list[str]:
    return [f"{phase} {percent(share)}" for phase, share in operation.shares.items() if share >= LEAST_SHARE]


def slowest(said: Summary) -> Iterator[str]:
    """Yield the slowest rows, and dialogues beside: what a printed page holds of the list."""
    link = "call"
    if said.slowest:
        grid = entries_grid(said.slowest, said.first_ns, said.noun).cells()
        yield from grid_table(grid, link=link, caption=f"The slowest {said.noun}s, times in ms")
    if said.beside:
        grid = entries_grid(said.beside, said.first_ns, said.noun, "not waited for").cells()
        yield from grid_table(grid, link=link, caption="Dialogues with credential endpoints that no call waited for, times in ms")


def tail_parts(analysis: Analysis) -> Iterator[str]:
    """Yield the tails: in words and as a table each."""
    noun, made, few = ledger_of(analysis).noun, tails(analysis), too_few(analysis)
    if not made:
        yield f'<p class="quiet">No operation has {LEAST_ROWS} {noun}s that were captured whole: nothing to compare.</p>'
        return
    for number, tail in enumerate(made[:MOST_TAILS]):
        yield f'<details class="tail"{" open" if number < 3 else ""}><summary><span class="title">{safe(tail.operation)}</span> '
        yield f'<span class="cost"><b>{safe(duration(max(0, tail.more_ns)))}</b> more in the tail</span></summary>'
        yield from (f"<p>{safe(line[:1].upper() + line[1:])}</p>" for line in sentences(tail, noun))
        yield from tail_bars(tail)
        yield from grid_table(_named(tail_grid(tail)), caption="Means, in ms")
        links = " ".join(f'<a href="#call={row}">{row}</a>' for row in reversed(tail.slow.numbers[-MOST_NAMED:]))
        yield f'<p class="links script">slowest first: {links}</p></details>'
    text = f"The slowest {SLOWEST_PERCENT} % of each operation, three {noun}s at least, beside the {noun}s between its {MIDDLE[0]}th and"
    text += f" its {MIDDLE[1]}th percentile."
    if len(made) > MOST_TAILS:
        text += f" {plural(len(made) - MOST_TAILS, 'more operation')} not shown."
    if few:
        text += f" {plural(few, 'operation')} with fewer than {LEAST_ROWS} {noun}s: no tail."
    yield f'<p class="quiet">{safe(text)}</p>'


def tail_bars(tail: Tail) -> Iterator[str]:
    """Yield the two groups as bars on one scale."""
    scale = max(tail.slow.total_ns, tail.middle.total_ns, 1)
    for name, group in (("slowest", tail.slow), ("median", tail.middle)):
        shares = ", ".join(f"{phase} {duration(took)}" for phase, took in zip(PHASES, group.spent, strict=True) if took)
        drawn = bar(group.spent, scale, f"{name}: {shares}")
        yield f'<div class="pair"><span>{name}</span>{drawn}<b>{safe(duration(group.total_ns))}</b></div>'


def _named(grid: Cells) -> Cells:
    return Cells(["what happened" if number == 0 else name for number, name in enumerate(grid.head)], grid.body)


def quality(analysis: Analysis, said: Summary) -> Iterator[str]:
    """Yield what was captured, how complete it is, and what broke a rule."""
    info = analysis.capture
    found = [finding for finding in analysis.findings if finding.code == INCOMPLETE]
    for claim in tell(analysis, found):
        yield f'<p class="claim">{safe(claim.text)}</p><dl>'
        yield "".join(f"<dt>{label}</dt><dd>{safe(claim.lines[label])}</dd>" for label in LABELS if label in claim.lines)
        yield "</dl>"
    yield "<dl>"
    for name, text in _facts(analysis):
        yield f"<dt>{safe(name)}</dt><dd>{safe(text)}</dd>"
    yield "</dl>"
    yield from (f'<p class="quiet">note: {safe(note)}</p>' for note in (*info.remarks, *info.notes))
    anomalies = Counter(row.code for row in analysis.anomalies)
    if anomalies:
        firsts = {row.code: row for row in reversed(list(analysis.anomalies))}
        body = [
            [code, count(number), str(firsts[code].packet_id or ""), firsts[code].detail]
            for code, number in anomalies.most_common(MOST_ANOMALIES)
        ]
        yield from grid_table(Cells(["what happened", "times", "first packet", "filter"], body), caption="Anomalies")
        if len(anomalies) > MOST_ANOMALIES:
            yield f'<p class="quiet">and {count(len(anomalies) - MOST_ANOMALIES)} more kinds (analyzer anomalies lists them)</p>'


def _facts(analysis: Analysis) -> Iterator[tuple[str, str]]:
    info = analysis.capture
    for file in info.files:
        yield "file", f"{file.name} ({file.format or 'unknown format'}), {plural(file.packets, 'packet')}"
    if info.first_ns is not None and info.last_ns is not None:
        yield "time", f"{moment(info.first_ns)} to {moment(info.last_ns)}, {duration(info.last_ns - info.first_ns)}"
    yield "size", f"{plural(info.packets, 'packet')}, {bytes_(info.bytes)}"
    yield "read to its end", "yes" if info.complete else "no: cut short or damaged"
    if analysis.vantage is not None:
        yield "captured at", analysis.vantage
    yield "cut by the snapshot length", plural(info.cut_packets, "packet")
    dropped = [row.dropped for row in info.interfaces if row.dropped is not None]
    yield "dropped while capturing", plural(sum(dropped), "packet") if dropped else "unknown: the file does not say"
    missing: DurationNs = sum(row.gap_bytes for row in analysis.connections)
    yield (
        "missing from byte streams",
        f"{bytes_(missing)} of {bytes_(sum(row.bytes_sent + row.bytes_received for row in analysis.connections))}",
    )
    known = Counter(row.evidence for row in analysis.exchanges)
    if known:
        yield "known how", ", ".join(f"{plural(number, 'request')} {name}" for name, number in known.most_common())


def joined(parts: Iterable[str]) -> str:
    """Return parts in one piece."""
    return "".join(parts)
