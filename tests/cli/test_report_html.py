"""`analyzer report`: the HTML page by its ending or format, and the tail in text."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli.main import cli
from tests.cli import program


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["report", *arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def capture(bundled: Path) -> str:
    return str(bundled / "cold-start.pcap")


@pytest.mark.parametrize("name", ["report.html", "REPORT.HTM"])
def test_the_ending_asks_for_a_page(capture: str, tmp_path: Path, name: str) -> None:
    status, out, _ = run(capture, "-o", str(tmp_path / name))
    assert (status, out) == (0, "")
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_the_format_counts_more_than_the_ending(capture: str, tmp_path: Path) -> None:
    assert run(capture, "--format", "text", "-o", str(tmp_path / "a.html"))[0] == 0
    assert "<html" not in (tmp_path / "a.html").read_text()
    assert run(capture, "-o", str(tmp_path / "a.txt"))[0] == 0
    assert "<html" not in (tmp_path / "a.txt").read_text()
    assert run(capture, "--format", "html")[1].startswith("<!doctype html>")


def test_commands_in_the_page_name_the_capture(capture: str) -> None:
    assert capture in run(capture, "--format", "html")[1]


def test_the_tail_in_text_and_markdown(capture: str) -> None:
    without = run(capture)[1]
    status, text, _ = run(capture, "--tail")
    assert status == 0
    assert "The tail:" not in without
    assert "The tail: what the slowest 1 % of each operation's calls, at least 3 of them, have" in text
    assert "3 of 3 opened a connection, around" in text.replace("\n", " ")
    assert text.index("The tail:") < text.index("next   analyzer explain")
    assert "## The tail" in run(capture, "--tail", "--format", "markdown")[1]


def test_the_document_has_no_tail(capture: str) -> None:
    done = program.run("report", capture, "--tail", "--format", "json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "--tail is said in text, Markdown and HTML" in done.stderr
