"""Slips that users make, and what they are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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


def test_a_condition_that_nothing_fulfils_is_said(bundled: Path) -> None:
    done = run("exchanges", bundled / "cold-start.pcap", "--where", "server_ns<5")
    assert done.returncode == 0
    assert "none of 20 exchanges fulfils server_ns<5; durations without a unit are nanoseconds" in done.stderr


def test_a_filtered_report_says_so(bundled: Path) -> None:
    done = run(bundled / "cold-start.pcap", "--connection", "3", "--since", "1")
    assert "Only connection 3; from 1.000 s on." in done.stdout


def test_the_first_interrupt_of_a_pipe_still_gives_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    with first_interrupt_ends(live=True):
        os.kill(os.getpid(), signal.SIGINT)
        assert "interrupted: answering what has come" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_while_a_file_is_read_ends_the_program() -> None:
    with first_interrupt_ends(live=False), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_the_version_is_known_to_programs() -> None:
    import analyzer

    assert analyzer.__version__
    assert {"read", "Table", "__version__"} <= set(dir(analyzer))
