"""Slips that users make, and what they are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.cli.options import first_interrupt_ends
from tests.cli.program import environment, run


def test_a_mistyped_verb_is_a_usage_error(bundled: Path) -> None:
    done = run("exhanges", bundled / "cold-start.pcap")
    assert done.returncode == 1
    assert "Did you mean 'exchanges'?" in done.stderr


def test_a_file_named_like_a_verb_is_read(bundled: Path, tmp_path: Path) -> None:
    twin = tmp_path / "exchange"
    twin.write_bytes((bundled / "cold-start.pcap").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "analyzer", "exchange"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "20 calls" in done.stdout


def test_a_file_named_for_a_format_that_a_verb_does_not_write(bundled: Path, tmp_path: Path) -> None:
    done = run("report", bundled / "cold-start.pcap", "-o", tmp_path / "slow.csv")
    assert done.returncode == 1
    assert "this verb does not write csv; it writes html, json, markdown, text; --format says which" in done.stderr
    assert not (tmp_path / "slow.csv").exists()


def no_keys(bundled: Path, *words: str | Path) -> bool:
    return "holds no TLS secrets" in run("connections", bundled / "keep-alive.pcap", *words).stderr


def test_a_key_log_without_secrets_is_said(bundled: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.log").write_text("")
    assert no_keys(bundled, "--keys", bundled / "keep-alive.pcap")
    assert no_keys(bundled, "--keys", tmp_path / "empty.log")
    assert not no_keys(bundled, "--keys", bundled / "keep-alive.keys")
    assert not no_keys(bundled)


@pytest.mark.parametrize(
    "words", [["report"], ["calls"], ["explain", "3"], ["whatif"], ["verify"], ["export", "--to", "har"], ["compare", "X"]]
)
def test_no_capture_is_written_over(bundled: Path, tmp_path: Path, words: list[str]) -> None:
    capture, other = tmp_path / "a.pcap", bundled / "keep-alive.pcap"
    capture.write_bytes((bundled / "cold-start.pcap").read_bytes())
    done = run(*(other if word == "X" else word for word in words), capture, "-o", capture)
    assert done.returncode == 1
    assert "is read here" in done.stderr
    assert capture.read_bytes() == (bundled / "cold-start.pcap").read_bytes()


def test_long_options_are_no_files(bundled: Path, tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("before")
    columns = ",".join(("operation",) * 50)  # longer than the name of any file
    done = run("calls", bundled / "cold-start.pcap", "--columns", columns, "-o", tmp_path / "calls.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "calls.csv").read_text().startswith("operation,operation")


def test_a_condition_that_nothing_fulfils_is_said(bundled: Path) -> None:
    done = run("exchanges", bundled / "cold-start.pcap", "--where", "server_ns<5")
    assert done.returncode == 0
    assert "none of 20 exchanges fulfils server_ns<5; durations without a unit are nanoseconds" in done.stderr


@pytest.mark.parametrize(
    "condition, said",
    [
        ("operation=query", "none of 20 exchanges fulfils operation=query; did you mean operation=Query?"),
        ("operation=Qurey", "did you mean operation=Query?"),
        ("status=500", "none of 20 exchanges fulfils status=500\n"),
        ("operation=BatchGetItem", "none of 20 exchanges fulfils operation=BatchGetItem\n"),
    ],
)
def test_a_value_that_is_nearly_there_is_named(bundled: Path, condition: str, said: str) -> None:
    done = run("exchanges", bundled / "cold-start.pcap", "--where", condition)
    assert (done.returncode, done.stdout) == (0, "no exchanges\n")
    assert said in done.stderr


@pytest.mark.parametrize("column, meant", [("operaton", "operation"), ("duration", "duration_ns"), ("network", "network_ns")])
def test_a_mistyped_column_is_answered_with_the_nearest(bundled: Path, column: str, meant: str) -> None:
    done = run("calls", bundled / "cold-start.pcap", "--where", f"{column}>3")
    assert done.returncode == 1
    assert f"hint: did you mean {meant}" in done.stderr
    assert "anomal" not in done.stderr
    assert done.stderr.count("_ns") <= 3


def test_a_filter_that_lets_nothing_through_says_what_there_is(bundled: Path) -> None:
    done = run(bundled / "cold-start.pcap", "--service", "dynamo")
    there = "the capture holds 4 TCP connections (service dynamodb; host dynamodb.us-east-1.amazonaws.com; 7.760 s)"
    assert f"nothing passes the filters; {there}" in done.stderr
    assert f"Nothing passes this filter; {there}." in " ".join(done.stdout.split())
    assert "No HTTP requests" not in done.stdout
    assert "next   analyzer connections " in done.stdout
    assert "--service" not in done.stdout


def test_the_next_commands_keep_the_filters(bundled: Path) -> None:
    done = run(bundled / "cold-start.pcap", "--connection", "3", "--since", "1")
    _, said = done.stdout.split("\nnext ")
    assert said.count(" --since 1 --connection 3 ") == 2


def test_a_filtered_report_says_so(bundled: Path) -> None:
    done = run(bundled / "cold-start.pcap", "--connection", "3", "--since", "1")
    assert "Only connection 3; from 1.000 s on." in done.stdout


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_first_interrupt_of_a_pipe_still_gives_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    with first_interrupt_ends(live=True):
        os.kill(os.getpid(), signal.SIGINT)
        assert "interrupted: answering what has come" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_a_file_is_read_ends_the_program() -> None:
    with first_interrupt_ends(live=False), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_the_version_is_known_to_programs() -> None:
    import analyzer

    assert analyzer.__version__
    assert {"read", "Table", "__version__"} <= set(dir(analyzer))
