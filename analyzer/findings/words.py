"""Words that several rules share: which calls are meant, whose SDK it is, and the remedy in that SDK's own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from analyzer import sdks
from analyzer.model.rows import Call
from analyzer.units import DurationNs, count, duration


def median(values: Iterable[int]) -> int:
    """Return the middle one of some numbers, of two the upper; 0 of none."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0


def plural(number: int, noun: str, several: str | None = None) -> str:
    """Write a number with its noun: `1 call`, `1 204 calls`; `several` is the noun of more than one where that is not just an s."""
    return f"{count(number)} {noun if number == 1 else several or f'{noun}s'}"


def between(values: Sequence[DurationNs]) -> str:
    """Write durations as one where they are alike within a tenth, else as a range: `20.1 s`, `18.0 s to 60.2 s`."""
    low, high = min(values), max(values)
    if high - low <= high // 10:
        return duration(median(values))
    return f"{duration(low)} to {duration(high)}"


def named(calls: Iterable[Call]) -> str:
    """Return the operation of calls that all have the same, with a space behind it; nothing where they differ or it is unknown."""
    operations = {call.operation for call in calls}
    only = operations.pop() if len(operations) == 1 else None
    return f"{only} " if only is not None else ""


def out_of(calls: Sequence[Call], everything: Iterable[Call]) -> str:
    """Write how many calls of how many: `3 of 6 Query calls`; of one operation out of the calls of that operation, else out of all."""
    noun = named(calls)
    total = sum(1 for call in everything if not noun or call.operation == calls[0].operation)
    total = max(total, len(calls))
    return f"{count(len(calls))} of {count(total)} {noun}{'call' if total == 1 else 'calls'}"


def sdk_name(sdk: str | None) -> str:
    """Return what people call an SDK; nothing where it is unknown."""
    return sdks.title(sdk)


def remedy_for(purpose: str, calls: Iterable[Call], otherwise: str) -> str:
    """Return the remedy for a purpose (`sdks.records.PURPOSES`) in the words of the SDK that made most of the calls."""
    used = Counter(call.sdk for call in calls if call.sdk)
    sdk = used.most_common(1)[0][0] if used else None
    return sdks.remedy(sdk, purpose) or otherwise


def clause(remedy: str) -> str:
    """Return the one sentence of a remedy as a part of another: `Set X=1.` -> `set X=1`."""
    return remedy[:1].lower() + remedy[1:].removesuffix(".")
