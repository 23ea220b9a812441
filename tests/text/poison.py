"""Puts attacks into the rows of an answer, past what the parsers let through: what shows an answer must not rely on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from analyzer import pipeline
from analyzer.model.analysis import Analysis
from analyzer.model.table import Table
from analyzer.watching.session import Session
from analyzer.watching.window import Done
from tests.text.hostile import ATTACKS

TEXTS = (
    "server_name", "region", "name", "target", "host", "operation", "error_type", "aws_request_id", "invocation_id", "sdk_version",
    "table_name", "cipher", "alpn", "detail",
)  # fmt: skip
"""Columns that hold words of packets."""
ALL = tuple(ATTACKS.values())


def poisoned(row: Any, number: int) -> Any:
    """Return a row with an attack in each of its texts."""
    attack = ALL[number % len(ALL)]
    return row._replace(**{name: f"{attack}" for name in TEXTS if isinstance(getattr(row, name, None), str)})


def _table(table: Table[Any]) -> Table[Any]:
    rows: Iterable[Any] = (poisoned(row, getattr(row, "call_id", None) or place) for place, row in enumerate(table))
    return Table(table.name, table.row_type, rows)


def poison(answer: Analysis) -> Analysis:
    """Return an answer that attacks."""
    for name in ("connections", "lookups", "handshakes", "exchanges", "calls", "anomalies"):
        setattr(answer, name, _table(getattr(answer, name)))
    everything = " ".join(ALL)
    answer.capture.notes += [everything]
    answer.capture.remarks += [everything]
    answer.capture.interfaces = [replace(one, name=everything) for one in answer.capture.interfaces]
    return answer


def administer(patch: pytest.MonkeyPatch) -> None:
    """Let everything that is read, or watched, attack."""
    read: Callable[..., Analysis] = pipeline.read
    keep = Session._keep

    def poisoned_read(*args: Any, **options: Any) -> Analysis:
        return poison(read(*args, **options))

    def poisoned_keep(self: Session, calls: Any) -> list[Done]:
        done = [one._replace(call=poisoned(one.call, one.call.call_id)) for one in calls.done]
        return keep(self, calls._replace(done=done))

    patch.setattr(pipeline, "read", poisoned_read)
    patch.setattr(Session, "_keep", poisoned_keep)
