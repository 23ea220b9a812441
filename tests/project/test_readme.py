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


COMMANDS = re.findall(r"`analyzer ((?:\w+ )?captures/[^`]+)`(?:(?!```text|`analyzer ).)*?\n```text\n(.*?)\n```", README, re.DOTALL)
"""The commands on bundled captures in the text, each with the output that follows it."""


def printed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    return CliRunner().invoke(cli, words).stdout


def test_the_first_command_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OUTPUTS[0] == printed(["captures/cold-start.pcap"], monkeypatch).rstrip()


@pytest.mark.parametrize("words, output", COMMANDS, ids=[words for words, _ in COMMANDS])
def test_other_outputs_are_parts_of_the_real_ones(words: str, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert output in printed(words.split(), monkeypatch)


def test_each_question_has_its_command() -> None:
    assert len(COMMANDS) >= 5


def test_every_phase_and_verb_is_explained() -> None:
    table = README.split("## What the phases mean")[1].split("\n## ")[0]
    described = set(re.findall(r"^\| (?:\u2013 )?(\w+) \|", table, re.MULTILINE))
    assert set(PHASES) <= described
    for verb in VERBS:
        assert f"`analyzer {verb}" in README or verb == "report"
