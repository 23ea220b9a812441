"""Reads a profile from TOML into records, strictly: what is unknown, without source or out of range is an error that names file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from analyzer.errors import AnalyzerError
from analyzer.sdks import values
from analyzer.sdks.pauses import KINDS
from analyzer.sdks.records import Container, Delay, Headers, Imds, Mode, Pool, Profile, Refresh, Retried, User
from analyzer.sdks.values import Reader, Wrong


class ProfileError(AnalyzerError, ValueError):
    """A profile cannot be used; the text names its file and the key."""


def profile(name: str, text: str) -> Profile:
    """Read a profile from the text of its file. Raises ProfileError for whatever is wrong with it."""
    try:
        return _profile(name, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{name}.toml: {error}") from None
    except Wrong as wrong:
        raise ProfileError(f"{name}.toml: {wrong.key}: {wrong.what}") from None


def _profile(name: str, data: Mapping[str, Any]) -> Profile:
    for key in data:
        if key not in SECTIONS:
            raise Wrong("unknown key", key)
    found = {key: _under(key, SECTIONS[key], value) for key, value in data.items()}
    if not found.get("users"):
        raise Wrong("missing: at least one name under which the SDK is recognised", "users")
    remedies, remedy_source = found.get("remedies", ({}, ""))
    return Profile(
        name=name,
        users=found["users"],
        headers=found.get("headers"),
        modes=tuple(found.get("modes", {}).values()),
        retried=found.get("retried"),
        imds=found.get("imds"),
        container=found.get("container"),
        refresh=found.get("refresh"),
        pools=tuple(found.get("pools", {}).values()),
        remedies=remedies,
        remedy_source=remedy_source,
    )


def _under(key: str, reader: Reader, value: object) -> Any:
    try:
        return reader(value)
    except Wrong as wrong:
        raise wrong.under(key) from None


def _named(reader: Callable[[str, object], Any]) -> Reader:
    """Make a reader of a table of tables with names."""

    def read(value: object) -> dict[str, Any]:
        found = {}
        for name, one in values.table(value).items():
            try:
                found[name] = reader(name, one)
            except Wrong as wrong:
                raise wrong.under(name) from None
        return found

    return read


def _user(name: str, value: object) -> User:
    found: dict[str, Any] = {
        "title": name,
        "pattern": None,
        "hello": None,
        "order": 100,
        "kind": "sdk",
        "other_versions": False,
        "remedies": {},
    }
    given = dict(values.table(value))
    _under("source", values.source, given.pop("source", None))
    for key, one in given.items():
        if key not in USER:
            raise Wrong("unknown key", key)
        found["pattern" if key == "user_agent" else key] = _under(key, USER[key], one)
    return User(name=name, **found)


def _mode(name: str, value: object) -> Mode:
    given = {"name": name, "title": name, **values.table(value)}
    mode: Mode = _record(Mode, given)
    return mode


def _pool(name: str, value: object) -> Pool:
    pool: Pool = _record(Pool, {**values.table(value), "name": name})
    return pool


def _delays(value: object) -> dict[str, Delay]:
    found = {}
    for kind, figures in values.table(value).items():
        if kind.removeprefix("dynamodb-") not in KINDS:
            raise Wrong(f"no kind of error: {', '.join(KINDS)}, or these after dynamodb-", kind)
        found[kind] = _under(kind, _delay, figures)
    return found


def _delay(value: object) -> Delay:
    delay: Delay = _record(Delay, values.table(value))
    return delay


def _remedies(value: object) -> tuple[dict[str, str], str]:
    """Read the remedies of a profile, which have one source."""
    given = dict(values.table(value))
    return _under("", values.remedies, {key: one for key, one in given.items() if key != "source"}), _under(
        "source", values.source, given.get("source")
    )


def _record(kind: Any, given: Mapping[str, Any]) -> Any:
    """Make a record of a table: its fields are the keys that are allowed, their names and types say what each may hold."""
    readers, needed, sourced = _schema(kind)
    found: dict[str, Any] = {}
    for key, value in given.items():
        reader = readers.get(key)
        if reader is None:
            raise Wrong("unknown key", key)
        try:
            found[key] = reader(value)
        except Wrong as wrong:
            raise wrong.under(key) from None
    if sourced:
        if "source" not in found:
            raise Wrong("missing: every figure has a source", "source")
        of_others = found.setdefault("sources", {})
        for key in of_others:
            # The source of a formula is named by its kind of error.
            if key not in found and key not in found.get("delays", ()):
                raise Wrong("no figure of that name here", f"sources.{key}")
    for key in needed:
        if key not in found:
            raise Wrong("missing", key)
    return kind(**found)


def _sources(value: object) -> dict[str, str]:
    return {key: _under(key, values.source, one) for key, one in values.table(value).items()}


@cache
def _schema(kind: Any) -> tuple[Mapping[str, Reader], tuple[str, ...], bool]:
    """Return how each field of a record is read, which must be there, and whether its figures have sources."""
    readers = {}
    for key, annotation in kind.__annotations__.items():
        form = getattr(annotation, "__forward_arg__", str(annotation)).removesuffix(" | None")
        readers[key] = BY_NAME.get((kind.__name__, key)) or BY_NAME.get(("", key)) or BY_TYPE[form]
    needed = tuple(key for key in readers if key not in kind._field_defaults and key not in ("source", "sources"))
    return readers, needed, "source" in readers


BY_TYPE: Mapping[str, Reader] = {
    "str": values.text,
    "float": values.number,
    "int": values.whole,
    "bool": values.flag,
    "tuple[str, ...]": values.texts,
    "tuple[int, ...]": values.statuses,
    "tuple[float, float]": values.pair,
    "tuple[tuple[float, float], ...]": values.pairs,
    "Delay": _delay,
}
"""What a field may hold, by its type."""

BY_NAME: Mapping[tuple[str, str], Reader] = {
    ("", "source"): values.source,
    ("", "sources"): _sources,
    ("Mode", "delays"): _delays,
    ("Delay", "jitter"): values.one_of("none", "full", "equal"),
    ("Delay", "factor"): values.above_zero,
    ("Pool", "order"): values.one_of("lifo", "fifo"),
    ("Pool", "idle_at"): values.one_of("timer", "use"),
    ("Headers", "counts_from"): values.one_of(0, 1),
    ("Imds", "retried"): values.outcomes,
    ("Imds", "stops_after"): values.outcomes,
    ("Imds", "remembers"): values.outcomes,
    **{("", key): values.count for key in ("tries", "sends", "attempts", "attempts_dynamodb")},
    **{("Mode", key): values.version for key in ("since", "before", "default_since", "default_before")},
}
"""Where the name of a field, in one record or in all, says more than its type."""

USER: Mapping[str, Reader] = {
    "title": values.text,
    "user_agent": values.pattern,
    "hello": values.pattern,
    "order": values.whole,
    "kind": values.one_of("sdk", "library", "container", "hello"),
    "other_versions": values.flag,
    "remedies": values.remedies,
}

SECTIONS: Mapping[str, Reader] = {
    "users": _named(_user),
    "headers": lambda value: _record(Headers, values.table(value)),
    "modes": _named(_mode),
    "retried": lambda value: _record(Retried, values.table(value)),
    "imds": lambda value: _record(Imds, values.table(value)),
    "container": lambda value: _record(Container, values.table(value)),
    "refresh": lambda value: _record(Refresh, values.table(value)),
    "pools": _named(_pool),
    "remedies": _remedies,
}
"""The tables of a file."""
