"""Rows with what only a live view knows: whose connection it was."""

from __future__ import annotations

from collections import namedtuple
from typing import Any, NamedTuple

from analyzer.model.rows import Call, Connection


class Owner(NamedTuple):
    """The process at the local end of a connection, as the kernel's tables told while it was open; None where they did not."""

    process_id: int | None
    process: str | None
    """Name of the process, as `ps -o comm` shows it."""
    command: str | None
    """The program and its script; other arguments may hold secrets and are left out."""
    container: str | None
    """Short id of the container, by its control group."""


NOBODY = Owner(None, None, None, None)
OWNER_COLUMNS = Owner._fields


def _widened(name: str, row_type: type[Any]) -> Any:
    """Make a row type that has an owner's columns behind those of another."""
    more = [column for column in OWNER_COLUMNS if column not in row_type._fields]
    made = namedtuple(name, (*row_type._fields, *more))  # type: ignore[misc]
    made.__annotations__ = {**row_type.__annotations__, **Owner.__annotations__}
    made.__doc__ = f"{row_type.__name__} with the process at its local end."
    return made


WatchedCall = _widened("WatchedCall", Call)
"""A row of `calls` with the columns of `Owner`."""
WatchedConnection = _widened("WatchedConnection", Connection)
"""A row of `connections` with the columns of `Owner`."""
