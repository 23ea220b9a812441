"""The JSON document holds what `analyzer pool` shows, as a table beside the others."""

from __future__ import annotations

import json
from pathlib import Path

import analyzer
from analyzer.model.pool import Pool
from analyzer.report.document import JsonRenderer
from analyzer.report.saved import load
from tests.factory import analysis


def test_it_is_the_same_table(bundled: Path, tmp_path: Path) -> None:
    made = analyzer.read(bundled / "pool-queue.pcap")
    text = "".join(JsonRenderer().render(made))
    document = json.loads(text)
    assert document["pool"] == made.pool().to_dicts()
    assert list(document["pool"][0]) == list(Pool._fields)
    path = tmp_path / "report.json"
    path.write_text(text)
    assert list(load(path).calls) == list(made.calls), "a saved report is read as before"


def test_an_answer_without_pools_has_no_such_table() -> None:
    assert "pool" not in json.loads("".join(JsonRenderer().render(analysis())))
