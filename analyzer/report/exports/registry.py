"""All formats, found by being files of the folder `formats`; a broken one fails when it is loaded, not midway."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from analyzer.errors import UsageError
from analyzer.report.exports import formats as folder
from analyzer.report.exports.format import Document, Format, Tabular


@cache
def formats() -> dict[str, Format]:
    """Return all formats by name: documents first, then tables. Raises TypeError where a module of the folder is no format."""
    found: list[Format] = []
    for info in iter_modules(folder.__path__):
        module = import_module(f"{folder.__name__}.{info.name}")
        one = getattr(module, "FORMAT", None)
        if not isinstance(one, (Document, Tabular)) or one.name != info.name:
            raise TypeError(f"{module.__name__} is no format: it needs FORMAT, a Document or Tabular with the module's name")
        found.append(one)
    return {one.name: one for one in sorted(found, key=lambda one: (isinstance(one, Tabular), one.name))}


def named(name: str) -> Format:
    """Return the format of a name. Raises UsageError with the names there are."""
    known = formats()
    if name not in known:
        raise UsageError(f"there is no format {name!r}", hint=f"one of {', '.join(known)}")
    return known[name]


def endings() -> Iterator[tuple[str, Format]]:
    """Yield the endings of file names with their formats, longest first: `.otlp.json` before `.json`."""
    pairs = [(suffix, one) for one in formats().values() for suffix in one.suffixes]
    yield from sorted(pairs, key=lambda pair: -len(pair[0]))


def by_ending(name: str) -> Format | None:
    """Return the format that a file's name asks for; None where it asks for none."""
    lower = name.lower()
    return next((one for suffix, one in endings() if lower.endswith(suffix)), None)
