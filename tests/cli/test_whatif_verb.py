"""`analyzer whatif`: its options, its forms, and what is said where it is asked wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import run


@pytest.fixture(scope="module")
def cold(bundled: Path) -> Path:
    return bundled / "cold-start.pcap"


def test_without_options_the_largest_gain_comes_first(cold: Path) -> None:
    done = run("whatif", cold)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.endswith(" %")]
    assert rows == ["rtt", "warm-pool"]


def test_forms_and_files(cold: Path, tmp_path: Path) -> None:
    target = tmp_path / "whatif.json"
    assert run("whatif", cold, "--warm-pool", "--format", "json", "-o", target).stdout == ""
    (row,) = json.loads(target.read_text())["whatif"]
    assert (row["change"], row["applies"], row["changed"]) == ("warm-pool", True, 4)
    assert "| warm-pool | 4 |" in run("whatif", cold, "--warm-pool", "--format", "markdown").stdout


def test_several_options_are_told_alone_and_together(cold: Path) -> None:
    done = run("whatif", cold, "--rtt", "1ms", "--warm-pool", "--hop-limit")
    assert "together" in done.stdout
    assert "hop-limit changes nothing: nobody asked the instance metadata service." in done.stdout


def test_filters_narrow_the_calls(cold: Path) -> None:
    assert run("whatif", cold, "--rtt", "1ms", "--connection", "0").stdout.startswith("5 calls, ")
    nothing = run("whatif", cold, "--rtt", "1ms", "--host", "nowhere.example")
    assert nothing.returncode == 0
    assert nothing.stdout == "There are no calls to replay.\n"


@pytest.mark.parametrize("args", [("--rtt", "soon"), ("--rtt", "5"), ("--pool", "0"), ("--credentials", "luck")])
def test_wrong_values_are_told_before_anything_is_read(cold: Path, args: tuple[str, str]) -> None:
    done = run("whatif", cold, *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert args[1] in done.stderr
