"""Calls are counted in one way: those of services, dialogues with credential endpoints beside them."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

import analyzer
from analyzer.cli.main import cli
from analyzer.comparing import compared
from tests.factory import analysis, dialogue


def test_report_compare_and_batch_agree(bundled: Path, tmp_path: Path) -> None:
    path = bundled / "imds-hop-limit-container.pcap"
    said = CliRunner().invoke(cli, ["report", str(path)]).output
    assert "; 4 calls, 4403 ms in all." in said
    made = analyzer.compare(path, path)
    assert (made.before.calls, made.before.dialogues) == (4, 1)
    assert f"{path.name}: 4 calls, 4403 ms in all, 1 dialogue with credential endpoints beside, captured at the client" in " ".join(
        str(made).split()
    )
    folder = tmp_path / "out"
    told = CliRunner().invoke(cli, ["batch", str(path), "--out", str(folder), "--jobs", "1"]).output
    assert "4 calls and 1 dialogue with credential endpoints; analyzer report" in " ".join(told.split())
    assert "4 calls and 1 dialogue with credential endpoints" in " ".join(repr(analyzer.read(folder)).split())


def test_the_document_of_a_comparison_counts_them_too(bundled: Path) -> None:
    path = str(bundled / "imds-hop-limit-container.pcap")
    document = json.loads(CliRunner().invoke(cli, ["compare", path, path, "--format", "json"]).output)
    assert (document["before"]["calls"], document["before"]["dialogues"]) == (4, 1)


def test_dialogues_alone_are_what_is_compared() -> None:
    alone = analysis(calls=[dialogue(0)])
    made = compared(alone, alone)
    assert (made.noun, made.before.calls, made.before.dialogues) == ("dialogue", 1, 0)
