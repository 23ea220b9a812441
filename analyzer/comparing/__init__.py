"""Two answers -> what differs between them: operations matched, every phase before and after with intervals, findings, a verdict."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from analyzer.comparing.conditions import conditions, facts, vantages_differ, warnings
from analyzer.comparing.diagnoses import finding_changes
from analyzer.comparing.matching import Pairs, match
from analyzer.comparing.measuring import identical, matched_row, measure
from analyzer.comparing.verdict import verdict
from analyzer.model.analysis import Analysis
from analyzer.model.comparison import Comparison, Difference, Fact, FindingChange, Matched, Side, Unmatched
from analyzer.model.table import Table
from analyzer.report.calls import dialogues
from analyzer.report.ledger import percentile
from analyzer.report.saved import is_saved, load
from analyzer.report.sentences import plural

__all__ = ["Source", "compare", "compared", "open_side"]

Source = Analysis | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""An answer, or where to read one: captures, or a saved report."""


def compare(
    before: Source,
    after: Source,
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    keys_before: str | os.PathLike[str] | None = None,
    keys_after: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Hold two answers against each other: captures, saved reports (JSON, Parquet), or what `read` gave.

    `services`, `keys`: as for `read`, for both sides; `keys_before` and `keys_after` for one. Raises CaptureError, UnknownFormat and
    UsageError as `read` does.
    """
    sides = [
        source if isinstance(source, Analysis) else open_side(source, services=services, keys=own if own is not None else keys)
        for source, own in ((before, keys_before), (after, keys_after))
    ]
    return compared(*sides)


def open_side(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
) -> Analysis:
    """Return the answer that a saved report holds, or that captures give."""
    from analyzer.reading import read

    paths: Iterable[str | os.PathLike[str]] = [source] if isinstance(source, str | os.PathLike) else list(source)
    saved = [path for path in paths if is_saved(path)]
    if saved:
        from analyzer.errors import UsageError

        if len(list(paths)) > 1:
            raise UsageError("a saved report is a side by itself: it cannot be joined with captures or other reports")
        return load(saved[0])
    return read(list(paths), services=services, keys=keys)


def compared(before: Analysis, after: Analysis) -> Comparison:
    """Hold two answers against each other."""
    pairs = match(before, after, split=not vantages_differ(before, after))
    own = pairs.own()
    measured, tests = measure(pairs.pairs)
    by_name = {(one.pair.name, one.pair.beside): one for one in measured}
    was = conditions(before, pairs, [pair.before for pair in own])
    now = conditions(after, pairs, [pair.after for pair in own])
    if vantages_differ(before, after):  # each sees its own part of the path
        was, now = was._replace(rtt_ns=None), now._replace(rtt_ns=None)
    changes = finding_changes(before, after, own)
    alone = list(_unmatched(pairs))
    same = identical(pairs.pairs)
    concerned = {row.code: (_named(before, row.code), _named(after, row.code)) for row in changes}
    if same:
        said, changed = [f"No difference: both hold the same {plural(was.calls, pairs.noun)}, to the nanosecond."], False
    else:
        said, changed = verdict(pairs, measured, changes, concerned, alone, (was, now))
    if vantages_differ(before, after) and said and measured:
        said = [f"As captured at two different places: {said[0]}", *said[1:]]
    return Comparison(
        before=_side(before, pairs, "before"),
        after=_side(after, pairs, "after"),
        noun=pairs.noun,
        verdict=said,
        warnings=[*warnings(before, after, was, now), *pairs.notes, *_of_saved(before, after)],
        operations=Table(
            "operations", Matched, [matched_row(by_name.get((pair.name, pair.beside)), pair) for pair in pairs.pairs if pair.matched]
        ),
        differences=Table("differences", Difference, [row for one in measured for row in one.rows]),
        unmatched=Table("unmatched", Unmatched, alone),
        findings=Table("findings", FindingChange, changes),
        facts=Table("facts", Fact, list(facts(was, now))),
        same=same,
        changed=changed,
        tests=tests,
        show=_show,
    )


def _named(side: Analysis, code: str) -> set[int]:
    """Return the calls that findings of a code name."""
    return {number for found in side.findings if found.code == code for number in found.calls}


def _unmatched(pairs: Pairs) -> Iterable[Unmatched]:
    for pair in pairs.own():
        if not pair.matched:
            side, sample = ("before", pair.before) if pair.before.numbers else ("after", pair.after)
            ordered = sorted(row.total_ns for row in sample.rows)
            yield Unmatched(pair.name, side, sample.calls, percentile(ordered, 50) if ordered else None, sample.total_ns)


def _side(analysis: Analysis, pairs: Pairs, which: str) -> Side:
    own = pairs.own()
    files = [file.name for file in analysis.capture.files]
    samples = [getattr(pair, which) for pair in own]
    return Side(
        name=", ".join(files) or "made by hand",
        calls=sum(sample.calls for sample in samples),
        total_ns=sum(sample.total_ns for sample in samples),
        vantage=analysis.vantage,
        saved=analysis.saved is not None,
        version=analysis.saved,
        dialogues=len(dialogues(analysis)) if pairs.noun == "call" else 0,
    )


def _of_saved(before: Analysis, after: Analysis) -> Iterable[str]:
    """Say that rules may have changed between a saved report and now."""
    from analyzer.report.document import analyzer_version

    for name, side in (("before", before), ("after", after)):
        if side.saved and side.saved != analyzer_version():
            yield f"The report {name} was made by version {side.saved}: findings may have come or gone with the rules."


def _show(comparison: Comparison, form: str) -> str:
    from analyzer.report.comparison import text
    from analyzer.report.comparison_page import card

    return card(comparison) if form == "html" else "\n".join(text(comparison))
