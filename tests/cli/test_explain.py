"""`analyzer explain`: one call, in three forms, and what is said where there is none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.program import run


@pytest.fixture(scope="module")
def cold(bundled: Path) -> Path:
    return bundled / "cold-start.pcap"


def test_a_call_is_explained(cold: Path) -> None:
    done = run("explain", "0", cold)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("call 0: dynamodb Query on ")
    assert "= the call's duration to the nanosecond: 200 533 525 ns" in done.stdout
    assert "frame.number >= 13 && frame.number <= 1" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_the_slowest(cold: Path) -> None:
    assert run("explain", "slowest", cold).stdout == run("explain", "1", cold).stdout


def test_the_report_names_a_call_that_can_be_explained(cold: Path) -> None:
    line = next(line for line in run(cold).stdout.splitlines() if line.startswith("next "))
    command = line.removeprefix("next").split()
    assert command[:2] == ["analyzer", "explain"]
    assert run(*command[1:]).returncode == 0


def test_forms(cold: Path, tmp_path: Path) -> None:
    document = json.loads(run("explain", "0", cold, "--format", "json").stdout)
    assert document["call"]["call_id"] == 0
    assert sum(step["duration_ns"] for step in document["steps"]) == document["call"]["duration_ns"]
    assert run("explain", "0", cold, "--format", "markdown").stdout.startswith("## call 0: dynamodb Query")
    target = tmp_path / "call.txt"
    assert run("explain", "0", cold, "-o", target).stdout == ""
    assert target.read_text() == run("explain", "0", cold).stdout


def test_several_captures(bundled: Path, cold: Path) -> None:
    done = run("explain", "21", cold, bundled / "filter-scan.pcap")
    assert done.returncode == 0
    assert "numbers are those of the files merged by time (mergecap)" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_bars_are_plain_where_blocks_cannot_be_written(cold: Path, encoding: str) -> None:
    shown = run("explain", "0", cold, PYTHONIOENCODING=encoding).stdout
    assert re.search(r"^connect +#{20,} +90\.3 ms$", shown, re.MULTILINE)
    assert "\\u2588" not in shown
    assert "\u2588" in run("explain", "0", cold, PYTHONIOENCODING="utf-8").stdout


@pytest.mark.parametrize(
    "args, message",
    [
        (["99", "FILE"], "there is no call 99: 20 calls, numbered from 0 to 19"),
        (["fast", "FILE"], "'fast' is neither a call id nor the word slowest"),
        (["9" * 5000, "FILE"], "neither a call id nor the word slowest"),
        (["FILE"], "Missing argument"),
        (["0", "FILE", "--connection", "3"], "there is no call 0: 7 calls"),
    ],
    ids=["beyond", "word", "long", "nothing", "filtered"],
)
def test_wrong_calls_are_1_and_one_clear_message(cold: Path, args: list[str], message: str) -> None:
    done = run("explain", *(str(cold) if arg == "FILE" else arg for arg in args))
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_a_filter_keeps_the_dialogue_that_a_call_waited_for(bundled: Path) -> None:
    capture = bundled / "imds-hop-limit-container.pcap"
    whole, part = run("explain", "slowest", capture), run("explain", "slowest", capture, "--service", "dynamodb")
    lines = [text.stdout.split("\n\n")[1] for text in (whole, part)]
    assert lines[0] == lines[1]
    assert "imds GetCredentials (call " in lines[0]
