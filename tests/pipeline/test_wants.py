"""What is not wanted is not found out, and what is wanted is the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from analyzer.model.rows import Exchange
from analyzer.model.wants import ATTEMPTS, BODIES, ERRORS, EVERYTHING, WAITS, WITHOUT_CALLS, Wants, wants_of
from analyzer.pipeline import read

PARTS = {"bodies": BODIES, "errors": ERRORS, "attempts": ATTEMPTS, "waits": WAITS}
ALWAYS = [name for name in Exchange._fields if name != "call_id" and not any(name in part for part in PARTS.values())]


@pytest.mark.parametrize(
    "columns, wants",
    [
        (["status"], Wants(False, False, False, False, False, False)),
        (["status", "count"], Wants(False, False, True, False, False, False)),
        (["error_type", "sdk"], Wants(False, False, False, True, True, False)),
        (["server_ns"], Wants(False, False, False, False, False, True)),
        (["status", "call_id"], EVERYTHING),
    ],
)
def test_parts_by_columns(columns: Sequence[str], wants: Wants) -> None:
    assert wants_of(columns) == (wants if wants is EVERYTHING else wants._replace(columns=frozenset(columns)))


def test_the_parts_name_columns() -> None:
    assert set(Exchange._fields) > frozenset().union(*PARTS.values())


@pytest.mark.parametrize("part", ["nothing", *PARTS])
def test_what_is_wanted_is_the_same(part: str, captures: list[Path]) -> None:
    columns = [*ALWAYS, *PARTS.get(part, ())]
    for path in captures:
        whole, found = read(path, wants=WITHOUT_CALLS), read(path, wants=wants_of(columns))
        get = whole.exchanges.getter(*columns)
        assert list(map(get, found.exchanges)) == list(map(get, whole.exchanges)), path
        assert (found.capture.notes, found.vantage, list(found.anomalies)) == (whole.capture.notes, whole.vantage, list(whole.anomalies))
        assert [row._replace(repeats=()) for row in found.connections] == [row._replace(repeats=()) for row in whole.connections]


def test_what_is_not_wanted_is_not_found_out(captures: list[Path]) -> None:
    whole = [row for path in captures for row in read(path, wants=WITHOUT_CALLS).exchanges]
    found = [row for path in captures for row in read(path, wants=wants_of(["status"])).exchanges]
    for name in ("table_name", "error_type", "invocation_id", "server_ns"):
        assert any(getattr(row, name) is not None for row in whole), name
        assert not any(getattr(row, name) is not None for row in found), name


@pytest.fixture
def captures(bundled: Path) -> list[Path]:
    return sorted(path for path in bundled.glob("*.pcap*") if path.suffix in (".pcap", ".pcapng"))
