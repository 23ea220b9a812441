"""What somebody will look at: a pass over a million exchanges need not find out what nobody asks for."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

BODIES = frozenset({"table_name", "count", "scanned_count", "has_more", "continues", "unprocessed"})
"""Columns of exchanges that only their bodies tell."""
ERRORS = frozenset({"error_type"})
ATTEMPTS = frozenset({"sdk", "sdk_version", "invocation_id", "attempt", "retry_mode"})
"""Columns that tell who asked, and the how manieth time."""
WAITS = frozenset({"wait_stall_ns", "network_ns", "server_ns", "stall_ns", "stalls", "held"})


class Wants(NamedTuple):
    """Parts of an answer that will be looked at; columns of exchanges in the other parts are None, or empty."""

    calls: bool = True
    """The tables `calls` and `spans`, and `call_id`; they are made of all columns of exchanges."""
    repeats: bool = True
    """What a repeated segment cost whom (`repeats` of connections)."""
    bodies: bool = True
    errors: bool = True
    attempts: bool = True
    waits: bool = True
    columns: frozenset[str] | None = None
    """The columns of exchanges that are looked at, where no other table is made of them; None: all."""


EVERYTHING = Wants()
WITHOUT_CALLS = Wants(calls=False)


def wants_of(columns: Collection[str]) -> Wants:
    """Return what the given columns of exchanges take, and no other table but connections without their repeats."""
    names = frozenset(columns)
    if "call_id" in names:
        return EVERYTHING
    return Wants(
        calls=False,
        repeats=False,
        bodies=not names.isdisjoint(BODIES),
        errors=not names.isdisjoint(ERRORS),
        attempts=not names.isdisjoint(ATTEMPTS),
        waits=not names.isdisjoint(WAITS),
        columns=names,
    )
