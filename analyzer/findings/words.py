"""Words that several rules share: which calls are meant, whose SDK it is, and the remedy in that SDK's own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from analyzer.model.rows import Call
from analyzer.units import DurationNs, count, duration

SDK_NAMES = {
    "python-boto3": "boto3", "python-botocore": "botocore", "python-aiobotocore": "aiobotocore", "aws-cli": "AWS CLI",
    "js-v2": "SDK for JavaScript v2", "js-v3": "SDK for JavaScript v3", "java-v1": "SDK for Java 1", "java-v2": "SDK for Java 2",
    "kotlin": "SDK for Kotlin", "go-v1": "SDK for Go 1", "go-v2": "SDK for Go 2", "dotnet": "SDK for .NET", "rust": "SDK for Rust",
    "ruby": "SDK for Ruby", "php": "SDK for PHP", "cpp": "SDK for C++", "swift": "SDK for Swift", "elixir-hackney": "ex_aws",
}  # fmt: skip
"""What people call the SDKs that a user agent names."""


def median(values: Iterable[int]) -> int:
    """Return the middle one of some numbers, of two the upper; 0 of none."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0


def plural(number: int, noun: str) -> str:
    """Write a number with its noun: `1 call`, `1 204 calls`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


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
    return SDK_NAMES.get(sdk or "", "")


def remedy_for(remedies: Mapping[str, str], calls: Iterable[Call], otherwise: str) -> str:
    """Return the remedy in the words of the SDK that made most of the calls. Keys are SDKs or families (`python` for `python-*`)."""
    used = Counter(call.sdk for call in calls if call.sdk)
    if not used:
        return otherwise
    sdk = used.most_common(1)[0][0] or ""
    return remedies.get(sdk) or remedies.get(sdk.partition("-")[0]) or otherwise
