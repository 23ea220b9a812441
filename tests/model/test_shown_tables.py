"""A table that shows itself, at the prompt and in a notebook: its first rows, not only how many there are."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from analyzer.model.rows import Exchange
from analyzer.model.table import Table
from analyzer.report.layout import WIDTH, cells
from tests.factory import exchange


def test_the_first_rows_are_shown(bundled: Path) -> None:
    calls = analyzer.read(bundled / "cold-start.pcap").calls
    lines = repr(calls).splitlines()
    assert lines[0] == f"<Table calls: 20 rows, {len(calls.columns)} columns>"
    assert "duration" in lines[1]
    assert [int(line.split()[0]) for line in lines[3:-1]] == list(range(10))
    assert lines[-1] == "... 10 more rows"
    assert all(cells(line) <= WIDTH for line in lines)
    assert "..." not in repr(calls[:3]).splitlines()[-1]
    assert calls._repr_html_().count("<tr>") == 11


def test_those_of_a_batch_without_reading_all(bundled: Path, tmp_path: Path) -> None:
    fleet = analyzer.batch([bundled / "cold-start.pcap"], tmp_path / "out", jobs=1)
    assert "Query" in repr(fleet.calls)
    assert "Query" in fleet.calls._repr_html_()
    assert "_rows" not in vars(fleet.calls)


def test_an_empty_one_and_one_without_renderers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert repr(Table("exchanges", Exchange)) == f"<Table exchanges: 0 rows, {len(Exchange._fields)} columns>"
    monkeypatch.setattr(Table, "saver", None)
    assert repr(Table("exchanges", Exchange, [exchange(0)])) == f"<Table exchanges: 1 rows, {len(Exchange._fields)} columns>"


def test_what_packets_say_does_not_move_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    from analyzer.reading import Saves

    monkeypatch.setattr(Table, "saver", Saves())
    assert "\x1b" not in repr(Table("exchanges", Exchange, [exchange(0, operation="\x1b[2J")]))
