"""`analyzer pool`: the same forms, columns and conditions as the other tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from click.testing import CliRunner

from analyzer.cli.main import cli
from analyzer.model.pool import Pool
from analyzer.report.layout import WIDTH, cells


def said(*words: str | Path) -> str:
    done = CliRunner().invoke(cli, ["pool", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_for_people_it_fits_a_terminal(bundled: Path) -> None:
    text = said(bundled / "cold-start.pcap")
    assert "needed" in text
    assert "server" in text
    assert all(cells(line) <= WIDTH for line in text.splitlines())


def test_for_programs_it_has_all_columns(bundled: Path) -> None:
    (row,) = json.loads(said(bundled / "cold-start.pcap", "--format", "json"))
    assert list(row) == list(Pool._fields)
    assert (row["opened"], row["needed"], row["idle_closer"], row["connection_ids"]) == (4, 1, "server", [0, 1, 2, 3])
    (line,) = csv.DictReader(io.StringIO(said(bundled / "cold-start.pcap", "--format", "csv")))
    assert line["idle_close_ns"] == str(row["idle_close_ns"])


def test_columns_conditions_and_filters(bundled: Path) -> None:
    path = bundled / "imds-hop-limit-container.pcap"
    assert said(path, "--columns", "service", "--where", "opened>1", "--format", "csv").split() == ["service", "imds", "dynamodb"]
    assert said(path, "--service", "imds", "--columns", "opened", "--format", "csv").splitlines()[0] == "opened"
    assert "mean_busy" in said(path, "--columns", "help")
