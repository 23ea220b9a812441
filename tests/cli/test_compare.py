"""`analyzer compare`: two captures, or a saved report and a capture; forms, filters, gates and their exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.report.document import JsonRenderer
from tests.cli.program import run


@pytest.fixture(scope="module")
def pair(bundled: Path) -> tuple[Path, Path]:
    """Two captures that differ: one far from its endpoint, one with a filter that throws away what was read."""
    return bundled / "cold-start.pcap", bundled / "filter-scan.pcap"


@pytest.fixture(scope="module")
def printed(pair: tuple[Path, Path]) -> str:
    """What comparing the two prints."""
    done = run("compare", *pair)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def baseline(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved report of the cold start."""
    from analyzer.reading import read

    path = tmp_path_factory.mktemp("saved") / "baseline.json"
    path.write_text("".join(JsonRenderer().render(read(bundled / "cold-start.pcap"))))
    return path


def test_a_capture_and_its_saved_report_are_the_same(bundled: Path, baseline: Path) -> None:
    done = run("compare", baseline, bundled / "cold-start.pcap", "--fail-on", "p50 +0%!", "--fail-on", "finding=info")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("No difference: both hold the same 20 calls, to the nanosecond.\n")
    assert f"before {baseline}" in done.stdout.replace("\n       ", " ")


def test_two_captures_are_compared_and_the_answer_is_first(printed: str) -> None:
    assert printed.startswith("Query takes ")
    assert "a filter throws away what was read now" in printed.replace("\n", " ")


def test_gates_that_are_met_are_3_and_the_comparison_is_printed(pair: tuple[Path, Path], printed: str) -> None:
    done = run("compare", *pair, "--fail-on", "server +10ms", "--fail-on", "finding=imds-hop-limit")
    assert done.returncode == 3
    assert done.stdout == printed
    assert done.stderr.splitlines()[0].startswith("analyzer: --fail-on server +10ms: met: Query server ")
    assert done.stderr.splitlines()[1] == "analyzer: --fail-on finding=imds-hop-limit: not met: no such finding is new"


def test_nothing_to_judge_is_a_warning_and_0(pair: tuple[Path, Path]) -> None:
    done = run("compare", *pair, "--fail-on", "Nothing p50 +1ms")
    assert done.returncode == 0
    assert "analyzer: warning: --fail-on Nothing p50 +1ms: nothing to judge" in done.stderr


def test_wrong_gates_are_1_and_nothing_is_read(tmp_path: Path) -> None:
    done = run("compare", tmp_path / "a.pcap", tmp_path / "b.pcap", "--fail-on", "p95 +ten")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--fail-on knows no 'p95 +ten'" in done.stderr
    assert "hint: p95 +10%" in done.stderr


@pytest.mark.parametrize("name, begin", [("out.html", "<!doctype html>"), ("out.md", "**"), ("out.json", "{"), ("out.txt", "Query ")])
def test_the_end_of_a_file_name_says_the_form(pair: tuple[Path, Path], tmp_path: Path, name: str, begin: str) -> None:
    done = run("compare", *pair, "-o", tmp_path / name)
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / name).read_text().startswith(begin)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_json_holds_what_the_gates_said(pair: tuple[Path, Path]) -> None:
    made = json.loads(run("compare", *pair, "--format", "json", "--fail-on", "p50 +900%").stdout)
    assert [(gate["rule"], gate["met"]) for gate in made["gates"]] == [("p50 +900%", False)]
    assert made["before"]["name"].endswith("cold-start.pcap")


def test_filters_hold_for_both_sides(bundled: Path, baseline: Path) -> None:
    done = run("compare", baseline, bundled / "cold-start.pcap", "--since", "6", "--host", "dynamodb.us-east-1.amazonaws.com")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("No difference: both hold the same 10 calls")


def test_several_captures_make_a_side(bundled: Path) -> None:
    hop = bundled / "imds-hop-limit-uplink.pcap"
    done = run("compare", bundled / "cold-start.pcap", bundled / "cold-start.pcap", "--after", hop)
    assert done.returncode == 0, done.stderr
    assert "only after: " in done.stdout


@pytest.mark.parametrize(
    "args, status, message",
    [
        (("-", "-"), 1, "standard input can be one side only"),
        (("missing.pcap", "missing.pcap"), 2, "missing.pcap"),
        (("one.pcap",), 1, "Missing argument 'AFTER'"),
    ],
)
def test_wrong_usage(args: tuple[str, ...], status: int, message: str) -> None:
    done = run("compare", *args)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr


def test_a_comparison_is_no_baseline(pair: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text('{"schema": "analyzer/compare/1"}')
    done = run("compare", tmp_path / "out.json", pair[1])
    assert done.returncode == 2
    assert "is JSON, but no report of analyzer" in done.stderr
    assert "hint: analyzer report CAPTURE --format json" in done.stderr


def test_a_saved_report_stands_alone(bundled: Path, baseline: Path) -> None:
    done = run("compare", baseline, bundled / "cold-start.pcap", "--before", bundled / "filter-scan.pcap")
    assert done.returncode == 1
    assert "a saved report is a side by itself" in done.stderr


def test_standard_input_is_a_side(pair: tuple[Path, Path], printed: str) -> None:
    done = run("compare", "-", pair[1], stdin=pair[0].read_bytes())
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == printed.splitlines()[0]


def test_the_library_is_the_same(pair: tuple[Path, Path], baseline: Path, printed: str) -> None:
    import analyzer

    by_path = analyzer.compare(*pair)
    by_answer = analyzer.compare(analyzer.read(pair[0]), [pair[1]])
    assert by_path.verdict == by_answer.verdict
    assert printed.replace("\n", " ").startswith(by_path.verdict[0])
    assert analyzer.compare(baseline, pair[0]).same
