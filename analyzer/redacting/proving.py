"""The proof: the redacted capture gives the same answer as the original, and nothing that was replaced is in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from analyzer.model.analysis import Analysis
from analyzer.model.table import Table
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.searching import Search

MAPPED = {
    "connections": frozenset({"client_address", "server_address", "server_name"}),
    "lookups": frozenset({"client_address", "resolver", "name", "answers"}),
    "handshakes": frozenset({"server_name"}),
    "exchanges": frozenset({"host", "aws_request_id", "invocation_id", "table_name"}),
    "calls": frozenset({"client_address", "table_name"}),
    "spans": frozenset(),
}
"""Columns whose values others stand in for: the same for the same."""
CODED = {
    "findings": ("code", "severity", "cost_ns", "share", "calls", "connections", "packet_ids", "confidence", "exchanges"),
    "anomalies": ("code", "packet_id", "connection_id"),
}
"""Of tables with sentences in them, which name what was replaced, the columns that hold the verdict."""
UNSEEN = {"exchanges": frozenset({"target"})}
"""Columns that show a text with its secrets already masked by what they look like."""
CAPTURE = ("packets", "bytes", "first_ns", "last_ns", "cut_packets", "backwards")
MOST = 20
FILE_CODES = frozenset({"capture-cut-short", "capture-damaged", "capture-skipped", "overlap-conflict"})
"""Anomalies of the file itself, whose damage a new file does not have, and of repeats with other bytes: all repeats become the same."""
INCOMPLETE, CLEAR = "capture-incomplete", "secrets-in-clear"
"""What a file that was damaged, or that held the keys to itself, says of itself and a new one cannot."""


class Proof(NamedTuple):
    """What the proof found; nothing where the redacted capture says the same and gives nothing away."""

    differences: tuple[str, ...]
    """How its answer differs."""
    found: tuple[str, ...]
    """What was found that should not be there: the kind of encoding and the place, never the secret."""
    searched: int
    """Words that were searched for, in several encodings each."""


def prove(target: str | os.PathLike[str], disguise: Disguise, before: Analysis, read: Callable[[], Analysis]) -> Proof:
    """Compare the answer about the original with that about the redacted capture, which `read` gives, and search the latter for secrets."""
    differences = tuple(_first(compare(before, read())))
    search = Search(disguise)
    return Proof(differences, tuple(search.file(Path(target))), search.words)


def compare(before: Analysis, after: Analysis) -> Iterator[str]:
    """Yield in what two answers differ, apart from values that stand for others one to one."""
    for name in CAPTURE:
        if getattr(before.capture, name) != getattr(after.capture, name):
            yield f"capture: {name} {getattr(before.capture, name)} became {getattr(after.capture, name)}"
    if before.vantage != after.vantage:
        yield f"capture: vantage {before.vantage} became {after.vantage}"
    pairs = _Pairs()
    tables = {table.name: table for table in after.tables()}
    for table in before.tables():
        other = tables[table.name]
        if table.name in CODED:
            gone = (set() if before.capture.complete else {INCOMPLETE}) | ({CLEAR} if before.capture.secrets else set())
            yield from _verdicts(table, other, FILE_CODES | gone)
            continue
        if len(table) != len(other):
            yield f"{table.name}: {len(table)} rows became {len(other)}"
            continue
        mapped, unseen = MAPPED[table.name], UNSEEN.get(table.name, frozenset())
        for number, (old, new) in enumerate(zip(table, other, strict=True)):
            for column, a, b in zip(old._fields, old, new, strict=True):
                if column in mapped:
                    if not pairs.agree(column, a, b):
                        yield f"{table.name}: row {number}: {column} does not stand for one thing"
                elif a != b and column not in unseen:
                    yield f"{table.name}: row {number}: {column} {_short(a)} became {_short(b)}"


def _verdicts(table: Table[Any], other: Table[Any], left_out: frozenset[str]) -> Iterator[str]:
    columns = CODED[table.name]
    ours = [tuple(getattr(row, column) for column in columns) for row in table if row.code not in left_out]
    theirs = [tuple(getattr(row, column) for column in columns) for row in other if row.code not in left_out]
    if sorted(map(repr, ours)) == sorted(map(repr, theirs)):
        return
    for old in ours:
        if old not in theirs:
            yield f"{table.name}: {old[0]} is gone or became another ({_short(old[1:])})"
    for new in theirs:
        if new not in ours:
            yield f"{table.name}: {new[0]} is new ({_short(new[1:])})"


class _Pairs:
    """Which values stand for which: one to one."""

    KINDS: ClassVar = {"client_address": "address", "server_address": "address", "resolver": "address", "answers": "answers"}

    def __init__(self) -> None:
        self._forth: dict[tuple[str, Any], Any] = {}
        self._back: dict[tuple[str, Any], Any] = {}

    def agree(self, column: str, old: Any, new: Any) -> bool:
        if (old is None) != (new is None):
            return False
        if isinstance(old, tuple):
            return len(old) == len(new) and all(self.agree("resolver", a, b) for a, b in zip(old, new, strict=True))
        kind = self.KINDS.get(column, column)
        return bool(self._forth.setdefault((kind, old), new) == new and self._back.setdefault((kind, new), old) == old)


def _first(differences: Iterator[str]) -> Iterator[str]:
    for number, one in enumerate(differences):
        if number == MOST:
            yield "and more"
            return
        yield one


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
