"""What a format is: a name, endings of file names, and how an answer or a table becomes text or bytes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, NamedTuple, Protocol, TypeAlias

from analyzer.model.analysis import Analysis
from analyzer.model.table import Table

Render: TypeAlias = Callable[[Analysis, bool], Iterable[str]]
"""(analysis, whether one JSON object a line is wanted) -> the document, in pieces: a large one is never held as text."""


class Save(Protocol):
    """Writes a table to a file."""

    def __call__(self, table: Table[Any], out: IO[bytes], origin: Mapping[str, str], columns: Sequence[str] | None = None) -> None:
        """Write the wanted columns, None all, and what the file should say of its origin, where the format has a place for that."""
        ...


class Document(NamedTuple):
    """A format that tells a whole answer in one file, for a viewer."""

    name: str
    suffixes: tuple[str, ...]
    """Endings by which it is chosen, the usual one first; one that ends in `.jsonl` asks for one JSON object a line."""
    about: str
    """What it is and who opens it, for `--help`: a few words."""
    render: Render


class Tabular(NamedTuple):
    """A format of tables: a file each, a whole answer is a folder of them."""

    name: str
    suffixes: tuple[str, ...]
    about: str
    save: Save


Format: TypeAlias = Document | Tabular
