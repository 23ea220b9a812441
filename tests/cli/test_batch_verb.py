"""`analyzer batch`, and `analyzer report` of what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli.main import cli


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), standalone_mode=False)


@pytest.fixture(scope="module")
def folder(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("batch") / "out"
    inputs = [str(bundled / name) for name in ("cold-start.pcap", "imds-hop-limit-uplink.pcap")]
    result = run("batch", *inputs, "--out", str(target), "--jobs", "1")
    assert result.return_value == 0, result.output
    assert "2 of 2 captures" in result.output
    return target


def test_the_report_is_over_all(folder: Path) -> None:
    text = run("report", str(folder)).output
    assert text.startswith(f"{folder}: 2 captures (2 files) of 2 hosts")
    assert "imds-hop-limit" in text
    assert "Latency per host and operation, ms" in text
    assert "GetItem" in text
    assert all(len(line) <= 100 for line in text.splitlines()), [line for line in text.splitlines() if len(line) > 100]
    markdown = run("report", str(folder), "--format", "markdown").output
    assert "## Latency per host and operation, ms" in markdown


def test_the_report_is_a_document_too(folder: Path) -> None:
    document = json.loads(run("report", str(folder), "--format", "json").output)
    assert document["schema"] == "analyzer-batch/1"
    assert {row["host"] for row in document["hosts"]} == {"cold-start", "imds-hop-limit-uplink"}
    assert sum(row["calls"] for row in document["latency"]) == sum(row["calls"] for row in document["sets"])


def test_filters_and_tables_go_over_all(folder: Path) -> None:
    rows = [json.loads(line) for line in run("calls", str(folder), "--format", "jsonl").output.splitlines()]
    assert [row["call_id"] for row in rows] == list(range(len(rows)))
    some = run("calls", str(folder), "--service", "imds", "--format", "jsonl").output.splitlines()
    assert 0 < len(some) < len(rows)
    assert run("exchanges", str(folder), "--format", "csv", "--columns", "exchange_id").output.count("\n") > 2


def test_a_batch_of_nothing_readable_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(b"nothing")
    assert run("batch", str(tmp_path), "--out", str(tmp_path / "out"), "--jobs", "1").return_value == 2
