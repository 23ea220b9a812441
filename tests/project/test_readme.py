"""What the README shows is what the tool prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli.main import VERBS, cli
from analyzer.latency.callrow import PHASES

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OUTPUTS = re.findall(r"```text\n(.*?)\n```", README, re.DOTALL)


def printed(capture: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(ROOT)
    return CliRunner().invoke(cli, ["report", f"captures/{capture}"]).stdout


def test_the_first_command_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OUTPUTS[0] == printed("cold-start.pcap", monkeypatch).rstrip()


def test_the_second_output_is_a_part_of_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OUTPUTS[1] in printed("imds-hop-limit-container.pcap", monkeypatch)


def test_every_phase_and_verb_is_explained() -> None:
    table = README.split("## What the phases mean")[1].split("\n## ")[0]
    described = set(re.findall(r"^\| (?:\u2013 )?(\w+) \|", table, re.MULTILINE))
    assert set(PHASES) <= described
    for verb in VERBS:
        assert f"`analyzer {verb}" in README or verb == "report"
