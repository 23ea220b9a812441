"""Calls are made only for who asks for them: they cost time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from analyzer import reading
from analyzer.cli.main import main
from analyzer.cli.tables import wants_for
from analyzer.model.wants import Wants


@pytest.mark.parametrize(
    "table, columns, conditions, needed",
    [
        ("calls", None, (), True),
        ("calls", ["sdk"], (), True),
        ("findings", ["code"], (), True),
        ("connections", None, (), False),
        ("lookups", None, ("name~x",), False),
        ("anomalies", None, (), False),
        ("exchanges", None, (), True),
        ("exchanges", ["exchange_id"], (), False),
        ("exchanges", ["exchange_id", "call_id"], (), True),
        ("exchanges", ["exchange_id"], ("status=200", "call_id=3"), True),
        ("exchanges", ["exchange_id"], ("status=200",), False),
    ],
)
def test_who_needs_them(table: str, columns: Sequence[str] | None, conditions: Sequence[str], needed: bool) -> None:
    assert wants_for(table, columns, conditions).calls is needed


@pytest.mark.parametrize(
    "args, made", [(["connections"], False), (["exchanges", "--columns", "status"], False), (["exchanges"], True), (["report"], True)]
)
def test_the_verbs_ask_for_what_they_need(args: list[str], made: bool, bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    read = reading.read

    def spy(*paths: Any, wants: Wants | None = None, **options: Any) -> Any:
        asked.append(wants is None or wants.calls)
        return read(*paths, wants=wants, **options)

    monkeypatch.setattr(reading, "read", spy)
    assert main([*args, str(bundled / "cold-start.pcap")]) == 0
    assert asked == [made]
